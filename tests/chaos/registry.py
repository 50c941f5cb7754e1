"""Faults by their names: a fault is a function that does it, waits until it is over, and says what it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import World

__all__ = ["FAULTS", "SHARES", "Fault", "Inject", "draw", "fault"]

# Of each so many faults in a row, how many are of which group: the goals, so that any 700 have 300, 100 and 300.
SHARES = {"kill": 3, "chain": 1, "other": 3}

# Returns what exactly was done, for the record; when it returns the fault is over.
Inject = Callable[["World", random.Random], str]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    name: how the record and the command line call it.
    group: kill, chain or other: what the goals count.
    inject: does it.
    rewinds: the chain may forget decided rounds by it.
    time_passes: rounds may be missed by it, and secret votes left closed: the clock explains them.
    needs: ``kubo``, ``folder``, ``secret``, ``websocket`` or nothing: the collectives that can have it.
    weight: how often it is drawn.
    """

    name: str
    group: str
    inject: Inject
    rewinds: bool = False
    time_passes: bool = False
    needs: str = ""
    weight: int = 1


FAULTS: dict[str, Fault] = {}


def fault(
    group: str, *, rewinds: bool = False, time_passes: bool = False, needs: str = "", weight: int = 1
) -> Callable[[Inject], Inject]:
    """Register the function, by its name, as a fault."""

    def register(inject: Inject) -> Inject:
        name = inject.__name__
        assert name not in FAULTS, f"two faults are called {name}"
        FAULTS[name] = Fault(name, group, inject, rewinds, time_passes, needs, weight)
        return inject

    return register


def draw(seed: int, index: int, names: Iterable[str]) -> Fault:
    """The fault that comes at this place of a run: one of its group, by weight; of any, where the group has none."""
    groups = [group for group, share in SHARES.items() for _ in range(share)]
    random.Random(f"{seed} groups {index // len(groups)}").shuffle(groups)
    faults = [FAULTS[name] for name in sorted(names)]
    faults = [f for f in faults if f.group == groups[index % len(groups)]] or faults
    return random.Random(f"{seed} draw {index}").choices(faults, [f.weight for f in faults])[0]
