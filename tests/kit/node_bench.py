"""A node that goes step by step, on a ledger whose views are given, with a worker that answers when it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colearn_node.health import Health
from colearn_node.node import Node
from colearn_node.reporter import Reporter
from colearn_node.retention import Retention
from colearn_node.wakeup import Wake
from colearn_node.worker.messages import Spec
from colearn_node.worker.supervisor import WorkerSupervisor

from colearn_ledger.core.protocol import Contribution, RoundState, Training
from colearn_ledger.core.schema import Schema
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.stores.spec import StoreSpec

from .builders import proposal, ref, view
from .fakes import Clock, FakeLedger, FakeWorker, Lines

__all__ = ["REVEALING", "SPEC", "VOTING", "Bench", "Subscription", "contributed", "training"]

SPEC = Spec(LearnerSpec("m:f"), StoreSpec(None, Path("w"), False), 1 << 20, Schema.of({}))
VOTING = {"state": RoundState.VOTING, "proposal": proposal()}
REVEALING = {"state": RoundState.REVEALING, "proposal": proposal(), "secret_votes": True, "commitment": b"c" * 32}


class Subscription:
    """For how long new blocks would be heard of."""

    def __init__(self, quiet_s: float) -> None:
        self.quiet_s = quiet_s


class Bench:
    """A node that goes step by step."""

    def __init__(self, ledger: FakeLedger | None = None, *, keep: str = "all", **options: Any) -> None:
        self.clock, self.log = Clock(), Lines()
        self.ledger = ledger or FakeLedger(view())
        self.workers, start = FakeWorker.starter()
        self.wake = Wake()
        self.health = Health(1.0, self.clock)
        supervisor = WorkerSupervisor(
            SPEC, self.wake, self.log, grace_s=10.0, hang_s=100.0, start=start, clock=self.clock
        )
        self.node = Node(
            self.ledger,
            supervisor,
            self.wake,
            Reporter(self.log),
            Retention(self.ledger, keep),
            self.health,
            **{"poll_interval": 1.0, "store_timeout": 60.0, "endpoint_lag": 5, "clock": self.clock, **options},
        )
        supervisor.start()

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    def adopts(self) -> Bench:
        """The learner is made, and takes the accepted weights."""
        self.worker.is_ready()
        self.node.step()
        self.worker.finishes()
        return self

    def works(self) -> None:
        """Step; have the worker do what it was given; step again."""
        self.node.step()
        self.worker.finishes()
        self.node.step()


def training(*contributions: Contribution, until: int = 1500) -> dict[str, Any]:
    """Of round 7, the first one after what was accepted."""
    return {
        "training": Training(7, until, 0b1111, (2, 3), contributions),
        "merge_order": (1, 2, 3),
        "accepted_round": 6,
    }


def contributed(seat: int) -> Contribution:
    return Contribution(seat, ref(f"contribution of {seat}"), late=False)
