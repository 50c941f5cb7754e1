"""What a node says of what happens, and to whom it passes that on."""

from __future__ import annotations

from typing import Any

import pytest
from colearn_node.reporter import Reporter

from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Advance, Judge, Propose, Reveal, Wait
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.errors import ChainError, StoreError
from colearn_ledger.formats.addresses import short_address
from colearn_ledger.founding.names import Names
from colearn_ledger.member.work import Declined, Verdict, Work
from colearn_ledger.plan.comparing import Difference
from colearn_ledger.plan.document import Plan
from colearn_ledger.plan.successor import Successor

from ..kit.builders import proposal, record, ref, view
from ..kit.fakes import Lines, work_of

SENT = Receipt(Outcome.SENT, b"\xab" * 32, 9, 31_020)


class Heard:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def looked(self, view: Any) -> None:
        self.heard.append(("looked", view))

    def ended(self, record: Any) -> None:
        self.heard.append(("ended", record))

    def compared(self, heads: Any) -> None:
        self.heard.append(("compared", heads))

    def submitted(self, work: Any, receipt: Any) -> None:
        self.heard.append(("submitted", (work, receipt)))

    def trains(self, steps: Any) -> None:
        self.heard.append(("trains", steps))


def test_reporter__what_happens__reaches_the_watcher_as_it_is() -> None:
    heard = Heard()
    reporter = Reporter(Lines(), heard)
    now, ended = view(), record(6, RoundState.MISSED)
    reporter.looked(now)
    reporter.ended([ended])
    reporter.submitted(Advance(7), SENT)
    reporter.trains(None)
    assert heard.heard == [
        ("looked", now),
        ("ended", ended),
        ("submitted", (Advance(7), SENT)),
        ("trains", None),
    ]


def test_looked__round_and_phase__stand_before_every_line() -> None:
    log = Lines()
    Reporter(log).looked(view(round=9, state=RoundState.REVEALING))
    assert (log.round, log.phase) == (9, "revealing")


@pytest.mark.parametrize(
    "work, event, says",
    [
        (work_of(Propose(7, b"p")), "propose", f"proposed {ref('trained').sha256.hex()[:8]}, 1,000 bytes"),
        (work_of(Judge(7, proposal(), False)), "vote", "voted to approve: scores 0.75, now 0.5"),
        (work_of(Judge(7, proposal(), True)), "commit", "committed to approve: scores 0.75, now 0.5"),
        (Verdict(Judge(7, proposal(), False), False, None, "not finite"), "vote", "voted to reject: not finite"),
        (Reveal(7, proposal(), b"c"), "reveal", "revealed the vote"),
        (Advance(7), "advance", "advanced the round"),
    ],
)
def test_submitted__each_work__its_event_and_words(work: Work, event: str, says: str) -> None:
    log = Lines()
    reporter = Reporter(log)
    reporter.submitted(work, SENT)
    reporter.submitted(work, Receipt(Outcome.ALREADY_DONE))
    reporter.submitted(work, Receipt(Outcome.TOO_LATE))
    endings = [" (0xabababab…, 31,020 gas)", ": was done already", ": too late, dropped"]
    assert log.events(event) == [says + ending for ending in endings]
    assert [line[0] for line in log.lines] == ["info", "info", "warning"]
    assert [line[3]["sent"] for line in log.lines] == [True, False, False]
    assert log.lines[0][3]["gas"] == 31_020 and log.lines[0][3]["block"] == 9


def test_wait__again_for_another_reason_or_round__is_said_again() -> None:
    log = Lines()
    reporter = Reporter(log)
    for round, why in ((7, "a"), (7, "a"), (7, "b"), (8, "b"), (8, "b")):
        reporter.wait(view(round=round), Wait(2000, why))
    assert log.events("wait") == ["a", "b", "b"]


def test_declined__asked_again__is_said_once() -> None:
    log = Lines()
    reporter = Reporter(log)
    for _ in range(2):
        reporter.declined(view(), Declined(7, "spent"))
    assert log.events("declined") == ["declines to propose: spent"]


def test_trouble__a_hundred_times__is_said_at_every_power_of_two() -> None:
    log = Lines()
    reporter = Reporter(log)
    for times in range(1, 101):
        reporter.trouble(ChainError("no answer", expected="one", fix="look"), times, 0.5)
    said = log.events("chain")
    assert said[0] == "no answer; expected: one; to fix: look; again in 0.5 s"
    assert said[1:] == [f"no answer ({2**i} times); again in 0.5 s" for i in range(1, 7)]


def test_looked__motions_to_vote_on__are_told_once_a_change() -> None:
    log = Lines()
    reporter = Reporter(log)
    one, two = b"\x01" * 32, b"\x02" * 32
    for motions in ((), (one,), (one,), (one, two), ()):
        reporter.looked(view(motions_to_vote=motions))
    shows = "; colearn-ledger motion list shows them"
    assert log.events("motions") == [
        f"1 motion waits for your vote: 0x{one.hex()}{shows}",
        f"2 motions wait for your vote: 0x{one.hex()}, 0x{two.hex()}{shows}",
        "no motion waits for your vote any more",
    ]


def test_submitted__what_was_done__is_in_the_facts_for_machines() -> None:
    log = Lines()
    reporter = Reporter(log)
    for work in (work_of(Propose(7, b"p")), work_of(Judge(7, proposal(), False)), Advance(7)):
        reporter.submitted(work, SENT)
    sent = {"sent": True, "transaction": SENT.transaction, "block": 9, "gas": 31_020}
    trained, verdict, advance = (line[3] for line in log.lines)
    assert trained == sent | {"sha256": ref("trained").sha256, "size": ref("trained").size}
    assert verdict == sent | {"proposal": proposal().id, "approve": True, "score": 0.75, "current_score": 0.5}
    assert advance == sent


