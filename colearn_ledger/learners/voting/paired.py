"""One-sided tests of two models on the same samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import UsageError, how_to_install

__all__ = ["p_worse"]

Array = np.ndarray[Any, Any]


def p_worse(before: Array, after: Array) -> float:
    """How likely outcomes at least as bad are if ``after`` isn't worse than ``before``.

    Parameters
    ----------
    before, after: finite outcomes of the same samples, (n,), higher is better. Two arrays of bool take McNemar's exact
        test, which looks at the samples that only one of the models gets right; others take the paired t test.
    """
    if before.shape != after.shape:
        raise ValueError(f"outcomes of {before.shape} and {after.shape} samples")
    if before.dtype == np.bool_ and after.dtype == np.bool_:
        return _binomial_tail(int((before & ~after).sum()), int((before ^ after).sum()))
    return _t_tail(after.astype(np.float64) - before.astype(np.float64))


def _binomial_tail(k: int, n: int) -> float:
    """P(X >= k) for X ~ Binomial(n, 1/2), in integers: exact, and the same whatever else is installed."""
    ways, total = 1, 0  # C(n, n), C(n, n - 1), ... down to C(n, k)
    for i in range(n, k - 1, -1):
        total += ways
        ways = ways * i // (n - i + 1)
    return total / (1 << n)


def _t_tail(differences: Array) -> float:
    """P(T <= t) of Student's t for the differences' mean being 0 against it being below."""
    n = len(differences)
    mean, spread = float(differences.mean()), float(differences.std(ddof=1)) if n > 1 else 0.0
    if spread == 0 or not math.isfinite(spread):  # all differ by the same, as equal models do by nothing
        return 1.0 if mean >= 0 else 0.0
    try:
        from scipy.stats import t
    except ModuleNotFoundError:
        raise UsageError(
            "the paired test of losses needs SciPy, which is not installed",
            expected="SciPy, which scikit-learn and XGBoost bring along",
            fix=f"{how_to_install('sklearn')}; or vote by an accuracy",
        ) from None
    return float(t.cdf(mean / (spread / math.sqrt(n)), n - 1))
