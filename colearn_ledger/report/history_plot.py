"""A collective's history as a picture, from what the chain has: scores, votes, time and gas by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.protocol import RoundState
from ..founding.names import NO_NAMES, Names
from ..history.types import Choice, History, Transaction
from . import signs
from .picture import (
    ABSENT,
    APPROVE,
    CROWD,
    HIDDEN,
    PROPOSER,
    REJECT,
    SIGNS,
    check_ending,
    focus,
    new_figure,
    save_figure,
)
from .rounds import short, sign

__all__ = ["plot_history", "published_scores"]

_COLOURS = {Choice.APPROVED: APPROVE, Choice.REJECTED: REJECT, Choice.HIDDEN: HIDDEN, Choice.ABSENT: ABSENT}
_NAN = float("nan")
_INCHES = (7.0, 30.0)
_MANY_SEATS = 30  # whose names would not fit beside their rows

Panel = tuple[float, Callable[[Any, History, Names], None]]


def plot_history(history: History, path: str | Path | None = None, names: Names = NO_NAMES) -> Any:
    """Draw a history; return matplotlib's figure, and write it to a PNG, or what the path's ending says.

    One panel each, of what is known: the scores that voters published (thin: each member; thick: the mean; a cross: of
    what was rejected); approvals against what was needed; every vote; seconds to propose and to decide; gas. A dashed
    line stands where members went back to earlier weights. ``names``: of members.

    Raises UsageError for an unknown ending, StoreError when the file can't be written.
    """
    if path is not None:
        check_ending(Path(path), "history.png")
    panels = _panels(history)
    rounds = len(history.rounds)
    height = sum(share for share, _ in panels)
    width = min(_INCHES[1], max(_INCHES[0], 0.45 * rounds + 3.5))
    figure = new_figure(width, min(_INCHES[1], height + 1))
    stacked = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[share for share, _ in panels])
    for axes, (_, draw) in zip(stacked[:, 0], panels, strict=True):
        draw(axes, history, names)
        if draw is not _draw_votes:
            axes.grid(alpha=0.25)
        for round_ in history.rounds:
            if round_.reverted_to is not None:
                axes.axvline(round_.record.round - 0.5, linestyle="--", linewidth=1, color="#7b3294")
    last = stacked[-1, 0]
    last.set_xlabel("round" + (" (dashed: back to earlier weights)" if _went_back(history) else ""))
    last.xaxis.get_major_locator().set_params(integer=True)
    last.set_xlim(history.rounds[0].record.round - 0.6, history.rounds[-1].record.round + 0.6)
    figure.suptitle(_title(history), fontsize=11)
    if path is not None:
        save_figure(figure, Path(path))
    return figure


def _panels(history: History) -> list[Panel]:
    """What can be drawn, each with its height in inches."""
    seats = max((len(round_.members) for round_ in history.rounds), default=0)
    found: list[Panel] = []
    if any(vote.scores is not None for round_ in history.rounds for vote in round_.votes):
        found.append((3.2, _draw_scores))
    found.append((1.6, _draw_approvals))
    if seats:
        found.append((max(1.0, min(8.0, 0.28 * seats)), _draw_votes))
    if any(round_.proposed is not None and round_.proposed.time is not None for round_ in history.rounds):
        found.append((1.6, _draw_times))
    if any(round_.gas is not None for round_ in history.rounds[1:]):
        found.append((1.4, _draw_gas))
    return found


def _title(history: History) -> str:
    over = [r.record.state for r in history.rounds if r.record.round > 0 and r.record.state.decided]
    accepted = sum(state is RoundState.ACCEPTED for state in over)
    first, last = history.rounds[0].record.round, history.rounds[-1].record.round
    return (
        f"collective {short(history.address)} on chain {history.chain_id}, rounds {first} to {last}: "
        f"{accepted} of {len(over)} accepted"
    )


def _went_back(history: History) -> bool:
    return any(round_.reverted_to is not None for round_ in history.rounds)


def _numbers(history: History) -> list[int]:
    return [round_.record.round for round_ in history.rounds]


def _draw_scores(axes: Any, history: History, names: Names) -> None:
    """Scores of what was proposed, by the address that tested it; those of the proposer are not in the history."""
    published = published_scores(history)
    crowd = len(published) > CROWD
    style = {"linewidth": 0.7, "alpha": 0.5} if crowd else {"linewidth": 1, "marker": "o", "markersize": 3}
    numbers, lines = _numbers(history), []
    for member, (kept, refused) in published.items():
        [line] = axes.plot(*_joined(numbers, kept), label=None if crowd else _label(names, member), **style)
        cross = {"linestyle": "none", "marker": "x", "markersize": 7, "markeredgewidth": 1.5}
        axes.plot(numbers, refused, color=line.get_color(), **cross)
        lines += [kept, refused]
    mean = [_mean(column) for column in zip(*(kept for kept, _ in published.values()), strict=True)]
    axes.plot(*_joined(numbers, mean), color="black", linewidth=2, label="mean")
    axes.plot([], [], linestyle="none", marker="x", color="#555555", label="rejected")
    axes.set_ylabel("published score\nof the proposal")
    axes.legend(fontsize=7, ncols=3, loc="best")
    focus(axes, lines)


def _label(names: Names, member: str) -> str:
    """As matplotlib takes it: a dollar begins no formula, and an underscore doesn't hide it from the legend."""
    text = names.short(member).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _joined(numbers: Sequence[int], scores: Sequence[float]) -> tuple[list[int], list[float]]:
    """A line across the gaps: a proposer publishes no score in its own turn, and a rejected one is a cross."""
    known = [(number, score) for number, score in zip(numbers, scores, strict=True) if score == score]
    return [number for number, _ in known], [score for _, score in known]


