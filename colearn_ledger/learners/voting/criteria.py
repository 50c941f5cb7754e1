"""What a vote is by, in scikit-learn's words: a scorer's name, a scorer, or a function of target and prediction.

All learners take the same; whether more of it is better is known of scikit-learn's own, and must be told of others.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...errors import UsageError, how_to_install

__all__ = ["Criterion", "Guesses", "Probabilities", "criterion_of", "is_criterion", "told_direction"]

Array = np.ndarray[Any, Any]

_ALIASES = {"auc": "roc_auc", "ap": "average_precision", "log_loss": "neg_log_loss", "mse": "neg_mean_squared_error"}
# scikit-learn's functions that no scorer has: whether more is better, and what they take.
_MORE = {
    "cohen_kappa_score": (1, "predict"),
    "fbeta_score": (1, "predict"),
    "d2_pinball_score": (1, "predict"),
    "d2_tweedie_score": (1, "predict"),
    "ndcg_score": (1, "predict_proba"),
    "hamming_loss": (-1, "predict"),
    "zero_one_loss": (-1, "predict"),
    "mean_pinball_loss": (-1, "predict"),
    "mean_tweedie_deviance": (-1, "predict"),
    "hinge_loss": (-1, "decision_function"),
}


class Guesses(Protocol):
    """A model's predictions for a set, in the forms in which scikit-learn's metrics want them."""

    @property
    def labels(self) -> Array:
        """Class numbers, or a regression's values. Raises UsageError where nobody can say which."""
        ...

    @property
    def probabilities(self) -> Array:
        """(n,) of the second of two classes, else (n, k). Raises UsageError where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The guesses of a classifier: (n,) probabilities of the second of two classes, or (n, k) of each."""

    probabilities: Array

    @property
    def labels(self) -> Array:
        if self.probabilities.ndim == 1:
            return np.asarray(self.probabilities > 0.5).astype(np.int64)
        return np.asarray(self.probabilities.argmax(axis=1))


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a vote is by.

    Attributes
    ----------
    name: for people.
    sign: by which the function's value is turned, such that higher is better.
    scorer: ``scorer(estimator, inputs, targets)``, higher is better; None for a function that isn't scikit-learn's.
    function: ``function(targets, predictions)``; None for a scorer that isn't made of one.
    wants: ``"labels"`` (of a regression: values) or ``"probabilities"``; ``"outputs"`` for a function that isn't
        scikit-learn's, which gets what the model gives.
    """

    name: str
    sign: int
    scorer: Callable[[Any, Any, Any], Any] | None
    function: Callable[[Any, Any], Any] | None
    wants: str

    def of(self, model: Any, x: Any, y: Any, outputs: Any, guesses: Guesses | None) -> float:
        """The score, of a model that is no scikit-learn estimator."""
        if self.function is None:
            assert self.scorer is not None
            return float(self.scorer(model, x, y))
        given = outputs if self.wants == "outputs" else getattr(guesses, self.wants)
        return self.sign * float(self.function(y, given))


def is_criterion(given: object) -> bool:
    """Whether :func:`criterion_of` knows what it is, or would ask for its direction."""
    return callable(given) or (isinstance(given, str) and _scorer_name(given) is not None)


def criterion_of(given: Any, *, name: str | None = None, higher_is_better: bool | None = None) -> Criterion:
    """What the vote is by.

    Parameters
    ----------
    given: the name of one of scikit-learn's scorers (``"roc_auc"``, ``"f1_macro"``, ``"neg_log_loss"``), a scorer
        (what ``make_scorer`` gives, or a function of estimator, inputs and targets), or a function of targets and
        predictions.
    name: what to call it; by default its own name.
    higher_is_better: must be told of a function that isn't scikit-learn's; a scorer's higher is better by definition.

    Raises
    ------
    UsageError: an unknown name, or a function whose direction nobody knows.
    """
    if isinstance(given, str):
        known = _scorer_name(given)
        if known is None:
            raise UsageError(
                f"the criterion is {given!r}",
                expected="one of scikit-learn's scorers, such as 'accuracy', 'roc_auc', 'neg_log_loss' or 'r2'",
                fix="sklearn.metrics.get_scorer_names() lists them; a function of targets and predictions will do, too",
            )
        return _of_scorer(_metrics().get_scorer(known), name or given, higher_is_better)
    if not callable(given):
        raise UsageError(
            f"the criterion is a {type(given).__name__}",
            expected="a scorer's name, a scorer, or a function of targets and predictions",
            fix="such as criterion='roc_auc'",
        )
    called = name or _name_of(given)
    if hasattr(given, "_score_func") or _takes_a_model(given):
        return _of_scorer(given, called, higher_is_better)
    sign, response = _known_function(given)
    if sign is None:
        sign = 1 if told_direction(called, higher_is_better) else -1
        return Criterion(called, sign, None, given, "outputs")
    if higher_is_better is not None and higher_is_better is not (sign > 0):
        raise _contradicted(called, sign > 0)
    scorer = _metrics().make_scorer(given, response_method=response, greater_is_better=sign > 0)
    return _of_scorer(scorer, called, None)


def told_direction(name: str, higher_is_better: bool | None) -> bool:
    """The direction of what nobody knows; UsageError if it wasn't told."""
    if higher_is_better is None:
        raise UsageError(
            f"nobody knows whether more of the criterion {name!r} is better",
            expected="higher_is_better=True (as of an accuracy) or False (as of a loss)",
            fix="say it: a vote by the wrong direction approves what is worse",
        )
    return higher_is_better


