"""What a piece of work takes of this process: memory beyond what it had, and bytes that it moved.

Linux alone tells both. Memory is the resident set, pages of mapped files included; moved is what was
read from files and written to them by system calls: a byte that is written and read counts twice, what goes through
sockets and mappings doesn't count.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

__all__ = ["Cost", "cost_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one piece of work: bytes at most at once and moved, -1 where unknown; seconds by the clock and of CPU."""

    memory: int
    moved: int
    seconds: float
    cpu: float


def cost_of(work: Callable[[], T]) -> tuple[T, Cost]:
    """Do it, and say what it took. Nothing waits for the garbage collector, which is off meanwhile."""
    known = Path("/proc/self/clear_refs").exists()
    gc.collect()
    gc.disable()
    try:
        if known:
            Path("/proc/self/clear_refs").write_text("5")  # the largest resident set is counted anew from here
        before, start_moved = (_status("VmRSS"), _moved()) if known else (0, 0)
        start, start_cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        after, end_moved = (_status("VmHWM"), _moved()) if known else (-1, -1)
        return result, Cost(after - before, end_moved - start_moved, seconds, cpu)
    finally:
        gc.enable()


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field + ":")).split()[1])


def _moved() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar:", "wchar:")))
