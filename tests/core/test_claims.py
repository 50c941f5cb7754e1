"""What a merge claims, compared with what was contributed."""

from __future__ import annotations

import dataclasses

import pytest

from colearn_ledger.core.claims import why_false
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import Claim, Contribution, RoundState, Training

from ..kit.builders import proposal, ref, view

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
