"""The in-process driver: turns, votes, decisions, and what it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.cid import cid_text
from colearn_ledger.core.driver import InProcess, run, run_one_round, set_equal_weights
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.results import Results, RoundResult
from colearn_ledger.core.summaries import VoteRecord
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch, UsageError


class Walker:
    """A learner by duck typing: proposes its weights plus a step, and votes as told."""

    def __init__(
        self, votes: Callable[[int], bool | None] = lambda test: True, *, start: float = 0.0, size: int = 3
    ) -> None:
        self.w = np.full(size, float(start))
        self.votes = votes
        self.tests = 0
        self.begun: list[int] = []

    def mli_begin_round(self, round: int) -> None:
        self.begun.append(round)

    def mli_propose_weights(self) -> Weights:
        return Weights([self.w + 1])

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self.tests += 1
        value = float(weights.weights[0].sum())
        return ProposedWeights(weights, value, value / 2, self.votes(self.tests), current_score=float(self.w.sum()))

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights[0].copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights([self.w.copy()])


def yes(test: int) -> bool:
    return True


def no(test: int) -> bool:
    return False


class Descent:
    """A seeded learner of a line's slope, on data of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(200, 3))
        self.y = self.x @ [1.0, -2.0, 3.0] + rng.normal(size=200) * 0.1
        self.w = np.zeros(3)
        self.round = 0

    def mli_begin_round(self, round: int) -> None:
        self.round = round

    def mli_propose_weights(self) -> Weights:
        rows = np.random.default_rng([self.seed, self.round]).integers(200, size=50)
        x, y = self.x[rows], self.y[rows]
        return Weights({"w": self.w - 0.3 * x.T @ (x @ self.w - y) / 50})

    def score(self, w: Any) -> float:
        return -float(np.mean((self.x @ w - self.y) ** 2))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        now, then = self.score(self.w), self.score(weights.weights["w"])
        return ProposedWeights(weights, then, then, then >= now, current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights["w"].copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy()})


def test_run__same_seeds__same_results_to_the_byte() -> None:
    first, second = (run(12, [Descent(i) for i in range(4)]) for _ in range(2))
    assert [strip(r) for r in first.rounds] == [strip(r) for r in second.rounds]
    assert first.final_sha256 == second.final_sha256
    assert first.final_sha256 != run(12, [Descent(i + 9) for i in range(4)]).final_sha256


def strip(result: RoundResult) -> dict[str, Any]:
    return {**result.to_dict(), "seconds": None}


def test_run__learners_of_a_line__find_it() -> None:
    learners = [Descent(i) for i in range(3)]
    run(30, learners)
    assert np.allclose(learners[0].w, [1, -2, 3], atol=0.1)


def test_run__turns__every_learner_proposes_in_order_and_knows_the_round() -> None:
    learners = [Walker() for _ in range(3)]
    results = run(7, learners)
    assert [r.proposer for r in results.rounds] == [0, 1, 2, 0, 1, 2, 0]
    assert [r.round for r in results.rounds] == [1, 2, 3, 4, 5, 6, 7]
    assert [ln.begun for ln in learners] == [[1, 4, 7], [2, 5], [3, 6]]


def test_run__genesis__everyone_starts_from_the_first_learners_weights() -> None:
    learners = [Walker(start=5.0), Walker(start=7), Walker(start=9)]
    results = run(1, learners)
    assert results.initial.vote_scores == (15.0, 15.0, 15.0)
    assert results.initial.votes == (None, None, None)
    assert (results.initial.round, results.initial.proposer, results.initial.need) == (0, 0, 0)
    assert results.initial.weights_sha256 == hashlib.sha256(encode([np.full(3, 5.0)])).hexdigest()
    assert [ln.w.tolist() for ln in learners] == [[6.0, 6.0, 6.0]] * 3


def test_run__accepted__recorded_and_final_hash_is_the_bytes() -> None:
    results = run(2, [Walker() for _ in range(3)])
    last = results.rounds[-1]
    assert last.accepted
    assert last.votes == (True, None, True)
    assert (last.approvals, last.need) == (2, 2)
    assert last.vote_scores == (6.0, 6.0, 6.0)
    assert last.test_scores == (3.0, 3.0, 3.0)
    assert last.current_scores == (3.0, 3.0, 3.0)
    assert last.size == len(encode([np.full(3, 2.0)]))
    assert results.final_sha256 == last.weights_sha256 == hashlib.sha256(encode([np.full(3, 2.0)])).hexdigest()
    assert results.backend == "in-process"
    assert last.gas is None
    assert results.ledger is None
    assert last.cid == cid_text(hashlib.sha256(encode([np.full(3, 2.0)])).digest(), last.size)


