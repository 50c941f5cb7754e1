"""How a task's learners train and vote. Each option is declared here and nowhere else: type, default, range, help."""

from __future__ import annotations

import dataclasses
import difflib
import numbers
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.summaries import DiffPrivConfig
from ..errors import ConfigError, UsageError
from ..learners.voting.policy import VotePolicy, vote_policy

__all__ = [
    "JOINT_VOTE",
    "JOINT_VOTE_BY_RANKS",
    "SOLO_VOTE",
    "Training",
    "TrainingOption",
    "filter_counts",
    "training_options",
]

DELTA, CLIP = 1e-5, 1.0
# What learns most in solo and in joint rounds, there by a score that is a mean over samples or not (docs/voting.md).
SOLO_VOTE, JOINT_VOTE, JOINT_VOTE_BY_RANKS = "not-worse", "paired", "margin:-0.01"
# Each layer halves the sides of its images, and the smallest have 28 pixels.
MOST_LAYERS, MOST_FILTERS = 5, 4096
MORE = "1 or more"
_POLICIES = "not-worse, strict, margin:SIZE, paired[:LEVEL], paired-better[:LEVEL]"


@dataclass(frozen=True, slots=True)
class TrainingOption:
    """One option.

    Attributes
    ----------
    name: of the field, the flag and a node's ``learner.options``.
    kind: of its value: float, int or str.
    default: None is the task's own, or without.
    help: for people; says what None comes to where that isn't the task's own.
    short: a flag of one letter; may be empty.
    metavar: how the help names the value; None: as the flag.
    is_flag: whether programs have a flag for it.
    """

    name: str
    kind: type
    default: Any
    help: str
    short: str = ""
    metavar: str | None = None
    is_flag: bool = True


def _told(kind: type, text: str, good: Callable[[Any], bool], expected: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "help": text, "good": good, "expected": expected, **more}


def _positive(value: float) -> bool:
    return 0 < value < float("inf")


def _share(value: float) -> bool:
    return 0 < value < 1


def _count(value: int) -> bool:
    return value >= 1


def _is_policy(value: Any) -> bool:
    return bool(vote_policy(value))  # or an error that names all that there are


def filter_counts(text: str) -> tuple[int, ...]:
    """The filters of each layer, of a text such as ``64,128``; none where it is no such text."""
    words = [word.strip() for word in text.split(",")] if isinstance(text, str) else []
    good = all(word.isascii() and word.isdigit() and 1 <= int(word) <= MOST_FILTERS for word in words)
    return tuple(map(int, words)) if good and len(words) <= MOST_LAYERS else ()


def _is_filters(value: Any) -> bool:
    return bool(filter_counts(value))


