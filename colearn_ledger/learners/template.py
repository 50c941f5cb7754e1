"""What all built-in learners have in common: rounds, votes, current weights, randomness. Adapters add a few hooks.

:class:`TemplateLearner` is for any model, :class:`~.batch.BatchLearner` for those that train batch by batch.
``docs/learners.md`` shows how to write an adapter.
"""

from __future__ import annotations

import abc
import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ..core.learner import Checkpoint, MachineLearningInterface, Pause, ProposedWeights, Weights
from ..core.roles import Roles, roles_of
from ..core.schema import Schema
from ..core.summaries import ColearnModel, ModelFormat, Prediction, PredictionRequest, TrainingSummary
from ..core.telling import warn
from ..core.tensors import parts_of
from ..errors import ColearnError, LearnerError, TrainingStopped, UsageError
from .course import Course, UnusableCheckpoint
from .memory import first_words, is_out_of_memory
from .onnx_files import ONNX_FILE
from .parts import count
from .saved import SavedFile, load_weights
from .sets import Data, checked_set
from .voting.further import looked_further
from .voting.policy import (
    Evaluation,
    OneClassVoteSet,
    SmallVoteSet,
    VotePolicy,
    one_class_vote_set,
    small_vote_set,
    vote_policy,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["LearnerOptions", "TemplateLearner", "check_options", "copied"]

Array = np.ndarray[Any, Any]
CHECKS_PER_ROUND = 10  # of early stopping


class LearnerOptions(TypedDict, total=False):
    """The options of every learner; see :class:`TemplateLearner`. ``vote_rule`` is another name of ``vote_policy``."""

    vote_policy: VotePolicy | str
    vote_rule: VotePolicy | str
    early_stop: int | None
    seed: int


class TemplateLearner(MachineLearningInterface):
    """The learner interface around a model that can be read, written, trained and evaluated.

    An adapter's ``__init__`` calls this one, makes its model, and calls :meth:`start` at its end. It implements

    - :attr:`steps` and :meth:`train`: go on from the model's weights, step by step;
    - :meth:`read_weights` and :meth:`write_weights`: copies, never the model's own arrays;
    - :meth:`evaluate`: the score on a set, and each sample's part of it when it is asked for;
    - :meth:`read_own`, :meth:`write_own` and :meth:`keep_own`, where a part of the model stays with each learner;
    - :meth:`hold`, where a training leaves more in the model than its weights that evaluating others changes;
    - a call of :meth:`going_on` in its :meth:`train`, so that trainings have checkpoints, and :meth:`read_training` and
      :meth:`write_training`, where one goes on from more than its weights;
    - ``model``, :meth:`predict`, :meth:`save_model` and perhaps :meth:`write_onnx`, where somebody is to use the model:
      a property that is the framework's object with the current weights, its predictions, and its files.

    Every proposal starts from the current weights, and all its randomness comes from the seed and the round, so a
    restarted learner trains the same.

    Parameters
    ----------
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported. Data frames become arrays.
    vote_policy: ``"not-worse"``, ``"strict"``, ``"margin:0.01"``, ``"paired:0.05"``, ``"paired-better:0.05"``, or an
        object with the methods of :class:`~colearn_ledger.learners.voting.VotePolicy`.
    early_stop: None, or how many checks in a row without a better score on the learner's own vote set end a training.
        There are ten evenly spaced checks in a round (fewer if it has fewer steps); what is proposed is the best that a
        check saw.
    seed: fixes all randomness, together with the round.

    Attributes
    ----------
    train_set, vote_set, test_set: the three sets, as pairs.
    why_unmergeable: why the mean of two learners' weights would be no model, for those that only solo rounds are for;
        empty for the others.
    vote_samples: how many samples the votes are decided on. Fewer than 200 bring the warning ``SmallVoteSet``,
        and samples of one class alone ``OneClassVoteSet``.

    Raises
    ------
    UsageError: a set is empty or its two parts differ in length, or an option is out of range.
    """

    why_unmergeable: str = ""
    takes_several = False  # inputs and targets that are several arrays
    takes_sample_weight = False  # a third part of a set

    def __init__(self, train: Data, vote: Data, test: Data, **options: Unpack[LearnerOptions]) -> None:
        check_options(options, LearnerOptions)
        early_stop, seed = options.get("early_stop"), options.get("seed", 0)
        if early_stop is not None and early_stop < 1:
            raise UsageError(f"early_stop is {early_stop}", expected="1 or more, or None", fix="give a larger number")
        if seed < 0:
            raise UsageError(f"the seed is {seed}", expected="0 or more", fix="give another seed")
        checked = partial(
            checked_set,
            who=type(self).__name__,
            several=self.takes_several,
            sample_weight=self.takes_sample_weight,
        )
        self.train_set = checked("train", train)
        self.vote_set = checked("vote", vote)
        self.test_set = checked("test", test)
        self.seed = seed
        self._policy = vote_policy(options.get("vote_policy", options.get("vote_rule", "not-worse")))
        self._asks_outcomes = self._policy.needs_outcomes
        self._early_stop = early_stop
        self._round = 0
        self._pause: Pause | None = None
        self._checkpoint: Checkpoint | None = None
        self._course = Course()
        self._trains = False
        self._now: Evaluation | None = None  # of the current weights on the vote set; None: to be computed
        self._own: Any = None  # what stays with this learner, with the current weights
        self._trained_own: Any = None  # the same after the last training; None: there was none since

    @property
    def vote_policy(self) -> VotePolicy:
        """By which it votes."""
        return self._policy

    def start(self) -> None:
        """The model is ready, and what it holds are the first weights. To be called at the end of ``__init__``."""
        self._weights = self.read_weights()
        self._schema = Schema.of(self._weights)
        self._own = self.read_own()
        if not any(np.size(part) for _, part in parts_of(self._weights)):
            raise LearnerError(
                f"the weights of {type(self).__name__} are empty",
                expected="a model with weights, which the others can test and adopt",
                fix="give a model that has something to train, or have read_weights return what is trained",
            )
        few = small_vote_set(self)
        if few is not None:
            warn(f"{type(self).__name__} {few}", SmallVoteSet)
        one = one_class_vote_set(self)
        if one is not None:
            warn(f"{type(self).__name__} {one}", OneClassVoteSet)
        self._now = self._first_evaluation(one is not None)

    def _first_evaluation(self, one_class: bool) -> Evaluation:
        """Of the first weights on the vote set: a criterion that has no value is told now, not at the first vote."""
        name = type(self).__name__
        try:
            found = self._evaluate_vote()
        except (ColearnError, MemoryError, TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
            if isinstance(error, ColearnError) or is_out_of_memory(error):
                raise
            raise LearnerError(
                f"{name} can't score its vote set: {type(error).__name__}: {first_words(error)}",
                expected="a model, a criterion and a set that go together",
                fix="score the model on the vote set by itself, without a learner, to see where it fails",
            ) from error
        if math.isnan(found.score):
            why = ", whose samples all have the same target" if one_class else ""
            raise LearnerError(
                f"{name}: the criterion {found.criterion!r} has no value (NaN) on the vote set{why}",
                expected="a number: with NaN a learner rejects everything, for ever",
                fix="a vote set with every class, or another criterion (docs/voting.md)",
            )
        if self._policy.needs_outcomes and found.outcomes is None:
            self._policy.judge(found, found)  # it says what it needs, if it needs them
        return found

    # ------------------------------------------------------------------------------------------ what adapters have

    @property
    @abc.abstractmethod
    def steps(self) -> int:
        """How many steps :meth:`train` takes at most."""

    @abc.abstractmethod
    def train(self, rng: np.random.Generator) -> Iterator[int]:
        """Train the model from the weights that it holds; after each step yield how many samples it used.

        All randomness comes from ``rng``. Between two steps the model may be read and evaluated, and training may end.
        """

    @abc.abstractmethod
    def read_weights(self) -> Any:
        """Copies of the model's weights: a tree of arrays, scalars and bytes, always of the same schema."""

    @abc.abstractmethod
    def write_weights(self, weights: Any) -> None:
        """Copy weights of that schema into the model; what else training left in it must not matter afterwards.

        Raises InvalidWeights if the model can't hold such values; then the model's state doesn't matter.
        """

    @abc.abstractmethod
    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        """Score the model on a set; ``outcomes`` asks for each sample's part, if the criterion has such parts."""

    def hold(self) -> Callable[[], None]:
        """In the midst of a training: what puts the model back to where it is now, whatever it was used for since."""
        write, own = partial(self.write_weights, self.read_weights()), self.read_own()

        def go_on() -> None:
            write()
            self.write_own(own)

        return go_on

    def going_on(self, rng: np.random.Generator) -> int:
        """How many steps a process that has ended has done: for :meth:`train` to call when it could begin its first.

        The model and ``rng`` are then as after these steps: the next one goes on from there.
        """
        state = self._course.load(rng)
        if state is not None:
            try:
                self._go_on_from(state)
            except Exception as error:  # whatever a framework says of another one's state
                raise UnusableCheckpoint(f"{type(error).__name__}: {first_words(error)}") from error
        return self._course.done

    def read_training(self) -> dict[str, Any]:
        """In the midst of a training: copies of all that it goes on from, but the generator; a tree as weights are."""
        return {"weights": self.read_weights(), "own": self.read_own()}

    def write_training(self, state: Mapping[str, Any]) -> None:
        """The other way round, into a model that could begin its first step. Any Exception says that it can't be."""
        self.write_weights(state["weights"])
        self.write_own(state["own"])

    @property
    def training_settings(self) -> dict[str, Any]:
        """What a training depends on beside weights, data and round, as JSON has it: another one is no continuation."""
        samples = count(self.train_set[0])
        kind = type(self).__name__
        return {"learner": kind, "seed": self.seed, "steps": self.steps, "samples": samples, "stop": self._early_stop}

    @property
    def why_no_checkpoint(self) -> str:
        """Why trainings of this learner can't be gone on with, for people; empty where they can."""
        return ""

    def read_own(self) -> Any:
        """Copies of what the model has beside its weights that is trained, and stays with this learner; None: nothing.

        A tree as weights are. It changes as weights are accepted, and in between only within a method.
        """
        return None

    def write_own(self, own: Any) -> None:
        """Copy such values into the model."""

    def keep_own(self, own: Any) -> None:
        """These are now this learner's own, with the weights that were just accepted: keep them over a restart."""

    def settle(self, rng: np.random.Generator) -> None:
        """After a training: estimate anew what isn't trained but measured on the data, as batch normalization's means.

        Only on the training set, and all randomness from ``rng``; a training may go on afterwards.
        """

    @property
    def leaf_roles(self) -> Roles:
        """The weights that no score shows (:mod:`~colearn_ledger.core.roles`), by their places; others are scored."""
        return {}

    def predict(self, x: Any) -> Any:
        """What the framework's own prediction gives for inputs ``x``, as an array: the model as it is, unchanged."""
        raise NotImplementedError(f"{type(self).__name__} has no predict")

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """Write the model as it is into the folder, in forms that the framework opens without this package.

        The most usual one is named first. Never a pickle of what others have sent. Raises OSError where it can't.
        """
        return ()

    def write_onnx(self, path: Path) -> None:
        """Write the model as it is into a file as ONNX, by the framework's own exporter, for any number of samples.

        Raises UsageError where the framework has none or what it needs isn't installed, LearnerError where it can't
        express the model, and OSError.
        """
        raise UsageError(
            f"the model of a {type(self).__name__} has no ONNX form",
            expected="a learner whose framework writes ONNX itself, as Keras and PyTorch do",
            fix="leave ONNX out: there is the framework's own form",
        )

    def summary(self, samples: int) -> TrainingSummary:
        """What is told about a training in which ``samples`` samples were used (each as often as it was)."""
        return TrainingSummary(samples=samples)

    # ------------------------------------------------------------------------------------------ the interface

    @property
    def vote_samples(self) -> int:
        """How many samples the votes are decided on."""
        return count(self.vote_set[0])

    def mli_begin_round(self, round: int) -> None:
        """The next proposal is for this round."""
        self._round = round

    def mli_set_pause(self, pause: Pause | None) -> None:
        """What the next training calls after each step, with the steps done and all: meanwhile weights may be tested;
        False ends the training."""
        self._pause = pause

    def mli_set_checkpoint(self, checkpoint: Checkpoint | None) -> None:
        """Where the next training is kept, and what it goes on from."""
        self._checkpoint = checkpoint

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights."""
        self._trains = True
        try:
            trained, own, samples = self._train()
        finally:
            self._trains = False
            self._put_current_back()
        if own is not None:
            self._trained_own, self._now = own, None
        self._round += 1  # so that without a driver that numbers the rounds each proposal still differs
        return Weights(trained, self.summary(samples))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's vote and test sets, and vote."""
        candidate = self._fitting(weights)
        put_back = self.hold() if self._trains else self._put_current_back
        try:
            if self._now is None:
                if self._trains:
                    self._put_current_back()
                self._now = self._evaluate_current()
            self.write_weights(candidate)
            self.write_own(self._own if self._trained_own is None else self._trained_own)
            proposed = self._evaluate_vote()
            tested = self.evaluate(self.test_set)
        finally:
            put_back()
        vote, record = looked_further(self._policy, self._now, proposed)
        return ProposedWeights(
            weights=weights,
            vote_score=proposed.score,
            test_score=tested.score,
            vote=vote,
            criterion=proposed.criterion,
            current_score=self._now.score,
            record=record,
        )

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        accepted = self._fitting(weights)
        try:
            self.write_weights(accepted)
        except BaseException:
            self._put_current_back()
            raise
        self._weights = accepted
        self._now = None
        if self._trained_own is not None:
            self._own, self._trained_own = self._trained_own, None
            self.write_own(self._own)
            self.keep_own(self._own)

    def mli_get_current_weights(self) -> Weights:
        """Copies of the current weights."""
        return Weights(copied(self._weights))

    def mli_get_current_model(self) -> ColearnModel:
        """The framework's own object with the current weights: the learner's, so copy what you want to change."""
        model = getattr(self, "model", None)
        if model is None:
            return super().mli_get_current_model()
        return ColearnModel(ModelFormat.NATIVE, model=model)

    def mli_make_prediction(self, request: PredictionRequest) -> Prediction:
        """What the model with the current weights predicts for ``request.input_data``: inputs as in the learner's sets.

        Raises UsageError where a key says how to read the data: built-in learners take arrays as they are.
        """
        if request.pred_dataloader_key is not None:
            raise UsageError(
                f"the prediction {request.name!r} names a way of reading its data",
                expected="inputs as the learner's sets have them, and no pred_dataloader_key",
                fix="read the data first",
            )
        with self._current():
            return Prediction(request.name, self.predict(request.input_data))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Make the weights in a file the current ones: what a store keeps, or an export's ``weights.safetensors``.

        Raises UsageError where it can't be read, InvalidWeights where it has no weights, SchemaMismatch where they are
        another model's.
        """
        schema = Schema.of(self.mli_get_current_weights().weights, roles_of(self))
        self.mli_accept_weights(Weights(load_weights(path, schema)))

    def save(self, folder: str | os.PathLike[str]) -> tuple[SavedFile, ...]:
        """Write the model with the current weights into a folder, which is made, as :meth:`save_model` does."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with self._current():
            return self.save_model(Path(folder))

    def save_onnx(self, folder: str | os.PathLike[str]) -> SavedFile:
        """Write the model with the current weights as ``model.onnx`` into a folder, as :meth:`write_onnx` does."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with self._current():
            self.write_onnx(Path(folder) / ONNX_FILE.name)
        return ONNX_FILE

    # ------------------------------------------------------------------------------------------ inside

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """The model holds the current weights, also in the midst of a training, which goes on afterwards."""
        if not self._trains:
            yield
            return
        put_back = self.hold()
        try:
            self._put_current_back()
            yield
        finally:
            put_back()

    def _put_current_back(self) -> None:
        self.write_weights(self._weights)
        self.write_own(self._own)

    def _train(self) -> tuple[Any, Any, int]:
        """The trained weights and what stays here, or with early stopping the best of them, and how many samples were
        used."""
        while True:
            course = self._course = self._new_course()
            rng = np.random.default_rng([self.seed, self._round])
            try:
                self._run(course, rng)
            except UnusableCheckpoint as error:
                course.put_aside(str(error))
                self._put_current_back()
                continue
            if course.kept is None:
                self.settle(rng)
                course.kept, course.own = self.read_weights(), self.read_own()
            self._course = Course()  # what it has kept may be large
            return course.kept, course.own, course.samples

    def _new_course(self) -> Course:
        """A training that has done no step yet."""
        if self._checkpoint is None:
            return Course()
        if self.why_no_checkpoint:
            self._checkpoint.decline(self.why_no_checkpoint)
            return Course()
        return Course(self._checkpoint, self.training_settings)

    def _run(self, course: Course, rng: np.random.Generator) -> None:
        """The steps, until the last or until early stopping; what that has kept is then in the course."""
        every = math.ceil(self.steps / CHECKS_PER_ROUND)
        for used in self.train(rng):
            course.done += 1
            course.samples += used
            if self._pause is not None and not self._pause(course.done, self.steps):
                raise TrainingStopped(f"the training was ended after {course.done} of {self.steps} steps")
            if self._early_stop is not None and (course.done % every == 0 or course.done >= self.steps):
                self.settle(rng)
                score = self.evaluate(self.vote_set).score
                if course.kept is None or score > course.best or math.isnan(course.best):
                    course.kept, course.own, course.best, course.worse = self.read_weights(), self.read_own(), score, 0
                else:
                    course.worse += 1
                    if course.worse >= self._early_stop:
                        break
            if course.due:
                course.save(*self._to_save(rng))

    def _to_save(self, rng: np.random.Generator) -> tuple[dict[str, Any], Any]:
        """The state of a training, and that of its generator."""
        return self.read_training(), rng.bit_generator.state

    def _go_on_from(self, state: dict[str, Any]) -> None:
        self.write_training(state)

    def _evaluate_current(self) -> Evaluation:
        """The current weights, with this learner's own part as it is, or as the last training made it: the better."""
        now = self._evaluate_vote()
        if self._trained_own is None:
            return now
        self.write_own(self._trained_own)
        trained = self._evaluate_vote()
        return trained if trained.score > now.score or math.isnan(now.score) else now

    def _evaluate_vote(self) -> Evaluation:
        found = self.evaluate(self.vote_set, outcomes=self._asks_outcomes)
        if found.loss is None and not self._asks_outcomes:  # something must tell two models of one score apart
            self._asks_outcomes = True
            found = self.evaluate(self.vote_set, outcomes=True)
        return found

    def _fitting(self, weights: Weights) -> Any:
        """A copy of the weights, if they fit the model: a misfit must not be half loaded."""
        self._schema.check(weights.weights)
        return copied(weights.weights)


def copied(tree: Any) -> Any:
    """A copy of a tree of weights whose arrays are its own."""
    if isinstance(tree, np.ndarray):
        return tree.copy()
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(copied(value) for value in tree)
    return tree


def check_options(options: Mapping[str, object], known: type) -> None:
    """What a function with named parameters would raise."""
    unknown = sorted(options.keys() - known.__annotations__.keys())
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
