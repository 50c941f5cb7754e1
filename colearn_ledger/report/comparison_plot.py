"""A comparison as a picture: scores by round, on everybody's test data and on each learner's own."""

from __future__ import annotations

import io
from pathlib import Path
from statistics import fmean
from typing import Any

from ..baselines.comparison import ALONE, FEDERATED, JOINT, SOLO, Comparison, Line
from .files import write_report

__all__ = ["plot_comparison"]

# Okabe and Ito's colours, which differ for those who see no hue, and a dash of their own each.
_STYLES: dict[str, dict[str, Any]] = {
    ALONE: {"color": "#555555", "linestyle": "--"},
    SOLO: {"color": "#e69f00", "linestyle": "-"},
    JOINT: {"color": "#0072b2", "linestyle": "-"},
    FEDERATED: {"color": "#cc3311", "linestyle": ":"},
}
# From so many learners on, thin lines are thinner.
CROWD = 12


def plot_comparison(comparison: Comparison, path: Path, title: str, score: str) -> None:
    """Write it in the form that the path's ending names; ``score`` is what the scores are, such as ``accuracy``.

    Raises StoreError when it can't be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw(left, comparison, "everybody")
    _draw(right, comparison, "own")
    left.set_title("on everybody's test data", fontsize=10)
    right.set_title("on each learner's own test data (mean)", fontsize=10)
    left.set_ylabel(f"test score ({score})")
    figure.legend(*left.get_legend_handles_labels(), fontsize=9, ncols=2, loc="outside lower center", frameon=False)
    figure.suptitle(title, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), dpi=110)
    write_report(path, picture.getbuffer())


def _draw(axes: Any, comparison: Comparison, which: str) -> None:
    for line in comparison.lines:
        table = [getattr(scores, which) for scores in line.scores]
        style = _STYLES[line.name]
        if line.name == ALONE:
            thin = {"linewidth": 0.8 if len(comparison.names) <= CROWD else 0.4, "alpha": 0.6, "color": style["color"]}
            for each in zip(*table, strict=True):
                axes.plot(range(len(each)), each, **thin)
        means = [fmean([score for score in scores if score == score] or [float("nan")]) for scores in table]
        axes.plot(range(len(means)), means, linewidth=2.2, label=_label(line, comparison.rounds), **style)
    axes.set_xlabel("round" + (f" (a training of {comparison.steps} steps)" if comparison.steps else ""))
    axes.set_xlim(0, comparison.rounds)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _label(line: Line, rounds: int) -> str:
    about = "" if line.accepted is None else f" ({line.accepted} of {rounds} rounds accepted)"
    thin = ", in the mean (thin: each)" if line.name == ALONE else ""
    return f"{line.name}{thin}: {fmean(line.scores[-1].everybody):.3f}{about}"
