"""The run as a picture: scores per round and learner above, votes as a grid of learners × rounds below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.results import Results, RoundResult
from .picture import ABSENT, APPROVE, CROWD, PROPOSER, REJECT, SIGNS, check_ending, focus, new_figure, save_figure

__all__ = ["plot_results"]

MAX_INCHES = 30.0


def plot_results(results: Results, path: str | Path | None = None) -> Any:
    """Draw a run; return matplotlib's figure, and write it to a PNG, or what the path's ending says.

    The upper panel has each learner's score on its own test set, after each round: of the proposal if it was accepted,
    else of the weights that stayed; in black the mean. Crosses are the scores of proposals that were rejected. The
    lower panel has one cell per learner and round: green (+) approved, red (-) rejected, grey (P) the proposer, white
    no vote; a star marks accepted rounds.

    Raises UsageError for an unknown ending, StoreError when the file can't be written.
    """
    if path is not None:
        check_ending(Path(path), "results.png")
    n_rounds, n_learners = len(results.rounds), len(results.learner_names)
    grid = max(1.0, 0.32 * n_learners)
    size = (min(MAX_INCHES, max(7.0, 0.45 * n_rounds + 3.5)), min(MAX_INCHES, 4.2 + grid))
    figure = new_figure(*size)
    scores, votes = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, grid])
    _draw_scores(scores, results)
    _draw_votes(votes, results)
    accepted = sum(r.accepted for r in results.rounds)
    figure.suptitle(
        f"Collective learning: {n_learners} learners, {accepted} of {n_rounds} rounds accepted "
        f"(threshold {results.threshold}, {results.backend})",
        fontsize=11,
    )
    if path is not None:
        save_figure(figure, Path(path))
    return figure


def _draw_scores(axes: Any, results: Results) -> None:
    numbers = [0, *(r.round for r in results.rounds)]
    n = len(results.learner_names)
    crowd = n > CROWD
    kept = [_kept(results, seat) for seat in range(n)]
    refused_scores: list[list[float]] = []
    for seat, name in enumerate(results.learner_names):
        style = {"linewidth": 0.7, "alpha": 0.5} if crowd else {"linewidth": 1.2, "marker": "o", "markersize": 3.5}
        (line,) = axes.plot(numbers, kept[seat], label=None if crowd else name, **style)
        refused = [float("nan"), *(_number(None if r.accepted else r.test_scores[seat]) for r in results.rounds)]
        refused_scores.append(refused)
        axes.plot(
            numbers,
            refused,
            linestyle="none",
            marker="x",
            markersize=7,
            markeredgewidth=1.5,
            color=line.get_color(),
        )
    axes.plot(numbers, [_mean(column) for column in zip(*kept, strict=True)], color="black", linewidth=2, label="mean")
    axes.set_ylabel("test score")
    axes.grid(alpha=0.25)
    axes.plot([], [], linestyle="none", marker="x", color="#555555", label="rejected")
    axes.legend(fontsize=8, ncols=2, loc="best")
    focus(axes, [*kept, *refused_scores])


def _kept(results: Results, seat: int) -> list[float]:
    """A learner's score of the weights that are current after each round, from round 0 on."""
    scores = [_number(results.initial.test_scores[seat])]
    for result in results.rounds:
        scores.append(_number(result.test_scores[seat]) if result.accepted else scores[-1])
    return scores


def _draw_votes(axes: Any, results: Results) -> None:
    from matplotlib.patches import Rectangle

    signs = len(results.rounds) <= SIGNS
    for result in results.rounds:
        for seat in range(len(results.learner_names)):
            colour, sign = _cell(result, seat)
            axes.add_patch(Rectangle((result.round - 0.5, seat - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
            if signs:
                axes.text(result.round, seat, sign, ha="center", va="center", fontsize=8)
        if result.accepted:
            axes.text(result.round, -0.95, "★", ha="center", va="center", fontsize=10, color="#b8860b")
    axes.set_yticks(range(len(results.learner_names)), results.learner_names, fontsize=8)
    axes.set_ylim(len(results.learner_names) - 0.5, -1.5)
    axes.set_xlim(-0.6, max(1, len(results.rounds)) + 0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    declines = ", D declines to" if any(r.declined for r in results.rounds) else ""
    axes.set_xlabel(f"round (★ accepted; + approves, - rejects, P proposes{declines})")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _cell(result: RoundResult, seat: int) -> tuple[str, str]:
    if seat == result.proposer:
        return (ABSENT, "D") if result.declined else (PROPOSER, "P")
    vote = result.votes[seat]
    if vote is None:
        return ABSENT, ""
    return (APPROVE, "+") if vote else (REJECT, "-")


def _number(score: float | None) -> float:
    return float("nan") if score is None else score


def _mean(scores: tuple[float, ...]) -> float:
    known = [score for score in scores if score == score]
    return sum(known) / len(known) if known else float("nan")
