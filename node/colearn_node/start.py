"""The start: what may pass is waited for, and said; what only a person can mend ends it, once it is sure."""

from __future__ import annotations

from typing import Protocol

from colearn_ledger.backoff import Backoff
from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    InsufficientFunds,
    NotAMember,
    WrongChain,
)

from .check import Findings
from .health import Health
from .log import Log
from .wakeup import Wake

__all__ = ["Start", "ToldToLeave", "wait_for_chain"]

# What an endpoint says against a node may be an answer that goes as it came: so often it has to say it, so many seconds
# apart, to be believed.
_VERDICTS = (WrongChain, ArtifactError, NotAMember)
_TIMES_SAID, _BETWEEN_S = 3, 1.0


class ToldToLeave(Exception):
    """Told to leave before it had begun."""


class _Node(Protocol):
    def stop(self) -> None: ...
    @property
    def supervisor(self) -> _Ends: ...


class _Ends(Protocol):
    def end(self) -> None: ...


class Start:
    """What can be told to leave from the program's beginning on: a node that isn't there yet, and then the node.

    Attributes
    ----------
    wake: wakes whoever waits, node or start.
    told: whether it was told.
    """

    def __init__(self) -> None:
        self.wake = Wake()
        self.told = False
        self._node: _Node | None = None

    @property
    def supervisor(self) -> Start:
        return self

    def becomes(self, node: _Node) -> None:
        """From here on it is the node that is told."""
        self._node = node
        if self.told:
            node.stop()

    def stop(self) -> None:
        """Leave soon; may be called from a signal handler."""
        self.told = True
        self.wake()
        if self._node is not None:
            self._node.stop()

    def end(self) -> None:
        """End the worker, if there is one."""
        if self._node is not None:
            self._node.supervisor.end()


def wait_for_chain(findings: Findings, start: Start, log: Log, health: Health, *, poll_interval: float) -> None:
    """Look until all that a node needs of the chain is there.

    Raises
    ------
    ToldToLeave: told to, meanwhile.
    WrongChain, ArtifactError, NotAMember: it can't be this chain, this contract, this member; said again and again.
    """
    failures, verdicts = Backoff(poll_interval, poll_interval), 0
    while not start.told:
        health.looped()
        try:
            for look in (findings.reach_chain, findings.compare_code, findings.find_member):
                look()
        except ColearnError as e:
            verdicts = verdicts + 1 if isinstance(e, _VERDICTS) else 0
            if verdicts == _TIMES_SAID or not isinstance(e, (*_VERDICTS, ChainError)):
                raise
            failures.add(e.what)
            pause = _BETWEEN_S if verdicts else failures.left(e.what)
            health.failure = e.what
            if failures.times & (failures.times - 1) == 0:  # the first time, and then ever more rarely
                log.warning("chain", f"{e.what}; looking again until that is another way")
            findings.look_anew()
            start.wake.wait(pause)
            continue
        health.failure = None
        return
    raise ToldToLeave


def say_funds(findings: Findings, log: Log) -> None:
    """An account that can't pay now may do so later: it is said, as it is when a transaction can't be sent."""
    if findings.account is None or findings.dry_run:
        return
    try:
        findings.count_funds()
    except InsufficientFunds as e:
        log.warning("funds", f"{e.what}; to fix: {e.fix}")
    except ChainError as e:
        log.warning("chain", e.what)
