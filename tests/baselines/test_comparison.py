"""What a collective is compared with, and that all lines of a comparison begin alike and are what they say."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from colearn_ledger.baselines.alone import run_alone
from colearn_ledger.baselines.comparison import ALONE, FEDERATED, JOINT, SOLO, Comparison, compare
from colearn_ledger.baselines.federated import run_federated
from colearn_ledger.core.driver import run, set_equal_weights
from colearn_ledger.core.learner import Learner
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import UsageError
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.tasks import Training, get_task

pytestmark = pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
HALF, ROUNDS, N = Fraction(1, 2), 3, 3


def learners(vote_policy: str = "not-worse") -> list[Learner]:
    training = Training(alpha=0.3, vote_policy=vote_policy, epochs=1)
    return get_task("SKLEARN_DIGITS").make_learners(N, training, seed=1).learners


def compared(made: list[Learner], rounds: int = ROUNDS, **options: Any) -> Comparison:
    return compare(rounds, made, HALF, names=[f"learner {i}" for i in range(len(made))], **options)


def held(made: list[Learner]) -> list[bytes]:
    return [encode(learner.mli_get_current_weights().weights) for learner in made]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(learners())


@pytest.mark.slow
@pytest.mark.parametrize("name, kind", [(SOLO, "solo"), (JOINT, "joint")])
def test_compare__the_collective__is_as_with_learners_of_its_own(comparison: Comparison, name: str, kind: Any) -> None:
    results = run(ROUNDS, learners(), HALF, rounds=kind)
    line, kept = comparison.line(name), results.initial
    assert line.accepted == sum(r.accepted for r in results.rounds)
    for scores, result in zip(line.scores, (results.initial, *results.rounds), strict=True):
        kept = result if result.accepted else kept
        assert scores.own == kept.test_scores
        assert scores.everybody == pytest.approx([np.mean(kept.test_scores)] * N)


@pytest.mark.slow
def test_compare__the_others__are_as_with_learners_of_their_own(comparison: Comparison) -> None:
    averaging, alone = learners(), learners()
    set_equal_weights(averaging)
    set_equal_weights(alone)
    run_federated("FedAvg", averaging, ROUNDS)
    run_alone(alone, ROUNDS)
    for name, made in ((FEDERATED, averaging), (ALONE, alone)):
        weights = [learner.mli_get_current_weights() for learner in made]
        table = np.array([[each.mli_test_weights(w).test_value for each in made] for w in weights])
        last = comparison.line(name).scores[-1]
        assert last.own == tuple(table.diagonal())
        assert last.everybody == pytest.approx(table.mean(axis=1))
        assert len(set(held(made))) == (1 if name == FEDERATED else N)


def test_compare__first_weights__are_the_same_in_every_line(comparison: Comparison) -> None:
    assert len({line.scores[0] for line in comparison.lines}) == 1
    assert [line.name for line in comparison.lines] == [ALONE, SOLO, JOINT, FEDERATED]
    assert {len(line.scores) for line in comparison.lines} == {ROUNDS + 1}


def test_compare__trainings__are_counted_one_after_the_other_and_in_all(comparison: Comparison) -> None:
    assert comparison.steps == 10
    counted = {line.name: (line.in_a_row, line.trainings) for line in comparison.lines}
    assert counted[SOLO] == (ROUNDS, ROUNDS)
    assert counted[ALONE] == counted[FEDERATED] == (ROUNDS, ROUNDS * N)


@pytest.mark.slow
def test_compare__merges_that_are_rejected__cost_no_training() -> None:
    line = compared(learners("margin:1"), 4).line(JOINT)  # a better score by 1 is nobody's
    assert (line.accepted, line.in_a_row, line.trainings) == (0, 2, 2 * N)  # three rules, then a new training


def test_compare__learners_that_differ_in_steps__tell_none() -> None:
    few = get_task("SKLEARN_DIGITS").make_learners(N, Training(steps=2), seed=1).learners
    assert compared([few[0], *learners()[1:]], 1).steps is None


@pytest.mark.slow
def test_compare__what_is_done__is_told() -> None:
    told: list[str] = []
    compared(learners(), 2, say=told.append)
    assert told == [f"{name}: round {i} of 2" for name in (ALONE, SOLO, JOINT, FEDERATED) for i in (1, 2)]


def test_compare__weights_that_cannot_be_merged__are_refused_before_any_training() -> None:
    from sklearn.ensemble import ExtraTreesClassifier

    x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 2
    data = (x, y)
    made: list[Learner] = [ForestLearner(ExtraTreesClassifier(max_leaf_nodes=4), data, data, data) for _ in range(2)]
    told: list[str] = []
    with pytest.raises(UsageError, match="can't be merged"):
        compared(made, 1, say=told.append)
    assert not told


def test_run_alone__each__is_as_if_there_were_no_others() -> None:
    together, apart = learners(), learners()
    run_alone(together, ROUNDS)
    for learner in apart:
        run_alone([learner], ROUNDS)
    assert held(together) == held(apart)


def test_run_alone__each_round__is_trained_by_its_number() -> None:
    made, by_hand = learners(), learners()[0]
    run_alone(made, 2)
    for number in (1, 2):
        by_hand.mli_begin_round(number)  # type: ignore[attr-defined]
        by_hand.mli_accept_weights(by_hand.mli_propose_weights())
    assert held(made)[0] == held([by_hand])[0]
