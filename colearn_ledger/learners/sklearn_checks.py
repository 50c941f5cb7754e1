"""Which estimators, data and labels the learners of scikit-learn take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..errors import DataError, LearnerError, UsageError
from .sets import Data
from .sklearn_state import all_estimators

__all__ = ["check_data", "check_estimator", "check_labels", "fit_steps", "labels_of", "last_of", "prepared"]

Array = np.ndarray[Any, Any]


def check_data(estimator: Any, **sets: Data) -> None:
    """Raise DataError unless the sets, by name, are what the estimator can be given, in all their rows."""
    for name, data in sets.items():
        for part, values in zip(("inputs", "targets"), data, strict=True):
            if not hasattr(values, "shape"):
                raise DataError(
                    f"the {part} of the {name} set are a {type(values).__name__}",
                    expected="a numpy array, a data frame or a sparse matrix",
                    fix="numpy.asarray(...) makes an array of it",
                )
            numbers = getattr(values, "data", values) if issparse(values) else values
            if _takes_nan(estimator) or getattr(numbers, "dtype", np.dtype(object)).kind not in "fc":
                continue
            finite = np.isfinite(numbers)
            if not finite.all():
                wrong = finite.size - np.count_nonzero(finite)
                raise DataError(
                    f"{wrong} values of the {part} of the {name} set are NaN or infinite",
                    expected=f"finite numbers, which {type(estimator).__name__} needs",
                    fix="fill them in or leave their samples out",
                )


def _takes_nan(estimator: Any) -> bool:
    """By scikit-learn's own word; what others' estimators take is not known."""
    tags = getattr(estimator, "__sklearn_tags__", None)
    return not type(estimator).__module__.startswith("sklearn.") or tags is None or bool(tags().input_tags.allow_nan)


def check_labels(classes: Any, y: Any) -> Array:
    """Every label, sorted; by default those there are. UsageError if a target has another one."""
    found = np.unique(y)
    every = found if classes is None else np.unique(np.asarray(classes, found.dtype if found.dtype == object else None))
    strange = np.setdiff1d(found, every)
    if len(strange):
        raise UsageError(
            f"the training set has the labels {strange[:5].tolist()}",
            expected=f"only labels that classes has: {every[:20].tolist()}",
            fix="name every label there is, the same for every learner",
        )
    return every


def check_estimator(estimator: Any) -> None:
    last = last_of(estimator)
    name = type(last).__name__
    if not callable(getattr(last, "partial_fit", None)):
        if isinstance(last, MLPClassifier | MLPRegressor) and last.solver == "lbfgs":
            raise LearnerError(
                f"{name} has no partial_fit with the solver 'lbfgs', which fits at once",
                expected="a solver that can go on training: 'adam' or 'sgd'",
                fix=f"{name}(solver='adam')",
            )
        raise LearnerError(
            f"{name} has no partial_fit",
            expected="an estimator that can go on training, such as SGDClassifier or MLPClassifier, or a Pipeline that "
            "ends in one",
            fix="see scikit-learn's list of incremental learners",
        )
    for one in all_estimators(estimator):
        if getattr(one, "average", False):
            raise LearnerError(
                f"{type(one).__name__} averages its weights, and keeps what it averages to itself",
                expected="average=False",
                fix="make the estimator without averaging",
            )


def labels_of(estimator: Any, classes: Any, y: Any) -> Any:
    """Every label, of each output where there are several."""
    if not isinstance(estimator, MultiOutputClassifier):
        return check_labels(classes, y)
    given = [None] * y.shape[1] if classes is None else classes
    if len(given) != y.shape[1]:
        raise UsageError(
            f"classes names the labels of {len(given)} outputs, and there are {y.shape[1]}",
            expected="a list for each output",
            fix="classes=[labels of the first, labels of the second, ...]",
        )
    return [check_labels(labels, y[:, i]) for i, labels in enumerate(given)]


def last_of(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _steps_before(estimator: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(estimator, Pipeline):
        yield from ((name, step) for name, step in estimator.steps[:-1] if step not in (None, "passthrough"))


def prepared(estimator: Any, x: Any) -> Any:
    """The inputs as a pipeline's last step gets them."""
    for _, step in _steps_before(estimator):
        x = step.transform(x)
    return x


def fit_steps(estimator: Any, x: Any, y: Any) -> None:
    """Fit the steps before the last that aren't fitted yet."""
    for name, step in _steps_before(estimator):
        try:
            try:
                check_is_fitted(step)
            except NotFittedError:
                step.fit(x, y)
            x = step.transform(x)
        except Exception as error:  # each has errors of its own
            raise LearnerError(
                f"the pipeline's step {name!r} ({type(step).__name__}) can't prepare the inputs: "
                f"{type(error).__name__}: {str(error)[:200]}",
                expected="preprocessing of arrays (data frames become arrays: columns are numbers, not names)",
                fix="try pipeline.fit(x, y) with the same arrays",
            ) from error
