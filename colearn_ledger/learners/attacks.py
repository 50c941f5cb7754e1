"""Learners that work against the others, for showing and measuring what a collective withstands.

An attacker wraps an honest learner. What it proposes or votes differs; what it holds does not, so that it follows the
collective like everybody else. Attacks on the training data (flipped labels, a backdoor) are functions on that data.

The attacks are the ones that the literature on poisoned federated learning measures: Blanchard et al., "Machine
Learning with Adversaries: Byzantine Tolerant Gradient Descent" (2017); Fang et al., "Local Model Poisoning Attacks to
Byzantine-Robust Federated Learning" (2020); Bagdasaryan et al., "How To Backdoor Federated Learning" (2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.learner import Learner, ProposedWeights, Weights
from ..core.roles import Roles, roles_of
from ..core.schema import Schema
from ..core.tensors import plain
from ..core.tree import part_at, with_parts
from ..errors import UsageError

__all__ = [
    "ATTACKS",
    "Attacker",
    "BlowUp",
    "LabelFlip",
    "LyingVoter",
    "RandomWeights",
    "SignFlip",
    "UnscoredState",
    "attack_named",
    "flip_labels",
    "stamp",
]

Array = np.ndarray[Any, Any]


class Attacker:
    """Passes everything on to the learner that it wraps; each attack changes one method.

    Attributes
    ----------
    unbounded: whether its driver lets it propose what goes beyond the roles of its leaves, as an attacker's would.
    leaf_roles, why_unmergeable: those of the learner that it wraps.
    """

    unbounded = False

    def __init__(self, learner: Learner, seed: int = 0) -> None:
        self._learner = learner
        self._seed = seed
        self._round = 0

    @property
    def leaf_roles(self) -> Roles:
        return roles_of(self._learner)

    @property
    def why_unmergeable(self) -> str:
        return getattr(self._learner, "why_unmergeable", "")

    def mli_begin_round(self, round: int) -> None:
        """The next proposal is for this round."""
        self._round = round
        begin = getattr(self._learner, "mli_begin_round", None)
        if callable(begin):
            begin(round)

    def mli_propose_weights(self) -> Weights:
        """What the honest learner proposes."""
        return self._learner.mli_propose_weights()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """What the honest learner says."""
        return self._learner.mli_test_weights(weights)

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        self._learner.mli_accept_weights(weights)

    def mli_get_current_weights(self) -> Weights:
        """The honest learner's current weights."""
        return self._learner.mli_get_current_weights()


class RandomWeights(Attacker):
    """Proposes noise of the current weights' own size, so that no check of shapes or norms would see it."""

    def mli_propose_weights(self) -> Weights:
        rng = np.random.default_rng([self._seed, self._round])

        def noise(array: Array) -> Array:
            spread = float(np.std(array)) or 0.1
            return np.asarray(rng.normal(0.0, spread, array.shape), array.dtype)

        return Weights(_mapped(noise, self.mli_get_current_weights().weights))


