"""A learner around a scikit-learn estimator that has ``partial_fit``."""

from __future__ import annotations

import contextlib
import copy
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.roles import Bounded, Role, Roles
from ..errors import LearnerError, UsageError, how_to_install
from .batch import BatchLearner, BatchOptions
from .saved import SavedFile, named_parts, write_safetensors
from .sets import Data
from .voting.policy import Evaluation

try:
    from sklearn.base import is_classifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler

    from .sklearn_checks import check_data, check_estimator, fit_steps, labels_of, last_of, prepared
    from .sklearn_scores import evaluate_estimator, judge_of
    from .sklearn_state import (
        COUNTING,
        FIXED,
        ITSELF,
        all_estimators,
        check_fixed,
        digest,
        fixed_parts,
        forget_training,
        nested,
        numbers_of,
        odd_labels,
        predictions,
        strange_state,
        write_numbers,
    )
    from .sklearn_training import OPTIMIZER, read_training, write_training
except ModuleNotFoundError as error:
    raise UsageError(
        "the scikit-learn learner needs scikit-learn, which is not installed",
        expected="scikit-learn",
        fix=how_to_install("sklearn"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Scorer", "SklearnLearner", "save_estimator"]

Array = np.ndarray[Any, Any]
Scorer = str | Callable[..., Any]

COUNTER_ROOM = 4  # members have different numbers of samples

# What counts the samples of all trainings so far: it sets how far the next step goes, and no prediction shows it.
COUNTERS = ("t_", "class_count_", "n_samples_seen_")

# Where scikit-learn has the estimators that number what they find by themselves.
_FINDING = ("sklearn.cluster.", "sklearn.cross_decomposition.", "sklearn.decomposition.", "sklearn.manifold.")

# Parts of the messages by which scikit-learn's linear models and its networks tell it.
DIVERGED = ("under-/overflow occurred", "non-finite parameter weights")


class SklearnLearner(BatchLearner):
    """Trains, tests and votes with an estimator such as SGDClassifier, Perceptron, MLPClassifier or GaussianNB.

    The weights are the fitted attributes that hold numbers (``coef_``, ``intercept_``, ``t_``, ``coefs_``, ``theta_``
    and so on), by name, also those of estimators inside it. The order of samples depends on the seed and the round
    alone. Counters of samples (``t_``, ``class_count_``), which set how far the next training's steps go and which no
    prediction shows, are bounded: a proposal may raise them by what the founding learner's training has samples,
    fourfold.

    Parameters
    ----------
    estimator: has ``partial_fit``, or is a ``Pipeline`` whose last step has; it is copied, and may be fitted or not.
        The steps before the last are fitted once, on the training set of whoever founds the collective, and travel in
        the weights; what of them is no numbers, such as categories, must be the same for all.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    classes: every label there is, the same for every learner; by default those in this learner's training set.
    criterion: what to vote by, in scikit-learn's words: ``"roc_auc"``, ``"f1_macro"``, a scorer, or a function of
        targets and predictions; by default the estimator's own ``score``, an accuracy or R².
    scorer: the same; ``criterion`` is then its name.
    higher_is_better: must be told of a function of targets and predictions that isn't scikit-learn's.
    options: see :class:`~colearn_ledger.learners.batch.BatchLearner`; ``batch_size`` (samples per call of
        ``partial_fit``) is the whole training set if not given.

    Raises
    ------
    LearnerError: the estimator can't go on training, or keeps a part of its weights to itself; or the criterion has no
        value on the vote set.
    DataError: inputs or targets are no arrays, or have a NaN or an infinity that the estimator doesn't take.
    UsageError: a label or an option is out of range, or nobody knows the criterion.
    """

    DEFAULT_BATCH_SIZE = None
    WHOLE_BATCHES = False

    def __init__(
        self,
        estimator: Any,
        train: Data,
        vote: Data,
        test: Data,
        *,
        classes: Any = None,
        scorer: Scorer | None = None,
        criterion: Scorer | None = None,
        higher_is_better: bool | None = None,
        **options: Unpack[BatchOptions],
    ) -> None:
        check_estimator(estimator)
        super().__init__(train, vote, test, **options)
        check_data(estimator, train=self.train_set, vote=self.vote_set, test=self.test_set)
        self._extra = {}
        if is_classifier(estimator):
            self._extra["classes"] = labels_of(last_of(estimator), classes, self.train_set[1])
        self._judge = judge_of(estimator, criterion, scorer, higher_is_better)
        self._estimator = self._begun(copy.deepcopy(estimator), last=False)
        # An optimizer's state belongs to a training, not to the weights; without it the next fit makes a new one.
        had_optimizer = "_optimizer" in vars(self._estimator)
        forget_training(self._estimator)
        self._optimizer: Any = None
        if self.optimizer_state == "keep" and not had_optimizer:
            raise UsageError(
                f"{type(estimator).__name__} has no optimizer state to keep",
                expected="optimizer_state='reset', or an estimator with a solver, such as MLPClassifier",
                fix="leave optimizer_state out",
            )
        self._fixed: Array | None = None
        self._left_out: frozenset[str] = frozenset()
        self._untrained = copy.deepcopy(self._estimator)  # the first training is this one's
        self._check_state(estimator)
        self.start()

    def _begun(self, estimator: Any, *, last: bool) -> Any:
        """The estimator, seeded and with its arrays, which exist only after a first fit.

        That is on a small batch, so that the start is near an untrained model: the first rows of the training set, or
        the ``last``, and where estimators are inside it one row of each class.
        """
        x, y = self.train_set
        for one in all_estimators(estimator):
            if "random_state" in one.get_params(deep=False):
                one.set_params(random_state=self.seed)
        n = int(x.shape[0])
        half = np.arange(n)[n // 2 :] if last and n > 1 else np.arange(n)
        if isinstance(estimator, Pipeline):
            fit_steps(estimator, x[half], y[half])
        if numbers_of(last_of(estimator)):
            return estimator
        wanted = [getattr(last_of(estimator), name, None) for name in ("n_clusters", "n_components")]
        size = max(32, *(2 * number for number in wanted if isinstance(number, int)), 0)
        rows = half[: min(self.batch_size, size)] if not last else half[-min(self.batch_size, size) :]
        targets = y[rows]
        if any(True for _ in itertools.islice(all_estimators(last_of(estimator)), 1, None)) and y.ndim == 1:
            # An estimator for each class, or pair of classes, that nobody has shown anything yet has no arrays at all.
            every = self._extra.get("classes", np.empty(0, y.dtype))
            first = {label: np.flatnonzero(y == label)[:1] for label in every}
            rows = np.concatenate([rows, *(found if len(found) else rows[:1] for found in first.values())])
            targets = np.concatenate([targets, every]) if len(every) else targets
        self._fit_some(estimator, x[rows], targets)
        return estimator

    def _check_state(self, given: Any) -> None:
        """Whether the numbers are all that the estimator goes by: LearnerError, by name, where they aren't.

        Two that have seen different data must predict the same once the one has the other's numbers.
        """
        what, name = f"{type(given).__name__}", type(given).__name__
        one, other = copy.deepcopy(self._untrained), self._begun(copy.deepcopy(given), last=True)
        n = int(self.train_set[0].shape[0])
        rows = np.arange(n)[-min(max(1, n - 1), 31) :]
        with contextlib.suppress(ValueError):  # of too few samples for its kind, or all of one class
            self._fit_some(one, self.train_set[0][rows], self.train_set[1][rows])
        own, others = numbers_of(one), numbers_of(other)
        if not own:
            raise LearnerError(
                f"the weights of {what} are empty: none of its fitted attributes is a number or an array",
                expected="attributes that end in an underscore, as scikit-learn's do, or fitted estimators inside it",
                fix=f"name what {name} learns so, or write a learner of your own (docs/learners.md)",
            )
        shapes, other_shapes, first = (_shapes(numbers) for numbers in (own, others, numbers_of(self._untrained)))
        self._left_out = frozenset(
            path
            for path in shapes.keys() | other_shapes.keys() | first.keys()
            if not shapes.get(path) == other_shapes.get(path) == first.get(path)
        ) | frozenset(path for path, value in _leaves(own) if not np.isfinite(value).all())
        fixed, others_fixed = fixed_parts(one), fixed_parts(other)
        everything = fixed | odd_labels(self._extra.get("classes"))
        if everything:
            self._fixed = digest(everything)
            if not np.array_equal(digest(fixed), digest(others_fixed)):
                strange = [path for path in fixed if str(fixed[path]) != str(others_fixed.get(path))] or list(fixed)
                raise LearnerError(
                    f"the preprocessing of the pipeline fits {', '.join(sorted(strange)[:3])}, which is no numbers, on "
                    "each member's own data",
                    expected="preprocessing that is fixed, or whose fitted state is arrays, which the weights carry",
                    fix="give it what it would find (as OneHotEncoder(categories=[...])), or fit it once and give "
                    "every member the fitted one",
                )
        x = self.vote_set[0][: min(int(self.vote_set[0].shape[0]), 256)]
        told: Any = None
        try:
            write_numbers(other, _without(own, self._left_out))
            same = _alike(predictions(one, x), predictions(other, x))
        except Exception as error:  # whatever an estimator says that is only half written
            same, told = False, error
        if same:
            return
        hidden = sorted(path.strip("/").replace("/", ".") for path in self._left_out)
        hidden += sorted({path for path in strange_state(one, other) if not path.endswith("random_state")} - {*hidden})
        where = f": {', '.join(hidden[:4])}{', …' if len(hidden) > 4 else ''}" if hidden else ""
        raise LearnerError(
            f"{what} doesn't predict by its weights alone, but keeps state that they can't carry{where}"
            + (f" ({type(told).__name__}: {str(told)[:120]})" if told is not None else ""),
            expected="fitted attributes that are numbers or arrays of one shape, whose names end in an underscore, "
            "also in the estimators inside it",
            fix="use another estimator, or write a learner of your own (docs/learners.md)",
        )

    @property
    def model(self) -> Any:
        """The fitted estimator with the current weights; after an acceptance it is another one."""
        return self._estimator

    def predict(self, x: Any) -> Array:
        """As the estimator's ``predict`` does."""
        return np.asarray(self._estimator.predict(x))

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """The estimator by skops, where it is installed, and its fitted numbers by their names."""
        return save_estimator(self._estimator, self.read_weights(), folder)

    def begin_training(self, rng: np.random.Generator) -> None:
        for one in all_estimators(self._estimator):
            if "random_state" in one.get_params(deep=False):
                one.set_params(random_state=int(rng.integers(2**31)))
                vars(one).pop("_random_state", None)
        if self._optimizer is not None:
            self._estimator._optimizer = self._optimizer

    def reset_optimizer(self) -> None:
        forget_training(self._estimator)

    def train_batch(self, rows: Array) -> None:
        x, y = self.train_set
        self._fit_some(self._estimator, x[rows], y[rows])
        self._optimizer = vars(self._estimator).get("_optimizer")

    def read_training(self) -> dict[str, Any]:
        return {"noted": read_training(self._estimator)}

    def write_training(self, state: Mapping[str, Any]) -> None:
        estimator, fitted = copy.deepcopy(self._untrained), copy.deepcopy(self._untrained)
        if any(OPTIMIZER in noted for noted in state["noted"]):  # the first fit makes it
            rows = slice(0, self.batch_size)
            self._fit_some(fitted, self.train_set[0][rows], self.train_set[1][rows])
        write_training(estimator, state["noted"], fitted)
        self._estimator, self._optimizer = estimator, vars(estimator).get(OPTIMIZER)

    def _fit_some(self, estimator: Any, x: Any, y: Any) -> None:
        if isinstance(estimator, Pipeline):
            x, estimator = prepared(estimator, x), last_of(estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # going on in small steps is the point
            try:
                estimator.partial_fit(x, y, **self._extra)
            except ValueError as e:
                if not any(words in str(e) for words in DIVERGED):
                    raise
                raise LearnerError(
                    f"the training of {type(estimator).__name__} diverged: {e}",
                    expected="weights that stay finite",
                    fix="a smaller learning rate, or inputs that are scaled to about -1 to 1",
                ) from e

    def read_weights(self) -> dict[str, Any]:
        weights: dict[str, Any] = _without(numbers_of(self._estimator), self._left_out)
        return weights if self._fixed is None else {**weights, FIXED: self._fixed.copy()}

    @property
    def leaf_roles(self) -> Roles:
        """The counters, by what a round of a few times this learner's samples can add."""
        most = COUNTER_ROOM * self.samples_per_round
        roles: dict[str, Role] = {}
        for path, owner in _owners(self._estimator, self._weights, ""):
            name = path.rpartition("/")[2]
            if name in COUNTERS:
                roles[path] = Bounded(most)
            if name == "epsilon_" and isinstance(owner, GaussianNB):
                roles[path] = "local"  # each training computes its own, and nothing else reads it
            if name in ("category_count_", "feature_count_") and isinstance(owner, COUNTING):
                roles[path] = Bounded(most * (self._largest if name == "feature_count_" else 1))
        return roles

    @property
    def why_unmergeable(self) -> str:  # type: ignore[override]
        """Where two estimators number differently what they find by themselves, or hold extremes."""
        for one in all_estimators(last_of(self._estimator)):  # what comes before a pipeline's last is the same in all
            if isinstance(one, MaxAbsScaler | MinMaxScaler):
                return "the mean of the extremes that learners have seen is nobody's extreme"
            kinds = (kind for kind in type(one).__mro__ if kind.__module__.startswith(_FINDING))
            kind = next(kinds, None)
            if kind is not None:
                return f"what {kind.__name__} finds (components, clusters) has another order or sign in each learner"
        return ""

    def write_weights(self, weights: Any) -> None:
        """Into a copy of the estimator as it was at first, which knows nothing of any training."""
        check_fixed(weights, self._fixed)
        estimator = copy.deepcopy(self._untrained)
        write_numbers(estimator, {name: value for name, value in weights.items() if name != FIXED})
        self._estimator = estimator

    def hold(self) -> Callable[[], None]:
        return partial(setattr, self, "_estimator", self._estimator)  # weights are written into another one

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        return evaluate_estimator(self._estimator, data, self._judge, outcomes=outcomes)

    @property
    def _largest(self) -> float:
        """The most that one sample can add to a count of features."""
        return max(1.0, float(abs(prepared(self._estimator, self.train_set[0])).max()))


def save_estimator(estimator: Any, weights: Any, folder: Path) -> tuple[SavedFile, ...]:
    """The estimator by skops, whose files are read without running what is in them, and its weights as safetensors.

    Without skops only the latter. Whoever opens the former names the types in it that skops doesn't know.
    """
    write_safetensors(folder / "model.safetensors", *named_parts(weights))
    arrays = SavedFile("model.safetensors", 'from safetensors.numpy import load_file; arrays = load_file("{path}")')
    try:
        import skops.io
    except ModuleNotFoundError:
        return (arrays,)
    skops.io.dump(estimator, folder / "model.skops")
    trusted = skops.io.get_untrusted_types(file=folder / "model.skops")
    more = f", trusted={trusted!r}" if trusted else ""
    opens = f'import skops.io; model = skops.io.load("{{path}}"{more})'
    return SavedFile("model.skops", opens), arrays


def _shapes(weights: Any) -> dict[str, Any]:
    """The forms of the weights' leaves, by their places; a list of arrays counts as one."""
    found: dict[str, Any] = {}
    for path, array in _leaves(weights):
        found.setdefault(path, []).append((array.dtype, array.shape))
    return found


def _leaves(weights: Any, path: str = "") -> Iterator[tuple[str, Array]]:
    if isinstance(weights, dict):
        for name, value in weights.items():
            yield from _leaves(value, f"{path}/{name}")
    elif isinstance(weights, list):
        for value in weights:
            yield path, value
    else:
        yield path, weights


def _without(weights: Any, left_out: frozenset[str], path: str = "") -> Any:
    """The weights but for those at some places."""
    if not left_out or not isinstance(weights, dict):
        return weights
    kept = {n: _without(v, left_out, f"{path}/{n}") for n, v in weights.items() if f"{path}/{n}" not in left_out}
    return {name: value for name, value in kept.items() if not isinstance(value, dict) or value}


def _owners(estimator: Any, weights: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The places of the weights, each with the estimator whose attribute it is."""
    for name, value in weights.items():
        if name == FIXED:
            continue
        if isinstance(value, dict):
            inner = nested(vars(estimator)[name]) if name in vars(estimator) else None
            for place, child in (inner or {}).items():
                if place == ITSELF:
                    yield from _owners(child, value, f"{path}/{name}")
                elif place in value:
                    yield from _owners(child, value[place], f"{path}/{name}/{place}")
        else:
            yield f"{path}/{name}", estimator


def _alike(one: list[Array], other: list[Array]) -> bool:
    if [a.shape for a in one] != [b.shape for b in other]:
        return False
    return all(
        np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True) if a.dtype.kind in "fc" else np.array_equal(a, b)
        for a, b in zip(one, other, strict=True)
    )
