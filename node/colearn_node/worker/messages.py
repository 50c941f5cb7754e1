"""What the node and its worker process say to each other over a socket pair; :mod:`.codec` makes bytes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colearn_ledger.core.decide import Action
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import ColearnError
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Work
from colearn_ledger.stores.progress import Transfer
from colearn_ledger.stores.spec import StoreSpec

__all__ = [
    "TIDIED",
    "Begun",
    "CheckpointSpec",
    "Checkpointed",
    "Done",
    "Failed",
    "Job",
    "Moved",
    "Progress",
    "PullAhead",
    "Ready",
    "Sound",
    "Spec",
    "Tidy",
]


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """Where a training that runs for long is kept, and how often: once in ``every_s`` seconds."""

    path: Path
    every_s: float


@dataclass(frozen=True, slots=True)
class Spec:
    """What a worker is made of.

    ``max_size`` in bytes; ``schema``: of the collective's weights; ``keep_contributions``: for as long as :class:`Tidy`
    doesn't say that they may go; ``checkpoints``: None: there are none.
    """

    learner: LearnerSpec
    store: StoreSpec
    max_size: int
    schema: Schema
    keep_contributions: bool = True
    checkpoints: CheckpointSpec | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Something to prepare; ``deadline_s`` seconds for pulling weights.

    A training that still runs when it comes pauses, if its learner does that: to go on when this is done, if it may be
    done ``beside`` it, and else to end.
    ``wary``: the last worker died of it, so this one is to test its current weights before, and to say so.
    """

    number: int
    action: Action
    deadline_s: float
    wary: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Tidy:
    """What the store is to keep of the collective's weights: see :meth:`.Preparer.tidy`.

    ``needed`` is None where everything is kept; ``archive``: weights to keep for good, if they are there; ``wanted``:
    to be pulled, if they aren't. ``archive_only``: of those kept for good earlier no others stay; None: all do.
    ``forgotten``: its own contributions go whose trainings began in one of these spans of rounds (first and last).
    """

    needed: tuple[WeightsRef, ...] | None
    archive: tuple[WeightsRef, ...] = ()
    wanted: tuple[WeightsRef, ...] = ()
    archive_only: tuple[WeightsRef, ...] | None = None
    forgotten: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PullAhead:
    """What is to be pulled meanwhile, whatever else is done: see :meth:`colearn_ledger.member.ahead.Ahead.want`."""

    weights: tuple[WeightsRef, ...]
    parent_size: int


TIDIED = -1  # the number of what comes of that


@dataclass(frozen=True, slots=True)
class Ready:
    """The learner is there. ``policy``: by which it votes, by name; empty where it doesn't say."""

    pid: int
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A job is being done now: what was there before it has ended, or lets it go first."""

    number: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many steps of a training, the job of that number, are done, of how many. It is said now and then."""

    number: int
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """What a person should know of a training's checkpoints; ``wrong``: something is."""

    text: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Sound:
    """In a job that is wary: the learner has tested its current weights, and lives."""

    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a transfer of weights has come that takes long: for the log."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Done:
    """A job's result. The weights themselves stay in the worker.

    ``notes``: what of it couldn't be shown, for people.
    """

    number: int
    work: Work
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A job, or (number 0) the start, failed. ``trace`` is empty for errors of the project's tree."""

    number: int
    error: ColearnError
    trace: str
