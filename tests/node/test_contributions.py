"""To which training an accepted merge belongs, by the records alone; and what of them is given up."""

from __future__ import annotations

import pytest
from colearn_node.contributions import between, recent_from, training_of

from colearn_ledger.core.protocol import Claim, RoundRecord, RoundState

from ..kit.builders import record, ref

A, R, M = RoundState.ACCEPTED, RoundState.REJECTED, RoundState.MISSED
ORDER = (1, 3, 2)


def told(story: str, parents: dict[int, int] | None = None) -> dict[int, RoundRecord]:
    """Rounds by letters, from round 0: ``A`` accepted, ``r`` rejected, ``.`` missed; by the rules in turn."""
    records, parent, rejections = {}, 0, 0
    for number, letter in enumerate(story):
        parent = (parents or {}).get(number, parent)  # members went back
        rejections = 0 if number in (parents or {}) else rejections % len(ORDER)
        claim = Claim(0b11, ORDER[rejections], 1) if number and letter != "." else None
        state = {"A": A, "r": R, ".": M}[letter]
        weights = None if letter == "." else ref(f"w{number}")
        records[number] = record(number, state, weights, parent, claim=claim)
        if letter == "A":
            parent, rejections = number, 0
        rejections += letter == "r"
    return records


@pytest.mark.parametrize(
    ("story", "number", "first", "last"),
    [
        ("AA", 1, 1, 1),
        ("AAA", 2, 2, 2),
        ("AA.A", 3, 2, 3),  # it begins with round 2, whose turn was missed
        ("AArA", 3, 2, 2),
        ("AArrA", 4, 2, 2),
        ("AArrrA", 5, 5, 5),  # by each rule it was rejected: that is another training
        ("AArrrrA", 6, 5, 5),
        ("AArrr.r.A", 8, 5, 6),
        ("Ar.r.A", 5, 1, 1),
    ],
)
def test_training_of__an_accepted_merge__begins_after_the_one_before_or_after_the_last_rule(
    story: str, number: int, first: int, last: int
) -> None:
    records = told(story)
    assert training_of(records[number], records, ORDER) == (first, last)


def test_training_of__members_went_back__what_was_rejected_before_that_is_of_another_training() -> None:
    records = told("AAArA", {4: 1})
    assert training_of(records[4], records, ORDER) == (4, 4)
    records = told("AAArrA", {4: 1})
    assert training_of(records[5], records, ORDER) == (4, 4)


def test_training_of__earlier_rounds_are_not_known__names_more_of_them() -> None:
    records = told("AA...r..A")
    known = {number: one for number, one in records.items() if number >= 6}
    assert training_of(records[8], known, ORDER) == (2, 8)
    assert training_of(records[1], {}, ORDER) == (1, 1)
    assert training_of(records[0], {}, ORDER) == (0, 0), "the genesis is no merge"


@pytest.mark.parametrize(
    ("story", "oldest", "first"),
    [("AAAA", 4, 4), ("AArr", 4, 2), ("AArrr", 5, 3), ("AArrrrrr", 8, 6), ("AA..r", 5, 2), ("A", 1, 1), ("A", 0, 0)],
)
def test_recent_from__rounds_that_a_reorg_may_undo__reaches_back_to_whatever_may_go_on_in_them(
    story: str, oldest: int, first: int
) -> None:
    assert recent_from(oldest, told(story), len(ORDER)) == first


def test_between__spans__are_what_stays_and_the_rest_goes() -> None:
    assert between([], 3, 9) == ((3, 9),)
    assert between([(8, 8), (4, 5), (1, 3)], 3, 9) == ((6, 7), (9, 9))
    assert between([(2, 6), (4, 9)], 3, 9) == () and between([(12, 20)], 3, 9) == ((3, 9),)
