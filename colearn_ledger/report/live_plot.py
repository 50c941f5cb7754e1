"""The run as a window that is drawn anew after every round, for programs that run the rounds themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.results import Results
from ..errors import UsageError
from .picture import ABSENT, APPROVE, PROPOSER, REJECT

__all__ = ["ColearnPlot"]


class ColearnPlot:
    """Scores above, votes below.

    Parameters
    ----------
    score_name: what the scores are, for the axis.
    draw_time: seconds that the window is given to draw itself, each time.

    Attributes
    ----------
    figure, results_axes, votes_axes: matplotlib's, to save or to change.

    Where there is no screen nothing is shown, and ``plot.figure.savefig("run.png")`` writes the picture.
    """

    def __init__(self, score_name: str = "score", draw_time: float = 0.01) -> None:
        self.score_name = score_name
        self.draw_time = draw_time
        self._open()

    def _open(self) -> None:
        from matplotlib import pyplot

        self._pyplot = pyplot
        pyplot.ion()
        self.figure = pyplot.figure(figsize=(9, 7), layout="constrained")
        self.results_axes, self.votes_axes = self.figure.subplots(2, 1)

    def plot_results_and_votes(self, results: Results, block: bool = False) -> None:
        """Draw both panels."""
        self.plot_results(results)
        self.plot_votes(results, block)

    def plot_results(self, results: Results, block: bool = False) -> None:
        """Draw each learner's scores, dashed, and their means. ``block`` waits until the window is closed."""
        axes = self._axes(results, "results_axes")
        rounds = range(len(results.data))
        for colour, kind, each, mean in (
            ("tab:blue", "test", results.h_test_scores, results.mean_test_scores),
            ("tab:red", "vote", results.h_vote_scores, results.mean_vote_scores),
        ):
            for scores in each:
                known = [np.nan if score is None else score for score in scores]
                axes.plot(rounds, known, linestyle="--", linewidth=1, alpha=0.4, color=colour)
            axes.plot(rounds, mean, linewidth=2.5, color=colour, marker=".", label=f"mean {kind} {self.score_name}")
        axes.set_ylabel(self.score_name)
        axes.legend(loc="best", fontsize=8)
        self._show(axes, len(rounds), block)

    def plot_votes(self, results: Results, block: bool = False) -> None:
        """Draw who voted how: green approved, red rejected, white no vote; the proposer with the decision."""
        from matplotlib.colors import to_rgb
        from matplotlib.patches import Patch

        axes = self._axes(results, "votes_axes")
        colours = {True: to_rgb(APPROVE), False: to_rgb(REJECT), None: to_rgb(ABSENT)}
        cells = np.full((len(results.learner_names), len(results.data), 3), to_rgb(ABSENT))
        for number, result in enumerate(results.data):
            if number == 0 or result.block_proposer is None:  # nobody voted
                continue
            cells[:, number] = [colours[vote] for vote in result.votes]
            cells[result.block_proposer, number] = to_rgb(PROPOSER)
            sign = "✓" if result.vote else "✗"
            axes.text(number, result.block_proposer, sign, ha="center", va="center", fontsize=11)
        axes.imshow(cells, aspect="auto", interpolation="nearest")
        axes.hlines(np.arange(0.5, len(cells) - 1), -0.5, len(results.data) - 0.5, colors="white")
        axes.vlines(np.arange(0.5, len(results.data) - 1), -0.5, len(cells) - 0.5, colors="white")
        names = results.learner_names
        axes.set_yticks(range(len(names)), names, fontsize=8)
        meaning = {"approved": APPROVE, "rejected": REJECT, "proposed (✓ accepted, ✗ not)": PROPOSER, "no vote": ABSENT}
        handles = [Patch(facecolor=colour, edgecolor="#999999", label=label) for label, colour in meaning.items()]
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.18), ncols=4, fontsize=8, frameon=False)
        self._show(axes, len(results.data), block)

    def block(self) -> None:
        """Wait until the window is closed; where there is no screen, return at once."""
        if self._on_screen():
            self._pyplot.show(block=True)

    def _axes(self, results: Results, name: str) -> Any:
        if not results.data:
            raise UsageError(
                "there is nothing to plot", expected="a result", fix="results.data.append(initial_result(learners))"
            )
        if not self._pyplot.fignum_exists(self.figure.number):  # the window was closed
            self._open()
        axes = getattr(self, name)
        axes.clear()
        return axes

    def _show(self, axes: Any, count: int, block: bool) -> None:
        axes.set_xlim(-0.5, count - 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("round")
        if self._on_screen():
            self._pyplot.draw()
            self._pyplot.pause(self.draw_time)
        if block:
            self.block()

    def _on_screen(self) -> bool:
        return self.figure.canvas.required_interactive_framework is not None
