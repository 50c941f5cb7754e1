"""How a collective stands, in one line that stays up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..chain.snapshot import Snapshot
from ..founding.names import Names
from .standing import read_standing, standing_line

__all__ = ["live_line"]


@contextmanager
def live_line() -> Iterator[Callable[[Snapshot, Names], None]]:
    """Gives what shows each snapshot in one line: anew on a terminal, elsewhere as a line when something happened."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        with Console(file=sys.stdout, highlight=False).status("") as status:
            yield lambda snapshot, names: status.update(Text(standing_line(read_standing(snapshot, names))))
        return
    last = ""

    def tell(snapshot: Snapshot, names: Names) -> None:
        nonlocal last
        line = standing_line(read_standing(snapshot, names), clock=False)
        if line != last:
            print(line, flush=True)
            last = line

    yield tell
