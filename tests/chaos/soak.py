"""Many rounds with nothing amiss: memory, handles, what is kept, and the time of a round stay what they were."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import invariants
from .world import Options, world

__all__ = ["Sample", "soak"]


@dataclass(frozen=True)
class Sample:
    """How things stood: the most of any node; ``round_s`` since the sample before."""

    round: int
    mib: float
    handles: int
    threads: int
    kept: int
    round_s: float


def soak(rounds: int, members: int, *, each: int = 50, say: Callable[[str], None] = print) -> list[Sample]:
    """Let so many rounds pass, and take a sample after ``each``."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, world(Path(folder), Options(members)) as w:
        w.until(lambda: w.view().round > 5, 300)
        last, since = w.view().round, time.monotonic()
        while last < rounds:
            goal = last + each
            assert w.until(lambda goal=goal: w.view().round >= goal, 60.0 * each), "rounds stand still"  # type: ignore[misc]
            assert not (ended := w.bring_back()), ended
            now, at = w.view().round, time.monotonic()
            all_ = [invariants.footprint(w, index) for index in w.members]
            sample = Sample(
                now,
                max(f[0] for f in all_),
                max(f[1] for f in all_),
                max(f[2] for f in all_),
                max(f[3] for f in all_),
                (at - since) / (now - last),
            )
            say(
                f"round {now}: {sample.mib:.1f} MiB, {sample.handles} handles, {sample.threads} threads, "
                f"{sample.kept} kept, {sample.round_s:.2f} s a round"
            )
            samples.append(sample)
            last, since = now, at
    return samples
