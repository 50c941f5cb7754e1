"""The run as a picture: scores per round and learner above, votes as a grid of learners × rounds below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.results import Results, RoundResult

__all__ = ["plot_results"]

# Green and red as users know them, in hues that differ in lightness too; a sign in every cell for those who see no hue.
_APPROVE, _REJECT, _PROPOSER, _ABSENT = "#4dac26", "#d7301f", "#bdbdbd", "#f7f7f7"


def plot_results(results: Results, path: str | Path) -> None:
    """Write a PNG (or what the path's ending says).

    The upper panel has each learner's score on its own test set: of the proposal in the round where it was accepted,
    else of the weights that stayed. Crosses are the scores of proposals that were rejected. The lower panel has one
    cell per learner and round: green (+) approved, red (-) rejected, grey (P) the proposer, white no vote; a star marks
    accepted rounds.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_rounds, n_learners = len(results.rounds), len(results.names)
    figure = Figure(figsize=(max(7.0, 0.45 * n_rounds + 3.5), 4.2 + 0.32 * n_learners), layout="constrained")
    FigureCanvasAgg(figure)
    scores, votes = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, max(1.0, 0.32 * n_learners)])
    _draw_scores(scores, results)
    _draw_votes(votes, results)
    accepted = sum(r.accepted for r in results.rounds)
    figure.suptitle(
        f"Collective learning: {n_learners} learners, {accepted} of {n_rounds} rounds accepted "
        f"(threshold {results.threshold}, {results.backend})",
        fontsize=11,
    )
    figure.savefig(path, dpi=130)


def _draw_scores(axes: Any, results: Results) -> None:
    numbers = [0, *(r.round for r in results.rounds)]
    for index, name in enumerate(results.names):
        kept = [results.initial.test_scores[index]]
        for result in results.rounds:
            kept.append(result.test_scores[index] if result.accepted else kept[-1])
        (line,) = axes.plot(numbers, [_number(s) for s in kept], marker="o", markersize=3.5, linewidth=1.3, label=name)
        refused = [r for r in results.rounds if not r.accepted and r.test_scores[index] is not None]
        axes.plot(
            [r.round for r in refused],
            [_number(r.test_scores[index]) for r in refused],
            linestyle="none",
            marker="x",
            markersize=5,
            alpha=0.6,
            color=line.get_color(),
        )
    axes.set_ylabel("test score\n(x: a rejected proposal's)")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, ncols=2, loc="best")


def _draw_votes(axes: Any, results: Results) -> None:
    from matplotlib.patches import Rectangle

    for result in results.rounds:
        for seat in range(len(results.names)):
            colour, sign = _cell(result, seat)
            axes.add_patch(Rectangle((result.round - 0.5, seat - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
            axes.text(result.round, seat, sign, ha="center", va="center", fontsize=8)
        if result.accepted:
            axes.text(result.round, -0.95, "★", ha="center", va="center", fontsize=10, color="#b8860b")
    axes.set_yticks(range(len(results.names)), results.names, fontsize=8)
    axes.set_ylim(len(results.names) - 0.5, -1.5)
    axes.set_xlim(-0.6, max(1, len(results.rounds)) + 0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("round (★ accepted; + approves, - rejects, P proposes)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _cell(result: RoundResult, seat: int) -> tuple[str, str]:
    if seat == result.proposer:
        return _PROPOSER, "P"
    vote = result.votes[seat]
    if vote is None:
        return _ABSENT, ""
    return (_APPROVE, "+") if vote else (_REJECT, "-")


def _number(score: float | None) -> float:
    return float("nan") if score is None else score
