"""What a scikit-learn estimator reaches on a set, by its own score or another criterion."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ..errors import LearnerError, UsageError
from .sets import Data
from .voting.criteria import Criterion, computed, criterion_of
from .voting.policy import Evaluation

__all__ = ["evaluate_estimator", "judge_of"]

Array = np.ndarray[Any, Any]
LEAST_SHARE = 1e-15  # of probability, in a log loss


def judge_of(estimator: Any, criterion: Any, scorer: Any, higher_is_better: bool | None) -> Criterion | None:
    """What the votes are by; None for the estimator's own score. Given a scorer, the criterion is its name."""
    given = criterion if scorer is None else scorer
    if given is None or (isinstance(given, str) and given == "score"):
        if not callable(getattr(estimator, "score", None)):
            raise LearnerError(
                f"{type(estimator).__name__} has no score to vote by",
                expected="a criterion",
                fix="criterion=lambda estimator, x, y: ..., higher is better",
            )
        return None
    if scorer is not None and criterion is not None and not isinstance(criterion, str):
        raise UsageError("both a scorer and a criterion", expected="one of them", fix="leave the scorer out")
    return criterion_of(given, name=criterion if scorer is not None else None, higher_is_better=higher_is_better)


def evaluate_estimator(estimator: Any, data: Data, judge: Criterion | None, *, outcomes: bool) -> Evaluation:
    """An estimator's score on a set; outcomes are right or wrong, or minus the squared error; others have none."""
    x, y = data
    if judge is None:
        score = float(estimator.score(x, y))
        name = "accuracy" if is_classifier(estimator) else "R2" if is_regressor(estimator) else "score"
    else:
        name = judge.name
        with computed(name):
            if judge.scorer is not None:
                score = float(judge.scorer(estimator, x, y))
            else:
                assert judge.function is not None
                score = judge.sign * float(judge.function(y, estimator.predict(x)))
    parts: Array | None = None
    kind = _mean_of(judge, estimator)
    if outcomes and kind is not None:
        guess = estimator.predict(x)
        if kind == "accuracy":
            right = np.asarray(guess == np.asarray(y))
            parts = right if right.ndim == 1 else np.asarray(right.all(axis=1))
        else:
            # R² falls as the squared error rises: on one set they order models alike
            away: Array = guess - np.asarray(y)
            sizes: Array = np.square(away) if kind == "squared" else np.abs(away)
            parts = np.asarray(-sizes.reshape(x.shape[0], -1).mean(axis=1))
    return Evaluation(score, name, int(x.shape[0]), parts, _loss(estimator, x, np.asarray(y)))


def _mean_of(judge: Criterion | None, estimator: Any) -> str | None:
    """Of which parts the criterion is a mean, as far as that is known."""
    if judge is None:
        return "accuracy" if is_classifier(estimator) else "squared" if is_regressor(estimator) else None
    inner = judge.function.func if isinstance(judge.function, functools.partial) else judge.function
    kinds = {"accuracy_score": "accuracy", "mean_absolute_error": "absolute"}
    kinds |= dict.fromkeys(("r2_score", "mean_squared_error", "root_mean_squared_error"), "squared")
    mine = str(getattr(inner, "__module__", "")).startswith("sklearn.")
    return kinds.get(getattr(inner, "__name__", "")) if mine else None


def _loss(estimator: Any, x: Any, y: Array) -> float | None:
    """The mean loss of what lies under the predictions: log loss, hinge loss, squared error; None without any."""
    with np.errstate(all="ignore"):  # a stranger's weights may overflow: then so does the loss
        if is_regressor(estimator):
            return float(np.square(np.asarray(estimator.predict(x), np.float64).reshape(y.shape) - y).mean())
        if not is_classifier(estimator) or y.ndim != 1:
            return None
        right = np.asarray(estimator.classes_)[:, None] == y  # (classes, samples)
        if hasattr(estimator, "predict_proba"):
            share = np.where(right.T, estimator.predict_proba(x), 0).sum(axis=1)
            return float(-np.log(np.clip(share, LEAST_SHARE, None)).mean())
        if hasattr(estimator, "decision_function"):
            margins = np.asarray(estimator.decision_function(x), np.float64)
            signs = 2.0 * (right[1] if margins.ndim == 1 else right.T) - 1
            return float(np.maximum(0, 1 - signs * margins).mean())
    return None
