"""Many rounds with nothing amiss: memory, handles, what is kept, and the time of a round stay what they were."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import invariants
from .world import Options, World, world

__all__ = ["Sample", "soak"]


@dataclass(frozen=True)
class Sample:
    """How things stood: the most of any node; since the sample before, seconds a round, and of the processor a node.

    What other programs do on the machine is in the former, and not in the latter. ``load``: the machine's, per core.
    """

    round: int
    mib: float
    handles: int
    threads: int
    kept: int
    round_s: float
    cpu_ms: float
    load: float


def soak(rounds: int, members: int, *, each: int = 50, say: Callable[[str], None] = print) -> list[Sample]:
    """Let so many rounds pass, and take a sample after ``each``."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, world(Path(folder), Options(members)) as w:
        w.until(lambda: w.view().round > 5, 300)
        last, since, spent = w.view().round, time.monotonic(), _cpu_s(w)
        while last < rounds:
            goal = last + each
            assert w.until(lambda goal=goal: w.view().round >= goal, 60.0 * each), "rounds stand still"  # type: ignore[misc]
            assert not (ended := w.bring_back()), ended
            now, at, cpu_s = w.view().round, time.monotonic(), _cpu_s(w)
            all_ = [invariants.footprint(w, index) for index in w.members]
            sample = Sample(
                now,
                max(f[0] for f in all_),
                max(f[1] for f in all_),
                max(f[2] for f in all_),
                max(f[3] for f in all_),
                (at - since) / (now - last),
                1000 * (cpu_s - spent) / (now - last) / members,
                os.getloadavg()[0] / (os.cpu_count() or 1),
            )
            say(
                f"round {now}: {sample.mib:.1f} MiB, {sample.handles} handles, {sample.threads} threads, "
                f"{sample.kept} kept, {sample.round_s:.2f} s a round, {sample.cpu_ms:.0f} ms of cpu a node and round, "
                f"load {sample.load:.1f}"
            )
            samples.append(sample)
            last, since, spent = now, at, cpu_s
    return samples


def _cpu_s(w: World) -> float:
    """Processor time of all nodes and workers, so far."""
    return sum(t.user + t.system for t in (process.cpu_times() for process in w.processes()))
