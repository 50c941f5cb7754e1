"""What stands in for chain, worker process and clock where a node's parts are tested alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from colearn_node.log import Log
from colearn_node.worker.messages import Begun, Done, Failed, Job, PullAhead, Ready, Spec, Tidy
from colearn_node.worker.process import Died, Message

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.merge.claim import claim_digest, seats_mask
from colearn_ledger.core.protocol import Claim, RoundRecord, View
from colearn_ledger.errors import ColearnError
from colearn_ledger.member.work import Adopted, Contributed, Merged, Published, Trained, Verdict, Work

from .builders import ME, ref

__all__ = ["Clock", "FakeLedger", "FakeWorker", "Lines", "work_of"]


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Lines(Log):
    """A log whose lines are kept."""

    def __init__(self) -> None:
        super().__init__(level="error")
        self.lines: list[tuple[str, str, str, dict[str, Any]]] = []

    def _write(self, level: str, event: str, text: str, facts: dict[str, Any]) -> None:
        self.lines.append((level, event, text, facts))
        if self.listener is not None:
            self.listener(level, event)

    def events(self, name: str) -> list[str]:
        """The texts of the lines of this event."""
        return [text for _, event, text, _ in self.lines if event == name]


def work_of(action: Action) -> Work:
    """What a learner without faults makes of an action."""
    test = ProposedWeights(Weights(None), 0.75, 0.7, True, current_score=0.5)
    if isinstance(action, Adopt):
        return Adopted(action.weights)
    if isinstance(action, Republish):
        return Published(action.weights)
    if isinstance(action, Propose):
        return Trained(action.round, action.parent, ref("trained"), b"", test)
    if isinstance(action, Contribute):
        return Contributed(action.training, action.parent, ref("contributed"), b"")
    if isinstance(action, Merge):
        merged = [(one.seat, one.weights) for one in action.contributions]
        claim = Claim(seats_mask(seat for seat, _ in merged), action.rule, claim_digest(merged))
        return Merged(action.round, action.parent, ref("merged"), claim, (), (), test)
    assert isinstance(action, Judge), action
    return Verdict(action, True, test, "")


@dataclass
class FakeLedger:
    """A collective whose views are given; ``mined``: what was sent, in order.

    ``known``: what the last call for a view came with. ``error``: raised by the next calls until it is taken away.
    ``unreadable``: the same for rounds. ``refusal``: what becomes of the next transaction. ``mines``: False leaves
    transactions ``under_way``; ``late``: what was dropped is mined all the same.
    ``following``: whose turn comes next.
    ``better``: whether there is an endpoint to switch to.
    """

    now: View
    records: dict[int, RoundRecord] = field(default_factory=dict)
    member: str = ME
    sends: bool = True
    error: ColearnError | None = None
    unreadable: ColearnError | None = None
    refusal: ColearnError | None = None
    outcome: Outcome = Outcome.SENT
    mined: list[Work] = field(default_factory=list)
    looks: int = 0
    known: View | None = None
    pages: list[tuple[int, int]] = field(default_factory=list)
    heads: Heads | None = None
    better: bool = True
    switches: int = 0
    mines: bool = True
    late: bool = False
    dropped: list[Work] = field(default_factory=list)
    under_way: Work | None = None
    following: str = ""
    asked_for_next: int = 0

    def view(self, known: View | None = None) -> View:
        if self.error is not None:
            raise self.error
        self.looks, self.known = self.looks + 1, known
        same = known is not None and known.block_hash == self.now.block_hash
        return known if known is not None and same else dataclasses.replace(self.now)

    def rounds(self, first: int, count: int, view: View) -> tuple[RoundRecord, ...]:
        self.pages.append((first, count))
        if self.unreadable is not None:
            raise self.unreadable
        return tuple(self.records[i] for i in range(first, first + count))

    def next_proposer(self, view: View) -> str:
        self.asked_for_next += 1
        if self.unreadable is not None:
            raise self.unreadable
        return self.following

    def compare_heads(self) -> Heads | None:
        return self.heads

    def switch_endpoint(self) -> bool:
        self.switches += 1
        return self.better

    def submit(self, work: Work) -> None:
        if self.under_way is not None and self.late:
            self.dropped.append(self.under_way)
        self.under_way = work

    def settle(self) -> list[tuple[Work, Receipt]]:
        dropped, self.dropped = self.dropped, []
        return [(work, Receipt(Outcome.SENT, b"d" * 32, self.now.block_number, 31_020)) for work in dropped]

    @property
    def pause(self) -> float:
        return math.inf if self.under_way is None else 0.1

    def poll(self) -> Receipt | None:
        assert self.under_way is not None
        if not self.mines:
            return None
        work, self.under_way = self.under_way, None
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self.mined.append(work)
        if self.outcome is not Outcome.SENT:
            return Receipt(self.outcome)
        return Receipt(Outcome.SENT, b"t" * 32, self.now.block_number + 1, 31_020)

    def becomes(self, **changes: Any) -> None:
        """Another block, and what it has changed."""
        number = self.now.block_number + 1
        block = {"block_number": number, "block_hash": number.to_bytes(32, "big")}
        self.now = dataclasses.replace(self.now, **(block | changes))


Starter = Callable[[Spec, Callable[[], None], Callable[[str], None]], "FakeWorker"]


class FakeWorker:
    """A worker that answers when it is told to; a supervisor starts it by what :meth:`starter` gives."""

    def __init__(self, wake: Callable[[], None], pid: int) -> None:
        self._wake = wake
        self.pid = pid
        self.sent: list[Job | Tidy | PullAhead] = []
        self._said: list[Message] = []
        self.alive = True

    @classmethod
    def starter(
        cls,
    ) -> tuple[list[FakeWorker], Callable[[Spec, Callable[[], None], Callable[[str], None]], FakeWorker]]:
        """The workers that were started, and what starts one."""
        started: list[FakeWorker] = []

        def start(spec: Spec, wake: Callable[[], None], printed: Callable[[str], None]) -> FakeWorker:
            started.append(cls(wake, 100 + len(started)))
            return started[-1]

        return started, start

    def send(self, message: Job | Tidy | PullAhead) -> None:
        self.sent.append(message)

    def hear(self) -> list[Message]:
        said, self._said = self._said, []
        return said

    def kill(self) -> None:
        self.alive = False

    def says(self, *messages: Message) -> None:
        self._said += messages
        self._wake()

    def is_ready(self) -> None:
        self.says(Ready(self.pid))

    def dies(self, code: int = -9) -> None:
        self.alive = False
        self.says(Died(code))

    @property
    def jobs(self) -> list[Job]:
        return [message for message in self.sent if isinstance(message, Job)]

    @property
    def job(self) -> Job:
        return self.jobs[-1]

    def begins(self) -> None:
        """The last job is being done: what was there before it has ended."""
        self.says(Begun(self.job.number))

    def finishes(self, work: Work | None = None) -> None:
        """The last job is done, with what a good learner makes of it."""
        self.says(Done(self.job.number, work or work_of(self.job.action)))

    def fails(self, error: ColearnError, trace: str = "") -> None:
        self.says(Failed(self.job.number, error, trace))