def published_scores(history: History) -> dict[str, tuple[list[float], list[float]]]:
    """By member, what it published of each round's proposal: of what was not rejected, and of what was."""
    count = len(history.rounds)
    found: dict[str, tuple[list[float], list[float]]] = {}
    for at, round_ in enumerate(history.rounds):
        refused = round_.record.state is RoundState.REJECTED
        for vote in round_.votes:
            if vote.scores is not None:
                found.setdefault(vote.member, ([_NAN] * count, [_NAN] * count))[refused][at] = vote.scores[1]
    return dict(sorted(found.items()))


def _draw_approvals(axes: Any, history: History, names: Names) -> None:
    records = [r.record for r in history.rounds if r.record.round > 0 and r.record.weights is not None]
    colours = {RoundState.ACCEPTED: APPROVE, RoundState.REJECTED: REJECT}
    numbers = [record.round for record in records]
    axes.bar(
        numbers,
        [record.approvals.bit_count() for record in records],
        width=0.8,
        color=[colours.get(record.state, PROPOSER) for record in records],
    )
    axes.hlines(
        [record.need for record in records], [n - 0.45 for n in numbers], [n + 0.45 for n in numbers], colors="black"
    )
    axes.set_ylim(bottom=0)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("approvals\n(line: needed)")


def _draw_votes(axes: Any, history: History, names: Names) -> None:
    from matplotlib.colors import to_rgb

    seats = max(len(round_.members) for round_ in history.rounds)
    first, count = history.rounds[0].record.round, len(history.rounds)
    cells = np.ones((seats, count, 3))
    marks: list[tuple[int, int, str]] = []
    for at, round_ in enumerate(history.rounds):
        if not round_.members:
            continue
        cells[: len(round_.members), at] = to_rgb(PROPOSER)
        marks.append((first + at, max(round_.record.proposer_seat, 0), signs.PROPOSED))
        for vote in round_.votes:
            cells[vote.seat, at] = to_rgb(_COLOURS[vote.choice])
            marks.append((first + at, vote.seat, sign(vote.choice, round_)))
    extent = (first - 0.5, first + count - 0.5, seats - 0.5, -0.5)
    axes.imshow(cells, aspect="auto", interpolation="nearest", extent=extent)
    if count <= SIGNS and seats <= _MANY_SEATS:
        for number, seat, text in marks:
            axes.text(number, seat, text, ha="center", va="center", fontsize=7)
    accepted = [r.record.round for r in history.rounds if r.record.state is RoundState.ACCEPTED and r.record.round > 0]
    axes.plot(accepted, [-1] * len(accepted), linestyle="none", marker="*", markersize=7, color="#b8860b")
    newest = next(round_.members for round_ in reversed(history.rounds) if round_.members)
    rows = [_label(names, newest[seat]) if seat < len(newest) else f"seat {seat}" for seat in range(seats)]
    shown = range(seats) if seats <= _MANY_SEATS else range(0, seats, 4)
    axes.set_yticks(list(shown), [rows[seat] for seat in shown], fontsize=7)
    axes.set_ylim(seats - 0.5, -1.7)
    axes.set_ylabel("votes (★ accepted)")


def _draw_times(axes: Any, history: History, names: Names) -> None:
    """Seconds from a round's opening to its proposal, and from there to the decision, where transactions did both."""
    known = [round_ for round_ in history.rounds if round_.proposed is not None and round_.record.round > 0]
    numbers = [round_.record.round for round_ in known]
    trained = [_seconds(round_.opened, round_.proposed) for round_ in known]
    axes.bar(numbers, trained, width=0.8, color="#5e3c99", label="to propose")
    voted = [_seconds(round_.proposed, round_.decided) for round_ in known]
    axes.bar(numbers, voted, width=0.8, bottom=trained, color="#fdb863", label="to decide")
    axes.set_ylabel("seconds")
    axes.legend(fontsize=7, ncols=2, loc="best")


def _seconds(begin: Transaction | None, end: Transaction | None) -> int:
    if begin is None or end is None or begin.time is None or end.time is None:
        return 0
    return end.time - begin.time


def _draw_gas(axes: Any, history: History, names: Names) -> None:
    known = [(r.record.round, r.gas) for r in history.rounds if r.record.round > 0 and r.gas is not None]
    axes.bar([number for number, _ in known], [gas for _, gas in known], width=0.8, color="#80cdc1")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("gas")


def _mean(scores: tuple[float, ...]) -> float:
    known = [score for score in scores if score == score]
    return sum(known) / len(known) if known else _NAN