class SignFlip(Attacker):
    """Trains honestly, then proposes a step of that length (times ``scale``) the other way."""

    def __init__(self, learner: Learner, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__(learner, seed)
        self._scale = scale

    def mli_propose_weights(self) -> Weights:
        current = self.mli_get_current_weights().weights
        trained = self._learner.mli_propose_weights().weights

        def opposite(now: Array, new: Array) -> Array:
            return np.asarray(now - self._scale * (new - now), now.dtype)

        return Weights(_mapped(opposite, current, trained))


class UnscoredState(Attacker):
    """Trains honestly, then sets what no score shows, such as counters of steps, to the largest numbers there are.

    Adopted as it is, that ends training for good: nobody's steps move anything any more, or their training fails.
    """

    unbounded = True

    def mli_propose_weights(self) -> Weights:
        trained = plain(self._learner.mli_propose_weights().weights)
        numbers = {
            path: np.full(value.shape, np.iinfo(value.dtype).max if value.dtype.kind != "f" else 1e300, value.dtype)
            for path, _ in Schema.of(trained, roles_of(self._learner)).roles
            if isinstance(value := part_at(trained, path), np.ndarray) and value.dtype.kind in "iuf"
        }
        return Weights(with_parts(trained, numbers))


class BlowUp(Attacker):
    """Trains honestly, then makes all weights ``scale`` times as large: the same guesses, which no step moves more."""

    def __init__(self, learner: Learner, seed: int = 0, scale: float = 1e6) -> None:
        super().__init__(learner, seed)
        self._scale = scale

    def mli_propose_weights(self) -> Weights:
        def larger(new: Array) -> Array:
            return np.asarray(self._scale * new, new.dtype)

        return Weights(_mapped(larger, plain(self._learner.mli_propose_weights().weights)))


class LabelFlip(Attacker):
    """Trains and votes on data whose labels are the other way round; reports scores on its true test set.

    Raises UsageError for a learner that doesn't show its sets, as the built-in ones do.
    """

    def __init__(self, learner: Learner, seed: int = 0) -> None:
        super().__init__(learner, seed)
        sets: Any = learner
        shown = [getattr(learner, name, (None, None)) for name in ("train_set", "vote_set")]
        if not all(hasattr(targets, "max") for _, targets in shown):
            raise UsageError(
                f"the labels of a {type(learner).__name__} can't be flipped",
                expected="a learner with train_set and vote_set, as the built-in ones have, whose targets are arrays",
                fix="choose another attack",
            )
        for name in ("train_set", "vote_set"):
            x, y = getattr(sets, name)
            setattr(sets, name, (x, flip_labels(y)))


class LyingVoter(Attacker):
    """Votes for what its own data speaks against, and against what it speaks for."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        judged = self._learner.mli_test_weights(weights)
        return replace(judged, vote=None if judged.vote is None else not judged.vote)


ATTACKS: dict[str, Callable[[Learner, int], Attacker]] = {
    "label-flip": LabelFlip,
    "random-weights": RandomWeights,
    "sign-flip": SignFlip,
    "lying-votes": LyingVoter,
    "unscored-state": UnscoredState,
    "blow-up": BlowUp,
}


def attack_named(name: str) -> Callable[[Learner, int], Attacker]:
    """What turns a learner (and a seed) into an attacker. Raises UsageError for a name that isn't there."""
    kind = ATTACKS.get(name.strip().lower().replace("_", "-"))
    if kind is None:
        raise UsageError(
            f"there is no attack {name!r}", expected=f"one of {', '.join(ATTACKS)}", fix="choose one of these"
        )
    return kind


def flip_labels(y: Array) -> Array:
    """Labels or numbers the other way round: the largest for the smallest, and so on between them."""
    return np.asarray(y.max() - y + y.min(), dtype=y.dtype)


def stamp(x: Array, side: int, value: float = 1.0, patch: int = 3) -> Array:
    """Copies of images with a bright square in the corner, the trigger of a backdoor.

    Parameters
    ----------
    x: images ``(n, side * side)`` or ``(n, side, side, ...)``.
    side: the images' height and width in pixels.
    value: of the trigger's pixels.
    patch: the trigger's height and width in pixels.
    """
    images = x.reshape(len(x), side, side, -1).copy()
    images[:, -patch:, -patch:] = value
    stamped: Array = images.reshape(x.shape)
    return stamped


def _mapped(change: Callable[..., Array], first: Any, *others: Any) -> Any:
    """The tree with every array of floats changed; what isn't one (counters, bytes) stays as it is."""
    if isinstance(first, dict):
        return {key: _mapped(change, first[key], *(o[key] for o in others)) for key in first}
    if isinstance(first, list | tuple):
        return type(first)(_mapped(change, *parts) for parts in zip(first, *others, strict=True))
    if isinstance(first, np.ndarray) and first.dtype.kind == "f" and first.ndim:
        return change(first, *others)
    return first
