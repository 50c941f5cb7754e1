"""Rows, filters, pages, lineage and columns, of records and of what events tell of them."""

from __future__ import annotations

import pytest

from colearn_ledger.core.protocol import RoundRecord, RoundState
from colearn_ledger.dashboard.rows import Told, curves, lineage, page_of, row, told_of
from colearn_ledger.errors import UsageError
from colearn_ledger.history import Round, Transaction

from ..kit.builders import ME, OTHER, record, ref

GENESIS = record(0, RoundState.ACCEPTED, ref("genesis"))
RECORDS = [
    GENESIS,
    record(1, RoundState.ACCEPTED, ref("one")),
    record(2, RoundState.REJECTED, ref("two"), parent_round=1, approvals=0b1, rejections=0b1100),
    record(3, RoundState.MISSED, proposer=ME, id=None, approvals=0, need=0),
    record(4, RoundState.ACCEPTED, ref("four"), parent_round=1, proposer=ME, proposer_seat=0, approvals=0b110),
    record(5, RoundState.VOTING, ref("five"), parent_round=4, approvals=0b1),
]


def many(count: int) -> list[RoundRecord]:
    return [GENESIS, *(record(n, RoundState.ACCEPTED, ref("x"), parent_round=n - 1) for n in range(1, count))]


def rounds(**asked: object) -> list[int]:
    return [one["round"] for one in page_of(RECORDS, {}, **asked)["rows"]]  # type: ignore[arg-type]


def test_page_of__without_filters__newest_first() -> None:
    assert rounds() == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "asked, found",
    [
        ({"state": "accepted"}, [4, 1, 0]),
        ({"state": "rejected"}, [2]),
        ({"state": "missed"}, [3]),
        ({"state": "open"}, [5]),
        ({"proposer": ME.upper().replace("X", "x")}, [4, 3]),
        ({"proposer": ME, "state": "accepted"}, [4]),
        ({"proposer": "0x" + "33" * 20}, []),
        ({"proposer": OTHER}, [5, 2, 1]),  # the genesis is nobody's
    ],
)
def test_page_of__a_filter__only_these_rounds(asked: dict[str, str], found: list[int]) -> None:
    assert rounds(**asked) == found


def test_page_of__ten_thousand_rounds__one_page_of_them_and_how_many_there_are() -> None:
    records = many(10_000)
    page = page_of(records, {}, page=3, size=50)
    assert (page["total"], page["page"], page["pages"]) == (10_000, 3, 200)
    assert [one["round"] for one in page["rows"]] == list(range(9_849, 9_799, -1))
    assert page_of(records, {}, page=4_000)["page"] == 199, "past the last page is the last"


def test_page_of__nothing_found__one_empty_page() -> None:
    page = page_of([GENESIS], {}, state="rejected")
    assert (page["total"], page["page"], page["pages"], page["rows"]) == (0, 0, 1, [])


@pytest.mark.parametrize("asked", [{"state": "won"}, {"size": 0}, {"size": 201}, {"page": -1}])
def test_page_of__what_there_is_not__is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        page_of(RECORDS, {}, **asked)  # type: ignore[arg-type]


def test_row__before_its_events_are_read__what_storage_has() -> None:
    found = row(RECORDS[1], None)
    assert (found["votes"], found["approvals"], found["need"], found["voters"]) == ("+P+.", 2, 2, 3)
    assert (found["gas"], found["proposed_score"], found["decided"], found["told"]) == (None, None, None, False)


def test_row__with_events__means_gas_and_time() -> None:
    told = Told(by_clock=False, gas=9, decided=60, scores=(("a", 0.25, 0.5), ("b", 0.75, 1.0)))
    found = row(RECORDS[1], told)
    assert (found["current_score"], found["proposed_score"]) == (0.5, 0.75)
    assert (found["gas"], found["decided"], found["told"]) == (9, "1970-01-01T00:01:00Z", True)


def test_row__votes_of_secret_rounds_and_of_who_stayed_away__have_signs_of_their_own() -> None:
    hidden = record(6, RoundState.VOTING, ref("six"), approvals=0, hidden=0b101)
    assert row(hidden, None)["votes"] == "?P?."
    missed = record(6, RoundState.REJECTED, ref("six"), approvals=0b1)
    assert row(missed, Told(by_clock=True))["votes"] == "+P__"


def test_row__a_missed_round_and_the_genesis__have_no_votes() -> None:
    assert row(RECORDS[3], None)["votes"] == row(GENESIS, None)["votes"] == ""
    assert row(GENESIS, None)["state"] == "genesis" and row(GENESIS, None)["proposer"] is None


def test_told_of__transactions_with_times__seconds_between_them() -> None:
    opened, proposed, decided = (Transaction(b"h", 1, at, 1, ("did",)) for at in (100, 130, 137))
    round_ = Round(record=RECORDS[1], opened=opened, proposed=proposed, decided=decided, by_clock=False)
    assert told_of(round_) == Told(by_clock=False, decided=137, to_propose=30, to_decide=7)


def test_lineage__back_to_the_genesis__and_cut_where_it_is_long() -> None:
    assert lineage(RECORDS, 5) == {"rounds": [4, 1, 0], "length": 3}
    assert lineage(RECORDS, 0) == {"rounds": [], "length": 0}
    assert lineage(RECORDS, 3) == {"rounds": [], "length": 0}, "in a missed round nothing was built"
    assert lineage(many(500), 400, most=3) == {"rounds": [399, 398, 397], "length": 400}


def test_curves__accepted_and_rejected__apart_and_gaps_where_nothing_is_known() -> None:
    told = {
        1: Told(gas=5, to_propose=3, to_decide=1, scores=(("a", 0.1, 0.5), ("b", 0.1, 0.7))),
        2: Told(gas=7, scores=(("a", 0.6, 0.25),)),
    }
    found = curves(RECORDS, told, 10)
    assert found["rounds"] == [1, 2, 3, 4]
    assert found["mean_accepted"] == [0.6, None, None, None]
    assert found["mean_rejected"] == [None, 0.25, None, None]
    assert found["members"] == [
        {"member": "a", "scores": [0.5, None, None, None]},
        {"member": "b", "scores": [0.7, None, None, None]},
    ]
    assert (found["approvals_accepted"], found["approvals_rejected"]) == ([2, None, None, 2], [None, 1, None, None])
    assert (found["need"], found["gas"], found["to_propose"]) == ([2, 2, None, 2], [5, 7, None, None], [3] + [None] * 3)
    assert curves(RECORDS, told, 2)["rounds"] == [3, 4], "the newest that are over"
