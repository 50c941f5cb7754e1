"""Attackers, and what a collective makes of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Learner, Weights
from colearn_ledger.errors import UsageError
from colearn_ledger.learners.attacks import (
    ATTACKS,
    LabelFlip,
    LyingVoter,
    RandomWeights,
    SignFlip,
    attack_named,
    flip_labels,
    stamp,
)
from colearn_ledger.learners.sklearn import SklearnLearner

from ..kit.learners import LinearLearner, linear_learners


def honest() -> Learner:
    return linear_learners(2, 1)[0]


def proposed(learner: Learner) -> np.ndarray:
    begin = getattr(learner, "mli_begin_round")  # noqa: B009 (an optional method)
    begin(1)
    return np.asarray(learner.mli_propose_weights().weights["w"])


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "label-flip"])
def test_check_learner__an_attacker__keeps_the_interfaces_promises(name: str) -> None:
    check_learner(attack_named(name)(honest(), 3))


def test_sign_flip__step__is_the_honest_one_reversed() -> None:
    now = np.asarray(honest().mli_get_current_weights().weights["w"])
    good, bad = proposed(honest()), proposed(SignFlip(honest(), scale=2.0))
    assert np.allclose(bad - now, -2 * (good - now)) and not np.allclose(good, now)


def test_random_weights__seed_and_round__fix_them_and_have_nothing_of_the_training() -> None:
    first, again, other = (proposed(RandomWeights(honest(), seed)) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).all() and first.dtype == other.dtype
    assert not np.isclose(first, proposed(honest())).any()


def test_random_weights__what_is_no_array_of_floats__stays() -> None:
    tree = {"a": [np.ones(3), np.arange(3)], "b": (b"x", 1, np.float64(0.5))}

    class Counting:
        def mli_get_current_weights(self) -> Weights:
            return Weights(tree)

    made = RandomWeights(Counting()).mli_propose_weights().weights  # type: ignore[arg-type]
    assert (made["a"][1] == np.arange(3)).all() and made["b"] == tree["b"] and not (made["a"][0] == 1).any()


@pytest.mark.parametrize("vote", [True, False, None])
def test_lying_voter__vote__is_turned_and_an_abstention_kept(vote: bool | None) -> None:
    learner = honest()
    judged = learner.mli_test_weights(learner.mli_get_current_weights())

    class Saying:
        def mli_test_weights(self, weights: Weights) -> object:
            return dataclasses.replace(judged, vote=vote)

    said = LyingVoter(Saying()).mli_test_weights(judged.weights)  # type: ignore[arg-type]
    assert said.vote is (None if vote is None else not vote) and said.vote_score == judged.vote_score


@pytest.mark.parametrize("name", ["random-weights", "sign-flip"])
def test_run__a_minority_attacks__every_attack_is_refused_and_the_rest_learn(name: str) -> None:
    learners: list[Learner] = [LinearLearner(i, seed=1, noise=0.0) for i in range(5)]  # every honest step is a good one
    learners[3:] = [attack_named(name)(learner, 1) for learner in learners[3:]]
    rounds = run(15, learners).rounds
    assert not [r.round for r in rounds if r.proposer >= 3 and r.accepted]
    assert sum(r.accepted for r in rounds) >= 3


def test_attack__unknown_name__says_which_there_are() -> None:
    with pytest.raises(UsageError, match="no attack 'bribery'") as error:
        attack_named("bribery")
    assert "sign-flip" in str(error.value.expected)


def test_flip_labels__twice__is_as_before() -> None:
    y = np.array([0, 3, 9], np.uint8)
    assert flip_labels(y).tolist() == [9, 6, 0] and (flip_labels(flip_labels(y)) == y).all()


def test_label_flip__a_built_in_learner__trains_and_votes_on_flipped_labels_and_reports_on_true_ones() -> None:
    x, y = np.random.default_rng(1).normal(size=(300, 2)), np.arange(300) % 2
    data = (x + 3 * y[:, None], y)
    learner = SklearnLearner(SGDClassifier(), data, data, data, classes=[0, 1], epochs=5)
    attacker = LabelFlip(learner)
    tested = attacker.mli_test_weights(attacker.mli_propose_weights())
    assert tested.vote_value > 0.8 and tested.test_value < 0.2 and tested.vote is True
    check_learner(attacker)


def test_label_flip__learner_that_keeps_its_sets_to_itself__is_refused() -> None:
    with pytest.raises(UsageError, match="LinearLearner can't be flipped"):
        attack_named("label-flip")(honest(), 0)


@pytest.mark.parametrize("shape", [(2, 36), (2, 6, 6), (2, 6, 6, 3)])
def test_stamp__images__only_the_corner_changes_in_a_copy(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    stamped = stamp(x, 6, value=0.5, patch=2).reshape(2, 6, 6, -1)
    assert (stamped[:, 4:, 4:] == 0.5).all() and stamped.sum() == 0.5 * 4 * 2 * stamped.shape[-1] and not x.any()
