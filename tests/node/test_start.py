"""Waiting for the chain: what may pass is waited for, what only a person can mend ends it once it is sure."""

from __future__ import annotations

from typing import Any, cast

import pytest
from colearn_node.check import Findings
from colearn_node.health import Health
from colearn_node.start import Start, ToldToLeave, say_funds, wait_for_chain
from colearn_node.wakeup import Wake

from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    ConfigError,
    InsufficientFunds,
    NoContract,
    NotAMember,
    WrongChain,
)

from ..kit.fakes import Clock, Lines


class FakeFindings:
    """Raises what it is given, one error a look, and then finds nothing amiss."""

    def __init__(self, *errors: ColearnError) -> None:
        self.errors = list(errors)
        self.forgotten = 0
        self.account, self.dry_run = object(), False

    def reach_chain(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return ""

    def compare_code(self) -> str:
        return ""

    def find_member(self) -> str:
        return ""

    def count_funds(self) -> str:
        return self.reach_chain()

    def look_anew(self) -> None:
        self.forgotten += 1


class Impatient(Wake):
    """Waits for nothing, and remembers for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return True


def started(*errors: ColearnError) -> tuple[FakeFindings, Start, Lines, Health]:
    findings, start, log, health = FakeFindings(*errors), Start(), Lines(), Health(1.0, Clock())
    start.wake = Impatient()
    wait_for_chain(cast(Findings, findings), start, log, health, poll_interval=1.0)
    return findings, start, log, health


def test_wait__all_is_there__at_once() -> None:
    findings, start, log, _ = started()
    assert findings.forgotten == 0 and log.lines == [] and cast(Any, start.wake).pauses == []


def test_wait__chain_is_away__looks_as_often_as_a_node_does_and_says_it_ever_more_rarely() -> None:
    findings, start, log, health = started(*[ChainError("no answer")] * 9)
    assert findings.forgotten == 9, "each look is at the chain as it is by then"
    assert log.events("chain") == ["no answer; looking again until that is another way"] * 4
    pauses = cast(Any, start.wake).pauses
    assert len(pauses) == 9 and all(0.5 <= pause <= 1 for pause in pauses)
    assert health.failure is None


@pytest.mark.parametrize(
    "error", [WrongChain("another"), ArtifactError("odd"), NoContract("none"), NotAMember("a stranger")]
)
def test_wait__a_verdict__is_believed_when_it_is_said_three_times_in_a_row(error: ColearnError) -> None:
    findings, *_ = started(error, error, ChainError("away"), error, error)
    assert findings.errors == []
    with pytest.raises(type(error)):
        started(error, error, error)


def test_wait__what_has_nothing_to_do_with_the_chain__ends_it_at_once() -> None:
    with pytest.raises(ConfigError):
        started(ConfigError("a wrong file"))


def test_wait__told_to_leave__leaves() -> None:
    start = Start()
    start.stop()
    with pytest.raises(ToldToLeave):
        wait_for_chain(cast(Findings, FakeFindings()), start, Lines(), Health(1.0), poll_interval=1.0)


def test_start__told_before_the_node_is_there__tells_the_node_when_it_is() -> None:
    told: list[str] = []

    class Node:
        supervisor: Any = None

        def __init__(self) -> None:
            self.supervisor = self

        def stop(self) -> None:
            told.append("stop")

        def end(self) -> None:
            told.append("end")

    early, late = Start(), Start()
    early.supervisor.end()  # there is nothing to end
    early.stop()
    early.becomes(Node())
    assert told == ["stop"]
    late.becomes(Node())
    assert told == ["stop"]
    late.stop()
    late.supervisor.end()
    assert told == ["stop", "stop", "end"]


@pytest.mark.parametrize("error, event", [(InsufficientFunds("poor", fix="send"), "funds"), (ChainError("?"), "chain")])
def test_say_funds__too_little__is_said_and_no_reason_to_leave(error: ColearnError, event: str) -> None:
    log = Lines()
    say_funds(cast(Findings, FakeFindings(error)), log)
    assert log.events(event)
    dry = FakeFindings(error)
    dry.dry_run = True
    say_funds(cast(Findings, dry), Lines())
    assert dry.errors
