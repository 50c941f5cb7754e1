"""What a task is: its description, and the function that makes its learners."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..core.learner import Learner
from ..core.summaries import DiffPrivConfig
from ..errors import UsageError, how_to_install
from ..learners.voting.policy import VotePolicy
from ..learners.voting.policy import vote_policy as policy_by_name
from .split import Array, Share, split
from .training import JOINT_VOTE, JOINT_VOTE_BY_RANKS, SOLO_VOTE, Training, filter_counts

__all__ = ["KERAS", "SKLEARN", "XGBOOST", "Framework", "Options", "Prepared", "Task"]


@dataclass(frozen=True)
class Framework:
    """What a task's learners are made with.

    Parameters
    ----------
    title: for people.
    module: imported before the learners are made, while the user is told so, since it takes seconds.
    extra: this package's extra that installs it, or what else to give to pip, such as ``"lightgbm"``.
    private: whether its learners can train with differential privacy.
    """

    title: str
    module: str
    extra: str
    private: bool = False

    def load(self) -> None:
        """Import it; UsageError if it isn't installed."""
        try:
            importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "colearn_ledger":
                raise
            _, _, ours = self.extra.removesuffix("]").partition("colearn-ledger[")
            raise UsageError(
                f"{error.name} is not installed",
                expected=f"{self.title}, which the task is made with",
                fix=how_to_install(ours) if ours else f'pip install "{self.extra}"',
            ) from error


# By a module that sets TensorFlow's environment before it imports Keras.
KERAS = Framework("TensorFlow and Keras", "colearn_ledger.tasks.keras_env", "colearn-ledger[keras]", private=True)
SKLEARN = Framework("scikit-learn", "sklearn", "colearn-ledger[sklearn]")
XGBOOST = Framework("XGBoost", "xgboost", "colearn-ledger[xgboost]")


@dataclass(frozen=True)
class Options:
    """What the function that makes a task's learners is given; every value is checked, every default filled in.

    Parameters
    ----------
    n_learners: how many, at least two.
    data_dir: a folder with the task's data, or None: the task finds its own.
    train_ratio: share of a learner's data to train on; None lets :func:`~colearn_ledger.tasks.split.split` choose.
    seed: fixes how the data is dealt out, the first weights, and all training.
    learning_rate, batch_size: of the training; a batch size of None for learners that know no batches.
    alpha: how skewed the labels are dealt out; None deals at random.
    vote_policy: how the learners vote.
    say: told what is being done, for people, since loading takes seconds.
    privacy: how the learners train with differential privacy; None: without. Only for a framework that can.
    epochs, steps: how much a round trains, one of them; both None where the task has neither.
    filters: of the convolutional layers of the image model; none for a task without one.
    """

    n_learners: int
    data_dir: Path | None
    train_ratio: float | None
    seed: int
    learning_rate: float
    batch_size: int | None
    alpha: float | None
    vote_policy: VotePolicy
    say: Callable[[str], None]
    privacy: DiffPrivConfig | None = None
    epochs: int | None = None
    steps: int | None = None
    filters: tuple[int, ...] = ()

    def deal(self, x: Array, y: Array, *, values: bool = False, each_class: int = 0) -> list[Share]:
        """A share of the data for each learner, by these options; the rest as :func:`.split` has it."""
        return split(
            x,
            y,
            self.n_learners,
            self.train_ratio,
            self.seed,
            alpha=self.alpha,
            values=values,
            each_class=each_class,
        )

    def for_learner(self, index: int) -> dict[str, Any]:
        """The arguments that the learners of this package take, for the learner of that index (from 0)."""
        arguments: dict[str, Any] = {"seed": self.seed + index, "vote_policy": self.vote_policy}
        some = {
            "batch_size": self.batch_size,
            "privacy": self.privacy,
            "epochs": self.epochs,
            "steps_per_round": self.steps,
        }
        return arguments | {name: value for name, value in some.items() if value is not None}


@dataclass(frozen=True)
class Prepared:
    """Learners that are ready to run, and a sentence that says which data they hold."""

    learners: list[Learner]
    data: str


