"""Which weights may go, by what ``store.keep`` says."""

from __future__ import annotations

from colearn_node.retention import Retention

from colearn_ledger.core.protocol import RoundState, WeightsRef

from ..kit.builders import proposal, record, ref, view
from ..kit.fakes import FakeLedger

A, R, M = RoundState.ACCEPTED, RoundState.REJECTED, RoundState.MISSED
HISTORY = {
    0: record(0, A, ref("w0")),
    1: record(1, A, ref("w1")),
    2: record(2, R, ref("w2"), 1),
    3: record(3, A, ref("w3"), 1),
    4: record(4, M),
    5: record(5, A, ref("w5"), 3),
    6: record(6, R, ref("w6"), 5),
    7: record(7, RoundState.PROPOSING),
}


def ledger(round: int = 7, accepted: int = 5) -> FakeLedger:
    weights = HISTORY[accepted].weights
    assert weights is not None
    return FakeLedger(view(round=round, accepted_round=accepted, accepted=weights), dict(HISTORY))


def gone(made: FakeLedger, keep: str) -> set[WeightsRef]:
    found = Retention(made, keep).due(made.now)
    return set() if found is None else set(found.refs)


def test_due__keep_current__all_but_the_accepted_and_its_parent_and_what_is_too_new() -> None:
    assert gone(ledger(), "current") == {ref("w0"), ref("w1"), ref("w2")}


def test_due__rejected_lately__stays_for_two_rounds() -> None:
    made = ledger(accepted=3)
    made.records |= {4: record(4, R, ref("w4"), 3), 5: record(5, R, ref("w5"), 3)}
    assert gone(made, "accepted") == {ref("w2"), ref("w4")}


def test_due__rejected_weights_that_are_the_parents__stay() -> None:
    made = ledger()
    made.records[2] = record(2, R, ref("w3"), 1)
    assert gone(made, "current") == {ref("w0"), ref("w1")}


def test_due__keep_accepted__what_was_rejected_alone() -> None:
    assert gone(ledger(), "accepted") == {ref("w2")}


def test_due__keep_all__nothing_and_nobody_is_asked() -> None:
    made = ledger()
    assert gone(made, "all") == set() and made.pages == []


def test_due__same_round_again__asks_nothing() -> None:
    made = ledger()
    retention = Retention(made, "current")
    assert retention.due(made.now) is not None
    asked = len(made.pages)
    assert retention.due(made.now) is None and len(made.pages) == asked


def test_due__later_round__what_has_become_old_since() -> None:
    made = ledger()
    retention = Retention(made, "current")
    retention.due(made.now)
    made.records |= {7: record(7, A, ref("w7"), 5), 8: record(8, M), 9: record(9, RoundState.PROPOSING)}
    made.becomes(round=9, accepted_round=7, accepted=ref("w7"))
    found = retention.due(made.now)
    assert found is not None and set(found.refs) == {ref("w3"), ref("w6")}


def test_due__rejected_weights_that_are_proposed_again__stay() -> None:
    made = ledger()
    made.becomes(proposal=proposal("w2"))
    assert gone(made, "current") == {ref("w0"), ref("w1")}


def test_due__a_long_history__is_gone_through_by_pages_as_far_as_64_rounds_back() -> None:
    records = {i: record(i, R if i % 2 else A, ref(f"w{i}"), max(i - 2, 0)) for i in range(201)}
    made = FakeLedger(view(round=200, accepted_round=198, accepted=ref("w198")), records)
    retention = Retention(made, "current")
    found: set[WeightsRef] = set()
    for _ in range(30):
        page = retention.due(made.now)
        found |= set() if page is None else set(page.refs)
    assert found == {ref(f"w{i}") for i in range(136, 198) if i % 2 or i < 196}
    assert all(count <= 16 for _, count in made.pages)
