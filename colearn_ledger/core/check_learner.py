"""Trying a learner out: does it keep the interface's promises, and what should its author know?"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidWeights, LearnerError, TrainingStopped
from .asking import ask_accept, ask_current, ask_propose, ask_test, check_methods, why_declined
from .comparing import first_inputs, predictions, tell_apart
from .learner import Learner, ProposedWeights, Weights
from .lineage import is_new, kept_within, with_parent
from .probing import findings
from .roles import roles_of
from .schema import Schema
from .tensors import arrays_of, like, parts_of, plain
from .tree import shown
from .weights import decode, encode

__all__ = ["LearnerReport", "check_learner", "warnings_about"]

TRAININGS = 4  # further ones, where the first has changed nothing
BESIDE = (
    "put what a training or the learner's own data have left beside the weights (a scaler's means, a layer's derived "
    "constants) into the weights, or compute it anew from them in mli_accept_weights and mli_test_weights"
)


@dataclass(frozen=True)
class LearnerReport:
    """What :func:`check_learner` found.

    Attributes
    ----------
    learner: the learner's class.
    kept: the promises that it keeps, a sentence each.
    warnings: what works, and may not do what the author thinks.
    """

    learner: str
    kept: tuple[str, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.learner} keeps the promises of a learner"]
        lines += [f"  ok       {sentence}" for sentence in self.kept]
        lines += [f"  warning  {sentence}" for sentence in self.warnings]
        return "\n".join(lines)


def check_learner(
    learner: object,
    *,
    make: Callable[[], object] | None = None,
    other: object | None = None,
    inputs: Any = None,
) -> LearnerReport:
    """Try a learner out, and raise :class:`LearnerError` for the first promise of the interface that it breaks.

    It trains and tests a few times, and again from each leaf's extremes that the learner approves, so call it in a test
    of your learner. The learner has its own weights again afterwards.

    Parameters
    ----------
    learner: an object with the four methods.
    make: makes a learner just like it, with the same data and seed; it is called twice, to try whether the two train
        alike, as learners must for a run to be repeated, and predict alike with the same weights.
    other: another member's learner: the same model, other data. With the same weights both must predict the same, or
        something beside the weights is each member's own. It has its own weights again afterwards.
    inputs: what they are to predict for, as the learner's ``mli_make_prediction`` takes it; by default some of its
        ``test_set``, if it has one.

    Returns
    -------
    What was tried, and warnings about what is no mistake.

    Raises
    ------
    LearnerError: a promise is broken. The message says which, and how to keep it.
    InvalidWeights: the learner's weights can't be written: something in them is no array, number, text or bytes.
    """
    check_methods(learner)
    assert isinstance(learner, Learner)
    trial = _Trial(learner, first_inputs(learner) if inputs is None else inputs)
    try:
        trained = trial.try_everything()
        if make is not None:
            trial.compare([make(), make()], trained)
        if other is not None:
            trial.compare_with(other, trained)
    finally:
        trial.put_back()
    return LearnerReport(type(learner).__name__, tuple(trial.kept), tuple(trial.warnings))


class _Trial:
    def __init__(self, learner: Learner, inputs: Any) -> None:
        self.learner, self.inputs = learner, inputs
        self.name = f"learner {type(learner).__name__}"
        self.kept: list[str] = []
        own = ask_current(learner).weights
        self.warnings = warnings_about(own)
        if not any(np.size(part) for _, part in parts_of(plain(own))):
            raise self.broken(
                "its weights are empty",
                "what the others are to test and adopt: at least one number, array, text or bytes",
                "return what is trained from mli_get_current_weights and mli_propose_weights",
            )
        self.before = encode(own)
        self.schema = Schema.of(own, roles_of(learner))
        self.personal = bool(getattr(learner, "personal", False))
        self.opaque = any(isinstance(part, bytes | str) for _, part in parts_of(own))
        self.judged: tuple[float, float] | None = None  # the trained weights' scores, where they are always the same

    # Every check reads the learner itself: what the drivers repair is what is looked for here.

    def current(self) -> bytes:
        """The current weights; local leaves, which are the learner's own affair, as they were at first."""
        tree = self.schema.fit(ask_current(self.learner).weights)
        return encode(with_parent(self.schema, tree, self.before))

    def given(self, data: bytes) -> Weights:
        return Weights(like(decode(data), self.learner.mli_get_current_weights().weights))

    def same(self, found: bytes, wanted: bytes) -> bool:
        """Whether weights are the same. Bytes and texts may differ, as not every library writes a model twice alike."""
        if found == wanted:
            return True
        if not self.opaque or _but_opaque(found) != _but_opaque(wanted):
            return False
        warning = (
            "bytes or texts of the current weights are others than those that were accepted last, so it can't be told "
            "by them whether the learner keeps its promises: serialise so that a model always gives the same bytes"
        )
        if warning not in self.warnings:
            self.warnings.append(warning)
        return True

    def put_back(self) -> None:
        ask_accept(self.learner, Weights(decode(self.before)), schema=self.schema)

    def broken(self, what: str, expected: str, fix: str) -> LearnerError:
        return LearnerError(f"{self.name}: {what}", expected=expected, fix=fix)

    def unchanged(self, by: str, fix: str) -> None:
        if not self.same(self.current(), self.before):
            raise self.broken(f"{by} changed the current weights", "that they stay as they are", fix)
        self.kept.append(f"{by} leaves the current weights as they are")

    def try_everything(self) -> bytes:
        """Returns what it has proposed."""
        if encode(self.schema.fit(plain(self.given(self.before).weights))) != self.before:
            raise self.broken(
                "its weights are not the same any more once they were written and read",
                "weights that are arrays, tensors, numbers, texts or bytes",
                "convert what is something else",
            )
        self.kept.append("its weights can be written and read")
        self.unchanged("mli_get_current_weights", "return the same weights until others are accepted")
        trained = self.try_proposing()
        self.try_testing(trained)
        self.try_reproducing(trained)
        self.try_pausing(trained)
        _scribble(self.learner.mli_get_current_weights().weights)
        self.unchanged("writing into what mli_get_current_weights returned", "return copies of the model's arrays")
        self.try_accepting(trained)
        self.put_back()
        self.try_again(trained)
        self.warnings += findings(self.learner, self.schema, self.before)
        return trained

    def try_proposing(self) -> bytes:
        proposed = ask_propose(self.learner, 1)
        data = self.encoded(proposed)
        self.unchanged("mli_propose_weights", "train a copy, or put the current weights back before returning")
        _scribble(proposed.weights)
        self.unchanged("writing into what mli_propose_weights returned", "return copies of the model's arrays")
        declined = why_declined(proposed)
        if declined:
            self.warnings.append(f"it declined to propose: {declined}")
        elif not is_new(self.schema, data, self.before):
            later = (self.encoded(ask_propose(self.learner, round)) for round in range(2, 2 + TRAININGS))
            if not self.opaque and not any(is_new(self.schema, other, self.before) for other in later):
                raise self.broken(
                    f"mli_propose_weights proposed the current weights, {1 + TRAININGS} times out of {1 + TRAININGS}",
                    "weights that a training has changed",
                    "return the trained weights; where nothing is left to learn, make the learner anew for this check",
                )
            self.warnings.append("mli_propose_weights proposed the current weights: did it train?")
        return data

    def encoded(self, proposed: Weights) -> bytes:
        try:
            return encode(kept_within(self.schema, self.schema.fit(plain(proposed.weights)), self.before))
        except InvalidWeights as error:
            error.what = f"{self.name} proposed weights that nobody can accept: {error.what}"
            raise

    def try_testing(self, trained: bytes) -> None:
        given = self.given(trained)
        judged = self.learner.mli_test_weights(given)
        self.unchanged("mli_test_weights", "put the current weights back before returning")
        judged = ask_test(self.learner, Weights(decode(trained)))  # says what is wrong with the scores or the vote
        self.finite(judged)
        if judged.vote is None:
            self.warnings.append("mli_test_weights abstained, which counts as not approving")
        self.kept.append("scores are finite numbers, and the vote is True, False or None")
        again = ask_test(self.learner, Weights(decode(trained)))
        if (again.vote_value, again.vote) == (judged.vote_value, judged.vote):
            self.judged = judged.vote_value, judged.test_value
        else:
            self.warnings.append(
                f"the same weights were judged twice, with vote scores of {judged.vote_value:g} and "
                f"{again.vote_value:g}: vote on a fixed set, or two different samples are compared"
            )

    def finite(self, judged: ProposedWeights) -> None:
        for field, value in (("vote_score", judged.vote_value), ("test_score", judged.test_value)):
            if not math.isfinite(value):
                raise self.broken(
                    f"{field} is {value}",
                    "a finite number",
                    "score weights that the model can't be run with very low, and vote to reject them",
                )

    def try_reproducing(self, trained: bytes) -> None:
        if not callable(getattr(self.learner, "mli_begin_round", None)):
            self.warnings.append(
                "there is no mli_begin_round(round), so trainings can't be repeated: a learner that is restarted in "
                "the middle of a round proposes something else (add it, and seed each training by the round's number)"
            )
            return
        if not getattr(self.learner, "reproducible", True):
            self.warnings.append(
                "by its own word it is not reproducible: what it proposes depends on more than the round and the "
                "current weights, so a learner that is restarted in the middle of a round proposes something else"
            )
            return
        again = self.encoded(ask_propose(self.learner, 1))
        if again != trained:
            raise self.broken(
                "after mli_begin_round(1), it proposed other weights the second time",
                "the same weights, since round and current weights were the same",
                "take all randomness of a training from a seed and the round's number",
            )
        self.kept.append("the same round trains the same weights")

    def try_pausing(self, trained: bytes) -> None:
        """Others' weights are tested in the midst of a training; and one is ended early."""
        if not callable(getattr(self.learner, "mli_set_pause", None)):
            return
        pauses = 0

        def pause(*_: int) -> bool:
            nonlocal pauses
            pauses += 1
            if pauses == 1:
                ask_test(self.learner, Weights(decode(trained)))
                if not self.same(self.current(), self.before):
                    raise self.broken(
                        "in the midst of a training the current weights are others",
                        "those that were accepted last, until the training has ended and others are accepted",
                        "keep the current weights apart from what is trained",
                    )
            return True

        paused = ask_propose(self.learner, 2, pause=pause)  # of a round that it knows it returns what it has, perhaps
        if why_declined(paused):
            return
        if not pauses:
            raise self.broken(
                "it has mli_set_pause, and its training never called what it was given",
                "a call between two steps",
                "call it after each step, or leave mli_set_pause out",
            )
        again = ask_propose(self.learner, 2)
        if getattr(self.learner, "reproducible", True) and self.encoded(again) != self.encoded(paused):
            raise self.broken(
                "after weights were tested in the midst of a training, it proposed others than without that",
                "the same weights",
                "put back what testing has changed of what is trained: weights, optimizer, generators",
            )
        with contextlib.suppress(TrainingStopped):
            if why_declined(ask_propose(self.learner, 3, pause=lambda *_: False)):
                return
            raise self.broken(
                "it has mli_set_pause, and trained on after it was told that nobody waits for that",
                "TrainingStopped",
                "raise it when what is called between two steps returns False",
            )
        self.unchanged("a training that was ended early", "put the current weights back before raising TrainingStopped")
        self.kept.append("a training lets weights be tested between its steps, and can be ended there")

    def try_accepting(self, trained: bytes) -> None:
        given = self.given(trained)
        self.learner.mli_accept_weights(given)
        accepted = self.current()
        _scribble(given.weights)
        aliased = not self.same(self.current(), accepted)
        if not self.same(accepted, trained):
            raise self.broken(
                "after mli_accept_weights the current weights are not the accepted ones",
                "the same tree, dtypes, shapes and values",
                "adopt the weights as they are, and return them so from mli_get_current_weights",
            )
        self.kept.append("mli_accept_weights adopts the weights")
        if aliased:
            raise self.broken(
                "writing into what mli_accept_weights was given changed the current weights",
                "that they stay as they are",
                "copy the arrays",
            )
        self.kept.append("writing into what mli_accept_weights was given leaves the current weights as they are")

    def try_again(self, trained: bytes) -> None:
        """Other weights were adopted in between: what was judged before is judged alike."""
        if self.judged is None or self.personal:
            return
        judged = ask_test(self.learner, Weights(decode(trained)))
        found = judged.vote_value, judged.test_value
        if not np.allclose(found, self.judged, rtol=1e-5, atol=1e-7):
            raise self.broken(
                f"the same weights scored {self.judged[0]:g} at first, and {found[0]:g} once others were adopted and "
                "given up again",
                "scores and predictions by the weights alone",
                BESIDE,
            )
        self.kept.append("what it has adopted in between changes no score")

    def compare(self, alike: list[object], trained: bytes) -> None:
        proposals = []
        for other in alike:
            check_methods(other)
            assert isinstance(other, Learner)
            if not self.personal:
                self.same_predictions(other, trained, "another that was made alike")
            if self.judged is not None and not self.personal:
                judged = ask_test(other, Weights(decode(trained)))
                if not np.allclose((judged.vote_value, judged.test_value), self.judged, rtol=1e-4, atol=1e-6):
                    raise self.broken(
                        f"it scores weights with {self.judged[0]:g} which another that was made alike scores with "
                        f"{judged.vote_value:g}",
                        "the same scores by the same weights and data",
                        BESIDE,
                    )
            if getattr(self.learner, "reproducible", True):
                ask_accept(other, Weights(decode(self.before)))
                proposals.append(self.encoded(ask_propose(other, 2)))
        if not proposals:
            return
        if proposals[0] != proposals[1]:
            raise self.broken(
                "two that were made alike proposed different weights from the same ones in the same round",
                "the same weights",
                "take all randomness of a training from a seed and the round's number, in mli_begin_round",
            )
        self.kept.append("learners that are made alike train the same weights")

    def compare_with(self, other: object, trained: bytes) -> None:
        check_methods(other)
        assert isinstance(other, Learner)
        if self.personal:
            self.warnings.append(
                "a part of its model is each member's own, so predictions with the same weights weren't compared"
            )
            return
        own = encode(ask_current(other).weights)
        try:
            if not self.same_predictions(other, trained, "another member's"):
                self.warnings.append(
                    "whether it and another member's predict the same couldn't be tried: give it mli_make_prediction, "
                    "and check_learner the inputs to predict for"
                )
        finally:
            ask_accept(other, Weights(decode(own)))

    def same_predictions(self, other: Learner, trained: bytes, whose: str) -> bool:
        """Whether both can be asked; with the same weights they must say the same."""
        asked = False
        for data in (self.before, trained):
            ask_accept(self.learner, Weights(decode(data)), schema=self.schema)
            ask_accept(other, Weights(decode(data)), schema=self.schema)
            told = [predictions(one, self.inputs) for one in (self.learner, other)]
            if told[0] is None or told[1] is None:
                continue
            asked = True
            differing = tell_apart(told[0], told[1])
            if differing:
                raise self.broken(
                    f"with the same weights its predictions and those of {whose} differ {differing}",
                    "predictions by the weights alone: what is voted on is what everybody adopts",
                    BESIDE,
                )
        self.put_back()
        if asked:
            self.kept.append(f"it and {whose} predict the same with the same weights")
        return asked


