"""How much memory a round takes beyond what the models hold, in sizes of the weights.

    python -m benchmarks.memory            print the table
    python -m benchmarks.memory --check    and fail above the targets

The learner costs nothing, keeps one copy of its weights and hands out copies, as the interface asks. Counted is what
numpy and Python have allocated at most at once (by ``tracemalloc``), less one set of weights for each model; the bytes
that were verified last lie in a file and aren't counted. A member is the part of a node that trains, pulls and tests:
what its worker process does. With ``--ipfs`` its store is a Kubo daemon, else a folder.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from colearn_ledger.core.decide import Adopt, Judge, Propose
from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import Proposal, WeightsRef
from colearn_ledger.core.weights import encode
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.work import Adopted, Trained, Verdict
from colearn_ledger.stores.base import Store
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.stores.local import LocalStore

from .free_learner import FreeLearner

__all__ = ["TARGETS", "measure"]

# What is measured, in the table's order, and how many sets of weights it may take.
TARGETS = {
    "three learners in this process": 6.0,
    "a member adopts the first weights": 3.0,
    "a member proposes": 3.0,
    "a member tests a proposal": 3.0,
    "a member adopts what it has tested": 3.0,
}
_IN_PROCESS, _FIRST, _PROPOSES, _TESTS, _ADOPTS = TARGETS


def measure(size: int, store: Store) -> dict[str, float]:
    """Sets of weights of ``size`` bytes, by the keys of :data:`TARGETS`."""
    found = {}
    tracemalloc.start()
    try:
        found[_IN_PROCESS] = _in_process(size)
        proposer, voter = (FreeLearner(i, size, "") for i in range(2))
        genesis = store.put(encode(proposer.mli_get_current_weights().weights))
        members = [Preparer(learner, store, max_size=1 << 36) for learner in (proposer, voter)]

        def adopt(index: int, number: int, ref: WeightsRef) -> None:
            assert isinstance(members[index].prepare(Adopt(number, ref)), Adopted)

        found[_FIRST] = max(_peak(size, 2, lambda index=i: adopt(index, 0, genesis)) for i in range(2))
        made: list[WeightsRef] = []

        def propose() -> None:
            trained = members[0].prepare(Propose(1, genesis.sha256))
            assert isinstance(trained, Trained)
            made.append(trained.weights)

        def judge() -> None:
            proposal = Proposal(bytes(32), made[0], 1, approvals=0, rejections=0, hidden=0, need=1)
            verdict = members[1].prepare(Judge(1, proposal, secret=False))
            assert isinstance(verdict, Verdict) and verdict.approve

        found[_PROPOSES] = _peak(size, 2, propose)
        found[_TESTS] = _peak(size, 2, judge)
        found[_ADOPTS] = max(_peak(size, 2, lambda index=i: adopt(index, 1, made[0])) for i in range(2))
    finally:
        tracemalloc.stop()
    return found


def _in_process(size: int) -> float:
    learners = [FreeLearner(i, size, "") for i in range(3)]
    return _peak(size, 3, lambda: run(4, learners, 0.5))


def _peak(size: int, models: int, work: Callable[[], Any]) -> float:
    gc.collect()
    tracemalloc.reset_peak()
    gc.disable()  # nothing may have to wait for the collector
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / size - models
    finally:
        gc.enable()


@contextlib.contextmanager
def _opened(ipfs: bool) -> Iterator[Store]:
    if not ipfs:
        with tempfile.TemporaryDirectory() as folder:
            yield LocalStore(Path(folder))
        return
    from colearn_ledger.network import LocalNetwork

    with LocalNetwork("anvil", 1) as network, contextlib.closing(IpfsStore(network.stakeholders[0].ipfs_api)) as store:
        yield store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100, help="of the weights (default: %(default)s)")
    parser.add_argument("--ipfs", action="store_true", help="with an IPFS daemon as the members' store")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    with _opened(options.ipfs) as store:
        found = measure(options.megabytes * 1_000_000, store)
    print(f"memory beyond the models, in sets of weights of {options.megabytes} MB (targets in brackets)")
    for what, target in TARGETS.items():
        print(f"  {what:<36}{found[what]:>6.2f}  ({target:.0f})")
    return int(options.check and any(found[what] > target for what, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
