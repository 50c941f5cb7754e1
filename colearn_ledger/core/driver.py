"""The in-process driver: the rounds of the protocol without a ledger, for developing a learner.

A backend is any object with a method ``run(learners, n_rounds, threshold, on_round, names) -> Results``. Every backend
makes the same calls on the learners in the same order of meaning, so the same seeds give the same decisions and bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal, Protocol

from ..errors import ColearnError, UsageError
from .asking import ask_accept, ask_current, ask_proposal, ask_test, check_methods, why_declined
from .deciding import decided, share
from .held import Held
from .joint import Choose, JointRounds, check_mergeable
from .learner import Learner, ProposedWeights, Weights, without_weights
from .merge.rules import DEFAULT_ORDER, Rule
from .results import Results, RoundResult
from .roles import roles_of
from .schema import Schema
from .threshold import Tie, parse_threshold
from .weights import decode, encode, encoded, weights_ref
from .wire import Wire

__all__ = [
    "Backend",
    "InProcess",
    "OnRound",
    "Rounds",
    "check_fit",
    "play_round",
    "play_rounds",
    "run",
    "run_one_round",
    "set_equal_weights",
    "tried",
]

OnRound = Callable[[RoundResult], None]
Rounds = Literal["solo", "joint"]


class Backend(Protocol):
    """What runs the rounds."""

    def run(
        self,
        learners: Sequence[Learner],
        n_rounds: int,
        threshold: Fraction,
        on_round: OnRound | None,
        names: Sequence[str],
        order: Sequence[Rule] = (),
    ) -> Results:
        """Run them. ``order``: the rules by which joint rounds merge; none where the rounds are solo."""
        ...


def run(
    n_rounds: int,
    learners: Sequence[Learner],
    vote_threshold: float | str | Fraction = 0.5,
    *,
    tie: Tie = "reject",
    backend: Backend | None = None,
    on_round: OnRound | None = None,
    names: Sequence[str] | None = None,
    rounds: Rounds = "solo",
    merge_order: Sequence[Rule] = DEFAULT_ORDER,
) -> Results:
    """Run rounds of collective learning and return what happened.

    The public ``colearn_ledger.run`` is this with its progress on a terminal, and says what each argument is.

    Raises
    ------
    UsageError, LearnerError: an argument is out of range, or a learner breaks the interface. Nothing was changed.
    InvalidWeights: a learner proposed weights that don't fit the first learner's.
    """
    threshold = parse_threshold(vote_threshold, tie)
    if isinstance(n_rounds, bool) or not isinstance(n_rounds, int) or n_rounds < 1:
        raise UsageError(
            f"the number of rounds is {n_rounds!r}", expected="an integer of at least 1", fix="ask for 1 or more"
        )
    everyone = _checked(learners)
    called = tuple(names) if names is not None else tuple(f"learner {i + 1}" for i in range(len(everyone)))
    if len(called) != len(everyone) or len(set(called)) != len(called):
        raise UsageError(
            f"{len(called)} names, {len(set(called))} of them different, for {len(everyone)} learners",
            expected="one name for each learner, all different",
            fix="give as many names as learners, or none",
        )
    for name, learner in zip(called, everyone, strict=True):
        check_methods(learner, name)
    runs = (backend or InProcess()).run
    if _is_joint(rounds, merge_order):
        return runs(everyone, n_rounds, threshold, on_round, called, tuple(merge_order))
    return runs(everyone, n_rounds, threshold, on_round, called)


def run_one_round(
    round_index: int,
    learners: Sequence[Learner],
    vote_threshold: float | str | Fraction = 0.5,
    *,
    tie: Tie = "reject",
) -> tuple[list[ProposedWeights], bool]:
    """Run one round: propose, test by everyone, and accept if the vote says so.

    Parameters
    ----------
    round_index: from 0; learner ``round_index % len(learners)`` proposes.
    learners: as for :func:`run`; they should hold the same weights (:func:`set_equal_weights`).
    vote_threshold, tie: as for :func:`run`.

    Returns
    -------
    The judgement of every learner, in order (the vote of the proposer is None, as it has none), and whether the
    proposal was accepted. Where the proposer declined there are neither votes nor scores (they are NaN).
    """
    judged, result = play_round(round_index, learners, vote_threshold, tie)
    return judged, result.accepted


def play_round(
    round_index: int, learners: Sequence[Learner], vote_threshold: float | str | Fraction, tie: Tie = "reject"
) -> tuple[list[ProposedWeights], RoundResult]:
    """As :func:`run_one_round`, with the round's record."""
    threshold = parse_threshold(vote_threshold, tie)
    if isinstance(round_index, bool) or not isinstance(round_index, int) or round_index < 0:
        raise UsageError(
            f"the round's index is {round_index!r}", expected="an integer of at least 0", fix="count from 0"
        )
    everyone = _checked(learners)
    for learner in everyone:
        check_methods(learner)
    proposer = everyone[round_index % len(everyone)]
    data, schema = _first(proposer, "")
    # The parent's bytes; what each learner holds only it can say, as nobody has shared any weights yet.
    held = [Held(schema, data, exact=False) for _ in everyone]
    return _round(round_index + 1, everyone, threshold, [""] * len(everyone), held, keep=True)


def set_equal_weights(learners: Sequence[Learner]) -> None:
    """Give every learner the first one's current weights, the start of a run."""
    data, schema = _first(learners[0], "")
    for learner in learners:
        ask_accept(learner, Weights(decode(data, verified=True)), schema=schema)


