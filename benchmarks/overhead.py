"""What the ledger costs per round: five node processes, a chain, five IPFS daemons, and a learner that costs nothing.

    python -m benchmarks.overhead [--joint] [--rounds N] [--chain anvil|geth|hardhat] [--no-keras] [--check]

The median round, from one decision to the next, as the nodes log them: a proposal is published, recorded, pulled by
four voters, tested and voted on, and the new weights are adopted. Then, for comparison, the same with learners that
train on MNIST with Keras (benchmarks/keras_round.py says what), in the same run: the share is the first by the second.
With --joint all rounds are joint: each member trains and contributes in each. And once more with learners that cost
nothing, where one of the members is never there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from datetime import datetime, timezone
from typing import Any

from colearn_node.demo import set_up
from colearn_node.fleet import Fleet

from colearn_ledger.core.merge import DEFAULT_ORDER
from colearn_ledger.core.protocol import Rules
from colearn_ledger.network import LocalNetwork

from .scene import FREE, load, prepare

__all__ = ["TARGET_AWAY", "TARGET_MS", "TARGET_SHARE", "measure"]

TARGET_MS = 300.0
TARGET_SHARE = 0.05
TARGET_AWAY = 1.1
# In joint rounds, seconds: whoever is away costs one to train, once, and one to merge, in its turns.
WINDOW_S = 10
NODES = 5
KERAS = "benchmarks.keras_round:make"


def measure(
    chain: str = "anvil",
    rounds: int = 40,
    factory: str = FREE,
    options: dict[str, Any] | None = None,
    *,
    joint: bool = False,
    away: int = 0,
) -> list[float]:
    """Seconds of each round but the first. ``away``: so many members are never there; their turns count as rounds."""
    prepare()
    decided: dict[int, float] = {}

    def record(name: str, line: dict[str, Any]) -> None:
        if line["event"] == "outcome" and (away or line["outcome"] != "missed"):
            at = datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
            # When the first of the nodes has seen it; the others are at work on the next round by then.
            decided[line["decided"]] = min(at, decided.get(line["decided"], at))

    with LocalNetwork(chain, NODES) as network:
        rules = Rules(propose_window=WINDOW_S, train_window=WINDOW_S) if away else None
        setup = set_up(network, factory, options or {}, merge_order=DEFAULT_ORDER if joint else (), rules=rules)
        there = dict(list(setup.configs.items())[: NODES - away])
        with Fleet(there, ["--until-round", str(rounds)], lambda text: None, record=record) as fleet:
            fleet.wait()
    return [decided[n + 1] - decided[n] for n in sorted(decided) if n + 1 in decided]


def _costs_nothing(chain: str, rounds: int, joint: bool) -> tuple[list[float], list[float]]:
    """Seconds of rounds of the learner that costs nothing; and of those without one member, if they are joint."""
    if not joint:
        return measure(chain, rounds), []
    found: dict[int, list[float]] = {0: [], 1: []}
    for away in (0, 1, 1, 0):  # half of each before and after the other: what else the machine does comes and goes
        found[away] += measure(chain, max(rounds // 2, 2), joint=True, away=away)
    return found[0], found[1]


def row(name: str, seconds: list[float], target: str) -> str:
    tenths = statistics.quantiles(seconds, n=10) if len(seconds) > 1 else [seconds[0]] * 9
    cells = (statistics.median(seconds), tenths[0], tenths[-1])
    return f"  {name:<34}{len(seconds):>7}" + "".join(f"{s * 1000:>8,.0f}" for s in cells) + f"{target:>8}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="of the learner that costs nothing")
    parser.add_argument("--keras-rounds", type=int, default=10, help="of the Keras learners")
    parser.add_argument("--chain", default="anvil", help="anvil, geth or hardhat (default: %(default)s)")
    parser.add_argument("--no-keras", action="store_true", help="without the comparison")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    parser.add_argument("--joint", action="store_true", help="joint rounds, and one member that is never there")
    options = parser.parse_args()
    free, gone = _costs_nothing(options.chain, options.rounds, options.joint)
    kind = "joint round" if options.joint else "round"
    print(f"a {kind} of {NODES} nodes on {options.chain} with {NODES} IPFS daemons, milliseconds ({load()})")
    print(f"  {'':<34}{'rounds':>7}{'median':>8}{'10 %':>8}{'90 %':>8}{'target':>8}")
    print(row("a learner that costs nothing", free, "" if options.joint else f"{TARGET_MS:.0f}"), flush=True)
    good = options.joint or statistics.median(free) * 1000 <= TARGET_MS
    if options.joint:
        times = statistics.median(gone) / statistics.median(free)
        print(row("the same, one member never there", gone, ""))
        print(f"with it, {times:.2f} times as long in the median (target: at most {TARGET_AWAY}; {load()})", flush=True)
        good = good and times <= TARGET_AWAY
    if not options.no_keras:
        keras = measure(options.chain, options.keras_rounds, KERAS, joint=options.joint)
        print(row("Keras, an epoch of 12,000 digits", keras, ""))
        share = statistics.median(free) / statistics.median(keras)
        print(f"the ledger's share of a Keras round: {share:.1%} (target: at most {TARGET_SHARE:.0%}; {load()})")
        good = good and share <= TARGET_SHARE
    return int(options.check and not good)


if __name__ == "__main__":
    sys.exit(main())
