"""Contributions merged into one proposal, against the time that it takes to have them.

    python -m benchmarks.merge           print the table
    python -m benchmarks.merge --check   and fail above the targets

Having them is what a proposer does before it merges: pull each from the store into a file (a folder's: read, hash
twice, write), map it, and check it against the accepted weights (header, schema, finite numbers, none too large). The
merge reads the mapped files block by block and writes its own; it is timed up to its name. Memory is what numpy and
Python have allocated at most at once (by ``tracemalloc``, in a run of its own, on fewer bytes); mapped files lie on
disk.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import mmap
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colearn_ledger.core.merge import Basis, Mergeable, Rule, merge_to
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.stores.local import LocalStore

__all__ = ["MEMORY", "TARGETS", "Merged", "measure"]

# How many times the time to have the contributions a merge of them may take.
TARGETS = {
    Rule.MEAN: 2.0,
    Rule.CLIPPED_MEAN: 4.0,
    Rule.MEDIAN: 8.0,
    Rule.TRIMMED_MEAN: 8.0,
    Rule.MOMENTUM: 2.0,
}
MEMORY = 2.0  # sets of weights


@dataclass(frozen=True)
class Merged:
    """Seconds to have the contributions, and to merge them; the most memory that a merge took, in sets of weights."""

    pull: float
    seconds: dict[Rule, float]
    memory: dict[Rule, float]


def measure(megabytes: float, contributions: int, folder: Path, *, dtype: str = "<f4") -> Merged:
    """Each rule on contributions of so many megabytes, which lie in the folder; what it leaves there is no more."""
    with _pulled(megabytes, contributions, folder, dtype) as (pull, basis, checked, before):
        seconds = {rule: _timed(basis, rule, checked, before, folder) for rule in TARGETS}
    with _pulled(min(megabytes, 8.0), contributions, folder, dtype) as (_, basis, checked, before):
        memory = {rule: _peak(basis, rule, checked, before, folder) for rule in TARGETS}
    return Merged(pull, seconds, memory)


@contextlib.contextmanager
def _pulled(
    megabytes: float, count: int, folder: Path, dtype: str
) -> Iterator[tuple[float, Basis, list[Mergeable], memoryview]]:
    """Seconds to have them; the basis, the contributions, and the weights accepted before."""
    rng = np.random.default_rng(0)
    size = int(megabytes * 1e6) // np.dtype(dtype).itemsize
    whole = rng.normal(scale=0.05, size=size).astype(dtype)
    schema = Schema.of({"w": whole})
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory(dir=folder) as place:
        theirs = LocalStore(Path(place) / "store")
        refs: list[WeightsRef] = []
        for _ in range(count):
            step = rng.normal(scale=0.01, size=1 << 16).astype(dtype)
            refs.append(theirs.put(encode({"w": whole + np.resize(step, size)})))
        mapped = []
        for name, weights in (("parent", whole), ("before", whole * np.array(0.99, dtype))):
            (Path(place) / name).write_bytes(encode({"w": weights}))
            mapped.append(_map(stack, Path(place) / name))
        del whole
        os.sync()
        basis = Basis.of(schema, mapped[0])
        start = time.perf_counter()
        checked = []
        for seat, ref in enumerate(refs):
            theirs.get_to(Path(place) / str(seat), ref)
            checked.append(basis.check(seat, ref, _map(stack, Path(place) / str(seat))))
        yield time.perf_counter() - start, basis, checked, mapped[1]
        gc.collect()


def _map(stack: contextlib.ExitStack, path: Path) -> memoryview:
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _timed(basis: Basis, rule: Rule, checked: list[Mergeable], before: memoryview, folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as out:
        start = time.perf_counter()
        merge_to(out.write, basis, rule, checked, before=before)
        return time.perf_counter() - start


def _peak(basis: Basis, rule: Rule, checked: list[Mergeable], before: memoryview, folder: Path) -> float:
    """Sets of weights; the learner's own and the accepted ones aren't counted."""
    gc.collect()
    tracemalloc.start()
    try:
        _timed(basis, rule, checked, before, folder)
        return tracemalloc.get_traced_memory()[1] / len(checked[0].data)
    finally:
        tracemalloc.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100, help="of each contribution (default: %(default)s)")
    parser.add_argument("--contributions", type=int, default=16, help="how many (default: %(default)s)")
    parser.add_argument("--dtype", choices=["<f2", "<f4", "<f8"], default="<f4", help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=None, help="where their files lie (default: the temporary one)")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = measure(options.megabytes, options.contributions, Path(folder), dtype=options.dtype)
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(
        f"{options.contributions} contributions of {options.megabytes:g} MB ({cores} cores, load {load:.1f}): "
        f"pulled, hashed and checked in {found.pull:.2f} s"
    )
    print(f"  {'rule':<14}{'seconds':>8}{'times':>8}  (target){'memory':>8}  ({MEMORY:g} sets)")
    missed = False
    for rule, target in TARGETS.items():
        times = found.seconds[rule] / found.pull
        missed |= times > target or found.memory[rule] > MEMORY
        print(f"  {rule.text:<14}{found.seconds[rule]:>8.2f}{times:>8.2f}  ({target:g}){found.memory[rule]:>13.2f}")
    return int(options.check and missed)


if __name__ == "__main__":
    sys.exit(main())