def test_run__rejected__weights_stay_as_they_were() -> None:
    learners = [Walker(no, start=4) for _ in range(3)]
    results = run(5, learners)
    assert not any(r.accepted for r in results.rounds)
    assert [ln.w.tolist() for ln in learners] == [[4.0, 4.0, 4.0]] * 3
    assert results.final_sha256 == results.initial.weights_sha256


def test_run__tie_at_one_half__rejects() -> None:
    results = run(1, [Walker(), Walker(yes), Walker(no)])
    assert results.rounds[0].votes == (None, True, False)
    assert not results.rounds[0].accepted


@pytest.mark.parametrize(
    ("threshold", "approving", "accepted"),
    [
        (0.5, 2, False),
        (0.5, 3, True),
        ("2/3", 2, False),
        ("2/3", 3, True),
        (0.2, 0, False),
        (0.2, 1, True),
        (0.9, 3, False),
    ],
)
def test_run__unequal_votes__more_than_the_threshold_decides(
    threshold: float | str, approving: int, accepted: bool
) -> None:
    learners = [Walker(no)] + [Walker(yes if i < approving else no) for i in range(4)]
    assert run(1, learners, threshold).rounds[0].accepted is accepted


def test_run__proposers_own_opinion__is_no_vote() -> None:
    assert not run(1, [Walker(yes), Walker(no)]).rounds[0].accepted
    assert run(1, [Walker(no), Walker(yes)]).rounds[0].accepted


def test_run__abstention__does_not_approve() -> None:
    result = run(1, [Walker(), Walker(yes), Walker(lambda test: None)]).rounds[0]
    assert result.votes == (None, True, None)
    assert not result.accepted


def test_run__learner_that_writes_into_what_it_tests__changes_nobody_else() -> None:
    class Vandal(Walker):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            judged = super().mli_test_weights(weights)
            weights.weights[0][:] = 99
            return judged

    learners = [Vandal(), Vandal(), Vandal()]
    results = run(2, learners)
    assert results.rounds[1].vote_scores == (6.0, 6.0, 6.0)
    assert learners[2].w.tolist() == [2.0, 2.0, 2.0]


def test_run__on_round__called_as_each_is_decided() -> None:
    seen: list[int] = []
    run(3, [Walker(), Walker()], on_round=lambda result: seen.append(result.round))
    assert seen == [0, 1, 2, 3]


def test_run__ctrl_c_inside_a_round__returns_the_rounds_before_it() -> None:
    def third_is_interrupted(test: int) -> bool:
        if test == 4:  # the first test is that of the genesis weights
            raise KeyboardInterrupt
        return True

    learners = [Walker(), Walker(third_is_interrupted), Walker()]
    results = run(9, learners)
    assert results.interrupted
    assert [r.round for r in results.rounds] == [1, 2]
    assert results.final_sha256 == results.rounds[-1].weights_sha256
    assert [ln.w.tolist() for ln in learners] == [[2.0, 2.0, 2.0]] * 3


def test_run__ctrl_c_between_rounds__keeps_the_round() -> None:
    def stop(result: RoundResult) -> None:
        if result.round == last:
            raise KeyboardInterrupt

    for last in (0, 1):
        results = run(9, [Walker(), Walker()], on_round=stop)
        assert results.interrupted
        assert len(results.rounds) == last
        assert results.final_sha256 == [results.initial, *results.rounds][-1].weights_sha256


def test_run__other_backend__is_given_what_was_checked() -> None:
    given: list[Any] = []

    class Recorder(InProcess):
        def run(self, learners: Any, n_rounds: Any, threshold: Any, on_round: Any, names: Any) -> Results:
            given.extend([n_rounds, str(threshold), names])
            return super().run(learners, n_rounds, threshold, on_round, names)

    results = run(1, [Walker(), Walker()], 0.6, backend=Recorder(), names=["anna", "ben"])
    assert given == [1, "3/5", ("anna", "ben")]
    assert results.names == ("anna", "ben")


@pytest.mark.parametrize("rounds", [0, -1, 1.5, True, "3"])
def test_run__number_of_rounds__refused(rounds: Any) -> None:
    with pytest.raises(UsageError, match="number of rounds"):
        run(rounds, [Walker(), Walker()])


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 1.1, "much"])
def test_run__threshold_out_of_range__refused_before_anything_changes(threshold: Any) -> None:
    learners = [Walker(start=1), Walker(start=2)]
    with pytest.raises(UsageError, match="threshold"):
        run(1, learners, threshold)
    assert learners[1].w.tolist() == [2.0, 2.0, 2.0]


def test_run__fewer_than_two_learners_or_one_twice__refused() -> None:
    for learners in ([], [Walker()]):
        with pytest.raises(UsageError, match="learner"):
            run(1, learners)
    twice = Walker()
    with pytest.raises(UsageError, match="twice"):
        run(1, [twice, Walker(), twice])


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_run__names_that_do_not_fit__refused(names: list[str]) -> None:
    with pytest.raises(UsageError, match="names"):
        run(1, [Walker(), Walker()], names=names)


