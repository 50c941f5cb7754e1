"""A learner around a client that was written for Flower: its code stays as it is, and no server is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.learner import MachineLearningInterface, ProposedWeights, Weights
from ..core.schema import Schema
from ..core.summaries import TrainingSummary
from ..core.telling import warn
from ..errors import LearnerError, UsageError
from .flower_client import LOSS, Config, NumPyPort, Port, Tested, as_arrays, calling, leaves_of
from .flower_kept import KeptTests
from .randomness import seeded
from .template import copied
from .voting.further import looked_further
from .voting.metrics import named_metric, no_metric
from .voting.policy import Evaluation, SmallVoteSet, VotePolicy, small_vote_set
from .voting.policy import vote_policy as policy_by_name

__all__ = ["FlowerLearner"]

_WHOSE = "the Flower client's"


class FlowerLearner(MachineLearningInterface):
    """Trains, tests and votes by a Flower client's own ``fit`` and ``evaluate``.

    The weights are what the client takes and gives: its arrays. A one-dimensional array of bytes (``uint8``), as which
    boosters travel, is carried as bytes, since its length may change; all others keep their shapes. Whatever the client
    draws from Python's, numpy's, PyTorch's and Keras's own generators depends on the seed and the round alone.

    Parameters
    ----------
    client: a ``flwr.client.NumPyClient``, or any object with its methods ``fit``, ``evaluate`` and ``get_parameters``.
    first: the first weights, a list of arrays, of a client whose ``get_parameters`` gives none.
    config, evaluate_config: what ``fit`` and ``evaluate`` get as their ``config``: a mapping, or a function of the
        round that gives one.
    criterion: which metric of the evaluation votes are by; the loss if none is given.
    higher_is_better: must be told of every metric but the loss. Scores are such that higher is better.
    combine: ``combine(current, trained)`` makes what is proposed, for clients that give something else than whole
        weights, such as their difference or new trees; both are weights as they travel.
    vote_policy: as for :class:`~colearn_ledger.learners.template.TemplateLearner`, but none that compares sample by
        sample (``paired``): a client gives means.
    seed: fixes all randomness that is drawn as above, together with the round.

    Raises
    ------
    LearnerError: the client gives no weights before it has trained, weights that aren't arrays, or an evaluation
        without samples or without the criterion; or its own code fails.
    UsageError: a criterion whose direction wasn't told, or a vote policy that compares sample by sample.
    """

    why_unmergeable: str = ""

    def __init__(
        self,
        client: Any,
        *,
        first: Sequence[Any] | None = None,
        config: Config | None = None,
        evaluate_config: Config | None = None,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        combine: Callable[[Any, Any], Any] | None = None,
        vote_policy: VotePolicy | str = "not-worse",
        seed: int = 0,
    ) -> None:
        if seed < 0:
            raise UsageError(f"the seed is {seed}", expected="0 or more", fix="give another seed")
        port = client if isinstance(client, Port) else NumPyPort(client, first, config, evaluate_config)
        self._client, self._combine, self.seed = port, combine, seed
        self._policy = policy_by_name(vote_policy)
        if self._policy.needs_outcomes:
            raise UsageError(
                f"the vote policy {getattr(self._policy, 'name', vote_policy)} with a Flower client",
                expected="a policy that compares scores: not-worse, strict, margin:SIZE",
                fix='in joint rounds vote_policy="margin:-0.01"',
            )
        self._round, self._has_trained = 0, False
        with seeded(seed, 0):
            weights = port.first()
            if not any(np.size(leaf) if isinstance(leaf, np.ndarray) else len(leaf) for leaf in leaves_of(weights)):
                weights = port.train(weights, 1).weights  # boosters begin with nothing: one training makes it a model
        self._weights = weights
        self._schema = Schema.of(weights)
        self._tests = KeptTests(port, seed)
        found = self._tests.of(weights, self._round)
        loss = LOSS if port.has_loss else None
        self.criterion, self._sign = named_metric(criterion, higher_is_better, found.metrics, _WHOSE, loss)
        if math.isnan(self._evaluation(found).score):
            raise LearnerError(
                f"the Flower client's {self.criterion!r} has no value (NaN) for its first weights",
                expected="a number: with NaN a learner rejects everything, for ever",
                fix="another criterion, or another validation set",
            )
        self.vote_samples = found.samples
        few = small_vote_set(self)
        if few is not None:
            warn(f"{type(self).__name__} {few}", SmallVoteSet)

    def mli_begin_round(self, round: int) -> None:
        """The next proposal is for this round."""
        self._round, self._has_trained = round, False

    def mli_propose_weights(self) -> Weights:
        """Have the client train from the current weights."""
        self._round += self._has_trained  # so that without a driver that numbers the rounds each proposal still differs
        self._has_trained = True
        with seeded(self.seed, self._round):
            self._tests.trained()
            trained = self._client.train(copied(self._weights), self._round)
        weights = trained.weights
        if self._combine is not None:
            with calling("combine"):
                weights = self._combine(copied(self._weights), weights)
        return Weights(weights, TrainingSummary(samples=trained.samples))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Have the client evaluate the weights, and vote: there is one evaluation, for the vote and as the test."""
        self._schema.check(weights.weights)
        now = self._tests.of(self._weights, self._round)
        found = self._tests.of(weights.weights, self._round)
        current, proposed = self._evaluation(now), self._evaluation(found)
        if current.loss is None and not _alike(self._weights, weights.weights):
            vote, record = self._policy.judge(current, proposed)  # scores of a small set are often equal by chance
        else:
            vote, record = looked_further(self._policy, current, proposed)
        return ProposedWeights(
            weights=weights,
            vote_score=proposed.score,
            test_score=proposed.score,
            vote=vote,
            criterion=self.criterion,
            current_score=current.score,
            record=record,
            evaluation_results=dict(found.metrics),
        )

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        self._schema.check(weights.weights)
        self._weights = copied(weights.weights)

    def mli_get_current_weights(self) -> Weights:
        """Copies of the current weights."""
        return Weights(copied(self._weights))

    def _evaluation(self, found: Tested) -> Evaluation:
        if self.criterion not in found.metrics:
            raise no_metric(self.criterion, found.metrics, _WHOSE)
        value = self._sign * found.metrics[self.criterion]
        loss = found.metrics.get(LOSS) if self._client.has_loss else None
        return Evaluation(value, self.criterion, found.samples, None, loss)


def _alike(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(as_arrays(one), as_arrays(other), strict=True))
