"""Which of its own contributions to joint rounds a node keeps: by the trainings' first rounds, and the chain's word.

A round's record doesn't name its training, but which one it was follows from the records: the first merge of a training
is by the first rule, and each rejection takes a rule away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from colearn_ledger.core.protocol import RoundRecord, RoundState

__all__ = ["Span", "between", "recent_from", "training_of"]

Span = tuple[int, int]  # the first round and the last


def training_of(accepted: RoundRecord, records: Mapping[int, RoundRecord], order: Sequence[int]) -> Span:
    """The rounds with one of which the training began whose merge was accepted in this round.

    Parameters
    ----------
    records: of rounds before it, down to any; where they don't go far enough, more rounds are named.
    order: the rules by which the collective merges.
    """
    if accepted.claim is None or accepted.claim.rule not in order:
        return accepted.round, accepted.round
    rejections, last = order.index(accepted.claim.rule), accepted.round
    for number in range(accepted.round - 1, accepted.parent_round, -1):
        record = records.get(number)
        if record is None:
            break
        if record.state is RoundState.ACCEPTED:  # members went back from there
            return number + 1, last
        if record.state is RoundState.REJECTED:
            if rejections == 0:
                return number + 1, last
            rejections, last = rejections - 1, number
    return accepted.parent_round + 1, last


def recent_from(oldest: int, records: Mapping[int, RoundRecord], rules: int) -> int:
    """The first round with which a training can have begun that goes on in round ``oldest``, or later."""
    number = oldest
    while number - 1 in records and records[number - 1].state is not RoundState.ACCEPTED:
        rules -= records[number - 1].state is RoundState.REJECTED
        if rules == 0:  # by each rule a merge was rejected since: by then it was over
            break
        number -= 1
    return number


def between(spans: Iterable[Span], first: int, last: int) -> tuple[Span, ...]:
    """What lies in ``first`` to ``last`` and in none of the spans."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if first < start:
            found.append((first, min(start - 1, last)))
        first = max(first, end + 1)
    if first <= last:
        found.append((first, last))
    return tuple((start, end) for start, end in found if start <= end)
