"""Rounds one by one, by the module name that they were published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from .core.driver import run_one_round, set_equal_weights
from .core.rounds import collective_learning_round, individual_training_round, initial_result

__all__ = [
    "collective_learning_round",
    "individual_training_round",
    "initial_result",
    "run_one_round",
    "set_equal_weights",
]