def test_ended__many_missed_in_a_row__share_a_line_and_are_counted_one_by_one() -> None:
    counted: list[int] = []

    class Counts(Heard):
        def ended(self, record: Any) -> None:
            counted.append(record.round)

    log = Lines()
    Reporter(log, Counts()).ended(
        [record(n, RoundState.MISSED) for n in range(7, 10)]
        + [record(10, RoundState.REJECTED)]
        + [record(n, RoundState.MISSED) for n in range(11, 15)]
    )
    told = log.events("outcome")
    assert len(told) == 5 and told[0].startswith("round 7 was missed by") and told[3].startswith("round 10 is rejected")
    assert told[4] == "rounds 11 to 14 were missed" and counted == list(range(7, 15))


def test_bug__again_and_again__is_said_at_powers_of_two_with_its_traceback() -> None:
    log = Lines()
    reporter = Reporter(log)
    for times in (1, 2, 3):
        try:
            raise ZeroDivisionError("by zero")
        except ZeroDivisionError as e:
            reporter.bug(e, times, 0.5)
    assert [level for level, *_ in log.lines] == ["error"] * 4
    assert log.events("bug") == [
        "an error that should not be: ZeroDivisionError: by zero; going on in 0.5 s",
        "an error that should not be, 2 times by now: ZeroDivisionError: by zero; going on in 0.5 s",
    ]
    assert all(trace.startswith("Traceback") for trace in log.events("trace"))


def test_ended__each_outcome__its_facts() -> None:
    log = Lines()
    reporter = Reporter(log)
    ended, missed = record(6, RoundState.ACCEPTED), record(7, RoundState.MISSED)
    reporter.ended([ended, missed])
    votes = {"approvals": ended.approvals.bit_count(), "need": ended.need}
    assert log.lines[0][3] == {"decided": 6, "outcome": "accepted", "proposer": ended.proposer, **votes}
    assert log.lines[1][3] == {"decided": 7, "outcome": "missed", "proposer": missed.proposer}


def test_would__what_came_out_of_the_work__is_said_as_if_it_were_sent() -> None:
    log = Lines()
    reporter = Reporter(log)
    judge = Judge(7, proposal(), False)
    reporter.would(judge, work_of(judge))
    reporter.would(Propose(7, b"p"), None)
    would = ["would have voted to approve: scores 0.75, now 0.5", "would have trained and proposed"]
    assert log.events("dry_run") == would and [line[3]["action"] for line in log.lines] == ["judge", "propose"]


def test_reporter__members_with_names__are_called_so_beside_their_addresses() -> None:
    log, now = Lines(), view()
    reporter = Reporter(log, names=Names({now.proposer: "clinic"}))
    reporter.wait(now, Wait(2000, f"waiting for {now.proposer} to propose"))
    assert log.events("wait") == [f"waiting for clinic {short_address(now.proposer)} to propose"]
    missed = record(6, RoundState.MISSED)
    Reporter(log, names=Names({missed.proposer: "clinic"})).ended([missed])
    assert log.events("outcome") == [f"round 6 was missed by {missed.proposer} (clinic)"]


def test_named__members_are_called_otherwise__from_then_on_and_what_is_missing_is_said_once() -> None:
    log, missed = Lines(), record(6, RoundState.MISSED)
    reporter = Reporter(log, names=Names({missed.proposer: "clinic"}))
    reporter.named(Names({missed.proposer: "Nord"}), "pruned")
    reporter.named(Names({missed.proposer: "Nord"}), "pruned")
    reporter.ended([missed])
    assert log.events("outcome") == [f"round 6 was missed by {missed.proposer} (Nord)"]
    assert log.events("names") == ["names that members said earlier may be missing: pruned"]


def test_plan__as_agreed_and_where_it_differs__a_line_for_each_field() -> None:
    log, plan = Lines(), Plan(text="x")
    reporter = Reporter(log)
    reporter.plan(plan, ())
    reporter.plan(plan, (Difference("base", "a", "b", "take it"), Difference("vote.policy", "c", "d", "vote so")))
    reporter.plan(None, ())
    assert [line[0] for line in log.lines] == ["info", "warning", "warning", "info"]
    as_agreed, base, vote, none = log.events("plan")
    assert plan.sha256.hex()[:8] in as_agreed and "no plan any more" in none
    assert "base is b, and the plan says a; take it" in base and "vote.policy is d" in vote


def test_plan_missing__again_and_again__said_ever_more_rarely() -> None:
    log = Lines()
    reporter = Reporter(log)
    for times in range(1, 9):
        reporter.plan_missing(StoreError("nobody has it", fix="ask"), times, 1.0)
    assert len(log.events("plan")) == 4 and "to fix: ask" in log.events("plan")[0]


def test_successor__followed_or_not__says_what_to_do() -> None:
    log, new = Lines(), Successor(5, "0x" + "22" * 20)
    reporter = Reporter(log)
    reporter.successor(new, "")
    reporter.successor(new, "follow names no deployment file")
    reporter.successor(None, "")
    followed, stays, none = log.events("successor")
    assert new.address in followed and "going on there" in followed
    assert "stays here: follow names no deployment file" in stays and "set deployment" in stays
    assert "no successor any more" in none


def test_held_back__the_same_reason__said_once() -> None:
    log = Lines()
    reporter = Reporter(log)
    for number in (7, 7, 8):
        reporter.held_back(view(round=number), "waiting for the plan")
    assert log.events("wait") == ["waiting for the plan"] * 2
