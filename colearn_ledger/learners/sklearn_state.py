"""The fitted state of a scikit-learn estimator as weights: walked to its numbers, through the estimators inside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline

from ..errors import InvalidWeights

__all__ = [
    "COUNTING",
    "FIXED",
    "ITSELF",
    "all_estimators",
    "check_fixed",
    "digest",
    "fixed_parts",
    "forget_training",
    "nested",
    "numbers_of",
    "odd_labels",
    "predictions",
    "strange_state",
    "write_numbers",
]

Array = np.ndarray[Any, Any]

# Fitted attributes that describe the model or the training so far and aren't weights: they are the same for every
# learner (classes, sizes), or tell of the last batch or training (losses, iterations, its samples' labels).
NOT_WEIGHTS = {
    "best_loss_",
    "best_validation_score_",
    "classes_",
    "feature_names_in_",
    "inertia_",
    "labels_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_layers_",
    "n_outputs_",
    "n_steps_",
    "validation_scores_",
}

# Naive Bayes that counts: what it predicts by is computed from the counts, so that only these travel.
COUNTING = (BernoulliNB, CategoricalNB, ComplementNB, MultinomialNB)
COUNTS = ("category_count_", "class_count_", "feature_count_")

FIXED = "fixed_sha256"  # beside the weights: of what is no numbers and must be the same for all
_KINDS = "fiub"
_PREDICT = (
    ("predict_proba", "predict"),
    ("decision_function", "predict"),
    ("predict",),
    ("transform",),
    ("score_samples",),
)
ITSELF = ""  # the place of an estimator that an attribute holds by itself


def numbers_of(estimator: Any) -> dict[str, Any]:
    """Copies of the fitted numbers, by name; plain numbers as 0-d arrays, so that their type is fixed.

    An estimator inside is a dict of its own, if it has any: in an attribute, in a list or dict, or as a step.
    """
    found: dict[str, Any] = {}
    for name, value in sorted(vars(estimator).items()):
        inner = nested(value)
        if inner is not None:
            walked = _walked(inner)
            if walked:
                found[name] = walked.get(ITSELF, walked)
        elif _is_fitted_name(name) and (not isinstance(estimator, COUNTING) or name in COUNTS):
            leaf = _leaf(value)
            if leaf is not None:
                found[name] = leaf
    return found


def write_numbers(estimator: Any, weights: Any) -> None:
    """Write such numbers, of the same form, into the estimator."""
    for name, value in weights.items():
        held = vars(estimator)[name]
        inner = nested(held)
        if inner is not None:
            for place, child in inner.items():
                if place == ITSELF:
                    write_numbers(child, value)
                elif place in value:
                    write_numbers(child, value[place])
        elif isinstance(value, np.ndarray):
            # what was a plain number must be one again, of Python or numpy: estimators count on with it
            number = value.item() if not isinstance(held, np.generic | np.ndarray) else value.dtype.type(value)
            setattr(estimator, name, value.copy() if value.ndim or isinstance(held, np.ndarray) else number)
        elif isinstance(value, dict):
            setattr(estimator, name, {key: one.copy() for key, one in value.items()})
        elif isinstance(held, np.ndarray):
            setattr(estimator, name, _objects([one.copy() for one in value]))
        else:
            setattr(estimator, name, type(held)(one.copy() for one in value))
    if isinstance(estimator, COUNTING) and "class_count_" in weights:
        # one sample and the same taken away: it computes what it predicts by
        x = np.zeros((2, estimator.n_features_in_))
        estimator.partial_fit(x, estimator.classes_[[0, 0]], sample_weight=np.array([1.0, -1.0]))


def all_estimators(estimator: Any) -> Iterator[Any]:
    """The estimator and all inside it, in a fixed order."""
    yield estimator
    for _, value in sorted(vars(estimator).items()):
        for child in (nested(value) or {}).values():
            yield from all_estimators(child)


def forget_training(estimator: Any) -> None:
    """Optimizers' states belong to a training, not to the weights; without one the next fit makes a new one."""
    for one in all_estimators(estimator):
        vars(one).pop("_optimizer", None)


def fixed_parts(estimator: Any) -> dict[str, Any]:
    """What is fitted in the steps before a pipeline's last, and is no numbers: categories, a vocabulary."""
    if not isinstance(estimator, Pipeline):
        return {}
    steps = [(name, step) for name, step in estimator.steps[:-1] if _is_estimator(step)]
    return {f"{name}{path}": value for name, step in steps for path, value in _fixed(step, "")}


def odd_labels(classes: Any) -> dict[str, Any]:
    """The labels, if they are other than 0, 1, ...: two learners may know as many, and not the same."""
    if classes is None:
        return {}
    every = classes if isinstance(classes, list) else [classes]
    odd = any(not np.array_equal(labels, np.arange(len(labels))) for labels in every)
    return {f"classes_/{i}": labels for i, labels in enumerate(every)} if odd else {}


def check_fixed(weights: Any, own: Array | None) -> None:
    """Raise InvalidWeights where the weights are of a learner with other labels or preprocessing."""
    if own is not None and not np.array_equal(weights[FIXED], own):
        raise InvalidWeights(
            "they are of a learner with other labels, or whose pipeline fitted other categories on its own data",
            expected="the same labels, categories, vocabulary and so on for every member",
            fix="give classes=[every label there is], and every member the same preprocessing",
        )