def warnings_about(weights: Any) -> list[str]:
    """What the owner of a learner should know about its weights before they travel: opaque bytes, names of files."""
    warnings = []
    opaque = [path for path, part in parts_of(weights) if isinstance(part, bytes | bytearray)]
    if opaque:
        where = ", ".join(map(shown, opaque[:3])) + (", …" if len(opaque) > 3 else "")
        warnings.append(
            f"the weights have opaque bytes (at {where}): they are carried unread, and nothing but the learner checks "
            "them. If it unpickles them, any member's proposal can run code on this machine: prefer arrays, or a "
            "format of data alone (JSON, UBJ)"
        )
    for path, part in parts_of(weights):
        if isinstance(part, str) and os.sep in part and os.path.exists(part):
            warnings.append(
                f"the text at {shown(path)} of the weights names a file of this machine, which no other learner has: "
                "put the file's content into the weights, as bytes or arrays"
            )
    return warnings


def _but_opaque(data: bytes) -> bytes:
    """Weights with all bytes and texts left empty."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(walk, value))
        return type(value)() if isinstance(value, bytes | str) else value

    return encode(walk(decode(data)))


def _scribble(tree: Any) -> None:
    """Write other values into every array, tensor and variable that can be written to."""
    for array in arrays_of(tree):
        values = array if isinstance(array, np.ndarray) else plain(array)
        if values.size == 0:
            continue
        other = ~values if values.dtype == np.bool_ else values + np.ones((), values.dtype)
        if callable(getattr(array, "assign", None)):  # a variable of TensorFlow or Keras
            array.assign(other)
        elif values.flags.writeable and (array is values or callable(getattr(array, "detach", None))):
            values[...] = other  # TensorFlow's tensors can't be written to, and aren't tried
