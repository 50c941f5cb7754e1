"""Weights from a proposer's IPFS daemon to a voter that adopts them, against what a plain transfer takes.

    python -m benchmarks.transfer                     print the table
    python -m benchmarks.transfer --megabytes 1000    of 1 GB
    python -m benchmarks.transfer --check             and fail below the target, or above that of memory

Plain is Kubo's own program: ``ipfs add`` of a file on one daemon, then ``ipfs pin add`` on the other, with which the
bytes are at the other daemon and no further. Ours is what a proposer and a voter do, each in a process of its own as a
node's worker is: encode what the learner has proposed, name the bytes, put them; then check the root, pin, read all
bytes, hash them twice (sha256 and CID), look at each value and at the parent's, and have the learner adopt them. Both
on the same two daemons in turn, each time with new bytes, by the wall clock; the order changes each time, and the
medians are compared. CPU time shows where a part's time goes: its own is that of Kubo's program, or of the member's
process.

Memory is what either side takes at most beyond what it had while a member proposes, judges and adopts, less the
learner's own set of weights beside its model: what it has made, or is given. Moved is what was read from files and
written to them for that (sockets aren't counted), in sets of weights.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from colearn_ledger.core.cid import CHUNK, MAX_LINKS
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.spec import StoreSpec

from .idle import cpu_s
from .peak import Cost
from .scene import load
from .sides import COPIES, Side, adopt, judge, propose, sides

__all__ = ["KINDS", "MOST_MEMORY", "TARGET", "measure"]

TARGET = 0.60
MOST_MEMORY = 256_000_000  # bytes

T = TypeVar("T")

_IMPORT = ["--cid-version=1", "--raw-leaves", f"--chunker=size-{CHUNK}", f"--max-file-links={MAX_LINKS}"]
_STEPS = ("publish", "verify", "adopt")
KINDS = ("", " cpu", " daemons")  # of seconds
_WORK = ("proposed", "judged", "adopted")


def measure(megabytes: int = 100, repeats: int = 5) -> dict[str, float]:
    """Median seconds of each part by the clock, and of CPU, its own and the daemons'; the ratio of the two speeds (ours
    to plain); and for each kind of a member's work the most memory in bytes, and how many sets of weights were moved.
    """
    costs: dict[str, Cost] = {}
    size = megabytes * 1_000_000
    with LocalNetwork("anvil", 2) as network, tempfile.TemporaryDirectory() as folder:
        apis = [person.ipfs_api for person in network.stakeholders]
        with sides(size, [StoreSpec(api) for api in apis]) as (proposer, voter):
            accepted = proposer.put_first()
            for side in (proposer, voter):
                adopt(side, 0, accepted)

            proposed, costs["proposed"] = propose(proposer, 1, accepted)
            costs["judged"] = judge(voter, 1, proposed)
            costs["adopted"] = max(
                (adopt(side, 1, proposed) for side in (proposer, voter)), key=lambda cost: cost.memory
            )
            ways = _Ways(network, proposer, voter)
            for i in range(repeats):
                for work in (ways.plain, ways.ours) if i % 2 == 0 else (ways.ours, ways.plain):
                    work(i + 2, Path(folder), megabytes)
    found = {key: statistics.median(values) for key, values in ways.parts.items()}
    for key, cost in costs.items():
        found[f"{key} memory"] = max(cost.memory - COPIES * size, 0)
        found[f"{key} moved"] = cost.moved / size
    return found | {"ratio": found["plain"] / found["ours"]}


class _Ways:
    """Both ways between the two daemons of a network, and what each part of them took, each time.

    Before one begins everything is written to the disk, and when it has ended the daemons free what it has left.
    """

    def __init__(self, network: LocalNetwork, proposer: Side, voter: Side) -> None:
        self.parts: dict[str, list[float]] = defaultdict(list)
        self._proposer, self._voter = proposer, voter
        self._ipfs = str(find_kubo())
        self._apis = [person.ipfs_api for person in network.stakeholders]
        self._daemons = [pid for name, pid in network.pids().items() if name.startswith("ipfs")]

    def plain(self, number: int, folder: Path, megabytes: int) -> None:
        file = folder / f"weights-{number}"
        with open(file, "wb") as out:
            for _ in range(megabytes):
                out.write(os.urandom(1_000_000))
        os.sync()
        with self._sums("plain", ("add", "pin")):
            cid = self._run_kubo("add", 0, "add", "-Q", *_IMPORT, str(file))
            self._run_kubo("pin", 1, "pin", "add", "--progress=false", cid)
        file.unlink()
        for i in range(2):
            self._kubo(i, "pin", "rm", cid)
        self._free()

    def ours(self, number: int, folder: Path, megabytes: int) -> None:
        os.sync()
        with self._sums("ours", _STEPS):
            ref = self._timed("publish", lambda: self._proposer.publish(number))
            self._timed("verify", lambda: (None, self._voter.verify(ref)))
            self._timed("adopt", lambda: (None, self._voter.adopt()))
        for side in (self._proposer, self._voter):
            side.discard(ref)
        self._free()

    def _timed(self, part: str, work: Callable[[], tuple[T, Cost]]) -> T:
        before = self._daemons_cpu()
        result, cost = work()
        self._note(part, cost.seconds, cost.cpu, self._daemons_cpu() - before)
        return result

    def _run_kubo(self, part: str, whose: int, *command: str) -> str:
        before, start, start_cpu = self._daemons_cpu(), time.perf_counter(), _children_cpu()
        answer = self._kubo(whose, *command)
        self._note(part, time.perf_counter() - start, _children_cpu() - start_cpu, self._daemons_cpu() - before)
        return answer

    def _kubo(self, whose: int, *command: str) -> str:
        argv = [self._ipfs, "--api", self._apis[whose], *command]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def _note(self, part: str, seconds: float, own: float, daemons: float) -> None:
        for key, value in zip(KINDS, (seconds, own, daemons), strict=True):
            self.parts[part + key].append(value)

    @contextlib.contextmanager
    def _sums(self, whole: str, parts: Sequence[str]) -> Iterator[None]:
        yield
        for key in KINDS:
            self.parts[whole + key].append(sum(self.parts[part + key][-1] for part in parts))

    def _daemons_cpu(self) -> float:
        return sum(map(cpu_s, self._daemons))

    def _free(self) -> None:
        for i in range(2):
            self._kubo(i, "repo", "gc", "-q")


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    text = f"fail if the ratio is below {TARGET}, or more than {MOST_MEMORY / 1e6:.0f} MB are taken"
    parser.add_argument("--check", action="store_true", help=text)
    options = parser.parse_args()
    found = measure(options.megabytes, options.repeats)
    print(f"{options.megabytes} MB between two daemons, median of {options.repeats}, milliseconds ({load()})")
    print(f"{'':32}  by the clock  CPU of its own  CPU of both daemons")
    for label, key in (
        ("ipfs add", "add"),
        ("ipfs pin add", "pin"),
        ("= plain", "plain"),
        ("published (encoded, put)", "publish"),
        ("verified (pulled, looked at)", "verify"),
        ("adopted", "adopt"),
        ("= ours", "ours"),
    ):
        clock, own, daemons = (found[key + kind] * 1000 for kind in KINDS)
        print(f"  {label:30}{clock:14.0f}{own:16.0f}{daemons:21.0f}")
    print(f"speed {found['ratio']:.2f} of plain (target: at least {TARGET:.2f})")
    print("a member's work        memory beyond the learner's, MB     files read and written, sets")
    for key in _WORK:
        print(f"  {key:14}{found[f'{key} memory'] / 1e6:45.0f}{found[f'{key} moved']:33.1f}")
    most = max(found[f"{key} memory"] for key in _WORK)
    print(f"at most {most / 1e6:.0f} MB (target: at most {MOST_MEMORY / 1e6:.0f})")
    return int(options.check and (found["ratio"] < TARGET or most > MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
