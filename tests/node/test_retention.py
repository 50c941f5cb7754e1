"""What the store is to keep, by what ``store.keep`` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from colearn_node.retention import Retention
from colearn_node.worker.messages import Tidy

from colearn_ledger.core.protocol import Claim, Contribution, RoundState, Rules, Training, WeightsRef

from ..kit.builders import proposal, record, ref, view
from ..kit.fakes import Clock, FakeLedger

A, R, M = RoundState.ACCEPTED, RoundState.REJECTED, RoundState.MISSED
HISTORY = {
    0: record(0, A, ref("w0")),
    1: record(1, A, ref("w1")),
    2: record(2, R, ref("w2"), 1),
    3: record(3, A, ref("w3"), 1),
    4: record(4, M, None, 3),
    5: record(5, A, ref("w5"), 3),
    6: record(6, R, ref("w6"), 5),
    7: record(7, R, ref("w7"), 5),
    8: record(8, A, ref("w8"), 5),
    9: record(9, RoundState.PROPOSING, None, 8),
}


def ledger(round: int = 9, accepted: int = 8) -> FakeLedger:
    weights = HISTORY[accepted].weights
    assert weights is not None
    return FakeLedger(view(round=round, accepted_round=accepted, accepted=weights), dict(HISTORY))


def due(made: FakeLedger, keep: str) -> Tidy:
    found = Retention(made, keep).due(made.now)
    assert found is not None
    return found


def needed(made: FakeLedger, keep: str = "current") -> set[WeightsRef]:
    found = due(made, keep).needed
    assert found is not None
    return set(found)


def test_due__keep_current__the_accepted_ones_their_parent_and_the_last_rounds() -> None:
    """And what was accepted before those rounds: w3, should all of them be undone."""
    assert needed(ledger()) == {ref("w8"), ref("w5"), ref("w6"), ref("w7"), ref("w3")}


@pytest.mark.parametrize("secret", [False, True])
def test_due__rounds_of_the_last_minute__stay_as_a_reorg_may_undo_them_all(secret: bool) -> None:
    rules = Rules(vote_window=3600, reveal_window=600)
    window = rules.reveal_window if secret else rules.vote_window
    made = FakeLedger(
        view(round=30, at=10_000, accepted_round=0, accepted=ref("w0"), rules=rules, secret_votes=secret), dict(HISTORY)
    )
    for number in range(1, 30):  # five seconds each
        made.records[number] = record(number, R, ref(f"w{number}"), deadline=10_000 - 5 * (30 - number) + window)
    assert needed(made) == {ref(f"w{number}") for number in (0, *range(18, 30))}
    for number in range(1, 30):  # one each
        made.records[number] = record(number, R, ref(f"w{number}"), deadline=10_000 - (30 - number) + window)
    assert needed(made) == {ref(f"w{number}") for number in (0, *range(14, 30))}, "and at most sixteen"


def test_due__joint_rounds__what_was_contributed_to_the_training_that_goes_on() -> None:
    made = ledger()
    contributions = tuple(Contribution(seat, ref(f"of {seat}"), late=seat == 2) for seat in range(3))
    made.becomes(training=Training(8, 1500, 0b111, (1,), contributions))
    assert {one.weights for one in contributions} <= needed(made)


def joint(rounds: int, sizes: int = 1000) -> FakeLedger:
    """So many joint rounds, in turn: two rejected ones and an accepted one; each training begins with a rejected one.
    And between 30 and 32 a training that came to nothing.
    """
    made, parent = FakeLedger(view(merge_order=(1, 2, 3)), {}), 0
    made.records[0] = record(0, A, replace(ref("w0"), size=sizes))
    for number in range(1, rounds + 1):
        accepted = number % 3 == 0 and number not in (30, 33)
        claim = Claim(0b11, 1 + (number - 1) % 3, 1)
        weights = replace(ref(f"w{number}"), size=sizes)
        made.records[number] = record(number, A if accepted else R, weights, parent, claim=claim)
        parent = number if accepted else parent
    at(made, rounds)
    made.becomes(training=Training(rounds, 1500, 0b111, (1, 2, 3), ()))
    return made


def gone(found: Tidy | None, up_to: int) -> set[int]:
    """The trainings to which own contributions go, of all that can be."""
    assert found is not None
    return {number for number in range(up_to + 1) if any(a <= number <= b for a, b in found.forgotten)}


def test_due__joint_rounds__contributions_to_accepted_rounds_and_recent_trainings_stay_and_others_go() -> None:
    made = joint(46)
    found = Retention(made, "accepted").due(made.now)
    begun = set(range(1, 47, 3))  # 1, 4, 7, ...
    assert gone(found, 46) & begun == {28, 31}, "those were rejected by every rule"
    found = Retention(made, "current").due(made.now)
    # The accepted weights' own (43), their parent's (40), and that of what was accepted before the last rounds.
    assert begun - gone(found, 46) == {37, 40, 43, 46}


def test_due__joint_rounds_and_a_rejected_training_is_recent__its_contribution_stays_as_a_reorg_may_undo_it() -> None:
    for number in range(32, 36):
        made = at(joint(46), number)
        made.becomes(training=Training(31 if number < 34 else 34, 1500, 0b111, (1, 2), ()))
        assert (28 in gone(Retention(made, "accepted").due(made.now), 46)) is (number == 35)


def test_due__joint_rounds_and_contributions_are_not_to_be_kept__all_may_go() -> None:
    made = joint(46)
    for keep in ("current", "accepted"):
        assert gone(Retention(made, keep, contributions=False).due(made.now), 46) == set(range(47))
    assert Retention(made, "all").due(made.now) == Tidy(None)


def test_due__joint_rounds_beyond_the_limit__contributions_go_with_their_rounds_and_count_as_much() -> None:
    made = joint(300)
    found = Retention(made, "accepted", 100_000).due(made.now)
    assert found is not None and found.archive_only is not None
    assert len(found.archive_only) == 45, "half as many as where nothing is contributed"
    oldest = min(int(n) for n in range(301) if made.records[n].weights in found.archive_only)
    assert gone(found, 300) >= set(range(oldest - 2)) and not gone(found, 300) & set(range(oldest - 2, 300, 3))
    alone = Retention(made, "accepted", 100_000, contributions=False).due(made.now)
    assert alone is not None and alone.archive_only is not None and len(alone.archive_only) == 90


def test_due__joint_rounds__the_whole_history_is_not_read() -> None:
    made = joint(500)
    retention = Retention(made, "accepted", clock=Clock())
    retention.due(made.now)
    assert sum(count for _, count in made.pages) <= 260
    made.pages.clear()
    retention.due(at(made, 499).now)
    assert sum(count for _, count in made.pages) <= 66


def test_due__accepted_long_ago__stays_with_its_parent() -> None:
    made = ledger(accepted=3)
    made.records |= {i: record(i, M, None, 3) for i in range(4, 40)}
    made.becomes(round=40)
    assert needed(made) == {ref("w3"), ref("w1")}


def test_due__at_the_beginning__the_first_weights() -> None:
    made = FakeLedger(view(round=1, accepted_round=0, accepted=ref("w0")), dict(HISTORY))
    assert needed(made) == {ref("w0")}


def test_due__proposed_now__stays_though_it_was_rejected_before() -> None:
    made = ledger()
    made.becomes(proposal=proposal("w2"))
    assert ref("w2") in needed(made)


def test_due__a_lie_about_the_accepted_weights_was_rejected__both_name_one_content_that_is_needed() -> None:
    """Sha256, size and CID are the proposer's to write: the store knows the CID alone."""
    made = ledger()
    assert made.records[2].weights is not None
    lie = replace(made.now.accepted, size=made.now.accepted.size + 1)
    made.records[2] = record(2, R, lie, 1)
    assert lie.cid in {one.cid for one in needed(made)}