@dataclass(frozen=True, slots=True)
class Training:
    """How learners train and vote; every value is checked. What is None is the task's own, or without.

    Attributes
    ----------
    train_ratio: share of a learner's data to train on; votes and tests use the rest, half each.
    learning_rate, batch_size: of the training.
    epochs, steps: how much one round trains: passes over the learner's training data, or batches (of trees: how many
        more). One of them alone.
    filters: of the convolutional layers of a task's image model, the first layer's first: ``"64,128"``.
    alpha: deals out skewed labels, see :func:`~colearn_ledger.tasks.split.split`; None deals at random.
    vote_policy: how the learners vote: a policy or its name (``docs/voting.md``); None is :data:`SOLO_VOTE`.
    epsilon, delta, clip, proposals, noise_multiplier: of the differential privacy that they train with, each on a
        budget of its own (``docs/privacy.md``); None for ``epsilon``: without. ``proposals`` computes the noise where
        ``noise_multiplier`` doesn't give it.
    deterministic: draws the noise of private training from the seed, so that a run can be repeated, for tests and
        demos. Whoever knows the seed can take it off again.

    Raises
    ------
    UsageError: a value is of the wrong type or out of range, or belongs to another that isn't given.
    """

    train_ratio: float | None = field(
        default=None,
        metadata=_told(float, "share of a learner's data to train on", _share, "a number between 0 and 1", short="-r"),
    )
    learning_rate: float | None = field(
        default=None, metadata=_told(float, "of the training", _positive, "a number above 0", short="-l")
    )
    batch_size: int | None = field(default=None, metadata=_told(int, "of the training", _count, MORE, short="-b"))
    epochs: int | None = field(
        default=None,
        metadata=_told(int, "passes over a learner's training data in a round (default: the task's)", _count, MORE),
    )
    steps: int | None = field(
        default=None,
        metadata=_told(int, "batches in a round, in place of epochs (default: the task's)", _count, MORE),
    )
    filters: str | None = field(
        default=None,
        metadata=_told(
            str,
            "filters of the image model's layers, such as 64,128 (default: the task's)",
            _is_filters,
            f"one to {MOST_LAYERS} whole numbers from 1 to {MOST_FILTERS}, such as 64,128",
        ),
    )
    alpha: float | None = field(
        default=None,
        metadata=_told(
            float,
            "skew the labels by Dirichlet: 0.1 much, 100 hardly (default: at random)",
            _positive,
            "a number above 0: 0.1 is very skewed, 100 nearly even",
            short="-a",
        ),
    )
    vote_policy: VotePolicy | str | None = field(
        default=None,
        metadata=_told(
            str,
            f"how learners vote: {_POLICIES} "
            f"(default: {SOLO_VOTE}; in joint rounds {JOINT_VOTE}, by an AUC {JOINT_VOTE_BY_RANKS})",
            _is_policy,
            "a policy or its name",
            metavar="NAME[:VALUE]",
        ),
    )
    epsilon: float | None = field(
        default=None,
        metadata=_told(
            float,
            "train with differential privacy: what each learner's proposals may cost in all",
            _positive,
            "a number above 0",
        ),
    )
    delta: float | None = field(
        default=None,
        metadata=_told(
            float,
            "the delta of epsilon (default: 1e-5)",
            _share,
            "a number between 0 and 1, well below 1 / samples",
        ),
    )
    clip: float | None = field(
        default=None,
        metadata=_told(
            float, "norm that each sample's gradient is clipped to (default: 1)", _positive, "a number above 0"
        ),
    )
    proposals: int | None = field(
        default=None,
        metadata=_told(int, "how many proposals epsilon is to last for (default: a learner's turns)", _count, MORE),
    )
    noise_multiplier: float | None = field(
        default=None,
        metadata=_told(float, "the noise in units of the clip norm", _positive, "a number above 0", is_flag=False),
    )
    deterministic: bool = False

    def __post_init__(self) -> None:
        for known in dataclasses.fields(self):
            value = getattr(self, known.name)
            if known.metadata and value is not known.default:
                _check(known.name, value, **known.metadata)
        if self.epochs is not None and self.steps is not None:
            raise UsageError(
                "both epochs and steps say how much a round trains", expected="one of them", fix="leave the other out"
            )
        lost = [name for name in ("delta", "clip", "proposals", "noise_multiplier") if getattr(self, name) is not None]
        if self.epsilon is None and lost:
            raise UsageError(
                f"{' and '.join(lost)} without epsilon", expected="what belongs to epsilon with it", fix="give epsilon"
            )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Training:
        """The training that options by name give. Raises ConfigError for an unknown name."""
        names = [option.name for option in training_options()]
        for name in options:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                raise ConfigError(
                    f"there is no training option {name!r}",
                    expected=f"one of {', '.join(names)}",
                    fix=f"did you mean {near[0]}?" if near else "leave it out",
                )
        return cls(**options)

    def given(self) -> dict[str, Any]:
        """What differs from the defaults, by name: what :meth:`of` takes, and a configuration writes down."""
        return {o.name: getattr(self, o.name) for o in training_options() if getattr(self, o.name) != o.default}

    @property
    def privacy(self) -> DiffPrivConfig | None:
        """The differential privacy, with its defaults; None: without."""
        if self.epsilon is None:
            return None
        return DiffPrivConfig(
            target_epsilon=self.epsilon,
            target_delta=DELTA if self.delta is None else self.delta,
            max_grad_norm=CLIP if self.clip is None else self.clip,
            noise_multiplier=self.noise_multiplier,
            proposals=self.proposals,
            deterministic=self.deterministic,
        )


def training_options() -> Iterator[TrainingOption]:
    """All that a user may give, in the order in which people are told of them."""
    for known in dataclasses.fields(Training):
        if known.metadata:
            told = {name: value for name, value in known.metadata.items() if name not in ("good", "expected")}
            yield TrainingOption(name=known.name, default=known.default, **told)


def _check(name: str, value: Any, kind: type, good: Callable[[Any], bool], expected: str, **_: Any) -> None:
    wanted = {float: numbers.Real, int: numbers.Integral, str: object}[kind]  # numpy's numbers, too
    if isinstance(value, bool) or not isinstance(value, wanted) or not good(value):
        raise UsageError(f"{name} is {value}", expected=expected, fix=f"give {name} another value")
