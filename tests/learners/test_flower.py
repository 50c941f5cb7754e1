"""Clients that were written for Flower, as learners; nothing here needs Flower itself."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from colearn_ledger import EmbeddedLedger, ProposedWeights, check_learner, run
from colearn_ledger.errors import ColearnError, LearnerError
from colearn_ledger.learners.flower import FlowerLearner
from tests.kit.flower import Client

pytestmark = pytest.mark.filterwarnings("ignore:FlowerLearner votes on")


def learners(n: int = 3, **options: Any) -> list[FlowerLearner]:
    return [FlowerLearner(Client(i), seed=i, **options) for i in range(n)]


def test_flower_learner__client_with_the_three_methods__keeps_a_learner_s_promises() -> None:
    report = check_learner(
        FlowerLearner(Client(0)), make=lambda: FlowerLearner(Client(0)), other=FlowerLearner(Client(1))
    )
    assert not [warning for warning in report.warnings if "alike" in warning]


@pytest.mark.slow
@pytest.mark.parametrize("rounds", ["solo", "joint"])
def test_flower_learner__on_the_embedded_ledger__ends_with_the_bytes_of_a_run_in_process(rounds: Any) -> None:
    inside = run(4, learners(), rounds=rounds)
    ledger = run(4, learners(), rounds=rounds, backend=EmbeddedLedger())
    assert inside.final_sha256 == ledger.final_sha256
    assert any(result.accepted for result in inside.rounds)
    assert inside.rounds[-1].current_scores[0] > inside.initial.current_scores[0]


def test_flower_learner__config_of_the_round__reaches_fit_and_evaluate() -> None:
    client = Client(0)
    learner = FlowerLearner(client, config=lambda round: {"lr": 0.1 * round}, evaluate_config={"batches": 2})
    learner.mli_begin_round(3)
    learner.mli_propose_weights()
    assert client.told[-1] == ("fit", {"lr": pytest.approx(0.3)})
    assert client.told[0] == ("evaluate", {"batches": 2})


def test_flower_learner__metric_of_the_evaluation__is_what_it_votes_by() -> None:
    learner = FlowerLearner(Client(0), criterion="nearness", higher_is_better=True)
    better = learner.mli_propose_weights()
    tested = learner.mli_test_weights(better)
    assert tested.criterion == "nearness" and tested.vote is True
    assert tested.vote_value > tested.current_score
    turned = FlowerLearner(Client(0), criterion="nearness", higher_is_better=False)
    assert turned.mli_test_weights(better).vote is False


def test_flower_learner__client_that_draws_from_the_process_s_generators__leaves_them_as_they_were() -> None:
    learner = FlowerLearner(Client(0))
    random.seed(5)
    np.random.seed(5)
    expected = random.Random(5).random(), np.random.RandomState(5).random_sample()
    learner.mli_propose_weights()
    assert (random.random(), np.random.random_sample()) == expected


def test_flower_learner__bytes_that_grow__travel_as_bytes() -> None:
    class Booster(Client):
        """Its model is a text of any length, in an array of uint8; more of it is better, up to nine."""

        def get_parameters(self, config: dict[str, Any]) -> list[Any]:
            return [np.frombuffer(b"a", np.uint8)]

        def fit(self, parameters: list[Any], config: dict[str, Any]) -> Any:
            return [np.frombuffer(parameters[0].tobytes() + b"b", np.uint8)], 10, {}

        def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
            return float(abs(9 - len(parameters[0]))), 10, {}

    made = [FlowerLearner(Booster(i)) for i in range(2)]
    results = run(3, made)
    assert all(result.accepted for result in results.rounds)
    assert made[0].mli_get_current_weights().weights == [b"abbb"]


def test_flower_learner__what_a_client_gives_is_no_model__combines_it_with_the_current_one() -> None:
    def add(current: Any, difference: Any) -> Any:
        return [now + step for now, step in zip(current, difference, strict=True)]

    class Differences(Client):
        def fit(self, parameters: list[Any], config: dict[str, Any]) -> Any:
            trained, samples, metrics = super().fit(parameters, config)
            return [new - old for new, old in zip(trained, parameters, strict=True)], samples, metrics

    whole, parts = FlowerLearner(Client(0)), FlowerLearner(Differences(0), combine=add)
    assert np.allclose(whole.mli_propose_weights().weights[0], parts.mli_propose_weights().weights[0])


def test_flower_learner__equal_scores_of_other_weights__are_voted_on_by_the_policy_where_there_is_a_loss_too() -> None:
    learner = FlowerLearner(Client(0), criterion="always", higher_is_better=True)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote is True
    assert learner.mli_test_weights(learner.mli_get_current_weights()).vote is False  # it changes nothing


class Untrained(Client):
    def get_parameters(self, config: dict[str, Any]) -> list[Any]:
        return []


class NotFitted(Client):
    def get_parameters(self, config: dict[str, Any]) -> list[Any]:
        raise AttributeError("the model has no coef_")


class Objects(Client):
    def get_parameters(self, config: dict[str, Any]) -> list[Any]:
        return [np.zeros(2), {"a": 1}]


class Unmeasured(Client):
    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        return 0.0, 0, {}


class Undefined(Client):
    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        return float("nan"), 5, {}


class Short(Client):
    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        return 0.5, 5


class Lengthless(Client):
    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        return 0.5, len(iter([])), {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "client, options, words",
    [
        (Untrained, {}, "has no parameters before its first fit"),
        (NotFitted, {}, "get_parameters fails: AttributeError: the model has no coef_"),
        (Objects, {}, "weights aren't arrays: at 1 is a dict"),
        (Unmeasured, {}, "on 0 samples"),
        (Undefined, {}, "has no value (NaN)"),
        (Short, {}, "evaluate returns 2 values"),
        (Lengthless, {}, "evaluate fails: TypeError: object of type 'list_iterator' has no len()"),
        (Client, {"criterion": "nearness"}, "whether more of 'nearness' is better isn't told"),
        (
            Client,
            {"criterion": "auc", "higher_is_better": True},
            "gives always, loss, nearness, and the criterion is 'auc'",
        ),
        (Client, {"higher_is_better": True}, "higher_is_better without a criterion"),
        (Client, {"vote_policy": "paired"}, "the vote policy paired:0.05 with a Flower client"),
        (Client, {"seed": -1}, "the seed is -1"),
    ],
)
def test_flower_learner__what_cannot_be__is_one_message_when_it_is_made(client: Any, options: Any, words: str) -> None:
    with pytest.raises(ColearnError) as told:
        FlowerLearner(client(0), **options)
    assert words in told.value.what and told.value.fix


def test_flower_learner__something_else_than_a_client__says_what_it_lacks() -> None:
    with pytest.raises(LearnerError, match="a int without fit and evaluate"):
        FlowerLearner(3)


def test_flower_learner__fit_that_gives_something_else__says_what_is_expected() -> None:
    class Wrong(Client):
        def fit(self, parameters: list[Any], config: dict[str, Any]) -> Any:
            return np.zeros(2), 5, {}

    with pytest.raises(LearnerError, match="fit gives a ndarray as its parameters"):
        FlowerLearner(Wrong(0)).mli_propose_weights()


def test_flower_learner__first_weights_that_are_given__are_its_own() -> None:
    learner = FlowerLearner(Untrained(0), first=[np.ones(2), np.zeros(())])
    assert learner.mli_get_current_weights().weights[0].tolist() == [1, 1]


def votes_of(client: Client, rounds: int, **options: Any) -> tuple[list[int], list[ProposedWeights]]:
    """How often the client evaluates in each of some rounds in which it trains, tests, and adopts what it approves."""
    learner = FlowerLearner(client, **options)
    counts, tests = [], []
    for number in range(1, rounds + 1):
        client.told.clear()
        learner.mli_begin_round(number)
        tests.append(learner.mli_test_weights(learner.mli_propose_weights()))
        if tests[-1].vote:
            learner.mli_accept_weights(tests[-1].weights)
        counts.append(sum(kind == "evaluate" for kind, _ in client.told))
    return counts, tests


class Personal(Client):
    """What it adds to each prediction is its own, and each training changes it."""

    own = 0.0

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        self.own += 0.1
        return super().fit(parameters, config)

    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        return super().evaluate([parameters[0] + self.own, parameters[1]], config)


def test_flower_learner__weights_that_it_has_tested__are_not_evaluated_again() -> None:
    client = Client(0)
    learner = FlowerLearner(client)
    first = learner.mli_get_current_weights()
    assert learner.mli_test_weights(first).vote_score == learner.mli_test_weights(first).current_score
    assert [kind for kind, _ in client.told] == ["evaluate"]


def test_flower_learner__evaluation_that_goes_by_the_weights_alone__is_kept_over_trainings_once_tried() -> None:
    counts, tests = votes_of(Client(0), 6)
    assert counts == [2, 2, 2, 1, 1, 1]
    assert any(test.vote for test in tests[3:])
    for test in tests:
        assert -test.vote_value == Client(0).evaluate(test.weights.weights, {})[0]
    for before, test in itertools.pairwise(tests[3:]):
        assert test.current_score == (before.vote_value if before.vote else before.current_score)


def test_flower_learner__client_with_a_part_of_its_own__compares_both_weights_as_of_one_training() -> None:
    client = Personal(0)
    counts, _ = votes_of(client, 6)
    assert counts == [2] * 6
    learner = FlowerLearner(client)
    proposed = learner.mli_propose_weights()
    for _ in range(2):
        current = learner.mli_get_current_weights().weights
        assert learner.mli_test_weights(proposed).current_score == -client.evaluate(current, {})[0]
        learner.mli_propose_weights()


def test_flower_learner__evaluation_that_is_told_something_else__is_made_anew() -> None:
    client = Client(0)
    counts, _ = votes_of(client, 8, evaluate_config=lambda round: {"batches": 5 if round < 6 else 10})
    assert counts == [2, 2, 2, 1, 1, 2, 1, 1]
    assert client.told[-1] == ("evaluate", {"batches": 10})


def test_flower_learner__evaluation_that_draws_from_a_generator_of_the_client__is_kept_within_a_round_alone() -> None:
    class Drawing(Client):
        """It evaluates on half of its samples, which it draws itself."""

        def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
            half = Client(0)
            rows = self.rng.permutation(300)[:150]
            half.x, half.y = self.x[rows], self.y[rows]
            self.told.append(("evaluate", {}))
            return half.evaluate(parameters, config)

        rng = np.random.default_rng(3)

    counts, _ = votes_of(Drawing(0), 6)
    assert counts == [2] * 6
