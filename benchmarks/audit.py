"""How long an audit takes: of a long history's records, and of a shorter one with its weights.

    python -m benchmarks.audit [--rounds N] [--weights N] [--keep DIR] [--check]

Collectives of two on Anvil, as in ``benchmarks.history``; then the command as a user runs it, a process of its own. The
weights are small and lie in a folder. ``--keep`` is that of ``benchmarks.history``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.local import LocalStore

from .history import Taken, grow, long_history, run
from .scene import load

__all__ = ["TARGETS", "measure"]

# Seconds at most: of 10,000 rounds' records, and of 1,000 rounds with weights.
TARGETS = {"records": 120.0, "weights": 600.0}
_SIZE = 1000  # numbers in the weights


def measure(rounds: int = 10_000, weighed: int = 1_000, keep: Path | None = None) -> dict[str, Taken]:
    """What an audit of so many rounds takes, and one of so many with weights."""
    with long_history(rounds, keep) as (network, folder):
        found = {"records": run(["audit", "--records-only"], folder, network.rpc_url)}
    with tempfile.TemporaryDirectory() as name, LocalNetwork("anvil", 2, ipfs=False) as network:
        folder = Path(name)
        store = LocalStore(folder / "weights")

        def weights(number: int) -> WeightsRef:
            return store.put(encode(np.full(_SIZE, float(number))))

        grow(network, weighed, folder, weights=weights, schema=Schema.of(np.zeros(_SIZE)))
        found["weights"] = run(["audit", "--store", str(store.folder)], folder, network.rpc_url)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--weights", type=int, default=1_000, help="rounds with weights; default: %(default)s")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the long chain is kept for the next time")
    parser.add_argument("--check", action="store_true", help="fail above the targets, which are for the defaults")
    options = parser.parse_args()
    found = measure(options.rounds, options.weights, options.keep)
    print(f"2 members on Anvil ({load()})")
    print(f"  {'':<28}{'seconds':>9}{'at most':>9}{'CPU':>9}{'memory, MB':>12}")
    for name, count in (("records", options.rounds), ("weights", options.weights)):
        taken = found[name]
        said = f"{count:,} rounds, " + ("records alone" if name == "records" else "with weights")
        print(f"  {said:<28}{taken.seconds:>9.1f}{TARGETS[name]:>9.0f}{taken.cpu:>9.1f}{taken.memory:>12.0f}")
    return int(options.check and any(taken.seconds > TARGETS[name] for name, taken in found.items()))


if __name__ == "__main__":
    sys.exit(main())
