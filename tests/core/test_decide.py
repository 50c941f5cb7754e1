"""``decide`` is pure: every test is a view and an action, with nothing in between."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colearn_ledger.core.claims import RejectedMerge
from colearn_ledger.core.decide import (
    Adopt,
    Advance,
    Contribute,
    Judge,
    Me,
    Merge,
    Propose,
    Republish,
    Reveal,
    Wait,
    decide,
    is_needed,
)
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import Claim, Contribution, RoundState, Training, View, WeightsRef

from ..kit.builders import ME, OTHER, proposal, ref, view

ACCEPTED, PROPOSED = ref("accepted"), ref("proposed")
COMMITMENT = b"c" * 28 + (7).to_bytes(4, "big")

UP_TO_DATE = Me(ME, adopted=ACCEPTED.sha256, published=PROPOSED)


def voting(**changes: object) -> View:
    return view(**{"state": RoundState.VOTING, "proposal": proposal(), **changes})


def test_decide__accepted_weights_not_held__adopts_before_anything_else() -> None:
    for held in (None, b"x" * 32):
        for state in (view(proposer=ME), voting(), view(overdue=True), view(is_member=False)):
            assert decide(state, Me(ME, held)) == Adopt(3, ACCEPTED)


def test_decide__my_turn__proposes_on_the_accepted_parent() -> None:
    assert decide(view(proposer=ME), UP_TO_DATE) == Propose(7, ACCEPTED.sha256)


WAITING = [
    (view(), f"waiting for {OTHER} to propose"),
    (view(is_member=False, overdue=True), "not a member: following"),
    (voting(proposal=proposal(seat=0)), "waiting for the others' votes on my proposal"),
    (voting(voted=True), "waiting for the others' votes"),
    (voting(state=RoundState.REVEALING), "waiting for the others' reveals"),
]


@pytest.mark.parametrize("state, why", WAITING)
def test_decide__nothing_to_do__waits_until_the_deadline_and_says_why(state: View, why: str) -> None:
    assert decide(state, UP_TO_DATE) == Wait(2000, why)


@pytest.mark.parametrize("state", [RoundState.VOTING, RoundState.REVEALING])
@pytest.mark.parametrize("published", [None, ref("another")])
def test_decide__own_proposal_that_the_store_may_not_have__publishes_it_again(
    state: RoundState, published: WeightsRef | None
) -> None:
    mine = voting(state=state, proposal=proposal(seat=0))
    me = dataclasses.replace(UP_TO_DATE, published=published)
    assert decide(mine, me) == Republish(7, ACCEPTED.sha256, PROPOSED)
    for later in (
        dataclasses.replace(mine, overdue=True),
        dataclasses.replace(mine, is_member=False),
        voting(state=state),
    ):
        assert not isinstance(decide(later, me), Republish)
    assert decide(mine, dataclasses.replace(me, adopted=b"x" * 32)) == Adopt(3, ACCEPTED), "its parent comes first"


@pytest.mark.parametrize("secret", [False, True])
def test_decide__proposal_open__judges_it(secret: bool) -> None:
    state = voting(secret_votes=secret)
    assert decide(state, UP_TO_DATE) == Judge(7, state.proposal, secret=secret)


def test_decide__own_proposal__does_not_vote() -> None:
    state = voting(proposal=proposal(seat=0))
    assert isinstance(decide(state, UP_TO_DATE), Wait)
    revealing = dataclasses.replace(state, state=RoundState.REVEALING, secret_votes=True)
    assert isinstance(decide(revealing, UP_TO_DATE), Wait)


def test_decide__voted__waits() -> None:
    assert isinstance(decide(voting(voted=True), UP_TO_DATE), Wait)


def test_decide__committed_and_reveals_open__reveals() -> None:
    state = voting(state=RoundState.REVEALING, secret_votes=True, commitment=COMMITMENT)
    assert decide(state, UP_TO_DATE) == Reveal(7, state.proposal, COMMITMENT)


@pytest.mark.parametrize("changes", [{"commitment": None}, {"commitment": COMMITMENT, "voted": True}])
def test_decide__nothing_to_reveal__waits(changes: dict[str, object]) -> None:
    state = voting(state=RoundState.REVEALING, secret_votes=True, **changes)
    assert isinstance(decide(state, UP_TO_DATE), Wait)


def test_decide__committed_while_commitments_are_taken__does_not_reveal() -> None:
    state = voting(secret_votes=True, voted=True, commitment=COMMITMENT)
    assert isinstance(decide(state, UP_TO_DATE), Wait)


def overdue(late: int = 0, **changes: object) -> View:
    """A round that is over by the clock while a motion waits, ``late`` seconds after the first moment of that."""
    return view(**{"overdue": True, "at": 2001 + late, **changes})


def advancing(state: View, members: int = 4, waited: float = 0.0, missing: tuple[int, ...] = ()) -> list[int]:
    """The seats that would send ``advance`` on this state."""
    found = []
    for seat in set(range(members)) - set(missing):
        mine = dataclasses.replace(state, seat=seat, member_count=members)
        if decide(mine, Me(ME, ACCEPTED.sha256, waited)) == Advance(state.round):
            found.append(seat)
    return found


@pytest.mark.parametrize("proposer", [ME, OTHER])
def test_decide__overdue__advances_whoever_is_the_proposer(proposer: str) -> None:
    assert decide(overdue(proposer=proposer, seat=1), UP_TO_DATE) == Advance(7)  # (7 + 1) % 4 is 0


@pytest.mark.parametrize("changes", [{}, {"proposal": proposal()}])
@pytest.mark.parametrize("state", [RoundState.PROPOSING, RoundState.VOTING, RoundState.REVEALING])
def test_decide__overdue__advances_before_it_votes_or_reveals(state: RoundState, changes: dict[str, object]) -> None:
    assert decide(overdue(state=state, seat=1, **changes), UP_TO_DATE) == Advance(7)


@given(members=st.integers(2, 64), round=st.integers(1, 2**31), late=st.integers(0, 10**9), waited=st.floats(0, 10**6))
def test_decide__overdue__one_seat_at_a_time_whatever_the_clock_says(
    members: int, round: int, late: int, waited: float
) -> None:
    assert len(advancing(overdue(late, round=round), members, waited)) == 1


def test_decide__overdue_and_the_first_is_away__costs_one_step_each() -> None:
    assert [advancing(overdue(late)) for late in (0, 14, 15, 29, 30, 45, 60)] == [[1], [1], [2], [2], [3], [0], [1]]
    assert advancing(overdue(15), missing=(1,)) == [2] and advancing(overdue(14), missing=(1,)) == []


def test_decide__overdue_in_another_round__another_seat_begins() -> None:
    assert [advancing(overdue(round=round)) for round in (7, 8, 9, 10, 11)] == [[1], [0], [3], [2], [1]]


def test_decide__overdue_and_not_my_step__waits_until_it_begins_and_then_advances() -> None:
    for seat, late in ((0, 0), (2, 3), (3, 15), (1, 15)):
        state = overdue(late, seat=seat)
        action = decide(state, UP_TO_DATE)
        assert isinstance(action, Wait) and action.until >= state.at and "first to advance" in action.why
        assert isinstance(decide(dataclasses.replace(state, at=action.until), UP_TO_DATE), Wait)
        assert decide(dataclasses.replace(state, at=action.until + 1), UP_TO_DATE) == Advance(7)


def test_decide__overdue_on_a_chain_whose_clock_stands_still__own_seconds_count() -> None:
    """Such a chain mines when somebody sends, and nobody would send before the clock has moved."""
    assert [advancing(overdue(), waited=waited) for waited in (14.9, 15.0, 31.0)] == [[1], [2], [3]]
    assert [advancing(overdue(10), waited=waited) for waited in (4.9, 5.0)] == [[1], [2]]


def test_decide__not_a_member__only_follows() -> None:
    for state in (view(is_member=False, proposer=ME), voting(is_member=False), view(is_member=False, overdue=True)):
        assert isinstance(decide(state, UP_TO_DATE), Wait)


@given(
    state=st.sampled_from([RoundState.PROPOSING, RoundState.VOTING, RoundState.REVEALING]),
    overdue=st.booleans(),
    member=st.booleans(),
    voted=st.booleans(),
    secret=st.booleans(),
    seat=st.integers(0, 3),
    proposer_seat=st.integers(0, 3),
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
        proposal=None if state is RoundState.PROPOSING else proposal(seat=proposer_seat),
        commitment=COMMITMENT if voted and secret else None,
    )
    me = Me(ME, held)
    action = decide(current, me)
    assert action == decide(current, me)  # the same view gives the same action
    if held != ACCEPTED.sha256:
        assert isinstance(action, Adopt)
    elif not member:
        assert isinstance(action, Wait)
    if isinstance(action, (Judge, Reveal)):
        assert not voted and seat != proposer_seat
    if isinstance(action, Propose):
        assert seat == proposer_seat and state is RoundState.PROPOSING
    if isinstance(action, Republish):
        assert seat == proposer_seat and state is not RoundState.PROPOSING


@pytest.mark.parametrize("members, need", [(3, 2), (4, 2), (5, 3), (16, 8)])
@pytest.mark.parametrize("round_number", [7, 8, 31])
@pytest.mark.parametrize("approve", [True, False])
def test_needed__nobody_has_voted__as_many_as_decide_it_if_they_agree(
    members: int, need: int, round_number: int, approve: bool
) -> None:
    base = view(round=round_number, member_count=members, proposal=proposal(need=need, seat=1))
    needed = [s for s in range(members) if s != 1 and is_needed(dataclasses.replace(base, seat=s), approve)]
    assert len(needed) == (need if approve else members - 1 - need + 1)


def test_needed__others_vote_otherwise__more_are_needed_until_all_are() -> None:
    def needed(**votes: int) -> list[int]:
        base = view(round=5, member_count=5, proposal=proposal(need=3, seat=1, **votes))
        return [s for s in (0, 2, 3, 4) if is_needed(dataclasses.replace(base, seat=s), True)]

    assert needed() == [0, 2, 3]
    assert needed(approvals=0b00001) == [0, 2, 3], "of those that are left, two"
    assert needed(rejections=0b00001) == [0, 2, 3, 4]


def test_needed__another_seat_is_first_each_round() -> None:
    base = view(member_count=5, proposal=proposal(need=2, seat=1))
    first = [
        [s for s in (0, 2, 3, 4) if is_needed(dataclasses.replace(base, seat=s, round=r), True)] for r in range(5, 10)
    ]
    assert first == [[0, 2], [2, 3], [2, 3], [3, 4], [0, 4]]


def test_needed__a_member_has_not_contributed__its_vote_is_counted_on_last() -> None:
    there = tuple(Contribution(seat, ref(str(seat)), late=seat == 4) for seat in (0, 1, 3, 4))
    base = joint(*there, round=5, member_count=5, proposal=proposal(need=3, seat=1))
    others = (0, 2, 3, 4)
    assert [s for s in others if is_needed(dataclasses.replace(base, seat=s), True)] == [0, 3, 4]
    alone = dataclasses.replace(base, proposal=proposal(need=3, seat=1, rejections=0b00001))
    assert [s for s in others[1:] if is_needed(dataclasses.replace(alone, seat=s), True)] == [2, 3, 4]


# ------------------------------------------------------------------------------------------------ joint rounds

MINE, OTHERS, LATE = (
    Contribution(0, ref("mine"), late=False),
    Contribution(2, ref("others"), late=False),
    Contribution(3, ref("late"), late=True),
)
OWN_LATE = dataclasses.replace(MINE, late=True)
TRAIN = Contribute(6, ACCEPTED.sha256)


def joint(*contributions: Contribution, until: int = 1500, rules: tuple[int, ...] = (2, 3), **changes: object) -> View:
    """A training since round 6, which is open for 500 seconds yet, by the view's clock."""
    training = Training(6, until, 0b1111, rules, contributions)
    return view(**{"training": training, "merge_order": (1, 2, 3), **changes})


