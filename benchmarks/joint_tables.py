"""The tables of the benchmark of joint rounds, and whether its targets are met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from .collusion import ATTACKS
from .joint_cells import AMONG, AS_TRAINED, DEALT, GUARDED, JOINT, ORDERS, SIZES, TASKS, VOTES, Found

__all__ = ["TARGET_ATTACKED", "TARGET_CELL", "TARGET_MEAN", "tables"]

# How far joint rounds may be under federated averaging, in the mean of all cells and in one; and with colluding
# attackers and data that are dealt out at random under a trusted server's median, in each attack.
TARGET_MEAN, TARGET_CELL, TARGET_ATTACKED = 0.005, 0.01, 0.02
PAIRED = VOTES[1]


class _Means:
    """The mean score of a cell's seeds, and the share of its rounds that were accepted; None where there is none."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._found: dict[tuple[object, ...], list[Found]] = {}
        for one in found:
            c = one.cell
            key = (c.task, c.members, c.dealt, c.system, c.votes, c.attack, c.attackers)
            self._found.setdefault(key, []).append(one)

    def score(
        self, task: str, members: int, dealt: str, system: str, votes: str = "", attack: str = "", attackers: int = 0
    ) -> float | None:
        """Of the final weights on what is held out."""
        found = self._found.get((task, members, dealt, system, votes, attack, attackers))
        return statistics.mean(one.score for one in found) if found else None

    def accepted(self, task: str, members: int, dealt: str, system: str, votes: str) -> float | None:
        """Share of the rounds."""
        found = self._found.get((task, members, dealt, system, votes, "", 0))
        return statistics.mean(one.accepted / one.rounds for one in found) if found else None


def tables(found: Iterable[Found]) -> tuple[str, bool]:
    """The tables as Markdown, and whether no target was missed. What isn't on record has a dash."""
    means = _Means(found)
    learnt, good = _learning(means)
    withstood, also_good = _attacks(means)
    return "\n\n".join((learnt, _votes(means), withstood, _orders(means))), good and also_good


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _text(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*names: str) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _learning(means: _Means) -> tuple[str, bool]:
    lines = _head("data", "members", "dealt", "solo", "joint, not-worse", "joint, paired", "FedAvg", "paired - FedAvg")
    gaps = []
    for task in TASKS:
        for size in SIZES:
            for dealt in DEALT:
                solo = means.score(task, size, dealt, "solo", VOTES[0])
                joint, paired = (means.score(task, size, dealt, JOINT, votes) for votes in VOTES[:2])
                pooled = means.score(task, size, dealt, "FedAvg")
                gap = _less(paired, pooled)
                gaps += [] if gap is None else [gap]
                scores = [_text(score) for score in (solo, joint, paired, pooled)]
                lines.append(_row([task, str(size), dealt, *scores, _text(gap, "+.3f")]))
    return _verdict(lines, gaps)


def _verdict(lines: list[str], gaps: Sequence[float]) -> tuple[str, bool]:
    if not gaps:
        return "\n".join(lines), True
    mean, least = statistics.mean(gaps), min(gaps)
    text = f"joint - FedAvg in {len(gaps)} cells: mean {mean:+.4f} (target: at least {-TARGET_MEAN:+.3f}), "
    lines += ["", text + f"least {least:+.4f} (target: at least {-TARGET_CELL:+.3f})"]
    return "\n".join(lines), mean >= -TARGET_MEAN and least >= -TARGET_CELL


def _votes(means: _Means) -> str:
    """Joint rounds less federated averaging, and the share of rounds accepted; five members."""
    columns = [(task, dealt) for task in TASKS for dealt in DEALT]
    lines = _head("votes", *(f"{task}, {dealt}" for task, dealt in columns))
    for votes in VOTES:
        entries = []
        for task, dealt in columns:
            score = means.score(task, SIZES[0], dealt, JOINT, votes)
            gap = _less(score, means.score(task, SIZES[0], dealt, "FedAvg"))
            entries.append(
                f"{_text(gap, '+.3f')} ({_text(means.accepted(task, SIZES[0], dealt, JOINT, votes), '.0%')})"
            )
        lines.append(_row([votes, *entries]))
    return "\n".join(lines)


def _attacks(means: _Means) -> tuple[str, bool]:
    columns = ("FedAvg", "median", "solo", "joint", "as many trainings", "joint, median first")
    lines = _head("attack", "attackers", "dealt", *columns, "less the median")
    cases = [("IID", 0, "")]
    for dealt, attackers in (("IID", 2), ("IID", 4), ("Dirichlet(0.3)", 4)):
        cases += [(dealt, attackers, attack) for attack in ATTACKS]
    good = True
    ways = (
        ("FedAvg", ""),
        ("median", ""),
        ("solo", VOTES[0]),
        (JOINT, PAIRED),
        (AS_TRAINED + JOINT, PAIRED),
        (GUARDED, PAIRED),
    )
    for dealt, attackers, attack in cases:
        scores = [means.score("digits", AMONG, dealt, *way, attack, attackers) for way in ways]
        gap = _less(scores[-1], scores[1])
        good = good and (dealt != "IID" or gap is None or gap >= -TARGET_ATTACKED)
        who = f"{attackers} of {AMONG}"
        lines.append(_row([attack or "none", who, dealt, *map(_text, scores), _text(gap, "+.3f")]))
    lines += ["", f"target where data are IID: at least {-TARGET_ATTACKED:+.2f}"]
    return "\n".join(lines), good


def _orders(means: _Means) -> str:
    """Without attackers less federated averaging, of 5 members; with 4 of 10 less the trusted median."""
    lines = _head("order", *DEALT, *ATTACKS, "least of all")
    for order in ORDERS:
        gaps: list[float | None] = []
        for dealt in DEALT:
            learnt = means.score("digits", SIZES[0], dealt, order, PAIRED)
            gaps.append(_less(learnt, means.score("digits", SIZES[0], dealt, "FedAvg")))
        for attack in ATTACKS:
            best = means.score("digits", AMONG, "IID", "median", "", attack, 4)
            gaps.append(_less(means.score("digits", AMONG, "IID", order, PAIRED, attack, 4), best))
        least = min((gap for gap in gaps if gap is not None), default=None)
        lines.append(_row([order.partition(" ")[2], *(_text(gap, "+.3f") for gap in (*gaps, least))]))
    return "\n".join(lines)
