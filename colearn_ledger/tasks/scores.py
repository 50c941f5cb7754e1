"""Scores that tasks share and that need no framework."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["area_under_curve"]

Array = np.ndarray[Any, Any]


def area_under_curve(y: Array, guess: Array) -> float:
    """How often a sample of label 1 has a higher guess than one of label 0; a tie counts half.

    That is the area under the ROC curve: 1 is perfect, 0.5 is chance. ``y`` (n,) holds both labels, ``guess`` is (n,).
    """
    values, at = np.unique(guess, return_inverse=True)
    ones, zeros = (np.bincount(at.reshape(-1)[y == label], minlength=len(values)) for label in (1, 0))
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / (ones.sum() * zeros.sum()))