def merging(*contributions: Contribution, **changes: object) -> View:
    """The same when it is over, and it is this member's turn."""
    return joint(*contributions, **{"until": 1000, "proposer": ME, **changes})


def merge(*contributions: Contribution) -> Merge:
    return Merge(7, ACCEPTED.sha256, 2, contributions)


UNCLAIMED = "it doesn't say what it merges"
CLAIMED = proposal(claim=Claim(0b100, 2, claim_digest([(2, OTHERS.weights)])))

JOINT = [
    (joint(), TRAIN),
    (joint(OTHERS), TRAIN),
    (joint(proposer=ME), TRAIN),  # nobody merges before the training is over
    (joint(MINE), Wait(1499, "waiting for the others' contributions")),
    (joint(MINE, proposer=ME), Wait(1499, "waiting for the others' contributions")),
    (joint(MINE, until=1000), Wait(2000, f"waiting for {OTHER} to merge")),
    (joint(OWN_LATE, until=1000), Wait(2000, f"waiting for {OTHER} to merge")),
    (joint(OTHERS, until=1000), TRAIN),  # late: it shows that one is there
    (merging(MINE, OTHERS, LATE), merge(MINE, OTHERS)),
    (merging(OTHERS), merge(OTHERS)),  # before one's own training
    (merging(OWN_LATE, OTHERS, LATE), merge(OWN_LATE, OTHERS)),
    (merging(OWN_LATE), merge(OWN_LATE)),
    (merging(), TRAIN),
    (merging(LATE), TRAIN),
    (joint(state=RoundState.VOTING, proposal=proposal()), Judge(7, proposal(), False, UNCLAIMED)),  # before a training
    (joint(OTHERS, LATE, state=RoundState.VOTING, proposal=CLAIMED), Judge(7, CLAIMED, False)),
    (
        joint(LATE, state=RoundState.VOTING, proposal=CLAIMED),
        Judge(7, CLAIMED, False, "it merges what nobody contributed"),
    ),
    (joint(state=RoundState.VOTING, proposal=proposal(), voted=True), TRAIN),
    (
        joint(MINE, state=RoundState.VOTING, proposal=proposal(), voted=True),
        Wait(2000, "waiting for the others' votes"),
    ),
    (joint(state=RoundState.VOTING, proposal=proposal(seat=0)), TRAIN),
    (
        joint(state=RoundState.REVEALING, proposal=proposal(), commitment=COMMITMENT),
        Reveal(7, proposal(), COMMITMENT),
    ),
    (joint(is_member=False), Wait(2000, "not a member: following")),
]


