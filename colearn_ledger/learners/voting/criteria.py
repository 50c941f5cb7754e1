"""What a vote is by, in scikit-learn's words: a scorer's name, a scorer, or a function of target and prediction.

All learners take the same; whether more of it is better is known of scikit-learn's own, and must be told of others.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...errors import ColearnError, LearnerError, UsageError, how_to_install
from ..memory import first_words, is_out_of_memory

__all__ = ["Criterion", "Guesses", "computed", "criterion_of", "is_criterion", "told_direction"]

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
        with computed(self.name):
            if self.function is None:
                assert self.scorer is not None
                return float(self.scorer(model, x, y))
            if self.wants != "outputs":
                assert guesses is not None
                outputs = guesses.labels if self.wants == "labels" else guesses.probabilities
            return self.sign * float(self.function(y, outputs))


@contextlib.contextmanager
def computed(name: str) -> Iterator[None]:
    """What goes wrong in a criterion is told with its name, as a LearnerError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ColearnError) or is_out_of_memory(error):
            raise
        raise LearnerError(
            f"the criterion {name!r} can't be computed: {type(error).__name__}: {first_words(error)}",
            expected="a criterion that fits the targets and what the model gives",
            fix="another one, or the same with other options (sklearn.metrics.make_scorer)",
        ) from error


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
