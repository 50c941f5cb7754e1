"""Rounds as plain values; those that a chain has had are in tests/cli/test_history.py."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from colearn_ledger.core.cid import cid_text
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.history.export import CSV_COLUMNS, round_to_dict, utc, write_csv
from colearn_ledger.history.types import Choice, Round, Transaction, Vote

from ..kit.builders import ME, OTHER, record, ref

SENT = Transaction(b"t" * 32, 9, 1_700_000_000, 7, ("voted", "decided"), sender=ME, gas=50, fee=100)


def voted(**changes: Any) -> Round:
    """Round 7 of four: two approved, one was absent."""
    votes = (
        Vote(0, ME, Choice.APPROVED, (0.25, 0.5), b"t" * 32),
        Vote(2, ME, Choice.APPROVED, (0.5, 1.0)),
        Vote(3, ME, Choice.ABSENT),
    )
    base: dict[str, Any] = {
        "record": record(7, RoundState.ACCEPTED, ref("seven"), 3),
        "members": (ME, OTHER, ME, ME),
        "votes": votes,
        "logged": True,
        "by_clock": False,
        "transactions": (SENT,),
        "decided": SENT,
    }
    return Round(**{**base, **changes})


def row_of(round_: Round) -> dict[str, str]:
    file = io.StringIO()
    write_csv([round_], file)
    [row] = csv.DictReader(io.StringIO(file.getvalue()))
    assert tuple(row) == CSV_COLUMNS
    return row


def test_write_csv__a_member_with_a_name__shown_and_never_a_formula() -> None:
    def shown(name: str) -> str:
        file = io.StringIO()
        write_csv([voted()], file, names={OTHER: name})
        [row] = csv.DictReader(io.StringIO(file.getvalue()))
        return str(row["proposer_name"])

    assert shown('Lab, the "second"') == 'Lab, the "second"' and row_of(voted())["proposer_name"] == ""
    assert [shown(name)[0] for name in ("=1+1", "+1", "-1", "@SUM(A1)")] == ["'"] * 4


def test_round_to_dict__decided_round__has_who_what_and_when() -> None:
    seven, weights = round_to_dict(voted()), ref("seven")
    assert (seven["round"], seven["state"], seven["by_clock"]) == (7, "accepted", False)
    assert (seven["proposer"], seven["proposer_seat"]) == (OTHER, 1)
    assert (seven["parent_round"], seven["parent_sha256"]) == (3, (b"p" * 32).hex())
    assert seven["proposal_id"] == "0x" + (b"i" * 32).hex()
    assert (seven["weights_sha256"], seven["size"]) == (weights.sha256.hex(), weights.size)
    assert seven["cid"] == cid_text(weights.cid_digest, weights.size)
    assert (seven["members"], seven["need"]) == (4, 2)
    assert [seven[c] for c in ("approvals", "rejections", "hidden", "absent")] == [2, 0, 0, 1]
    assert seven["deadline"] == "1970-01-01T00:33:20Z"
    assert (seven["decided_block"], seven["decided_time"]) == (9, "2023-11-14T22:13:20Z")
    assert (seven["opened_block"], seven["opened_time"]) == (None, None)
    assert seven["votes"][0] == {
        "seat": 0,
        "member": ME,
        "vote": "approved",
        "current_score": 0.25,
        "proposed_score": 0.5,
        "transaction": "0x" + (b"t" * 32).hex(),
    }
    assert seven["votes"][2]["current_score"] is None and seven["votes"][2]["transaction"] is None
    [sent] = seven["transactions"]
    assert sent == {
        "hash": "0x" + (b"t" * 32).hex(),
        "block": 9,
        "time": "2023-11-14T22:13:20Z",
        "round": 7,
        "did": ["voted", "decided"],
        "sender": ME,
        "gas": 50,
        "fee_wei": 100,
    }


def test_round_to_dict__round_0__is_built_on_nothing_by_nobody() -> None:
    zero = round_to_dict(Round(record(0, RoundState.ACCEPTED, ref("zero"))))
    nothing = ("proposer", "proposer_seat", "parent_round", "parent_sha256", "proposal_id", "need", "deadline")
    assert [zero[name] for name in nothing] == [None] * len(nothing)
    assert zero["weights_sha256"] == ref("zero").sha256.hex()


@pytest.mark.parametrize("deadline, shown", [(0, None), (1, "1970-01-01T00:00:01Z")])
def test_round_to_dict__round_without_a_proposal__has_no_weights(deadline: int, shown: str | None) -> None:
    missed = round_to_dict(Round(record(7, RoundState.MISSED, id=None, deadline=deadline)))
    nothing = ("parent_round", "parent_sha256", "proposal_id", "weights_sha256", "cid", "size", "need", "by_clock")
    assert [missed[name] for name in nothing] == [None] * len(nothing)
    assert (missed["proposer"], missed["proposer_seat"], missed["deadline"]) == (OTHER, 1, shown)


def test_write_csv__decided_round__is_one_row_of_them() -> None:
    row = row_of(voted(note=b"=1+1"))
    assert (row["votes"], row["transactions"], row["by_clock"]) == ("aPa.", "1", "false")
    assert (row["current_score"], row["proposed_score"], row["note"]) == ("0.375", "0.75", '"=1+1"')
    assert row_of(voted(by_clock=True))["by_clock"] == "true"


def test_write_csv__what_is_not_known__is_an_empty_cell() -> None:
    row = row_of(Round(record(7, RoundState.MISSED, id=None)))
    empty = ("by_clock", "transactions", "current_score", "proposed_score", "note", "gas", "fee_wei", "cid", "votes")
    assert [row[name] for name in empty] == [""] * len(empty)


@pytest.mark.parametrize(
    "seconds, shown",
    [(0, "1970-01-01T00:00:00Z"), (253402300799, "9999-12-31T23:59:59Z"), (253402300800, "253402300800")],
)
def test_utc__past_the_year_9999__stays_a_number(seconds: int, shown: str) -> None:
    assert utc(seconds) == shown