def tried(tests: Sequence[ProposedWeights], data: bytes, seconds: float) -> RoundResult:
    """The record of round 0: weights that everyone has tested and nobody voted on."""
    return RoundResult.of(
        0, 0, weights_ref(data), tests, accepted=True, votes=(None,) * len(tests), need=0, seconds=seconds
    )


def play_rounds(
    results: Results, n_rounds: int, play: Callable[[int], RoundResult], on_round: OnRound | None
) -> Results:
    """Add rounds to the results of a run that has begun: ``play`` makes each, given its number in the run, from 1.

    ``on_round`` gets round 0 and each of them. Ctrl-C ends the run with the rounds that were decided before it.
    """
    try:
        if on_round is not None:
            on_round(results.initial)
        for number in range(1, n_rounds + 1):
            result = play(number)
            results.data.append(result)
            if on_round is not None:
                on_round(result)
    except KeyboardInterrupt:
        results.interrupted = True
    return results


class InProcess:
    """The default backend: everything in this process, no chain and no store.

    Weights still pass through the canonical bytes, so that every learner gets its own copy, of exactly what a ledger
    would have carried, and the hashes are the same as there.

    Parameters
    ----------
    choose: for trying out attackers in joint rounds: which of the contributions the proposer of this seat, from 0,
        merges, and one at least. A proposer may name any in its claim; an honest one merges all, which is the default.
    wire: as what the weights travel, ``"bfloat16"`` or ``"float16"``, half the bytes; None: as the learners hold them.
    """

    def __init__(self, choose: Choose | None = None, *, wire: Wire | None = None) -> None:
        self._choose = choose
        self._wire = wire

    def run(
        self,
        learners: Sequence[Learner],
        n_rounds: int,
        threshold: Fraction,
        on_round: OnRound | None,
        names: Sequence[str],
        order: Sequence[Rule] = (),
    ) -> Results:
        """Run the rounds. Ctrl-C ends the run with the rounds that were decided before it."""
        start = time.monotonic()
        data, schema = _first(learners[0], names[0], self._wire)
        check_fit(learners, schema, names)
        if order:
            check_mergeable(schema, learners, names)
        held = [Held(schema) for _ in learners]
        share(data, learners, held)
        tests = [
            without_weights(ask_test(learner, Weights(own.tree()), name, held=own))
            for learner, name, own in zip(learners, names, held, strict=True)
        ]
        begun = Results(
            names=tuple(names),
            threshold=str(threshold),
            backend="in-process",
            initial=tried(tests, data, time.monotonic() - start),
        )
        if order:
            joint = JointRounds(learners, threshold, names, held, order, self._choose)
            return play_rounds(begun, n_rounds, joint.play, on_round)
        return play_rounds(
            begun, n_rounds, lambda number: _round(number, learners, threshold, names, held)[1], on_round
        )


def _first(learner: Learner, name: str, wire: Wire | None = None) -> tuple[bytes, Schema]:
    """The learner's current weights, as bytes, and their schema."""
    tree = ask_current(learner, name).weights
    schema = Schema.of(tree, roles_of(learner), wire)
    return encode(tree, schema), schema


def _round(
    number: int,
    learners: Sequence[Learner],
    threshold: Fraction,
    names: Sequence[str],
    held: Sequence[Held],
    *,
    keep: bool = False,
) -> tuple[list[ProposedWeights], RoundResult]:
    """``keep``: what was tested stays with each test; it may be large."""
    start = time.monotonic()
    proposer = (number - 1) % len(learners)
    schema = held[proposer].schema
    proposed, data = ask_proposal(learners[proposer], number, schema, names[proposer], held=held[proposer])
    declined = why_declined(proposed, data, held[proposer])
    if declined:
        weights = Weights(decode(data, schema) if keep else None)
        nothing = [ProposedWeights(weights, math.nan, math.nan) for _ in learners]
        return nothing, RoundResult.missed(number, proposer, len(learners), declined, time.monotonic() - start)
    return decided(number, data, learners, threshold, names, held, start=start, keep=keep)


def _is_joint(rounds: str, order: Sequence[Rule]) -> bool:
    if rounds not in ("solo", "joint"):
        raise UsageError(f"rounds is {rounds!r}", expected="'solo' or 'joint'", fix="give one of them")
    if rounds == "joint" and (not order or Rule.SOLO in order or len(set(order)) < len(order)):
        raise UsageError(
            f"the order of the rules is {[rule.text for rule in order]}",
            expected="one rule to merge by at least, and each once",
            fix="leave it out for mean, clipped-mean, median",
        )
    return rounds == "joint"


def _checked(learners: Sequence[Learner]) -> tuple[Learner, ...]:
    everyone = tuple(learners)
    if len(everyone) < 2:
        raise UsageError(
            f"{len(everyone)} learner" + ("" if len(everyone) == 1 else "s"),
            expected="at least two: one proposes, the others vote",
            fix="add learners",
        )
    if len({id(learner) for learner in everyone}) < len(everyone):
        raise UsageError(
            "the same learner object was given twice",
            expected="one object for each learner, since each has weights of its own",
            fix="make each learner by its own call, [MyLearner(...) for _ in range(n)]; [MyLearner(...)] * n is one "
            "object n times, which the published driver took: one model whose single vote counted as that of all the "
            "others, and which adopted what was accepted n times over",
        )
    return everyone


def check_fit(learners: Sequence[Learner], schema: Schema, names: Sequence[str]) -> None:
    """A learner of another model is told so before anybody's weights are changed."""
    for name, learner in zip(names, learners, strict=True):
        try:
            for _ in encoded(schema.fit(ask_current(learner, name).weights), schema):
                pass  # looked at alone
        except ColearnError as error:
            error.what = f"{name}: its weights don't fit those of {names[0]}: {error.what}"
            raise
