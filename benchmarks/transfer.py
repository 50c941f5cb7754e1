"""Weights from one IPFS daemon to another, checked, against what a plain transfer takes.

    python -m benchmarks.transfer           print the table
    python -m benchmarks.transfer --check   and fail below the target

Plain is Kubo's own program: ``ipfs add`` of a file on one daemon, then ``ipfs pin add`` on the other. Ours is what a
proposer and a voter do: name the bytes, put them, and on the other side check the root, pin, read all bytes and hash
them twice (sha256 and CID). Both on the same two daemons in turn, each time with new bytes, by the wall clock; the
order changes each time, and the medians are compared.
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
from colearn_ledger.stores.ipfs import IpfsStore

__all__ = ["TARGET", "measure"]

TARGET = 0.60

_IMPORT = ["--cid-version=1", "--raw-leaves", f"--chunker=size-{CHUNK}", f"--max-file-links={MAX_LINKS}"]


def measure(megabytes: int = 100, repeats: int = 5) -> dict[str, float]:
    """Median seconds of each part, and the ratio of the two speeds (ours to plain)."""
    parts: dict[str, list[float]] = {key: [] for key in ("add", "pin", "plain", "put", "get", "ours")}
    ipfs = str(find_kubo())
    with LocalNetwork("anvil", 2) as network, tempfile.TemporaryDirectory() as folder:
        apis = [person.ipfs_api for person in network.stakeholders]
        stores = [IpfsStore(api) for api in apis]
        for store in stores:
            store.check()

        def plain() -> None:
            file = Path(folder) / "weights"
            file.write_bytes(os.urandom(megabytes * 1_000_000))
            start = time.perf_counter()
            cid = run(ipfs, "--api", apis[0], "add", "-Q", *_IMPORT, str(file))
            middle = time.perf_counter()
            run(ipfs, "--api", apis[1], "pin", "add", "--progress=false", cid)
            note("add", "pin", "plain", start, middle)

        def ours() -> None:
            data = os.urandom(megabytes * 1_000_000)
            start = time.perf_counter()
            ref = stores[0].put(data)
            middle = time.perf_counter()
            got = stores[1].get(ref)
            note("put", "get", "ours", start, middle)
            assert got == data

        def note(first: str, second: str, both: str, start: float, middle: float) -> None:
            end = time.perf_counter()
            for key, seconds in ((first, middle - start), (second, end - middle), (both, end - start)):
                parts[key].append(seconds)

        for i in range(repeats):
            for work in (plain, ours) if i % 2 == 0 else (ours, plain):
                work()
    medians = {key: statistics.median(values) for key, values in parts.items()}
    return medians | {"ratio": medians["plain"] / medians["ours"]}


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", action="store_true", help=f"fail if the ratio is below {TARGET}")
    options = parser.parse_args()
    found = measure(options.megabytes, options.repeats)
    print(f"{options.megabytes} MB between two daemons, median of {options.repeats}, milliseconds")
    for label, key in (
        ("ipfs add", "add"),
        ("ipfs pin add", "pin"),
        ("= plain", "plain"),
        ("put (named, compared)", "put"),
        ("get (pinned, read, hashed)", "get"),
        ("= ours", "ours"),
    ):
        print(f"  {label:28}{found[key] * 1000:8.0f}")
    print(f"speed {found['ratio']:.2f} of plain (target: at least {TARGET:.2f})")
    return int(options.check and found["ratio"] < TARGET)


if __name__ == "__main__":
    sys.exit(main())
