"""Weights from a proposer's IPFS daemon to a voter that adopts them, against what a plain transfer takes.

    python -m benchmarks.transfer                     print the table
    python -m benchmarks.transfer --megabytes 1000    of 1 GB
    python -m benchmarks.transfer --check             and fail below the target, or above that of memory

Plain is Kubo's own program: ``ipfs add`` of a file on one daemon, then ``ipfs pin add`` on the other. Ours is what a
proposer and a voter do, each in a process of its own as a node's worker is: encode what the learner has proposed, name
the bytes, put them; then check the root, pin, read all bytes, hash them twice (sha256 and CID), look at each value and
at the parent's, and have the learner adopt them. Both on the same two daemons in turn, each time with new bytes, by the
wall clock; the order changes each time, and the medians are compared.

Memory is what either side takes at most beyond what it had while a member proposes, judges and adopts, less the
learner's own set of weights beside its model: what it has made, or is given. Moved is what was read from files and
written to them for that (sockets aren't counted), in sets of weights.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from colearn_ledger.core.cid import CHUNK, MAX_LINKS
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.spec import StoreSpec

from .peak import Cost
from .scene import load
from .sides import COPIES, adopt, judge, propose, sides

__all__ = ["MOST_MEMORY", "TARGET", "measure"]

TARGET = 0.60
MOST_MEMORY = 256_000_000  # bytes

_IMPORT = ["--cid-version=1", "--raw-leaves", f"--chunker=size-{CHUNK}", f"--max-file-links={MAX_LINKS}"]
_STEPS = ("publish", "verify", "adopt")
_WORK = ("proposed", "judged", "adopted")


def measure(megabytes: int = 100, repeats: int = 5) -> dict[str, float]:
    """Median seconds of each part and the ratio of the two speeds (ours to plain); and for each kind of a member's work
    the most memory in bytes, and how many sets of weights were moved.
    """
    parts: dict[str, list[float]] = {key: [] for key in ("add", "pin", "plain", *_STEPS, "ours")}
    costs: dict[str, Cost] = {}
    ipfs, size = str(find_kubo()), megabytes * 1_000_000
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

            def plain() -> None:
                file = Path(folder) / "weights"
                with open(file, "wb") as out:
                    for _ in range(megabytes):
                        out.write(os.urandom(1_000_000))
                start = time.perf_counter()
                cid = run(ipfs, "--api", apis[0], "add", "-Q", *_IMPORT, str(file))
                middle = time.perf_counter()
                run(ipfs, "--api", apis[1], "pin", "add", "--progress=false", cid)
                end = time.perf_counter()
                file.unlink()
                for key, seconds in (("add", middle - start), ("pin", end - middle), ("plain", end - start)):
                    parts[key].append(seconds)

            def ours(number: int) -> None:
                ref, published = proposer.publish(number)
                found = (published, voter.verify(ref), voter.adopt())
                for key, cost in zip(_STEPS, found, strict=True):
                    parts[key].append(cost.seconds)
                parts["ours"].append(sum(cost.seconds for cost in found))

            for i in range(repeats):
                for work in (plain, lambda i=i: ours(i + 2)) if i % 2 == 0 else (lambda i=i: ours(i + 2), plain):
                    work()
    found = {key: statistics.median(values) for key, values in parts.items()}
    for key, cost in costs.items():
        found[f"{key} memory"] = max(cost.memory - COPIES * size, 0)
        found[f"{key} moved"] = cost.moved / size
    return found | {"ratio": found["plain"] / found["ours"]}


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    text = f"fail if the ratio is below {TARGET}, or more than {MOST_MEMORY / 1e6:.0f} MB are taken"
    parser.add_argument("--check", action="store_true", help=text)
    options = parser.parse_args()
    found = measure(options.megabytes, options.repeats)
    print(f"{options.megabytes} MB between two daemons, median of {options.repeats}, milliseconds ({load()})")
    for label, key in (
        ("ipfs add", "add"),
        ("ipfs pin add", "pin"),
        ("= plain", "plain"),
        ("published (encoded, put)", "publish"),
        ("verified (pulled, looked at)", "verify"),
        ("adopted", "adopt"),
        ("= ours", "ours"),
    ):
        print(f"  {label:30}{found[key] * 1000:8.0f}")
    print(f"speed {found['ratio']:.2f} of plain (target: at least {TARGET:.2f})")
    print("a member's work        memory beyond the learner's, MB     files read and written, sets")
    for key in _WORK:
        print(f"  {key:14}{found[f'{key} memory'] / 1e6:45.0f}{found[f'{key} moved']:33.1f}")
    most = max(found[f"{key} memory"] for key in _WORK)
    print(f"at most {most / 1e6:.0f} MB (target: at most {MOST_MEMORY / 1e6:.0f})")
    return int(options.check and (found["ratio"] < TARGET or most > MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