@dataclass(frozen=True)
class Task:
    """A task by name.

    Parameters
    ----------
    name: upper case.
    description: a few words: what is learnt, by which model.
    framework: what the learners are made with.
    data: where the data is from: a folder, a package, a download.
    metric: what the learners' scores are; higher is better.
    learning_rate, batch_size, train_ratio: the defaults; None is a batch size for learners that know no batches, and a
        train ratio that depends on the size of the data.
    epochs, steps: how much a round trains by default, one of them: passes over a learner's training data, or batches
        (of trees: how many more). A task with neither can't be told how much.
    filters: of the image model's convolutional layers by default; none for a task without such a model.
    learners, rounds: of a demo by default: fewer where each takes long.
    joint: whether a demo's rounds are always joint, as is right where the learners' data are of different kinds.
    paired: whether the learners can compare two models sample by sample, as the vote of joint rounds does by default.
    labels: whether the data has labels or numbers, which can be dealt out skewed.
    folder: whether a folder with the data ``"may"`` be given, ``"must"`` be, or ``"can't"``: a package has the data.
    make: makes the learners. It imports the framework itself, so that a list of tasks needs none.
    aliases: other names.
    """

    name: str
    description: str
    framework: Framework
    data: str
    metric: str
    learning_rate: float
    batch_size: int | None
    make: Callable[[Options], Prepared] = field(repr=False)
    train_ratio: float | None = None
    epochs: int | None = None
    steps: int | None = None
    filters: tuple[int, ...] = ()
    learners: int = 5
    rounds: int = 15
    joint: bool = False
    paired: bool = True
    labels: bool = True
    folder: Literal["may", "must", "can't"] = "may"
    aliases: tuple[str, ...] = ()

    @property
    def joint_vote(self) -> str:
        """The policy by which joint rounds of this task are voted on, if nobody says otherwise."""
        return JOINT_VOTE_BY_RANKS if self.metric == "AUC" or not self.paired else JOINT_VOTE

    def check_folder(self, data_dir: str | Path | None) -> None:
        """UsageError if a folder with data is needed and missing, or given and of no use."""
        if data_dir is None and self.folder == "must":
            raise UsageError(
                f"{self.name} needs a folder with data",
                expected=self.data,
                fix="docs/tasks.md says where the data can be had; pass its folder as --data-dir",
            )
        if data_dir is not None and self.folder == "can't":
            raise UsageError(
                f"{self.name} was given a data folder",
                expected=f"none: its data is {self.data}",
                fix="leave --data-dir out, or choose another task",
            )

    def make_learners(
        self,
        n_learners: int = 5,
        training: Training | None = None,
        *,
        seed: int = 0,
        data_dir: str | Path | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> Prepared:
        """Load the data, deal it out, and make one learner for each share.

        Parameters
        ----------
        n_learners: at least two.
        training: how they train and vote; None is all defaults.
        seed: fixes how the data is dealt out, the first weights, and all training.
        data_dir: a folder with the task's data; by default the task finds its own, and says where.
        say: told what is being done, for people, since loading takes seconds.

        Raises
        ------
        UsageError: an argument is out of range, or the task's framework isn't installed or has no private training.
        DataError: the data is missing, unreadable, or not what the task needs.
        """
        _check(n_learners >= 2, f"{n_learners} learner(s)", "at least two: one proposes, the others vote")
        _check(seed >= 0, f"the seed is {seed}", "0 or more")
        training = Training() if training is None else training
        if training.epsilon is not None and not self.framework.private:
            raise UsageError(
                f"{self.name} can't be trained with differential privacy: its learners are made with "
                f"{self.framework.title}",
                expected="a task whose learners are made with Keras or PyTorch",
                fix="choose another task, or train without",
            )
        self.check_folder(data_dir)
        self._check_fits(training)
        say(f"importing {self.framework.title}")
        self.framework.load()
        return self.make(
            Options(
                n_learners=n_learners,
                data_dir=None if data_dir is None else Path(data_dir),
                train_ratio=self.train_ratio if training.train_ratio is None else training.train_ratio,
                seed=seed,
                learning_rate=self.learning_rate if training.learning_rate is None else training.learning_rate,
                batch_size=self.batch_size if training.batch_size is None else training.batch_size,
                alpha=training.alpha,
                vote_policy=policy_by_name(SOLO_VOTE if training.vote_policy is None else training.vote_policy),
                say=say,
                privacy=training.privacy,
                epochs=self.epochs if training.epochs is training.steps is None else training.epochs,
                steps=self.steps if training.epochs is training.steps is None else training.steps,
                filters=self.filters if training.filters is None else filter_counts(training.filters),
            )
        )

    def _check_fits(self, training: Training) -> None:
        """UsageError for what the training says about something that this task hasn't got."""
        if training.batch_size is not None and self.batch_size is None:
            raise UsageError(
                f"{self.name} was given a batch size", expected="none", fix="leave it out: its learners know no batches"
            )
        if training.epochs is not None and self.batch_size is None:
            raise UsageError(
                f"{self.name} was given epochs", expected="steps: its learners know no batches", fix="give steps"
            )
        for name in ("epochs", "steps"):
            if getattr(training, name) is not None and self.epochs is self.steps is None:
                raise UsageError(
                    f"{self.name} was given {name}",
                    expected="none: a round's training is fixed",
                    fix="leave it out",
                )
        if training.alpha is not None and not self.labels:
            raise UsageError(
                f"{self.name} was given alpha",
                expected="none: its data has no labels that could be skewed",
                fix="leave it out, or choose another task",
            )
        if training.filters is not None and not self.filters:
            raise UsageError(
                f"{self.name} was given filters",
                expected="none: its model has no convolutional layers",
                fix="leave them out, or choose a task with images",
            )


def _check(good: bool, what: str, expected: str) -> None:
    if not good:
        raise UsageError(what, expected=expected, fix="give another value")