@pytest.mark.parametrize("state, action", JOINT)
def test_decide__joint_rounds__trains_merges_and_votes(state: View, action: object) -> None:
    assert decide(state, dataclasses.replace(UP_TO_DATE, contributed=MINE.weights)) == action


def test_decide__own_contribution_that_the_store_may_not_have__publishes_it_again_before_anybody_merges() -> None:
    again = Republish(6, ACCEPTED.sha256, MINE.weights, contribution=True)
    for state in (joint(MINE), joint(MINE, until=1000), merging(MINE, OTHERS), merging(OWN_LATE)):
        assert decide(state, UP_TO_DATE) == again
    assert decide(joint(MINE), dataclasses.replace(UP_TO_DATE, contributed=OTHERS.weights)) == again
    for state in (joint(OTHERS), merging(OTHERS)):  # it has none
        assert not isinstance(decide(state, UP_TO_DATE), Republish)
    voting = joint(MINE, OTHERS, state=RoundState.VOTING, proposal=CLAIMED)
    assert isinstance(decide(voting, UP_TO_DATE), Judge)
    assert isinstance(decide(merging(MINE, overdue=True, at=2001), UP_TO_DATE), Advance | Wait)


def test_decide__joint_and_overdue__only_advances() -> None:
    state = merging(MINE, overdue=True, at=2001)
    assert isinstance(decide(state, UP_TO_DATE), Advance | Wait)
    assert decide(state, UP_TO_DATE) == decide(dataclasses.replace(state, training=None), UP_TO_DATE)


