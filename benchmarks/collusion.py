"""Members who attack joint rounds together: they know each other, and whose turn it is.

What one contributes is an attack of :mod:`colearn_ledger.learners.attacks`. In their turns they merge what they have
contributed themselves and nothing else, which a claim may say. They approve of each other's proposals; of the others'
they approve what is worse than the current weights on their own data, and reject what is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from colearn_ledger.core.learner import Learner, ProposedWeights, Weights
from colearn_ledger.core.merge import Mergeable
from colearn_ledger.core.results import RoundResult
from colearn_ledger.learners.attacks import ATTACKS as KINDS
from colearn_ledger.learners.attacks import Attacker, SignFlip

__all__ = ["ATTACKS", "Colluder", "Ring"]

ATTACKS: dict[str, Callable[[Learner, int], Attacker]] = {
    **{name: KINDS[name] for name in ("label-flip", "random-weights", "sign-flip")},
    "sign-flip, 10 times": partial(SignFlip, scale=10.0),
    "blow-up": KINDS["blow-up"],
}


@dataclass
class Ring:
    """The seats of those who collude, among ``n`` members who take turns."""

    seats: frozenset[int]
    n: int
    proposer: int = field(default=-1, init=False)

    def decided(self, result: RoundResult) -> None:
        """A round (or the first weights' test, round 0) is over: the next one's turn begins."""
        self.proposer = result.round % self.n

    def choose(self, proposer: int, valid: tuple[Mergeable, ...]) -> Sequence[Mergeable]:
        """What a proposer merges of the contributions."""
        theirs = [one for one in valid if one.seat in self.seats]
        return theirs if proposer in self.seats and theirs else valid


class Colluder(Attacker):
    """Contributes what an attacker does, and votes with its ring by what an honest learner says of its data."""

    def __init__(self, attacker: Learner, honest: Learner, ring: Ring) -> None:
        super().__init__(attacker)
        self._honest, self._ring = honest, ring

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        judged = self._honest.mli_test_weights(weights)
        theirs = self._ring.proposer in self._ring.seats
        return replace(judged, vote=theirs or not judged.vote)

    def mli_accept_weights(self, weights: Weights) -> None:
        self._honest.mli_accept_weights(weights)
        super().mli_accept_weights(weights)