def test_due__a_motion_to_go_back_waits__the_weights_of_that_round_stay_until_it_is_over() -> None:
    made = ledger()
    made.becomes(rounds_to_keep=(1, 0))
    assert {ref("w0"), ref("w1")} <= needed(made) and ref("w2") not in needed(made)
    made.becomes(rounds_to_keep=(1,))
    assert ref("w1") in needed(made) and ref("w0") not in needed(made)


def test_due__keep_accepted__archives_the_accepted_ones_that_it_sees() -> None:
    found = due(ledger(), "accepted")
    assert set(found.archive) == {ref(f"w{i}") for i in (0, 1, 3, 5, 8)}
    assert found.needed == due(ledger(), "current").needed and due(ledger(), "current").archive == ()


def long(rounds: int, sizes: Callable[[int], int] = lambda number: 1000) -> FakeLedger:
    """So many rounds, of which every third was rejected."""
    made = FakeLedger(view(), {})
    for number in range(rounds + 1):
        weights = replace(ref(f"w{number}"), size=sizes(number))
        made.records[number] = record(number, R if number % 3 == 2 else A, weights, max(number - 1, 0))
    return at(made, rounds)


def at(made: FakeLedger, round: int) -> FakeLedger:
    newest = next(r for r in range(round - 1, -1, -1) if made.records[r].state is A)
    weights = made.records[newest].weights
    assert weights is not None
    made.becomes(round=round, accepted_round=newest, accepted=weights)
    return made


