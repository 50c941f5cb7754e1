"""A learner around a scikit-learn estimator that has ``partial_fit``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.roles import Bounded, Role, Roles
from ..errors import DataError, LearnerError, UsageError, how_to_install
from .saved import SavedFile, named_parts, write_safetensors
from .template import BatchLearner, BatchOptions, Data
from .voting.policy import Evaluation

try:
    from scipy.sparse import issparse
    from sklearn.base import is_classifier, is_regressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler
except ModuleNotFoundError as error:
    raise UsageError(
        "the scikit-learn learner needs scikit-learn, which is not installed",
        expected="scikit-learn",
        fix=how_to_install("sklearn"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Scorer", "SklearnLearner", "check_data", "check_labels", "evaluate_estimator", "save_estimator"]

Array = np.ndarray[Any, Any]
Scorer = Callable[[Any, Any, Any], float]

# Fitted attributes that describe the model or the training so far and aren't weights: they are the same for every
# learner (classes, sizes), or grow with the training (losses, iterations).
NOT_WEIGHTS = {
    "best_loss_",
    "best_validation_score_",
    "classes_",
    "feature_names_in_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_layers_",
    "n_outputs_",
    "n_steps_",
    "validation_scores_",
}


LEAST_SHARE = 1e-15  # of probability, in a log loss
COUNTER_ROOM = 4  # members have different numbers of samples

# What counts the samples of all trainings so far: it sets how far the next step goes, and no prediction shows it.
COUNTERS = ("t_", "class_count_", "n_samples_seen_")

# Naive Bayes that counts: what it predicts by is computed from the counts, so that only these travel.
COUNTING = (BernoulliNB, CategoricalNB, ComplementNB, MultinomialNB)
COUNTS = ("category_count_", "class_count_", "feature_count_")
# Where scikit-learn has the estimators that number what they find by themselves.
_FINDING = ("sklearn.cluster.", "sklearn.cross_decomposition.", "sklearn.decomposition.", "sklearn.manifold.")

# Parts of the messages by which scikit-learn's linear models and its networks tell it.
DIVERGED = ("under-/overflow occurred", "non-finite parameter weights")


class SklearnLearner(BatchLearner):
    """Trains, tests and votes with an estimator such as SGDClassifier, Perceptron, MLPClassifier or GaussianNB.

    The weights are the fitted attributes that hold numbers (``coef_``, ``intercept_``, ``t_``, ``coefs_``, ``theta_``
    and so on), by name. The order of samples depends on the seed and the round alone. Counters of samples (``t_``,
    ``class_count_``), which set how far the next training's steps go and which no prediction shows, are bounded: a
    proposal may raise them by what the founding learner's training has samples, fourfold.

    Parameters
    ----------
    estimator: has ``partial_fit``; it is copied, and may be fitted or not.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    classes: every label there is, the same for every learner; by default those in this learner's training set.
    scorer: ``scorer(estimator, x, y)``, higher is better; by default the estimator's own ``score``, an accuracy or R².
    criterion: what to call the score.
    options: see :class:`~colearn_ledger.learners.template.BatchLearner`; ``batch_size`` (samples per call of
        ``partial_fit``) is the whole training set if not given.

    Raises
    ------
    LearnerError: the estimator can't go on training, or keeps a part of its weights to itself.
    DataError: inputs or targets are no arrays, or have a NaN or an infinity that the estimator doesn't take.
    UsageError: a label or an option is out of range.
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
        criterion: str = "score",
        **options: Unpack[BatchOptions],
    ) -> None:
        if not callable(getattr(estimator, "partial_fit", None)):
            raise LearnerError(
                f"{type(estimator).__name__} has no partial_fit",
                expected="an estimator that can go on training, such as SGDClassifier or MLPClassifier",
                fix="see scikit-learn's list of incremental learners",
            )
        if getattr(estimator, "average", False):
            raise LearnerError(
                f"{type(estimator).__name__} averages its weights, and keeps what it averages to itself",
                expected="average=False",
                fix="make the estimator without averaging",
            )
        super().__init__(train, vote, test, **options)
        check_data(estimator, train=self.train_set, vote=self.vote_set, test=self.test_set)
        self._extra = {}
        if is_classifier(estimator):
            self._extra["classes"] = check_labels(classes, self.train_set[1])
        self._scorer = scorer
        self._criterion = criterion
        self._estimator = copy.deepcopy(estimator)
        if "random_state" in self._estimator.get_params(deep=False):
            self._estimator.set_params(random_state=self.seed)
        if not _weights_of(self._estimator):
            # the arrays exist only after a first fit; a small batch keeps the start near an untrained model
            self.train_batch(np.arange(self.batch_size)[:32])
        # An optimizer's state belongs to a training, not to the weights; without it the next fit makes a new one.
        had_optimizer = vars(self._estimator).pop("_optimizer", None) is not None
        self._optimizer: Any = None
        if self.optimizer_state == "keep" and not had_optimizer:
            raise UsageError(
                f"{type(estimator).__name__} has no optimizer state to keep",
                expected="optimizer_state='reset', or an estimator with a solver, such as MLPClassifier",
                fix="leave optimizer_state out",
            )
        self._untrained = copy.deepcopy(self._estimator)  # the first training is this one's
        self.start()

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
        estimator = self._estimator
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=int(rng.integers(2**31)))
            vars(estimator).pop("_random_state", None)
        if self._optimizer is not None:
            estimator._optimizer = self._optimizer

    def reset_optimizer(self) -> None:
        vars(self._estimator).pop("_optimizer", None)

    def train_batch(self, rows: Array) -> None:
        x, y = self.train_set
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # going on in small steps is the point
            try:
                self._estimator.partial_fit(x[rows], y[rows], **self._extra)
            except ValueError as e:
                if not any(words in str(e) for words in DIVERGED):
                    raise
                raise LearnerError(
                    f"the training of {type(self._estimator).__name__} diverged: {e}",
                    expected="weights that stay finite",
                    fix="a smaller learning rate, or inputs that are scaled to about -1 to 1",
                ) from e
        self._optimizer = vars(self._estimator).get("_optimizer")

    def read_weights(self) -> dict[str, Any]:
        return _weights_of(self._estimator)

    @property
    def leaf_roles(self) -> Roles:
        """The counters, by what a round of a few times this learner's samples can add."""
        most = COUNTER_ROOM * self.samples_per_round
        roles: dict[str, Role] = {f"/{name}": Bounded(most) for name in COUNTERS if name in self._weights}
        if isinstance(self._estimator, GaussianNB):
            roles["/epsilon_"] = "local"  # each training computes its own, and nothing else reads it
        for name in ("category_count_", "feature_count_"):
            if name in self._weights and isinstance(self._estimator, COUNTING):
                roles[f"/{name}"] = Bounded(most * (self._largest if name == "feature_count_" else 1))
        return roles

    @property
    def why_unmergeable(self) -> str:  # type: ignore[override]
        """Where two estimators number differently what they find by themselves, or hold extremes."""
        if isinstance(self._estimator, MaxAbsScaler | MinMaxScaler):
            return "the mean of the extremes that learners have seen is nobody's extreme"
        kinds = (kind for kind in type(self._estimator).__mro__ if kind.__module__.startswith(_FINDING))
        kind = next(kinds, None)
        if kind is None:
            return ""
        return f"what {kind.__name__} finds (components, clusters) has another order or sign in each learner"

    def write_weights(self, weights: Any) -> None:
        """Into a copy of the estimator as it was at first, which knows nothing of any training."""
        estimator = copy.deepcopy(self._untrained)
        for name, value in weights.items():
            if isinstance(value, np.ndarray):
                # what was a plain number must be one again: estimators count on with it
                setattr(estimator, name, value.copy() if value.ndim else value.item())
            else:
                setattr(estimator, name, [v.copy() for v in value])
        self._estimator = estimator
        if isinstance(estimator, COUNTING):  # one sample and the same taken away: it computes what it predicts by
            x, y = (part[[0, 0]] for part in self.train_set)
            estimator.partial_fit(x, y, sample_weight=np.array([1.0, -1.0]), **self._extra)

    def hold(self) -> Callable[[], None]:
        return partial(setattr, self, "_estimator", self._estimator)  # weights are written into another one

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        return evaluate_estimator(self._estimator, data, self._scorer, self._criterion, outcomes=outcomes)

    @property
    def _largest(self) -> float:
        """The most that one sample can add to a count of features."""
        return max(1.0, float(abs(self.train_set[0]).max()))


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
    every = found if classes is None else np.unique(classes)
    strange = np.setdiff1d(found, every)
    if len(strange):
        raise UsageError(
            f"the training set has the labels {strange[:5].tolist()}",
            expected=f"only labels that classes has: {every[:20].tolist()}",
            fix="name every label there is, the same for every learner",
        )
    return every


