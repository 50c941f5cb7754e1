"""Joint rounds in process: everybody trains, the round's proposer merges, and the others vote.

By which rule a training's contributions are merged is a function of how many of its merges were rejected. Nobody is
late here: a training has all its contributions before the first merge of them is proposed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..errors import InvalidWeights, UsageError
from .asking import ask_proposal, why_declined
from .claims import RejectedMerge
from .deciding import decided, rejected_unread
from .held import Held
from .learner import Learner
from .merge.claim import LeftOut, claim_digest
from .merge.contributions import Basis, Mergeable, distinct, why_unmergeable
from .merge.merging import merge, merge_what_changes
from .merge.rules import Rule, rule_of
from .protocol import WeightsRef
from .results import MergeRecord, RoundResult
from .schema import Schema
from .weights import weights_ref

__all__ = ["Choose", "JointRounds", "check_mergeable"]

Choose = Callable[[int, tuple[Mergeable, ...]], Sequence[Mergeable]]


def check_mergeable(schema: Schema, learners: Sequence[Learner], names: Sequence[str]) -> None:
    """Raise UsageError, with the reason, where weights can't be merged: by the schema, or by a learner's own word."""
    for learner, name in zip(learners, names, strict=True):
        why = why_unmergeable(schema, learner)
        if why:
            raise UsageError(
                f"{name}: its weights can't be merged: {why}",
                expected="weights whose mean is a model, too",
                fix='use rounds="solo" for this model',
            )


@dataclass(slots=True)
class _Training:
    """What everybody has contributed to one training, and how many merges of it were rejected."""

    first: int
    basis: Basis
    contributed: tuple[int, ...]
    valid: tuple[Mergeable, ...]
    left_out: dict[int, str]
    rejections: int = 0

    def record(self, rule: Rule, merged: Sequence[Mergeable], cancelling: Sequence[Mergeable] = ()) -> MergeRecord:
        left_out = self.left_out | {one.seat: LeftOut.CANCELS.text for one in cancelling}
        return MergeRecord(
            self.first,
            rule.text,
            self.contributed,
            tuple(one.seat for one in merged),
            tuple(sorted(left_out.items())),
        )


class JointRounds:
    """The rounds of a run whose learners all train.

    Parameters
    ----------
    held: what each learner holds, the same accepted weights at first.
    order: the rules, from the first that merges a training's contributions to the last.
    choose: what a proposer merges of the contributions that can be merged; all of them, unless it attacks.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        threshold: Fraction,
        names: Sequence[str],
        held: Sequence[Held],
        order: Sequence[Rule],
        choose: Choose | None = None,
    ) -> None:
        self._learners, self._threshold, self._names, self._held = learners, threshold, names, held
        self._order, self._choose = order, choose or (lambda proposer, valid: valid)
        self._training: _Training | None = None
        self._before: bytes | None = None  # accepted before the current ones
        self._rejected: set[RejectedMerge] = set()  # built on the current ones

    def play(self, number: int) -> RoundResult:
        """The round of this number, from 1: what its proposer has merged, and how the others voted."""
        start = time.monotonic()
        training = self._training or self._train(number)
        rule = rule_of(self._order, training.rejections)
        assert rule is not None
        proposer = (number - 1) % len(self._learners)
        if not training.valid:  # the members who are to come have no more to merge either: the turns pass
            why = training.left_out.get(proposer, "nobody has contributed anything that can be merged")
            seconds = time.monotonic() - start
            record = training.record(rule, ())
            return RoundResult.missed(number, proposer, len(self._learners), why, seconds, merge=record)
        parent, data = self._parent, b""

        def merge_these(counted: Sequence[Mergeable]) -> WeightsRef:
            nonlocal data
            data = merge(training.basis, rule, counted, before=self._before)
            return weights_ref(data)

        chosen = self._choose(proposer, training.valid)
        ref, merged, cancelling = merge_what_changes(training.basis, chosen, weights_ref(parent).sha256, merge_these)
        record = training.record(rule, merged, cancelling)
        proposal = RejectedMerge(ref, claim_digest((one.seat, one.ref) for one in merged))
        if proposal in self._rejected:  # rules may agree; nobody reads it again, and the next rule has its turn
            result = rejected_unread(number, proposal.weights, self._threshold, len(self._learners), start)
            result = replace(result, merge=record)
        else:
            _, result = decided(
                number, data, self._learners, self._threshold, self._names, self._held, start=start, merge=record
            )
        if result.accepted:
            self._training, self._before = None, parent
            self._rejected.clear()
        else:
            self._rejected.add(proposal)
            training.rejections += 1
            self._training = None if rule_of(self._order, training.rejections) is None else training
        return result

    @property
    def _parent(self) -> bytes:
        data = self._held[0].data
        assert isinstance(data, bytes)
        return data

    def _train(self, first: int) -> _Training:
        """Have everybody train; the training is named by the round that begins it, and seeded by it."""
        basis = Basis.of(self._held[0].schema, self._parent)
        contributed, valid, left_out = [], [], {}
        for i, (learner, name, held) in enumerate(zip(self._learners, self._names, self._held, strict=True)):
            proposed, data = ask_proposal(learner, first, held.schema, name, held=held, basis=basis)
            declined = why_declined(proposed, data, held)
            if declined:
                left_out[i] = declined
                continue
            contributed.append(i)
            try:
                valid.append(basis.check(i, weights_ref(data), data))
            except InvalidWeights as error:
                left_out[i] = f"invalid: {error.what}"
        counted = distinct(valid) if valid else ()
        seats = {one.seat for one in counted}
        left_out |= {one.seat: LeftOut.EQUAL.text for one in valid if one.seat not in seats}
        self._training = _Training(first, basis, tuple(contributed), counted, left_out)
        return self._training