def test_decide__joint_and_other_weights_held__adopts_first() -> None:
    assert decide(merging(MINE), Me(ME, None)) == Adopt(3, ACCEPTED)


def test_decide__joint_and_may_not_train__merges_and_votes_on() -> None:
    me = dataclasses.replace(UP_TO_DATE, trains=False)
    assert decide(joint(), me) == Wait(1499, "waiting for the others' contributions")
    assert decide(merging(), me) == Wait(2000, "there is nothing to merge")
    assert decide(merging(OTHERS), me) == merge(OTHERS)
    assert decide(joint(state=RoundState.VOTING, proposal=proposal()), me) == Judge(7, proposal(), False, UNCLAIMED)


def test_decide__joint_by_momentum__takes_what_was_accepted_before_and_other_rules_do_not() -> None:
    me = dataclasses.replace(UP_TO_DATE, before=ref("before"))
    assert decide(merging(OTHERS), me) == merge(OTHERS)
    taken = dataclasses.replace(merge(OTHERS), rule=Rule.MOMENTUM, before=ref("before"))
    assert decide(merging(OTHERS, rules=(Rule.MOMENTUM, 3)), me) == taken
    claimed = proposal(claim=Claim(0b100, Rule.MOMENTUM, claim_digest([(2, OTHERS.weights)])))
    state = joint(OTHERS, rules=(Rule.MOMENTUM,), state=RoundState.VOTING, proposal=claimed)
    judge = decide(state, dataclasses.replace(me, verifies=True))
    assert isinstance(judge, Judge) and judge.merge == taken


