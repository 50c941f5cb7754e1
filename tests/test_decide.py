"""``decide`` is pure: every test is a view and an action, with nothing in between."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colearn_ledger.core.decide import Adopt, Advance, Judge, Me, Propose, Reveal, Wait, decide
from colearn_ledger.core.protocol import Proposal, RoundState, Rules, View, WeightsRef

ME, OTHER = "0x" + "11" * 20, "0x" + "22" * 20
ACCEPTED = WeightsRef(sha256=b"a" * 32, cid_digest=b"a" * 32, size=10)
PROPOSED = WeightsRef(sha256=b"p" * 32, cid_digest=b"p" * 32, size=10)
COMMITMENT = b"c" * 28 + (7).to_bytes(4, "big")


def proposal(seat: int = 1) -> Proposal:
    return Proposal(b"i" * 32, PROPOSED, proposer_seat=seat, approvals=0, rejections=0, hidden=0, need=2)


def view(**changes: object) -> View:
    base = View(
        block_number=5,
        block_hash=b"b" * 32,
        at=1000,
        round=7,
        state=RoundState.PROPOSING,
        proposer=OTHER,
        deadline=2000,
        overdue=False,
        accepted_round=3,
        accepted=ACCEPTED,
        proposal=None,
        member_count=4,
        is_member=True,
        seat=0,
        voted=False,
        commitment=None,
        rules=Rules(),
        secret_votes=False,
        max_size=1 << 20,
        motions_to_vote=(),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


UP_TO_DATE = Me(ME, adopted=ACCEPTED.sha256)


def voting(**changes: object) -> View:
    return view(**{"state": RoundState.VOTING, "proposal": proposal(), **changes})


def test_decide__accepted_weights_not_held__adopts_before_anything_else() -> None:
    for held in (None, b"x" * 32):
        for state in (view(proposer=ME), voting(), view(overdue=True), view(is_member=False)):
            assert decide(state, Me(ME, held), 1000) == Adopt(3, ACCEPTED)


def test_decide__my_turn__proposes_on_the_accepted_parent() -> None:
    assert decide(view(proposer=ME), UP_TO_DATE, 1000) == Propose(7, ACCEPTED.sha256, 2000)


def test_decide__others_turn__waits_until_the_deadline() -> None:
    action = decide(view(), UP_TO_DATE, 1000)
    assert isinstance(action, Wait) and action.until == 2000


@pytest.mark.parametrize("secret", [False, True])
def test_decide__proposal_open__judges_it(secret: bool) -> None:
    state = voting(secret_votes=secret)
    assert decide(state, UP_TO_DATE, 1000) == Judge(7, state.proposal, 2000, secret=secret)


def test_decide__own_proposal__does_not_vote() -> None:
    state = voting(proposal=proposal(seat=0))
    assert isinstance(decide(state, UP_TO_DATE, 1000), Wait)
    revealing = dataclasses.replace(state, state=RoundState.REVEALING, secret_votes=True)
    assert isinstance(decide(revealing, UP_TO_DATE, 1000), Wait)


def test_decide__voted__waits() -> None:
    assert isinstance(decide(voting(voted=True), UP_TO_DATE, 1000), Wait)


def test_decide__committed_and_reveals_open__reveals() -> None:
    state = voting(state=RoundState.REVEALING, secret_votes=True, commitment=COMMITMENT)
    assert decide(state, UP_TO_DATE, 1000) == Reveal(7, state.proposal, COMMITMENT, 2000)


@pytest.mark.parametrize("changes", [{"commitment": None}, {"commitment": COMMITMENT, "voted": True}])
def test_decide__nothing_to_reveal__waits(changes: dict[str, object]) -> None:
    state = voting(state=RoundState.REVEALING, secret_votes=True, **changes)
    assert isinstance(decide(state, UP_TO_DATE, 1000), Wait)


def test_decide__committed_while_commitments_are_taken__does_not_reveal() -> None:
    state = voting(secret_votes=True, voted=True, commitment=COMMITMENT)
    assert isinstance(decide(state, UP_TO_DATE, 1000), Wait)


def test_decide__overdue__advances_even_on_my_turn() -> None:
    assert decide(view(overdue=True, proposer=ME), UP_TO_DATE, 1000) == Advance(7)


def test_decide__not_a_member__only_follows() -> None:
    for state in (view(is_member=False, proposer=ME), voting(is_member=False), view(is_member=False, overdue=True)):
        assert isinstance(decide(state, UP_TO_DATE, 1000), Wait)


def test_decide__clock_past_the_views_deadline__looks_again() -> None:
    for state in (view(proposer=ME), voting()):
        assert decide(state, UP_TO_DATE, 2000) != Wait(2000, "")
        assert isinstance(decide(state, UP_TO_DATE, 2001), Wait)


@given(
    state=st.sampled_from([RoundState.PROPOSING, RoundState.VOTING, RoundState.REVEALING]),
    overdue=st.booleans(),
    member=st.booleans(),
    voted=st.booleans(),
    secret=st.booleans(),
    seat=st.integers(0, 3),
    proposer_seat=st.integers(0, 3),
    clock=st.integers(900, 2100),
    held=st.sampled_from([None, ACCEPTED.sha256, b"x" * 32]),
)
def test_decide__any_view__acts_only_where_it_may(
    state: RoundState,
    overdue: bool,
    member: bool,
    voted: bool,
    secret: bool,
    seat: int,
    proposer_seat: int,
    clock: int,
    held: bytes | None,
) -> None:
    current = view(
        state=state,
        overdue=overdue,
        is_member=member,
        voted=voted,
        secret_votes=secret,
        seat=seat,
        proposer=ME if seat == proposer_seat else OTHER,
        proposal=None if state is RoundState.PROPOSING else proposal(proposer_seat),
        commitment=COMMITMENT if voted and secret else None,
    )
    me = Me(ME, held)
    action = decide(current, me, clock)
    assert action == decide(current, me, clock)  # the same view gives the same action
    if held != ACCEPTED.sha256:
        assert isinstance(action, Adopt)
    elif not member:
        assert isinstance(action, Wait)
    if isinstance(action, (Judge, Reveal)):
        assert not voted and seat != proposer_seat and clock <= current.deadline
    if isinstance(action, Propose):
        assert seat == proposer_seat and state is RoundState.PROPOSING and clock <= current.deadline