def test_due__keep_accepted_below_the_limit__nothing_goes_and_no_history_is_read() -> None:
    made = long(300)
    found = Retention(made, "accepted", 300_000).due(made.now)
    assert found is not None and found.archive_only is None
    assert sum(count for _, count in made.pages) <= 20


def test_due__keep_accepted_beyond_the_limit__the_newest_stay_within_it() -> None:
    made = long(300)
    retention = Retention(made, "accepted", 100_000)
    found = retention.due(made.now)
    assert found is not None and found.archive_only is not None
    stay = {one.cid for one in found.archive_only}
    expected = [made.records[n].weights for n in range(299, -1, -1) if n % 3 != 2][:90]
    assert stay == {one.cid for one in expected if one is not None}
    assert {one.cid for one in found.archive} <= stay
    assert found.needed is not None and made.now.accepted in found.needed


def test_due__after_the_oldest_went__the_history_is_read_again_only_when_the_room_is_used_up() -> None:
    made = long(400)
    retention = Retention(made, "accepted", 100_000, clock=Clock())
    walks = []
    for number in range(300, 330):
        made.pages.clear()
        found = retention.due(at(made, number).now)
        assert found is not None
        walks.append(found.archive_only is not None)
        assert walks[-1] or sum(count for _, count in made.pages) <= 20
    assert walks[0] and walks.count(True) == 3


def test_due__weights_that_grow__are_within_the_limit_whatever_their_size() -> None:
    made = long(60, lambda number: 1000 + 100 * number)
    found = Retention(made, "accepted", 50_000).due(made.now)
    assert found is not None and found.archive_only is not None
    assert sum(one.size for one in found.archive_only) <= 50_000
    alone = Retention(made, "accepted", 1).due(made.now)  # less than what is in use
    assert alone is not None and alone.archive_only == (made.now.accepted,)


def test_due__the_chain_has_gone_back__what_is_kept_is_found_out_anew() -> None:
    made = long(300)
    retention = Retention(made, "accepted", 100_000, clock=Clock())
    retention.due(made.now)
    found = retention.due(at(made, 200).now)
    assert found is not None and found.archive_only is not None and len(found.archive_only) == 90


def test_due__keep_all__everything_and_the_chain_is_not_asked() -> None:
    made = ledger()
    assert due(made, "all") == Tidy(None) and made.pages == []


def test_due__members_may_go_back__those_weights_are_wanted_at_once() -> None:
    for keep in ("current", "accepted", "all"):
        made = ledger()
        retention = Retention(made, keep, clock=Clock())
        first = retention.due(made.now)
        assert first is not None and first.wanted == ()
        made.becomes(rounds_to_keep=(1, 3))  # a motion was moved, and another, in the same round
        found = retention.due(made.now)
        assert found is not None and found.wanted == (ref("w1"), ref("w3"))
        assert found.needed is None or set(found.wanted) <= set(found.needed)
        assert retention.due(made.now) is None


def test_due__same_round_again__asks_nothing_until_a_minute_has_passed() -> None:
    made, clock = ledger(), Clock()
    retention = Retention(made, "current", clock=clock)
    first = retention.due(made.now)
    asked = len(made.pages)
    clock.now += 59
    assert first is not None and retention.due(made.now) is None and len(made.pages) == asked
    clock.now += 1
    assert retention.due(made.now) == first


def test_due__same_round_and_other_accepted_weights__at_once() -> None:
    """The chain has gone back and forth."""
    made = ledger()
    retention = Retention(made, "current")
    retention.due(made.now)
    made.becomes(accepted_round=5, accepted=ref("w5"))
    found = retention.due(made.now)
    assert found is not None and found.needed is not None and {ref("w5"), ref("w3")} <= set(found.needed)


def test_due__a_long_history__is_not_read() -> None:
    records = {i: record(i, R if i % 2 else A, ref(f"w{i}"), max(i - 2, 0)) for i in range(201)}
    made = FakeLedger(view(round=200, accepted_round=198, accepted=ref("w198")), records)
    assert needed(made) == {ref(f"w{i}") for i in (198, 196, 199, 197, 194)}
    assert sum(count for _, count in made.pages) <= 20