def _contradicted(name: str, up: bool) -> UsageError:
    return UsageError(
        f"higher_is_better is {not up}, and of the criterion {name!r} {'more' if up else 'less'} is better",
        expected="no other direction than a known criterion has",
        fix="leave higher_is_better out",
    )


def _of_scorer(scorer: Any, name: str, higher_is_better: bool | None) -> Criterion:
    if higher_is_better is False:
        raise _contradicted(name, True)
    function = getattr(scorer, "_score_func", None)
    if function is None:
        return Criterion(name, 1, scorer, None, "")
    function = functools.partial(function, **getattr(scorer, "_kwargs", {}))
    return Criterion(name, int(scorer._sign), scorer, function, _wants(scorer._response_method))


def _wants(response: Any) -> str:
    return "labels" if response == "predict" or response == ("predict",) else "probabilities"


def _known_function(function: Any) -> tuple[int | None, Any]:
    """The sign of one of scikit-learn's, and which predictions it takes; None for others."""
    while isinstance(function, functools.partial):
        function = function.func
    if not str(getattr(function, "__module__", "")).startswith("sklearn."):
        return None, ""
    metrics = _metrics()
    for name in metrics.get_scorer_names():
        scorer = metrics.get_scorer(name)
        if scorer._score_func is function:
            return int(scorer._sign), scorer._response_method
    return _MORE.get(getattr(function, "__name__", ""), (None, ""))


def _takes_a_model(function: Any) -> bool:
    """Whether it is ``f(estimator, x, y)``, also where the targets may be left out, and not ``f(y, prediction)``."""
    try:
        parameters = [
            p
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.default is p.empty]
    return len(needed) >= 3 or (len(needed) == 2 and len(parameters) > 2 and parameters[2].name.lower().startswith("y"))


def _name_of(function: Any) -> str:
    inner = getattr(function, "_score_func", function)
    while isinstance(inner, functools.partial):
        inner = inner.func
    return str(getattr(inner, "__name__", type(inner).__name__))


def _scorer_name(name: str) -> str | None:
    """scikit-learn's word for it; None if it has none."""
    word = name.strip().lower().replace(" ", "_").replace("-", "_")
    word = _ALIASES.get(word, word)
    return word if word in _metrics().get_scorer_names() else None


def _metrics() -> Any:
    try:
        import sklearn.metrics
    except ModuleNotFoundError as error:
        raise UsageError(
            "the criterion is one of scikit-learn's, which is not installed",
            expected="scikit-learn",
            fix=how_to_install("sklearn"),
        ) from error
    return sklearn.metrics
