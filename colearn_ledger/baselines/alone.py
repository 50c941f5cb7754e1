"""Each learner by itself: it trains on its own data, and nobody tells another anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.asking import ask_accept, ask_current, ask_proposal
from ..core.learner import Learner, Weights
from ..core.roles import roles_of
from ..core.schema import Schema
from ..core.weights import decode

__all__ = ["run_alone"]


def run_alone(
    learners: Sequence[Learner], rounds: int, *, on_round: Callable[[int], None] = lambda number: None
) -> None:
    """In each round every learner trains once from its own current weights, and adopts what comes of it.

    Parameters
    ----------
    rounds: how many; the learners are seeded by their numbers, from 1, as in joint rounds.
    on_round: called after each round, with its number.
    """
    schema = Schema.of(ask_current(learners[0]).weights, roles_of(learners[0]))
    for number in range(1, rounds + 1):
        for learner in learners:
            _, data = ask_proposal(learner, number, schema)
            ask_accept(learner, Weights(decode(data, schema)), schema=schema)
        on_round(number)