def digest(parts: dict[str, Any]) -> Array:
    """A digest of them, 32 bytes."""
    text = repr([(name, _said(value)) for name, value in sorted(parts.items())])
    found: Array = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8).copy()
    return found


def predictions(estimator: Any, x: Any) -> list[Array]:
    """Whatever the estimator says of these inputs."""
    for names in (
        ("predict_proba", "predict"),
        ("decision_function", "predict"),
        ("predict",),
        ("transform",),
        ("score_samples",),
    ):
        if all(callable(getattr(estimator, name, None)) for name in names):
            return [part for name in names for part in _arrays(getattr(estimator, name)(x))]
    return []


def strange_state(one: Any, other: Any, path: str = "", seen: frozenset[int] = frozenset()) -> Iterator[str]:
    """Where two estimators differ, by attribute."""
    if id(one) in seen or len(seen) > 8:
        return
    seen |= {id(one)}
    if isinstance(one, np.ndarray) and one.dtype.kind != "O":
        if not isinstance(other, np.ndarray) or not np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
            yield path
    elif isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys(), key=str):
            yield from strange_state(one.get(key), other.get(key), f"{path}[{key!r}]" if path else str(key), seen)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from strange_state(a, b, f"{path}[{i}]", seen)
    elif hasattr(one, "__dict__") and type(one) is type(other) and not isinstance(one, type) and not callable(one):
        for name, value in sorted(vars(one).items()):
            yield from strange_state(value, vars(other).get(name), f"{path}.{name}".lstrip("."), seen)
    elif issparse(one):
        if not issparse(other) or one.shape != other.shape or (one != other).nnz:
            yield path
    elif type(one) is not type(other) or (isinstance(one, str | bytes | int | float | bool) and one != other):
        yield path


def _is_fitted_name(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_") and name not in NOT_WEIGHTS


def _is_estimator(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "get_params", None)) and hasattr(value, "__dict__")


def nested(value: Any) -> dict[str, Any] | None:
    """The estimators that an attribute's value has, by name or number; None where it has none."""
    if _is_estimator(value):
        return {ITSELF: value}
    if isinstance(value, dict):
        pairs: Any = value.items()
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype.kind == "O"):
        pairs = enumerate(np.ravel(value) if isinstance(value, np.ndarray) else value)
    else:
        return None
    found = {}
    for place, child in pairs:
        if _is_estimator(child):
            found[str(place)] = child
        elif isinstance(child, tuple):  # a step: its name, the estimator, perhaps its columns
            inside = [part for part in child if _is_estimator(part)]
            if inside:
                found[child[0] if isinstance(child[0], str) else str(place)] = inside[0]
    return found or None


def _walked(inner: dict[str, Any]) -> dict[str, Any]:
    found = {place: numbers_of(child) for place, child in inner.items()}
    return {place: numbers for place, numbers in found.items() if numbers}


def _leaf(value: Any) -> Any:
    """The value as an array, a list or a dict of arrays; None where it is no numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return value.copy()
    if isinstance(value, float | int | np.number) and not isinstance(value, bool):
        return np.array(value)
    many = isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.ndim == 1
    )
    if many and len(value) and all(_is_numbers(v) for v in value):
        return [v.copy() for v in value]
    if isinstance(value, dict) and value and all(isinstance(k, str) and _is_numbers(v) for k, v in value.items()):
        return {key: one.copy() for key, one in value.items()}
    return None


def _is_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in _KINDS


def _objects(arrays: list[Array]) -> Array:
    found = np.empty(len(arrays), object)
    for i, array in enumerate(arrays):
        found[i] = array
    return found


def _fixed(estimator: Any, path: str) -> Iterator[tuple[str, Any]]:
    given = estimator.get_params(deep=False)
    for name, value in sorted(vars(estimator).items()):
        inner = nested(value)
        if inner is not None:
            for place, child in inner.items():
                yield from _fixed(child, f"{path}/{name}/{place}".rstrip("/"))
        elif name not in given and name not in NOT_WEIGHTS and not (_is_fitted_name(name) and _leaf(value) is not None):
            yield f"{path}/{name}", value


def _said(value: Any) -> str:
    """The same text for the same value, in every process."""
    if isinstance(value, np.ndarray):
        return f"array{value.dtype.kind}{[_said(v) for v in value.tolist()]}"
    if isinstance(value, dict):
        return repr(sorted((str(key), _said(v)) for key, v in value.items()))
    if isinstance(value, list | tuple):
        return repr([_said(v) for v in value])
    if isinstance(value, set | frozenset):
        return repr(sorted(map(_said, value)))
    if value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        return repr(value.item() if isinstance(value, np.generic) else value)
    state = vars(value) if hasattr(value, "__dict__") and not callable(value) else None
    if state is None and callable(getattr(value, "__getstate__", None)):  # compiled trees have it
        state = value.__getstate__()
    return type(value).__name__ + ("" if state is None else _said(state))


def _arrays(value: Any) -> Iterator[Array]:
    if isinstance(value, list | tuple):
        for child in value:
            yield from _arrays(child)
    else:
        yield value.toarray() if issparse(value) else np.asarray(value)