def evaluate_estimator(
    estimator: Any, data: Data, scorer: Scorer | None, criterion: str, *, outcomes: bool
) -> Evaluation:
    """An estimator's score on a set; outcomes are right or wrong, or minus the squared error; a scorer has none."""
    x, y = data
    score = float(scorer(estimator, x, y) if scorer is not None else estimator.score(x, y))
    parts: Array | None = None
    if outcomes and scorer is None:
        guess = estimator.predict(x)
        if is_classifier(estimator):
            parts = np.asarray(guess == y)
        else:
            # R² falls as the squared error rises: on one set they order models alike
            parts = -np.square(guess - np.asarray(y)).reshape(x.shape[0], -1).mean(axis=1)
    return Evaluation(score, criterion, int(x.shape[0]), parts, _loss(estimator, x, np.asarray(y)))


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


def _weights_of(estimator: Any) -> dict[str, Any]:
    """Copies of the fitted numbers, by name; plain numbers as 0-d arrays, so that their type is fixed."""
    weights: dict[str, Any] = {}
    for name, value in sorted(vars(estimator).items()):
        if not name.endswith("_") or name.startswith("_") or name in NOT_WEIGHTS:
            continue
        if isinstance(estimator, COUNTING) and name not in COUNTS:
            continue
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            weights[name] = value.copy()
        elif isinstance(value, float | int | np.number) and not isinstance(value, bool):
            weights[name] = np.array(value)
        elif isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            weights[name] = [v.copy() for v in value]
    return weights
