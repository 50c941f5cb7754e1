"""What a node takes while nothing is to be done: CPU of a core, and memory.

    python -m benchmarks.idle [--seconds N] [--check]

A node is two processes: the watcher, which follows the chain, and the worker, which holds the learner (here one that
has no framework). Each waits for a proposer that stays away, with an IPFS daemon as its store: one polls a chain that
makes no blocks, one polls a chain that makes a block a second, and one is woken by that chain's WebSocket.

CPU is what /proc/PID/stat counts over the time, so Linux only. Memory: RSS has the pages that a process has in memory;
PSS has those that both share (the interpreter, the libraries' code) once in the sum, so it is what a node takes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from colearn_node.demo import set_up

from colearn_ledger.network import LocalNetwork

from .scene import FREE, Nodes, load, polling, prepare, running

__all__ = ["TARGET_CPU", "TARGET_MB", "Idle", "cpu_s", "measure"]

TARGET_CPU = 0.01
TARGET_MB = 120.0
POLL_S = 1.0


@dataclass(frozen=True)
class Idle:
    """Of one node. ``cpu`` is a share of a core, of both processes; memory is in MB."""

    cpu: float
    watcher_rss: float
    worker_rss: float
    pss: float


def measure(seconds: float = 60.0) -> dict[str, Idle]:
    """By what wakes the node."""
    prepare()
    with (
        LocalNetwork("anvil", 2) as still,
        LocalNetwork("anvil", 3, block_time=1) as ticking,
    ):
        # Whoever proposes first, the first member, doesn't run.
        _, alone = set_up(still, FREE, {}).configs.values()
        _, polls, hears = set_up(ticking, FREE, {}).configs.values()
        configs = {
            f"polls every {POLL_S:g} s, no blocks": polling(alone, POLL_S),
            f"polls every {POLL_S:g} s, a block a second": polling(polls, POLL_S),
            "WebSocket, a block a second": hears,
        }
        with running(configs) as nodes:
            processes = {name: _processes(nodes, name) for name in configs}
            before = {name: sum(map(cpu_s, pids)) for name, pids in processes.items()}
            start = time.monotonic()
            time.sleep(seconds)
            passed = time.monotonic() - start
            found = {}
            for name, (watcher, worker) in processes.items():
                cpu = (cpu_s(watcher) + cpu_s(worker) - before[name]) / passed
                pss = _memory(watcher, "Pss") + _memory(worker, "Pss")
                found[name] = Idle(cpu, _memory(watcher, "Rss"), _memory(worker, "Rss"), pss)
    return found


def _processes(nodes: Nodes, name: str) -> tuple[int, int]:
    return nodes.fleet.pids[name], int(nodes.events(name, "learner")[-1]["pid"])


def cpu_s(pid: int) -> float:
    """Seconds that it has run on a core, in user and in kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, what: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"/proc/{pid}/smaps_rollup has no {what}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long to look (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        print("this needs Linux's /proc/PID/smaps_rollup", file=sys.stderr)
        return 2
    found = measure(options.seconds)
    print(f"an idle node over {options.seconds:g} s, memory in MB ({load()})")
    print(f"  {'':<34}{'CPU':>7}{'watcher RSS':>13}{'worker RSS':>12}{'both, PSS':>11}")
    for name, row in found.items():
        print(f"  {name:<34}{row.cpu:>7.2%}{row.watcher_rss:>13.0f}{row.worker_rss:>12.0f}{row.pss:>11.0f}")
    cpu, memory = max(row.cpu for row in found.values()), max(row.pss for row in found.values())
    print(f"most: {cpu:.2%} of a core, {memory:.0f} MB (targets: at most {TARGET_CPU:.0%}, {TARGET_MB:.0f} MB)")
    return int(options.check and (cpu > TARGET_CPU or memory > TARGET_MB))


if __name__ == "__main__":
    sys.exit(main())
