"""What all pictures have in common: their files, their colours, and axes that show what matters."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .files import write_report

__all__ = [
    "ABSENT",
    "APPROVE",
    "CROWD",
    "HIDDEN",
    "PROPOSER",
    "REJECT",
    "SIGNS",
    "check_ending",
    "focus",
    "new_figure",
    "save_figure",
]

# Green and red as users know them, in hues that differ in lightness too; a sign in every cell for those who see no hue.
APPROVE, REJECT, PROPOSER, ABSENT, HIDDEN = "#4dac26", "#d7301f", "#bdbdbd", "#f7f7f7", "#92c5de"
FORMATS = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".eps", ".ps")
# From so many on, lines and signs would only blur: one line for the mean, and cells by colour alone.
CROWD = 12
SIGNS = 60
_FIRST = 4  # a quarter of the rounds are the first ones


def check_ending(path: Path, example: str) -> None:
    """Raise UsageError if no picture can be written to a file of this name."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"a plot can't be written as {path.name!r}",
            expected=f"an ending of {', '.join(FORMATS)}",
            fix=f"{example}, for example",
        )


def new_figure(width: float, height: float) -> Any:
    """A figure of so many inches that needs no screen; a notebook shows it where a cell ends with it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            return _picture(self, "png").getvalue()

    figure = Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """Write it in the form that the path's ending says. Raises StoreError when the file can't be written."""
    write_report(path, _picture(figure, path.suffix[1:].lower()).getbuffer())


def _picture(figure: Any, form: str) -> io.BytesIO:
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # A name in characters that the font lacks is boxes; the address is beside it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(picture, format=form, dpi=100)
    return picture


def focus(axes: Any, lines: Sequence[Sequence[float]]) -> None:
    """Let the scale show what happens after the first rounds, where these would take up nearly all of it.

    What then lies outside is said in a corner, since nobody should take a part for the whole.
    """
    known = [value for line in lines for value in line if not math.isnan(value)]
    later = [value for line in lines for value in line[max(1, len(line) // _FIRST) :] if not math.isnan(value)]
    if not later or max(known) - min(known) < 3 * (max(later) - min(later)):
        return
    room = 0.08 * (max(later) - min(later)) or 0.05 * abs(max(later)) or 0.01
    axes.set_ylim(min(later) - room, max(later) + room)
    said = [f"from {min(known):.3g}"] if min(known) < min(later) else []
    said += [f"up to {max(known):.3g}"] if max(known) > max(later) else []
    if said:
        text = f"the first rounds go {' '.join(said)}, outside this scale"
        axes.annotate(text, (0.01, 0.02), xycoords="axes fraction", fontsize=7, color="#555555")
