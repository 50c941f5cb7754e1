"""What a merge claims, compared with what was contributed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from colearn_ledger.core.claims import RejectedMerge, rejected_merges, why_false, why_rejected
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import Claim, Contribution, RoundRecord, RoundState, Rules, Training

from ..kit.builders import proposal, record, ref, view

ONE, TWO = Contribution(0, ref("one"), late=False), Contribution(2, ref("two"), late=True)
TRAINING = Training(6, 900, 0b1111, (2, 3), (ONE, TWO))
TRUE = Claim(0b101, 2, claim_digest([(0, ONE.weights), (2, TWO.weights)]))


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (TRUE, ""),
        (Claim(0b1, 2, claim_digest([(0, ONE.weights)])), ""),  # leaving some out is no lie
        (None, "doesn't say"),
        (dataclasses.replace(TRUE, rule=3), "rule 3, whose turn it is not"),
        (dataclasses.replace(TRUE, seats=0b111), "nobody contributed"),
        (dataclasses.replace(TRUE, seats=0), "nobody contributed"),
        (dataclasses.replace(TRUE, seats=0b1), "other weights"),
        (dataclasses.replace(TRUE, digest=TRUE.digest ^ 1), "other weights"),
    ],
)
def test_why_false__each_claim__what_is_wrong_with_it(claim: Claim | None, why: str) -> None:
    said = why_false(view(state=RoundState.VOTING, proposal=proposal(claim=claim), training=TRAINING))
    assert why in said and bool(said) == bool(why)


def test_why_false__nothing_proposed_or_solo__nothing() -> None:
    assert why_false(view(training=TRAINING)) == ""
    assert why_false(view(state=RoundState.VOTING, proposal=proposal())) == ""


def rejected(**changes: Any) -> RoundRecord:
    """Three voters, two of whom rejected; two approvals would have accepted it."""
    facts = {"parent": ref("accepted").sha256, "claim": TRUE, "approvals": 0, "rejections": 0b1100, **changes}
    return dataclasses.replace(record(6, RoundState.REJECTED, ref("merge"), 3), **facts)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (rejected(), True),
        (rejected(rejections=0b1101), True),
        (rejected(rejections=0b100), False),  # by the clock: perhaps nobody could have it
        (rejected(parent=ref("before").sha256), False),
        (rejected(claim=None), False),
        (rejected(weights=None), False),
        (rejected(state=RoundState.ACCEPTED), False),
    ],
)
def test_rejected_merges__of_the_records__those_that_as_many_votes_would_reject_now(
    told: RoundRecord, counts: bool
) -> None:
    assert rejected_merges(view(), [told]) == ((RejectedMerge(ref("merge"), TRUE.digest),) if counts else ())


def test_rejected_merges__the_rules_or_the_members_have_changed__it_may_be_accepted_now() -> None:
    assert rejected_merges(view(rules=Rules(1, 5)), [rejected()]) == ()
    assert rejected_merges(view(member_count=7), [rejected()]) == ()
    assert rejected_merges(view(rules=Rules(2, 3)), [rejected(rejections=0b100)]) != ()


def test_why_rejected__the_same_bytes_as_a_merge_of_the_same__and_nothing_else() -> None:
    before = rejected_merges(view(), [rejected()])
    again = proposal("merge", claim=dataclasses.replace(TRUE, rule=3))
    assert "rejected before" in why_rejected(view(proposal=again), before)
    assert why_rejected(view(proposal=again), ()) == ""
    for other in (
        proposal("other", claim=TRUE),
        proposal("merge", claim=dataclasses.replace(TRUE, digest=1)),
        proposal("merge", weights=dataclasses.replace(ref("merge"), size=7), claim=TRUE),
        proposal("merge"),
        None,
    ):
        assert why_rejected(view(proposal=other), before) == ""