def test_run__learner_without_a_method__says_who_and_what() -> None:
    class Half:
        def mli_propose_weights(self) -> Weights:
            return Weights([])

    with pytest.raises(LearnerError) as caught:
        run(1, [Walker(), Half()])  # type: ignore[list-item]
    assert "learner 2" in caught.value.what
    assert "mli_test_weights" in caught.value.what
    assert "mli_propose_weights" not in caught.value.what


@pytest.mark.parametrize("size", [4, 0])
def test_run__learner_of_another_model__refused_before_anything_changes(size: int) -> None:
    learners = [Walker(start=1), Walker(start=2), Walker(start=3, size=size)]
    with pytest.raises(SchemaMismatch, match="learner 3"):
        run(1, learners)
    assert learners[1].w.tolist() == [2.0, 2.0, 2.0]


def test_run__proposal_that_does_not_fit__refused() -> None:
    class Grower(Walker):
        def mli_propose_weights(self) -> Weights:
            return Weights([np.zeros(9)])

    with pytest.raises(SchemaMismatch, match=r"learner 1 \(Grower\) proposed weights that nobody can accept"):
        run(1, [Grower(), Walker()])


def test_run_one_round__published_shape__judgements_and_decision() -> None:
    learners = [Walker(start=1), Walker(start=2), Walker(no, start=3)]
    set_equal_weights(learners)
    assert [ln.w.tolist() for ln in learners] == [[1.0, 1.0, 1.0]] * 3
    judged, accepted = run_one_round(5, learners, 0.4)
    assert accepted
    assert [j.vote for j in judged] == [True, True, None]
    assert learners[2].begun == [6]
    assert learners[0].w.tolist() == [2.0, 2.0, 2.0]
    _, accepted = run_one_round(0, learners)
    assert not accepted
    with pytest.raises(UsageError):
        run_one_round(0, learners[:1])


def test_results__to_dict__back_again_through_json() -> None:
    import json

    results = run(2, [Walker(), Walker()])
    assert Results.from_dict(json.loads(json.dumps(results.to_dict(), allow_nan=False))) == results


def test_run_one_round__learner_that_finds_the_weights_invalid__rejects_and_has_no_scores() -> None:
    class Strict(Walker):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            raise InvalidWeights("negative rates")

    judged, accepted = run_one_round(0, [Walker(), Strict(), Walker()])
    assert [j.vote for j in judged] == [None, False, True] and not accepted
    assert np.isnan(judged[1].vote_score)  # type: ignore[arg-type]
    with pytest.raises(InvalidWeights, match="negative rates"):  # its own proposal: its own mistake
        run_one_round(1, [Walker(), Strict(), Walker()])


def test_run_one_round__learner_of_another_model__is_the_programs_mistake() -> None:
    class Other(Walker):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            raise SchemaMismatch("another shape")

    with pytest.raises(SchemaMismatch):
        run_one_round(0, [Walker(), Other()])


def test_run_one_round__learner_without_a_method__refused() -> None:
    with pytest.raises(LearnerError, match="lacks"):
        run_one_round(0, [Walker(), object()])  # type: ignore[list-item]


def test_missed__round_without_a_proposal__has_nothing_in_it() -> None:
    missed = RoundResult.missed(3, 1, 2, "spent", 0.5, gas=7)
    assert (missed.round, missed.proposer, missed.accepted, missed.declined, missed.gas) == (3, 1, False, "spent", 7)
    assert missed.votes == missed.vote_scores == missed.test_scores == missed.current_scores == (None, None)
    assert (missed.approvals, missed.need, missed.size, missed.weights_sha256, missed.seconds) == (0, 0, 0, "", 0.5)


def test_results__to_dict__has_the_published_names() -> None:
    record = run(1, [Walker(), Walker()]).to_dict()
    assert set(record) == {
        "names", "threshold", "backend", "initial", "rounds", "final_sha256", "interrupted", "ledger",
    }  # fmt: skip
    assert record["ledger"] is None and record["interrupted"] is False


def test_run__votes_that_tell_how_they_came_about__kept_for_voters_alone() -> None:
    record = VoteRecord("strict", 9, 0.0, 0.1, 0.2)

    class Telling(Walker):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            return replace(super().mli_test_weights(weights), record=record)

    assert run(1, [Telling(), Telling(), Walker()]).rounds[0].vote_records == (None, record, None)


def test_run_one_round__own_proposal_that_is_invalid_to_its_proposer__is_no_vote() -> None:
    class Strict(Walker):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            raise InvalidWeights("negative rates")

    with pytest.raises(InvalidWeights, match="negative rates"):
        run_one_round(0, [Strict(), Walker(), Walker()])
