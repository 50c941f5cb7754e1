"""The long half of what a member does: train, pull, test. It touches no chain, so it may run in any process.

Nothing here loads web3: a node's worker process stays small.
"""

from __future__ import annotations

import json
import math

from ..core.asking import ask_accept, ask_current, ask_proposal, ask_test, why_declined
from ..core.decide import Action, Adopt, Judge, Propose, Wait
from ..core.learner import Learner, Weights
from ..core.limits import MOST_NOTE
from ..core.protocol import WeightsRef
from ..core.schema import Schema
from ..core.weights import decode, encode
from ..errors import InvalidWeights, UnavailableWeights
from ..stores.base import Store
from .work import Adopted, Declined, Nothing, Trained, Verdict, Work

__all__ = ["Preparer"]


class Preparer:
    """A learner and the store that its weights go to.

    Parameters
    ----------
    learner: any object with the four methods.
    store: where weights are put and pulled.
    max_size: the deployment's cap on the size of weights, in bytes.
    name: what to call the learner in messages.
    schema: what the collective's weights look like; as the learner's own if not given.

    Attributes
    ----------
    adopted: sha256 of the accepted weights that the learner holds; None before the first.

    Raises InvalidWeights when the learner's own current weights can't be encoded, or don't fit the schema.
    """

    def __init__(
        self, learner: Learner, store: Store, *, max_size: int, name: str = "", schema: Schema | None = None
    ) -> None:
        self.learner = learner
        self.store = store
        self.max_size = max_size
        self.name = name
        own = ask_current(learner, name).weights
        self.schema = schema or Schema.of(own)
        encode(self.schema.fit(own))
        self.adopted: bytes | None = None

    def prepare(self, action: Action, *, deadline_s: float | None = None) -> Work:
        """Do the long part of ``action``. ``deadline_s``: seconds that pulling weights may take.

        Raises InvalidWeights where accepted weights don't fit this learner, or its own proposal can't be published.
        """
        if isinstance(action, Adopt):
            return self._adopt(action, deadline_s)
        if isinstance(action, Propose):
            return self._train(action)
        if isinstance(action, Judge):
            return self._judge(action, deadline_s)
        if isinstance(action, Wait):
            return Nothing(action.why)
        return action

    def _adopt(self, action: Adopt, deadline_s: float | None) -> Work:
        try:
            weights = self._pull(action.weights, deadline_s)
        except UnavailableWeights as e:
            return Nothing(f"the accepted weights can't be had yet: {e.what}")
        ask_accept(self.learner, weights, self.name)
        self.adopted = action.weights.sha256
        return Adopted(action.weights)

    def _train(self, action: Propose) -> Trained | Declined:
        # What the others must refuse is refused here, before it is published.
        proposed, data = ask_proposal(self.learner, action.round, self.schema, self.name, max_size=self.max_size)
        declined = why_declined(proposed)
        if declined:
            return Declined(action.round, declined)
        # Published before the transaction names it, so that nobody looks for what isn't there.
        ref = self.store.put(data)
        own_test = ask_test(self.learner, Weights(decode(data, self.schema)), self.name)
        return Trained(action.round, action.parent, ref, _note(proposed), own_test)

    def _judge(self, action: Judge, deadline_s: float | None) -> Work:
        try:
            weights = self._pull(action.proposal.weights, deadline_s)
            test = ask_test(self.learner, weights, self.name)  # a learner may know more than the schema says
        except UnavailableWeights as e:  # says nothing about the weights: no vote comes of it
            return Nothing(f"the proposed weights can't be had yet: {e.what}")
        except InvalidWeights as e:
            return Verdict(action, approve=False, test=None, reason=e.what)
        return Verdict(action, approve=bool(test.vote), test=test, reason="tested on own data")

    def _pull(self, ref: WeightsRef, deadline_s: float | None) -> Weights:
        return Weights(weights=decode(self.store.get(ref, deadline_s=deadline_s), self.schema))


def _note(weights: Weights) -> bytes:
    """The training summary as short JSON for people and indexers; empty when there is none or it is too long.

    ``samples`` were trained on; ``epsilon`` and ``delta`` is what the learner's proposals have cost its data's privacy
    so far, this one included, and ``target`` the epsilon that they may cost.
    """
    summary = weights.training_summary
    facts: dict[str, int | float] = {}
    samples, budget = getattr(summary, "samples", None), getattr(summary, "dp_budget", None)
    if samples is not None:
        facts["samples"] = int(samples)
    if budget is not None and math.isfinite(budget.consumed_epsilon):
        facts["epsilon"] = _up(budget.consumed_epsilon)
        facts["delta"] = float(budget.consumed_delta)
        facts["target"] = float(budget.target_epsilon)
    note = json.dumps(facts, separators=(",", ":")).encode() if facts else b""
    return note if len(note) <= MOST_NOTE else b""


def _up(epsilon: float) -> float:
    """To four digits after the point, and never less than it is."""
    return math.ceil(float(epsilon) * 1e4) / 1e4
