"""What an endpoint says, compared with itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from colearn_ledger.chain.claims import check_view
from colearn_ledger.chain.commitments import compute_proposal_id
from colearn_ledger.core.protocol import RoundState, Rules, View
from colearn_ledger.errors import ChainError

from ..kit.builders import proposal, ref, view
from ..kit.collective import Collective, embedded


def proposed(**changes: Any) -> View:
    return view(state=RoundState.VOTING, proposal=proposal(id=compute_proposal_id(7, ref("proposed"))), **changes)


def test_view__as_a_chain_shows_it__is_believed() -> None:
    check_view(view())
    check_view(proposed())


@pytest.mark.parametrize("field", ["sha256", "cid_digest", "size"])
def test_view__another_content_under_a_proposals_id__is_not(field: str) -> None:
    shown = proposed().proposal
    assert shown is not None
    other = 999 if field == "size" else b"o" * 32
    swapped = dataclasses.replace(shown, weights=dataclasses.replace(shown.weights, **{field: other}))
    with pytest.raises(ChainError, match="under an id that isn't its content's"):
        check_view(proposed_with(swapped))


def test_view__the_id_of_another_round__is_not() -> None:
    with pytest.raises(ChainError):
        check_view(dataclasses.replace(proposed(), round=8))


def proposed_with(shown: Any) -> View:
    return dataclasses.replace(proposed(), proposal=shown)


@pytest.mark.parametrize(
    "hidden, approvals, rejections, at, good",
    [
        (0b1101, 0, 0, 900, True),  # all have committed, and at once it is time
        (0b0101, 0b1000, 0, 900, True),
        (0b0001, 0b1000, 0b0100, 900, True),
        (0b0101, 0, 0, 1900, False),
        (0b0101, 0, 0, 1901, True),  # who hasn't by now is late
        (0, 0, 0, 1900, False),
    ],
)
def test_view__reveals__are_open_when_all_have_committed_or_their_time_is_over(
    hidden: int, approvals: int, rejections: int, at: int, good: bool
) -> None:
    shown = proposed().proposal
    assert shown is not None
    shown = dataclasses.replace(shown, hidden=hidden, approvals=approvals, rejections=rejections)
    rules = Rules(reveal_window=100)
    said = dataclasses.replace(proposed_with(shown), state=RoundState.REVEALING, at=at, deadline=2000, rules=rules)
    if good:
        check_view(said)
    else:
        with pytest.raises(ChainError, match="the time to commit ends in"):
            check_view(said)


def test_contract__its_own_views__are_believed_in_every_state() -> None:
    c: Collective[Any] = embedded(4, secret=True)
    c.propose()
    check_view(c.view(1))
    for index in (1, 2):
        c.commit(index)
        check_view(c.view(index))
    c.chain.pass_time(501)
    late = c.view(1)
    assert late.state is RoundState.REVEALING
    check_view(late)
    c.reveal(1)
    check_view(c.view(2))
    early: Collective[Any] = embedded(3, secret=True)
    early.propose()
    for index in (1, 2):
        early.commit(index)
    early_view = early.view(1)
    assert early_view.state is RoundState.REVEALING and early_view.at < early_view.deadline - 400
    check_view(early_view)
    early.reveal(1)
    check_view(early.view(2))
