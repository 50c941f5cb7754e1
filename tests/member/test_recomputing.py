"""A voter that merges again what a proposal claims to merge: what it rejects, and what it can't tell."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.decide import Judge, Merge
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import Contribution, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import StoreError
from colearn_ledger.member.recomputing import Recomputed, recompute
from colearn_ledger.stores.local import LocalStore

from ..kit.builders import proposal

PARENT = encode({"w": np.arange(4.0)})
BASIS = Basis.of(Schema.of({"w": np.zeros(4)}), PARENT)


def trained(step: float) -> bytes:
    return encode({"w": np.arange(4.0) + step})


class Voting:
    """Contributions 1.0, 2.0, 4.0, 8.0 … in the store, and a proposal that claims to merge some of them."""

    def __init__(self, folder: Path, count: int = 4) -> None:
        self.store = LocalStore(folder)
        self.data = [trained(2.0**seat) for seat in range(count)]
        self.given = [Contribution(seat, self.store.put(data), late=False) for seat, data in enumerate(self.data)]

    def judge(self, *seats: int, rule: Rule = Rule.MEAN, weights: WeightsRef | None = None) -> Judge:
        """Of a true merge of these, or of other ``weights``."""
        given = [BASIS.check(seat, weights_ref(self.data[seat]), self.data[seat]) for seat in seats]
        ref = weights or weights_ref(merge(BASIS, Rule(rule), given))
        claimed = Merge(7, weights_ref(PARENT).sha256, rule, tuple(self.given[seat] for seat in seats))
        left_out = tuple(one for one in self.given if one.seat not in seats)
        return Judge(7, proposal(weights=ref), False, merge=claimed, left_out=left_out)

    def loses(self, *seats: int) -> None:
        for seat in seats:
            self.store.discard(self.given[seat].weights)

    def has(self, seat: int, data: bytes) -> None:
        """What this seat contributed is that."""
        self.data[seat], ref = data, self.store.put(data)
        self.given[seat] = Contribution(seat, ref, late=False)

    def __call__(self, action: Judge) -> Recomputed:
        return recompute(self.store, BASIS, action, parent_size=len(PARENT), deadline_s=5.0)


@pytest.fixture
def voting(tmp_path: Path) -> Voting:
    return Voting(tmp_path)


@pytest.mark.parametrize("rule", [Rule.MEAN, Rule.CLIPPED_MEAN, Rule.MEDIAN, Rule.TRIMMED_MEAN])
def test_recompute__a_true_merge_of_enough__nothing_is_said(voting: Voting, rule: Rule) -> None:
    assert voting(voting.judge(0, 1, 2, 3, rule=rule)) == Recomputed()
    assert voting(voting.judge(1, 3, rule=rule)) == Recomputed(), "half is enough"


def test_recompute__other_bytes_or_another_rule__is_not_the_merge(voting: Voting) -> None:
    lie = voting(voting.judge(0, 1, 2, weights=weights_ref(trained(9.0))))
    assert lie.false.startswith(
        "it isn't the merge that it claims to be: the mean of these 3 contributions has the sha"
    )
    median = voting.judge(0, 1, 2, rule=Rule.MEDIAN).proposal.weights
    assert "it isn't the merge" in voting(voting.judge(0, 1, 2, rule=Rule.CLIPPED_MEAN, weights=median)).false
    true = voting.judge(0, 1, 2)
    wrong_size = dataclasses.replace(true.proposal.weights, size=true.proposal.weights.size + 1)
    assert voting(voting.judge(0, 1, 2, weights=wrong_size)).false


def test_recompute__something_cannot_be_had__cannot_be_told_and_is_no_lie(voting: Voting) -> None:
    action = voting.judge(0, 1, 2, 3, weights=weights_ref(trained(9.0)))
    voting.loses(1)
    assert voting(action) == Recomputed(unknown="what seat 1 contributed can't be had")
    voting.loses(3)
    assert voting(action).unknown == "what the seats 1, 3 contributed can't be had"


def test_recompute__claims_what_no_merge_counts__is_false(voting: Voting) -> None:
    voting.has(2, PARENT)
    invalid = voting(dataclasses.replace(voting.judge(0, 1), merge=voting_merge(voting, 0, 1, 2)))
    assert "what seat 2 contributed, which is invalid (" in invalid.false
    voting.has(2, voting.data[0])
    equal = voting(dataclasses.replace(voting.judge(0, 1), merge=voting_merge(voting, 0, 1, 2)))
    assert equal.false == "it claims to merge what seat 2 contributed, which is equal to another contribution"


def voting_merge(voting: Voting, *seats: int) -> Merge:
    return Merge(7, b"", Rule.MEAN, tuple(voting.given[seat] for seat in seats))


def test_recompute__fewer_than_half__is_rejected_where_one_that_is_left_out_can_be_had(voting: Voting) -> None:
    action = voting.judge(0)
    said = voting(action).false
    assert said == "it merges 1 of 4 contributions, and leaves out what the seats 1, 2, 3 contributed, which can be had"
    voting.loses(1, 3)
    assert voting(action).false.endswith("leaves out what seat 2 contributed, which can be had")
    voting.loses(2)
    assert voting(action) == Recomputed(), "the proposer couldn't have them either, as far as can be known"


def test_recompute__fewer_than_half_of_what_cannot_be_recomputed__is_rejected_all_the_same(voting: Voting) -> None:
    action = voting.judge(0)
    voting.loses(0)
    assert "it merges 1 of 4" in voting(action).false
    voting.loses(1, 2, 3)
    assert voting(action) == Recomputed(unknown="what seat 0 contributed can't be had")


def test_recompute__the_others_are_invalid_or_equal__leaving_them_out_is_right(voting: Voting) -> None:
    for seat in (1, 2, 3):
        voting.has(seat, PARENT)
    assert voting(voting.judge(0)) == Recomputed()
    for seat in (1, 2, 3):
        voting.has(seat, voting.data[0])
    assert voting(voting.judge(0)) == Recomputed()
    voting.has(3, trained(5.0))
    assert voting(voting.judge(0)) == Recomputed(), "half of two"


def test_recompute__a_rule_that_nobody_knows__cannot_be_told(voting: Voting) -> None:
    action = voting.judge(0, 1, 2)
    assert action.merge is not None
    action = dataclasses.replace(action, merge=dataclasses.replace(action.merge, rule=9))
    assert "nobody here knows how to merge by" in voting(action).unknown


def test_recompute__what_momentum_takes_beside_the_parent_is_missing__cannot_be_told(voting: Voting) -> None:
    action = voting.judge(0, 1, 2)
    assert action.merge is not None
    gone = weights_ref(trained(77.0))
    action = dataclasses.replace(action, merge=dataclasses.replace(action.merge, rule=Rule.MOMENTUM, before=gone))
    assert "that were accepted before can't be had" in voting(action).unknown


def test_recompute__the_store_is_away__is_an_error_and_nobody_is_blamed(voting: Voting) -> None:
    class Away(LocalStore):
        def get_to(self, path: Any, ref: WeightsRef, **options: Any) -> None:
            raise StoreError("the daemon is away")

    voting.store = Away(voting.store.folder)
    with pytest.raises(StoreError, match="away"):
        voting(voting.judge(0, 1, 2))
