"""How often one round touches the weights: what a proposer and a voter encode, decode, hash and fetch.

    python -m benchmarks.round_work           print the table
    python -m benchmarks.round_work --check   and fail above the targets

Two members, each with the part of a node that trains, pulls and tests, and one folder as their store; what the contract
would tell them is made up. Their learner costs nothing: what is left is the handling of its weights. Calls are counted
by the interpreter's profiler, so nothing is replaced; the CPU milliseconds are of another round, without it.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from colearn_ledger.core.decide import Adopt, Judge, Propose
from colearn_ledger.core.protocol import Proposal, WeightsRef
from colearn_ledger.core.weights import decode, encode, encoded, is_encoding, weights_ref
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.work import Adopted, Trained, Verdict
from colearn_ledger.stores.local import LocalStore

from .free_learner import FreeLearner

__all__ = ["TARGETS", "WORK", "count", "measure"]

# What is counted, in the table's order.
WORK = {
    "encoded": "encoded",
    "compared": "compared with known bytes",
    "decoded": "decoded, values checked",
    "copied": "copied from verified bytes",
    "hashed": "hashed (sha256 and CID)",
    "fetched": "fetched from the store",
    "asked": "asked of the learner",
}
TARGETS = {
    # A proposal is encoded once; that training and testing left the weights alone is seen without another encoding.
    "proposer": {"encoded": 1, "compared": 2, "decoded": 0, "copied": 2, "hashed": 1, "fetched": 0, "asked": 5},
    # What was verified for the vote is adopted.
    "voter": {"encoded": 0, "compared": 1, "decoded": 1, "copied": 1, "hashed": 1, "fetched": 1, "asked": 3},
}
_SEAT = 1


class _Count:
    """Counts the calls of some functions while it is entered."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._names: dict[CodeType, str] = {
            encoded.__code__: "encoded",
            is_encoding.__code__: "compared",
            decode.__code__: "decoded",
            weights_ref.__code__: "hashed",
            LocalStore.get_to.__code__: "fetched",
            FreeLearner.mli_get_current_weights.__code__: "asked",
        }

    def __enter__(self) -> _Count:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        name = self._names.get(frame.f_code) if event == "call" else None
        if name == "decoded" and frame.f_locals["verified"]:
            name = "copied"
        if name is not None:
            self.calls[name] += 1
            self.calls["hashed"] += name == "fetched"  # by the store, piece by piece


class _Round:
    """Two members who hold the genesis weights, and the steps of one accepted round."""

    def __init__(self, folder: Path, size: int) -> None:
        store = LocalStore(folder)
        proposer, voter = (FreeLearner(i, size, "") for i in range(2))
        self.genesis = store.put(encode(proposer.mli_get_current_weights().weights))
        self.proposer, self.voter = (Preparer(ln, store, max_size=1 << 36) for ln in (proposer, voter))
        for member in (self.proposer, self.voter):
            self.adopt(member, 0, self.genesis)

    def play(self, each: Callable[[str, Callable[[], Any]], Any]) -> None:
        """Do each member's part of the round by ``each(role, part)``, which gives back what the part gives."""
        trained = each("proposer", lambda: self.proposer.prepare(Propose(1, self.genesis.sha256)))
        assert isinstance(trained, Trained)
        proposal = Proposal(bytes(32), trained.weights, _SEAT, approvals=0, rejections=0, hidden=0, need=1)
        verdict = each("voter", lambda: self.voter.prepare(Judge(1, proposal, secret=False)))
        assert isinstance(verdict, Verdict) and verdict.approve
        del verdict
        each("voter", lambda: self.adopt(self.voter, 1, trained.weights))
        each("proposer", lambda: self.adopt(self.proposer, 1, trained.weights))

    def adopt(self, member: Preparer, number: int, ref: WeightsRef) -> None:
        assert isinstance(member.prepare(Adopt(number, ref)), Adopted)


def count(size: int = 200_000) -> dict[str, dict[str, int]]:
    """What each role did in one round with weights of ``size`` bytes, by the keys of :data:`WORK`."""
    calls: dict[str, Counter[str]] = {role: Counter() for role in TARGETS}

    def counted(role: str, part: Callable[[], Any]) -> Any:
        with _Count() as found:
            result = part()
        calls[role] += found.calls
        return result

    with tempfile.TemporaryDirectory() as folder:
        _Round(Path(folder), size).play(counted)
    return {role: {what: calls[role][what] for what in WORK} for role in TARGETS}


def measure(size: int) -> dict[str, float]:
    """CPU seconds of each role in one round with weights of ``size`` bytes."""
    seconds = dict.fromkeys(TARGETS, 0.0)

    def timed(role: str, part: Callable[[], Any]) -> Any:
        gc.collect()
        start = time.process_time()
        result = part()
        seconds[role] += time.process_time() - start
        return result

    with tempfile.TemporaryDirectory() as folder:
        _Round(Path(folder), size).play(timed)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100, help="of the weights (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    found, seconds = count(), measure(options.megabytes * 1_000_000)
    print("how often one round touches the weights (targets in brackets)")
    print(f"  {'':<28}" + "".join(f"{role:>12}" for role in TARGETS))
    for what, label in WORK.items():
        cells = (f"{found[role][what]} ({TARGETS[role][what]})" for role in TARGETS)
        print(f"  {label:<28}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"  {f'CPU ms with {options.megabytes} MB':<28}" + "".join(f"{s * 1000:>12.0f}" for s in seconds.values()))
    good = all(found[role][what] <= most for role, targets in TARGETS.items() for what, most in targets.items())
    return int(options.check and not good)


if __name__ == "__main__":
    sys.exit(main())