def test_decide__own_merge_that_the_store_may_not_have__publishes_it_again() -> None:
    me = dataclasses.replace(UP_TO_DATE, published=None)
    state = joint(state=RoundState.VOTING, proposal=proposal(seat=0))
    assert decide(state, me) == Republish(7, ACCEPTED.sha256, PROPOSED)


def test_decide__rejected_before_as_the_same_merge__is_voted_against_unread_and_what_comes_of_a_merge_may_be_one() -> (
    None
):
    assert CLAIMED.claim is not None
    rejected = (RejectedMerge(CLAIMED.weights, CLAIMED.claim.digest),)
    me = dataclasses.replace(UP_TO_DATE, rejected=rejected)
    judge = decide(joint(OTHERS, state=RoundState.VOTING, proposal=CLAIMED), me)
    assert isinstance(judge, Judge) and "rejected before" in judge.unread
    assert decide(merging(OTHERS), me) == dataclasses.replace(merge(OTHERS), rejected=rejected)


def test_decide__merges_are_to_be_recomputed__the_vote_knows_what_is_claimed_and_what_is_left_out() -> None:
    me = dataclasses.replace(UP_TO_DATE, verifies=True)
    state = joint(MINE, OTHERS, LATE, state=RoundState.VOTING, proposal=CLAIMED)
    assert decide(state, me) == Judge(7, CLAIMED, False, merge=merge(OTHERS), left_out=(MINE,))
    false = decide(joint(LATE, state=RoundState.VOTING, proposal=CLAIMED), me)
    assert isinstance(false, Judge) and false.unread and false.merge is None
    solo = view(state=RoundState.VOTING, proposal=proposal())
    assert decide(solo, me) == Judge(7, proposal(), False)


@pytest.mark.parametrize("proposer", [ME, OTHER])
def test_decide__in_a_pause__waits_until_it_is_over_and_not_longer(proposer: str) -> None:
    state = view(proposer=proposer, at=1000, opens_at=1500)
    action = decide(state, UP_TO_DATE)
    assert isinstance(action, Wait) and action.until == 1499 and "rests" in action.why
    after = decide(dataclasses.replace(state, at=1500), UP_TO_DATE)
    assert isinstance(after, Propose) if proposer == ME else isinstance(after, Wait) and "rests" not in after.why


@pytest.mark.parametrize("proposer", [ME, OTHER])
def test_decide__after_the_end__declines_and_says_so(proposer: str) -> None:
    state = view(proposer=proposer, ended=True, deadline=10)
    action = decide(state, UP_TO_DATE)
    assert isinstance(action, Wait) and action.until > state.at and "end" in action.why


def test_decide__after_the_end__a_motion_that_waits_is_still_carried_out() -> None:
    assert advancing(overdue(ended=True)) == advancing(overdue()) != []


def test_decide__in_a_pause_of_joint_rounds__contributes_nothing() -> None:
    training = Training(7, until=1900, expected=15, rules_left=(1,), contributions=())
    state = view(at=1000, opens_at=1500, training=training, merge_order=(1,))
    assert isinstance(decide(state, UP_TO_DATE), Wait)
    assert isinstance(decide(dataclasses.replace(state, at=1500), UP_TO_DATE), Contribute)
