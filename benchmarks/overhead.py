"""What the ledger costs per round: five node processes, Anvil, five IPFS daemons, and a learner that costs nothing.

    python -m benchmarks.overhead [--rounds N] [--chain anvil|geth|hardhat] [--no-keras] [--check]

The median round, from one decision to the next as the first node logs them. As a share of a Keras MNIST round: the same
nodes with Keras learners that train for one epoch on their share, in the same run; the share is overhead / that round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from datetime import datetime, timezone
from typing import Any

from colearn_node.demo import set_up
from colearn_node.fleet import Fleet

from colearn_ledger.network import LocalNetwork

__all__ = ["TARGET_MS", "TARGET_SHARE", "measure"]

TARGET_MS = 300.0
TARGET_SHARE = 0.05
NODES = 5


def measure(chain: str, rounds: int, factory: str, options: dict[str, Any], secret: bool = False) -> list[float]:
    """Seconds of each round."""
    decided: dict[int, float] = {}

    def record(name: str, line: dict[str, Any]) -> None:
        if line["event"] == "outcome" and line["outcome"] != "missed":
            at = datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
            # When the first of the nodes has seen it; the others are at work on the next round by then.
            decided[line["decided"]] = min(at, decided.get(line["decided"], at))

    with LocalNetwork(chain, NODES) as network:
        setup = set_up(network, factory, options, secret=secret)
        with Fleet(setup.configs, ["--until-round", str(rounds)], lambda text: None, record=record) as fleet:
            fleet.wait()
    return [decided[n + 1] - decided[n] for n in sorted(decided) if n + 1 in decided]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--chain", default="anvil")
    parser.add_argument("--no-keras", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ["PYTHONPATH"] = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    started = time.monotonic()
    free = measure(options.chain, options.rounds, "benchmarks.free_learner:make", {})
    overhead = statistics.median(free) * 1000
    spread = statistics.quantiles(free, n=10)
    print(f"ledger, {options.chain}, {NODES} nodes, {len(free)} rounds: median {overhead:.0f} ms per round", end="")
    print(f" (10 %: {spread[0] * 1000:.0f}, 90 %: {spread[-1] * 1000:.0f}); target {TARGET_MS:.0f}")
    good = overhead <= TARGET_MS
    if not options.no_keras:
        keras = measure(options.chain, 10, "benchmarks.keras_round:make", {"seed": 1})
        round_ms = statistics.median(keras) * 1000
        share = overhead / round_ms
        print(f"Keras MNIST round on the same nodes: median {round_ms:.0f} ms; the ledger's share {share:.1%}", end="")
        print(f"; target {TARGET_SHARE:.0%}")
        good = good and share <= TARGET_SHARE
    print(f"({time.monotonic() - started:.0f} s)")
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
