"""A round from its proposal on: everyone tests it, the vote decides, and what is accepted is adopted."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ..errors import InvalidWeights, SchemaMismatch, UntestableWeights
from .asking import ask_accept, ask_judge
from .blocks import Buffer
from .held import Held
from .learner import Learner, ProposedWeights, Weights, without_weights
from .protocol import WeightsRef
from .results import MergeRecord, RoundResult
from .threshold import need
from .weights import decode, weights_ref

__all__ = ["decided", "rejected_unread", "share"]


def decided(
    number: int,
    data: Buffer,
    learners: Sequence[Learner],
    threshold: Fraction,
    names: Sequence[str],
    held: Sequence[Held],
    *,
    start: float,
    keep: bool = False,
    merge: MergeRecord | None = None,
) -> tuple[list[ProposedWeights], RoundResult]:
    """Have the proposed weights tested, voted on, and if they are accepted, adopted.

    Parameters
    ----------
    number: of the round, from 1; learner ``(number - 1) % len(learners)`` proposes.
    data: the canonical bytes that it proposes.
    held: what each learner holds; what is accepted is put in there, too.
    start: when the round began, by ``time.monotonic()``.
    keep: what was tested stays with each test; it may be large.
    merge: what they are the merge of, in a joint round.

    Returns
    -------
    The judgement of every learner, in order, and the round's record.
    """
    proposer = (number - 1) % len(learners)
    schema = held[proposer].schema
    # One decoding each: a learner that writes into what it is given must not change what the others see.
    judged, tested = [], []
    for i, learner in enumerate(learners):
        weights = Weights(decode(data, schema, verified=True))
        its_own = merge is None and i == proposer
        test = _try_test(learner, weights, names[i], held=held[i], its_own=its_own, data=data)
        judged.append(test or ProposedWeights(weights, math.nan, math.nan, vote=False))
        tested.append(test)
        if not keep:
            judged[-1] = without_weights(judged[-1])
            tested[-1] = None if test is None else judged[-1]
        del weights, test
    judged[proposer].vote = None  # it has none on its own proposal
    votes = tuple(j.vote for j in judged)
    approvals = sum(vote is True for vote in votes)
    needed = need(threshold, len(learners) - 1)
    accepted = approvals >= needed
    if accepted:
        share(data, learners, held)
    result = RoundResult.of(
        number,
        proposer,
        weights_ref(data),
        tested,
        accepted=accepted,
        votes=votes,
        need=needed,
        seconds=time.monotonic() - start,
    )
    return judged, replace(result, merge=merge)


def rejected_unread(
    number: int, weights: WeightsRef, threshold: Fraction, n_learners: int, start: float
) -> RoundResult:
    """The record of a round in which everybody votes against what they know, without another test."""
    proposer = (number - 1) % n_learners
    return RoundResult.of(
        number,
        proposer,
        weights,
        [None] * n_learners,
        accepted=False,
        votes=[None if i == proposer else False for i in range(n_learners)],
        need=need(threshold, n_learners - 1),
        seconds=time.monotonic() - start,
    )


def _try_test(
    learner: Learner, weights: Weights, name: str, *, held: Held, its_own: bool, data: Buffer
) -> ProposedWeights | None:
    """The learner's test, or None if it fails with these weights alone, or finds that they are none for its model.

    That is a vote to reject. ``its_own``: the learner has proposed them; to propose what it itself finds invalid is a
    mistake in the program, as learners of different models are.
    """
    try:
        return ask_judge(learner, weights, name, held=held, its_own=its_own, data=data)
    except UntestableWeights:
        return None
    except SchemaMismatch:
        raise
    except InvalidWeights:
        if its_own:
            raise
        return None


def share(data: Buffer, learners: Sequence[Learner], held: Sequence[Held]) -> None:
    """Have every learner adopt the weights of these bytes, each a copy of its own."""
    for learner, own in zip(learners, held, strict=True):
        own.data = data
        ask_accept(learner, Weights(own.tree()), schema=own.schema)
