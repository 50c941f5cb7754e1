"""The tables of the benchmark of joint rounds, the pages that show them, and whether its targets are met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from .collusion import ATTACKS
from .joint_cells import AMONG, AS_TRAINED, DEALT, GUARDED, JOINT, ORDERS, SIZES, TASKS, VOTES, Found

__all__ = [
    "PAGES",
    "TARGET_ATTACKED",
    "TARGET_CELL",
    "TARGET_MEAN",
    "tables",
    "verdicts",
    "with_tables",
]

# How far joint rounds may be under federated averaging, in the mean of all cells and in one; and with colluding
# attackers and data that are dealt out at random under a trusted server's median, in each attack.
TARGET_MEAN, TARGET_CELL, TARGET_ATTACKED = 0.005, 0.01, 0.02
PAIRED = VOTES[1]
_DOCS = Path(__file__).parents[1] / "docs"
# Which page shows which tables.
PAGES: Mapping[Path, tuple[str, ...]] = {
    _DOCS / "voting.md": ("learning", "votes"),
    _DOCS / "robustness.md": ("attacks", "orders"),
}


class _Means:
    """Means over the seeds; None where a cell isn't on record."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._found: dict[tuple[object, ...], dict[int, Found]] = {}
        for one in found:
            c = one.cell
            key = (c.task, c.members, c.dealt, c.attack, c.attackers, c.system, c.votes)
            self._found.setdefault(key, {})[c.seed] = one

    def score(self, *key: object) -> float | None:
        """Of the final weights on what is held out."""
        found = self._found.get(key)
        return statistics.mean(one.score for one in found.values()) if found else None

    def accepted(self, *key: object) -> float | None:
        """Share of the rounds that were accepted."""
        found = self._found.get(key)
        return statistics.mean(one.accepted / one.rounds for one in found.values()) if found else None

    def gap(self, data: tuple[object, ...], way: tuple[str, str], other: tuple[str, str]) -> float | None:
        """By how much one way scores more than the other, over the seeds that both have."""
        mine, theirs = (self._found.get((*data, *w), {}) for w in (way, other))
        gaps = [mine[seed].score - theirs[seed].score for seed in mine if seed in theirs]
        return statistics.mean(gaps) if gaps else None


FEDAVG, MEDIAN, SOLO = ("FedAvg", ""), ("median", ""), ("solo", VOTES[0])
DEFAULT, TRAINED, FIRST = (JOINT, PAIRED), (AS_TRAINED + JOINT, PAIRED), (GUARDED, PAIRED)
_LEARNT = [(task, size, dealt, "", 0) for task in TASKS for size in SIZES for dealt in DEALT]
_NOBODY = ("digits", AMONG, "IID", "", 0)
_ATTACKED = [
    ("digits", AMONG, dealt, attack, attackers)
    for dealt, attackers in (("IID", 2), ("IID", 4), ("Dirichlet(0.3)", 4))
    for attack in ATTACKS
]


def tables(found: Iterable[Found]) -> dict[str, str]:
    """The tables by name, as Markdown. What isn't on record has a dash."""
    means = _Means(found)
    made = {"learning": _learning, "votes": _votes, "attacks": _attacks, "orders": _orders}
    return {name: "\n".join(lines(means)) for name, lines in made.items()}


def verdicts(found: Iterable[Found]) -> tuple[list[str], bool]:
    """What was measured against the targets, and whether none is missed."""
    means = _Means(found)
    gaps = [gap for data in _LEARNT if (gap := means.gap(data, DEFAULT, FEDAVG)) is not None]
    iid = [data for data in _ATTACKED if data[2] == "IID"]
    held = [gap for data in iid if (gap := means.gap(data, FIRST, MEDIAN)) is not None]
    lines, good = [], True
    if gaps:
        mean, least = statistics.mean(gaps), min(gaps)
        good = mean >= -TARGET_MEAN and least >= -TARGET_CELL
        lines += [
            f"joint less FedAvg, {len(gaps)} cells: mean {mean:+.4f} (target: at least {-TARGET_MEAN}), "
            f"least {least:+.4f} (target: at least {-TARGET_CELL})"
        ]
    if held:
        good = good and min(held) >= -TARGET_ATTACKED
        lines += [
            f"joint, median first, less the trusted median, IID, {len(held)} attacks: "
            f"least {min(held):+.4f} (target: at least {-TARGET_ATTACKED})"
        ]
    return lines, good


def with_tables(page: str, made: Mapping[str, str]) -> str:
    """A page with these tables, each behind its mark, written anew."""
    for name, table in made.items():
        before, mark, rest = page.partition(f"<!-- benchmarks.joint: {name} -->\n")
        lines = rest.splitlines(keepends=True)
        while lines and lines[0].startswith("|"):
            del lines[0]
        if mark:
            page = before + mark + table + "\n" + "".join(lines)
    return page


def _text(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*names: str) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _learning(means: _Means) -> list[str]:
    lines = _head("data", "members", "dealt", "solo", "FedAvg", "joint", "joint, paired", "paired less FedAvg")
    for data in _LEARNT:
        ways = (SOLO, FEDAVG, (JOINT, VOTES[0]), DEFAULT)
        scores = [_text(means.score(*data, *way)) for way in ways]
        lines.append(_row([*map(str, data[:3]), *scores, _text(means.gap(data, DEFAULT, FEDAVG), "+.3f")]))
    return lines


def _votes(means: _Means) -> list[str]:
    """Joint rounds less federated averaging, and the share of rounds accepted; five members."""
    columns = [data for data in _LEARNT if data[1] == SIZES[0]]
    lines = _head("votes", *(f"{task}, {dealt}" for task, _, dealt, *_ in columns))
    for votes in VOTES:
        entries = []
        for data in columns:
            gap = _text(means.gap(data, (JOINT, votes), FEDAVG), "+.3f")
            entries.append(f"{gap} ({_text(means.accepted(*data, JOINT, votes), '.0%')})")
        lines.append(_row([votes, *entries]))
    return lines


def _attacks(means: _Means) -> list[str]:
    columns = ("FedAvg", "median", "solo", "joint", "as many trainings", "joint, median first")
    lines = _head("attack", "attackers", "dealt", *columns, "median first less median")
    for data in (_NOBODY, *_ATTACKED):
        _, _, dealt, attack, attackers = data
        scores = [_text(means.score(*data, *way)) for way in (FEDAVG, MEDIAN, SOLO, DEFAULT, TRAINED, FIRST)]
        gap = _text(means.gap(data, FIRST, MEDIAN), "+.3f")
        lines.append(_row([attack or "none", f"{attackers} of {AMONG}", dealt, *scores, gap]))
    return lines


def _orders(means: _Means) -> list[str]:
    """Without attackers less federated averaging, of 5 members; with 4 of 10 less the trusted median."""
    skewed = [data for data in _LEARNT if data[1] == SIZES[0] and data[2] != "IID"]
    lines = _head("order", *(f"{task}, {dealt}" for task, _, dealt, *_ in skewed), *ATTACKS)
    for order in ORDERS:
        way = (order, PAIRED)
        gaps = [means.gap(data, way, FEDAVG) for data in skewed]
        gaps += [means.gap(("digits", AMONG, "IID", attack, 4), way, MEDIAN) for attack in ATTACKS]
        lines.append(_row([order.partition(" ")[2].replace(",", ", "), *(_text(gap, "+.3f") for gap in gaps)]))
    return lines
