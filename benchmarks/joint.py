"""Joint rounds against federated averaging and solo rounds, which votes they need, and what attackers do to them.

    python -m benchmarks.joint --data-dir DIR [--cells REGEX] [--seeds N] [--rounds N] [--record FILE] [--check]
    python -m benchmarks.joint --quick      five members, one seed, the digits that come with a package
    python -m benchmarks.joint --tables     the tables of what is on record, nothing is run; --update: and in docs, too

DIR has MNIST as ``mnist.npz`` and a table of payments (docs/tasks.md). Each cell is a run of its own: members of a
network in numpy, each with its own data (docs/benchmarks.md says how much), train 50 steps in each round that they
train in; a seventh of the digits and a sixth of the payments is held out, and what counts is the final weights' score
on it. All systems have the same data, seeds, first weights and training. A cell that is on record isn't run again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.baselines.federated import RULES, run_federated
from colearn_ledger.core.driver import InProcess, run
from colearn_ledger.core.learner import Learner
from colearn_ledger.core.merge import parse_order
from colearn_ledger.core.results import RoundResult
from colearn_ledger.errors import ColearnError, InvalidWeights
from colearn_ledger.formats.files import write_whole
from colearn_ledger.learners.voting.policy import OneClassVoteSet, SmallVoteSet
from colearn_ledger.tasks.fraud_data import load_payments
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.split import split

from .collusion import ATTACKS, Colluder, Ring
from .joint_cells import AS_TRAINED, DEALT, Cell, Found, cells
from .joint_tables import PAGES, tables, verdicts, with_tables
from .numpy_learner import NumpyLearner

__all__ = ["RECORD", "Data", "load", "make_learners", "measure", "read_record"]

Array = np.ndarray[Any, Any]
RECORD = Path(__file__).with_name("joint.jsonl")
ROUNDS, STEPS, BATCH = 24, 50, 32
# Payments of both kinds that each part of each share has at least, since their score compares the two.
EACH = 5


class Data:
    """What members share out, and what is held out: inputs ``(n, k)`` of float32, labels from 0."""

    def __init__(self, x: Array, y: Array, held_out: int, criterion: str, each_class: int = 0) -> None:
        order = np.random.default_rng(0).permutation(len(x))
        self.x, self.y = x[order[held_out:]], y[order[held_out:]]
        self.held_out = x[order[:held_out]], y[order[:held_out]]
        self.classes = len(np.unique(y))
        self.criterion, self.each_class = criterion, each_class


@cache
def load(task: str, folder: Path | None) -> Data:
    """The digits or the payments. Raises DataError where they aren't there."""
    if task == "digits":
        digits = load_mnist(folder)
        x = digits.x.reshape(len(digits.x), -1).astype(np.float32) / 255
        return Data(x, digits.y, len(x) // 7, "accuracy")
    payments = load_payments(folder or Path())
    return Data(payments.x, payments.y, len(payments.x) // 6, "AUC", EACH)


def make_learners(data: Data, cell: Cell) -> tuple[list[Learner], Ring]:
    """The members, the attackers last; their ring votes together where there are votes."""
    ring = Ring(frozenset(range(cell.members - cell.attackers, cell.members)), cell.members)
    shares = split(data.x, data.y, cell.members, None, cell.seed, alpha=DEALT[cell.dealt], each_class=data.each_class)
    criterion, _, policy = cell.votes.rpartition(" ")
    if policy.startswith("paired") and data.criterion == "AUC":  # which isn't made of samples
        criterion = criterion or "accuracy"

    def member(i: int) -> NumpyLearner:
        s = shares[i]
        return NumpyLearner(
            s.train,
            s.vote,
            s.test,
            classes=data.classes,
            criterion=criterion or data.criterion,
            vote_policy=policy or "not-worse",
            steps_per_round=STEPS,
            batch_size=BATCH,
            seed=1000 * cell.seed + i,
        )

    made: list[Learner] = [member(i) for i in range(cell.members - cell.attackers)]
    for i in sorted(ring.seats):
        attacker = ATTACKS[cell.attack](member(i), i)
        made.append(Colluder(attacker, member(i), ring))
    return made, ring


def measure(data: Data, cell: Cell, rounds: int) -> Found:
    """Run a cell."""
    started = time.process_time()
    learners, ring = make_learners(data, cell)
    accepted = rounds
    if cell.system in RULES:
        with contextlib.suppress(InvalidWeights):  # it has overflowed: what they hold is what the attack left of it
            run_federated(cell.system, learners, rounds, cell.attackers)
    else:
        accepted = _voted(cell, learners, ring, rounds)
    judge: Any = learners[0]
    judge.criterion = data.criterion
    return Found(cell, rounds, judge.evaluate(data.held_out).score, accepted, time.process_time() - started)


def _voted(cell: Cell, learners: Sequence[Learner], ring: Ring, rounds: int) -> int:
    """Run solo or joint rounds; how many were accepted."""
    backend = InProcess(ring.choose)
    if cell.system == "solo":
        results = run(rounds, learners, backend=backend, on_round=ring.decided)
        return sum(r.accepted for r in results.rounds)
    order = parse_order(cell.system.rpartition(" ")[2])
    as_trained = cell.system.startswith(AS_TRAINED)
    ended = 0

    def decided(result: RoundResult) -> None:
        nonlocal ended
        ring.decided(result)
        if result.merge is not None:  # a training ends with its acceptance, or with its last rule's rejection
            ended += result.accepted or result.merge.rule == order[-1].text
        if as_trained and ended == rounds:
            raise KeyboardInterrupt  # by which a run ends with what was decided before

    most = rounds * len(order) if as_trained else rounds
    results = run(most, learners, backend=backend, on_round=decided, rounds="joint", merge_order=order)
    return sum(r.accepted for r in results.rounds)


def read_record(path: Path) -> dict[Cell, Found]:
    """What was measured, by cell; nothing where there is no file. A last line that was cut short isn't there."""
    return {found.cell: found for found in (Found.from_dict(json.loads(line)) for line in _whole_lines(path))}


def _whole_lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]


def _record(path: Path, found: Found) -> None:
    """Add a line, in the place of one that was cut short."""
    write_whole(path, "".join([*_whole_lines(path), json.dumps(found.to_dict()) + "\n"]))


def _chosen(options: argparse.Namespace) -> Iterator[Cell]:
    for cell in cells(1 if options.quick else options.seeds):
        if options.quick and (cell.members != 5 or cell.task != "digits"):
            continue
        if re.search(options.cells, cell.name):
            yield cell


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with mnist.npz and a table of payments")
    parser.add_argument("--cells", default="", metavar="REGEX", help="only those whose names have this")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--record", type=Path, default=RECORD, help="one line a cell (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="five members, digits, one seed; nothing is recorded")
    parser.add_argument("--tables", action="store_true", help="print the tables on record, run nothing")
    parser.add_argument("--update", action="store_true", help="write the tables into docs/, too")
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SmallVoteSet)
    warnings.simplefilter("ignore", OneClassVoteSet)
    warnings.filterwarnings("ignore", category=RuntimeWarning)  # what attackers propose overflows: that is their doing
    known = {} if options.quick else read_record(options.record)
    for cell in () if options.tables else _chosen(options):
        if cell in known and known[cell].rounds == options.rounds:
            continue
        found = known[cell] = measure(load(cell.task, options.data_dir), cell, options.rounds)
        print(f"{cell.name}: {found.score:.4f}, {found.accepted} accepted, {found.seconds:.1f} CPU s", flush=True)
        if not options.quick:
            _record(options.record, found)
    shown = [found for found in known.values() if re.search(options.cells, found.cell.name)]
    lines, good = verdicts(shown)
    print("\n\n".join([*tables(shown).values(), *lines]))
    if options.update:
        for page in PAGES:
            page.write_text(with_tables(page.read_text(encoding="utf-8"), tables(known.values())), encoding="utf-8")
    return int(options.check and not good)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ColearnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
