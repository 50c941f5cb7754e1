"""Whether rounds of a chain that is kept (``network up --state``, Anvil) stay as cheap as the first ones.

    python -m benchmarks.kept [--rounds N] [--check]

Three nodes whose learner costs nothing, the weights in a folder, on a chain that is kept and on one that isn't: time
and the chain's CPU (Anvil's, and what saves its state) per round, in the first rounds and in the last ones. CPU is what
/proc/PID/stat counts, so Linux only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from colearn_node.demo import set_up

from colearn_ledger.network import LocalNetwork

from .idle import cpu_s
from .scene import FREE, Nodes, load, prepare, running

__all__ = ["TARGET", "Growth", "measure"]

TARGET = 1.3  # beyond that of a chain that isn't kept
EDGE = 50


@dataclass(frozen=True)
class Growth:
    """Milliseconds a round, of the first and of the last ones: by the clock, and of the chain's CPU.

    ``saved`` is the size of the saved state at the end, in MB.
    """

    first_ms: float
    last_ms: float
    first_cpu_ms: float
    last_cpu_ms: float
    saved: float

    @property
    def ratio(self) -> float:
        return self.last_ms / self.first_ms


def measure(rounds: int = 300, edge: int = EDGE) -> dict[str, Growth]:
    """With and without a state. ``edge``: how many rounds are the first ones, and how many the last ones."""
    prepare()
    found = {}
    for name in ("not kept", "kept"):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "kept" if name == "kept" else None
            with LocalNetwork("anvil", 3, folder=folder, ipfs=False) as network:
                setup = set_up(network, FREE, {})
                pids = [pid for which, pid in network.pids().items() if which.startswith("chain")]
                marks = [(time.monotonic(), sum(map(cpu_s, pids)))]
                with running(setup.configs) as nodes:
                    first = next(iter(setup.configs))
                    for number in range(1, rounds + 1):
                        nodes.wait_until(lambda n=number, who=first: _ended(nodes, who) >= n, f"round {number}")  # type: ignore[misc]
                        marks.append((time.monotonic(), sum(map(cpu_s, pids))))
            saved = sum(path.stat().st_size for path in folder.rglob("anvil-state.gz")) if folder else 0
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks[1:])]
        parts = [
            (1000 * statistics.median(s for s, _ in part), 1000 * statistics.fmean(c for _, c in part))
            for part in (steps[:edge], steps[-edge:])
        ]
        (first_ms, first_cpu), (last_ms, last_cpu) = parts
        found[name] = Growth(first_ms, last_ms, first_cpu, last_cpu, saved / 1e6)
    return found


def _ended(nodes: Nodes, name: str) -> int:
    return max((int(line["round"]) - 1 for line in nodes.events(name, "outcome")[-1:]), default=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="fail above the target")
    options = parser.parse_args()
    if options.rounds < 2 * EDGE + 1:
        parser.error(f"--rounds is at least {2 * EDGE + 1}")
    if not Path("/proc/self/stat").exists():
        print("this needs Linux's /proc/PID/stat", file=sys.stderr)
        return 2
    found = measure(options.rounds)
    print(f"{options.rounds} rounds of 3 nodes on Anvil, ms a round, first and last {EDGE} ({load()})")
    print(f"  {'':<10}{'first':>8}{'last':>8}{'ratio':>8}{'chain CPU, first':>18}{'last':>8}{'saved, MB':>11}")
    for name, row in found.items():
        print(
            f"  {name:<10}{row.first_ms:>8.0f}{row.last_ms:>8.0f}{row.ratio:>8.2f}{row.first_cpu_ms:>18.1f}"
            f"{row.last_cpu_ms:>8.1f}{row.saved:>11.2f}"
        )
    ratio = found["kept"].ratio / found["not kept"].ratio
    print(f"kept grows {ratio:.2f} times as much as not kept (target: at most {TARGET})")
    return int(options.check and ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
