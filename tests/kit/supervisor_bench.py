"""A supervisor whose workers are fakes, its clock and what it logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from colearn_node.worker.messages import Spec
from colearn_node.worker.supervisor import WorkerSupervisor

from colearn_ledger.core.decide import Adopt, Contribute, Judge, Propose, Republish
from colearn_ledger.core.schema import Schema
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.stores.spec import StoreSpec

from .builders import proposal, ref
from .fakes import Clock, FakeWorker, Lines

__all__ = ["ADOPT", "CONTRIBUTE", "JUDGE", "OTHER_JUDGE", "PROPOSE", "REPUBLISH", "SPEC", "Bench"]

SPEC = Spec(LearnerSpec("m:f"), StoreSpec(None, Path("w"), False), 1 << 20, Schema.of({}))
ADOPT, PROPOSE = Adopt(3, ref("accepted")), Propose(7, ref("accepted").sha256)
CONTRIBUTE = Contribute(6, ref("accepted").sha256)
REPUBLISH = Republish(7, ref("accepted").sha256, ref("mine"))
JUDGE, OTHER_JUDGE = Judge(7, proposal("one"), False), Judge(8, proposal("two"), False)


class Bench:
    """A supervisor, its workers, its clock and what it logs."""

    def __init__(self, grace_s: float = 10.0, *, start_it: bool = True) -> None:
        self.clock, self.log = Clock(), Lines()
        self.workers, make = FakeWorker.starter()
        self.refuses: OSError | None = None

        def start(spec: Spec, wake: Callable[[], None], printed: Callable[[str], None]) -> FakeWorker:
            if self.refuses is not None:
                raise self.refuses
            return make(spec, wake, printed)

        self.woken = 0
        self.supervisor = WorkerSupervisor(
            SPEC, self._wake, self.log, grace_s=grace_s, hang_s=100.0, start=start, clock=self.clock
        )
        if start_it:
            self.supervisor.start()

    def _wake(self) -> None:
        self.woken += 1

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    @classmethod
    def with_stale_work(cls, stale_s: float, grace_s: float = 10.0) -> Bench:
        """One whose worker tests a proposal, while for so many seconds another one has been wanted instead."""
        bench = cls(grace_s).ready()
        bench.supervisor.work_on(JUDGE, 5.0)
        bench.supervisor.work_on(OTHER_JUDGE, 5.0)
        bench.clock.now += stale_s
        return bench

    def ready(self) -> Bench:
        self.worker.is_ready()
        self.supervisor.hear()
        return self
