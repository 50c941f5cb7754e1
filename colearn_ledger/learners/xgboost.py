"""A learner around an XGBoost booster, which grows by some rounds in each proposal."""

from __future__ import annotations

import contextlib
import functools
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidWeights, LearnerError, UsageError, how_to_install
from .memory import memory_told
from .parts import numbered
from .saved import SavedFile
from .sets import Data
from .template import LearnerOptions, TemplateLearner
from .trees.booster_json import BoosterShape, checked_trees, frame_of, model_of
from .voting.criteria import Criterion, criterion_of
from .voting.policy import Evaluation

try:
    import xgboost
except ModuleNotFoundError as error:
    raise UsageError(
        f"the XGBoost learner needs {error.name}, which is not installed",
        expected="XGBoost",
        fix=how_to_install("xgboost"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["XGBoostLearner"]

Array = np.ndarray[Any, Any]
Judge = str | Callable[..., Any]
OWN = ("accuracy", "log_loss", "squared_error")


_SAMPLING = ("colsample_bylevel", "colsample_bynode", "colsample_bytree", "subsample")


class XGBoostLearner(TemplateLearner):
    """Trains, tests and votes with gradient-boosted trees.

    Each proposal adds ``steps_per_round`` rounds of boosting, on the learner's own data, to the booster that is
    current. A full booster has its last rounds trained anew. The weights are ``{"model": bytes}``, the booster as
    XGBoost's own JSON, so that ``xgboost.Booster(model_file=bytearray(weights["model"]))`` is the model. What others
    propose is checked tree by tree before XGBoost sees it.

    Parameters
    ----------
    parameters: XGBoost's, such as ``{"objective": "multi:softprob", "num_class": 3, "eta": 0.3, "max_depth": 4}``. The
        same for every learner. The learner sets ``nthread``, ``device`` and ``seed``;
        ``base_score`` is 0.5 if not given, rather than taken from a learner's own data.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported. The labels of a classification are 0, 1, ..., or ``classes`` names them.
    classes: every label there is, the same for every learner; the booster predicts their places in sorted order.
    steps_per_round: rounds of boosting that a proposal adds.
    max_rounds: how many rounds there is room for.
    max_bytes: how large a model may be; reading one takes some thirty times as much memory.
    criterion: what to vote by: ``"accuracy"``, ``"log_loss"`` or ``"squared_error"`` (the mean; losses with their sign
        changed), or in scikit-learn's words ``"roc_auc"``, a scorer, or a function of targets and predictions; by
        default an accuracy for a classification and the squared error for a regression.
    scorer: the same; ``criterion`` is then its name.
    higher_is_better: must be told of a function of targets and predictions that isn't scikit-learn's.
    device: where trees are grown and asked: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; by default that of the parameters,
        or the CPU.
    threads: of the CPU.
    options: see :class:`~colearn_ledger.learners.template.TemplateLearner`.

    Attributes
    ----------
    classes: how many classes there are; 0 for a regression.
    reproducible: whether the current weights, the seed and the round alone fix what is proposed: on the CPU in one
        thread.

    Raises UsageError where there is no such device, and OutOfMemory where it has too little memory.
    """

    why_unmergeable = "the trees of two boosters have nothing to do with each other"

    def __init__(
        self,
        parameters: Mapping[str, Any],
        train: Data,
        vote: Data,
        test: Data,
        *,
        steps_per_round: int = 5,
        max_rounds: int = 200,
        max_bytes: int = 16 << 20,
        criterion: Judge | None = None,
        scorer: Judge | None = None,
        higher_is_better: bool | None = None,
        classes: Any = None,
        device: str | None = None,
        threads: int = 1,
        **options: Unpack[LearnerOptions],
    ) -> None:
        if not 1 <= steps_per_round <= max_rounds:
            raise UsageError(
                f"steps_per_round is {steps_per_round}, max_rounds is {max_rounds}",
                expected="at least 1, and room for as many",
                fix="give other numbers",
            )
        if threads < 1:
            raise UsageError(f"threads is {threads}", expected="1 or more", fix="give a larger number")
        super().__init__(train, vote, test, **options)
        self.train_set, self.vote_set, self.test_set = (
            (x, numbered(name, y, classes))
            for name, (x, y) in {"train": self.train_set, "vote": self.vote_set, "test": self.test_set}.items()
        )
        self._device: str = device or str(parameters.get("device", "cpu"))
        self._threads = threads
        self._parameters = _checked_parameters(parameters, self._device, threads)
        self._steps = steps_per_round
        self.classes = _classes(self._parameters)
        self._criterion: str
        self._criterion, self._judge = _criterion(
            criterion, str(self._parameters["objective"]), scorer, higher_is_better
        )
        for name, (_, y) in {"train": self.train_set, "vote": self.vote_set, "test": self.test_set}.items():
            _check_labels(name, np.asarray(y), self.classes)
        self._matrices: dict[int, Any] = {}
        # XGBoost says at this first use, and only then, which parameters it doesn't know
        asked = {**self._parameters, "validate_parameters": True}
        with self._memory("growing a tree"), _device_checked(self._device) as grown:
            grown.append(first := xgboost.train(asked, self._matrix(self.train_set), 1))
        self._parameters["validate_parameters"] = False
        self._empty = bytes(first.save_raw("json"))
        frame = frame_of(json.loads(self._empty)["learner"])
        parallel = int(self._parameters.get("num_parallel_tree", 1))
        self._shape = BoosterShape(frame, parallel, max_rounds, max_bytes)
        # Kept for the current weights and what is tested, since they are loaded by turns.
        self._safe = functools.lru_cache(maxsize=2)(self._remade)
        self._booster = self._load(model_of([], self._empty, self._shape))
        self.start()

    @property
    def model(self) -> Any:
        """The booster with the current weights, made of checked trees alone; after an acceptance it is another one."""
        return self._booster

    def predict(self, x: Any) -> Array:
        """As the booster does: probabilities, classes or values, by the objective."""
        guess: Array = self._booster.predict(xgboost.DMatrix(x, nthread=self._threads))
        return guess

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """XGBoost's own two forms of the model, text and binary."""
        for name in ("model.json", "model.ubj"):
            (folder / name).write_bytes(self._booster.save_raw(name.rpartition(".")[2]))
        opens = 'import xgboost; model = xgboost.Booster(model_file="{path}")'
        return SavedFile("model.json", opens), SavedFile("model.ubj", opens)

    @property
    def reproducible(self) -> bool:
        return self._device == "cpu" and self._threads == 1

    @property
    def steps(self) -> int:
        return self._steps

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        room = self._shape.max_rounds - self._steps
        if self._booster.num_boosted_rounds() > room:
            trees = checked_trees(bytes(self._booster.save_raw("json")), self._shape)
            self._booster = self._load(model_of(trees[: room * self._shape.trees_per_round], self._empty, self._shape))
        matrix, before = self._matrix(self.train_set), self._booster.num_boosted_rounds()
        for step in range(self.going_on(rng), self._steps):
            # Its generator is the process's: another booster that was used since would have left it elsewhere.
            self._booster.set_param({"seed": int(rng.integers(2**31))})
            with self._memory("growing a tree"):
                self._booster.update(matrix, before + step)
            yield matrix.num_row()

    def read_training(self) -> dict[str, Any]:
        return {"model": bytes(self._booster.save_raw("ubj"))}

    def write_training(self, state: Mapping[str, Any]) -> None:
        self._booster = self._load(state["model"])

    @property
    def why_no_checkpoint(self) -> str:
        """XGBoost draws rows and columns by generators that it makes with a booster, and never shows."""
        drawn = sorted(name for name in _SAMPLING if float(self._parameters.get(name, 1)) != 1)
        return f"what XGBoost draws by {', '.join(drawn)} can't be gone on with" if drawn else ""

    @property
    def training_settings(self) -> dict[str, Any]:
        return {**super().training_settings, "parameters": str(sorted(self._parameters.items()))}

    def read_weights(self) -> dict[str, bytes]:
        raw = bytes(self._booster.save_raw("json"))
        try:
            checked_trees(raw, self._shape)  # what the others would refuse is told to who made it
        except InvalidWeights as error:
            raise LearnerError(
                f"the booster can't be proposed: {error.what}", expected=error.expected, fix=error.fix
            ) from error
        return {"model": raw}

    def write_weights(self, weights: Any) -> None:
        self._booster = self._load(self._safe(weights["model"]))

    def hold(self) -> Callable[[], None]:
        return functools.partial(setattr, self, "_booster", self._booster)  # weights are loaded into another one

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        guess = self._booster.predict(self._matrix(data))
        y = np.asarray(data[1])
        loss = self._log_loss(data) if self.classes else float(np.square(guess.T - y.T).mean(dtype=np.float64))
        if self._judge is not None:
            score = self._judge.of(self._booster, data[0], y, guess, _Guesses(self, data, guess))
            return Evaluation(score, self._criterion, len(y), loss=loss)
        parts = _outcomes(self._criterion, self._shape.frame.objective, y, guess)
        return Evaluation(float(parts.mean()), self._criterion, len(y), parts if outcomes else None, loss)

    def sums(self, data: Data) -> Array:
        """What the trees add up to for each class, (n, k), whatever the objective makes of it."""
        sums: Array = self._booster.predict(self._matrix(data), output_margin=True).astype(np.float64)
        if sums.ndim == 1 or sums.shape[1] == 1:
            sums = np.stack([np.zeros(len(sums)), sums.reshape(-1)], axis=1)
        return sums

    def _log_loss(self, data: Data) -> float:
        sums, y = self.sums(data), np.asarray(data[1], np.intp)
        return float((np.logaddexp.reduce(sums, axis=1) - sums[np.arange(len(y)), y]).mean())

    def _matrix(self, data: Data) -> Any:
        """XGBoost's form of a set, made once."""
        if id(data) not in self._matrices:
            x, y = data
            self._matrices[id(data)] = xgboost.DMatrix(x, np.asarray(y, np.float32), nthread=self._threads)
        return self._matrices[id(data)]

    def _memory(self, doing: str) -> AbstractContextManager[None]:
        return memory_told(doing, self._device, "fewer samples, a smaller max_depth or max_bin, or another device")

    def _remade(self, raw: bytes) -> bytes:
        """The model of nothing but checked trees."""
        return model_of(checked_trees(raw, self._shape), self._empty, self._shape)

    def _load(self, model: bytes) -> Any:
        booster = xgboost.Booster(self._parameters)
        try:
            booster.load_model(bytearray(model))
        except xgboost.core.XGBoostError as error:
            raise InvalidWeights(f"XGBoost can't load the model: {str(error).strip()[:120]}") from None
        booster.set_param(self._parameters)
        return booster


def _checked_parameters(parameters: Mapping[str, Any], device: str, threads: int) -> dict[str, Any]:
    """The parameters with what the learner sets; UsageError for what weights can't carry."""
    if "objective" not in parameters:
        raise UsageError(
            "the XGBoost parameters have no objective",
            expected="such as 'binary:logistic', 'multi:softprob' or 'reg:squarederror'",
            fix='add "objective"',
        )
    for name, good in {
        "booster": ("gbtree",),
        "tree_method": ("auto", "hist", "approx"),  # "exact" leaves holes in its trees
        "multi_strategy": ("one_output_per_tree",),
    }.items():
        if parameters.get(name, good[0]) not in good:
            raise UsageError(
                f"the XGBoost parameter {name} is {parameters[name]!r}",
                expected=f"one of {', '.join(good)}",
                fix="choose one of these, or leave it out",
            )
    return {"base_score": 0.5, **parameters, "device": device, "nthread": threads, "seed": 0}


@contextlib.contextmanager
def _device_checked(wanted: str) -> Iterator[list[Any]]:
    """Around a first training, whose booster the caller puts into the list: has it used the device?

    XGBoost takes the CPU, with a line on the screen, where there is no other device.
    """
    boosters: list[Any] = []
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="(?s).*(No visible GPU|changed from GPU to CPU)")
            yield boosters
    except xgboost.core.XGBoostError as error:
        if "`device`" not in str(error):
            raise
        found = "no such name"
    else:
        found = json.loads(boosters[0].save_config())["learner"]["generic_param"]["device"]
        if (found == "cpu") == (wanted == "cpu"):
            return
    raise UsageError(
        f"there is no device {wanted!r} for XGBoost here: it takes {found!r}",
        expected='"cpu", or "cuda" with a GPU, its driver, and a build of XGBoost for it',
        fix=f'device="cpu", or install what is missing ({how_to_install("xgboost-gpu")})',
    ) from None


def _classes(parameters: Mapping[str, Any]) -> int:
    """How many classes there are; 0 for a regression."""
    objective = str(parameters["objective"])
    if objective.startswith("multi:"):
        return int(parameters.get("num_class", 0))
    return 2 if objective.startswith("binary:") else 0


def _criterion(
    criterion: Judge | None, objective: str, scorer: Judge | None, higher_is_better: bool | None
) -> tuple[str, Criterion | None]:
    """The criterion's name, and what it is if it isn't one of the learner's own."""
    given = criterion if scorer is None else scorer
    if given is not None and not (isinstance(given, str) and given in OWN):
        name = criterion if scorer is not None and isinstance(criterion, str) else None
        judge = criterion_of(given, name=name, higher_is_better=higher_is_better)
        return judge.name, judge
    good = {
        "binary:logistic": ("accuracy", "log_loss"),
        "multi:softprob": ("accuracy", "log_loss"),
        "binary:hinge": ("accuracy",),
        "binary:logitraw": ("accuracy",),
        "multi:softmax": ("accuracy",),
    }.get(objective, ("squared_error",) if objective.startswith("reg:") else ())
    if not good:
        raise UsageError(
            f"there is no criterion for the objective {objective!r}",
            expected="a criterion: one of scikit-learn's, or a function of targets and predictions",
            fix="give criterion, and higher_is_better with a function of your own",
        )
    if given is not None and given not in good:
        raise UsageError(
            f"the criterion is {given!r}",
            expected=f"{' or '.join(good)}, for this objective, or one of scikit-learn's",
            fix="choose one of these",
        )
    return str(given or good[0]), None


class _Guesses:
    """A booster's predictions in the forms in which scikit-learn's metrics want them."""

    def __init__(self, learner: XGBoostLearner, data: Data, guess: Array) -> None:
        self._learner, self._data, self._guess = learner, data, guess
        self._classes = learner.classes

    @property
    def labels(self) -> Array:
        return np.asarray(self._learner.sums(self._data).argmax(axis=1)) if self._classes else self._guess

    @property
    def probabilities(self) -> Array:
        if not self._classes:
            return self._guess
        sums = self._learner.sums(self._data)
        share: Array = np.exp(sums - np.logaddexp.reduce(sums, axis=1, keepdims=True))
        return share[:, 1] if self._classes == 2 else share


def _check_labels(name: str, y: Array, classes: int) -> None:
    if classes and not np.isin(y, np.arange(classes)).all():
        raise UsageError(
            f"the {name} set has labels that are no classes",
            expected=f"0 to {classes - 1}, for objective and num_class",
            fix="number the classes from 0, or name them by classes=, and set num_class",
        )


def _outcomes(criterion: str, objective: str, y: Array, guess: Array) -> Array:
    """Each sample's part of the criterion; ``guess`` (n,) is values, probabilities or classes, (n, k) probabilities."""
    if criterion == "squared_error":
        return np.asarray(-np.square(guess.astype(np.float64) - y).reshape(len(y), -1).mean(axis=1))
    if criterion == "log_loss":
        share = guess[np.arange(len(y)), y.astype(np.intp)] if guess.ndim == 2 else np.where(y == 1, guess, 1 - guess)
        return np.log(np.clip(share.astype(np.float64), 1e-7, 1))
    if guess.ndim == 2:
        guess = guess.argmax(axis=1)
    elif objective.startswith("binary:"):
        guess = guess > (0 if objective == "binary:logitraw" else 0.5)
    return np.asarray(guess == y)
