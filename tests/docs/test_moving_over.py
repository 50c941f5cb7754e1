"""Learners and programs written for the published interface run with nothing but their imports changed."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot

import colearn_ledger
from colearn_ledger import (
    EmbeddedLedger,
    InProcess,
    LearnerWarning,
    ProposedWeights,
    Result,
    Results,
    RoundResult,
    Weights,
    collective_learning_round,
    individual_training_round,
    initial_result,
    print_results,
    run,
    run_one_round,
    set_equal_weights,
    split_list_into_fractions,
)
from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.report.table import render

from ..kit.moved_learners import FakeTensor, InPlaceLearner, MeanLearner

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "moved_over.py"


# ------------------------------------------------------------------------------------------------ names and forms


# The published names are listed once, in the page for those who use them.
PUBLISHED = re.findall(
    r"^\| `from colearn\.[^|]* \| `from (colearn_ledger\.[\w.]+) import ([\w, ]+)` \|$",
    (EXAMPLE.parents[1] / "docs" / "moving-over.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("module", "names"), PUBLISHED)
def test_modules__published_names__there_and_the_same_as_at_the_top(module: str, names: str) -> None:
    found = importlib.import_module(module)
    for name in names.split(", "):
        assert getattr(found, name) is getattr(colearn_ledger, name)


def test_modules__published_paths__hold_nothing_else() -> None:
    assert len(PUBLISHED) == 9
    for path in {module for module, _ in PUBLISHED}:
        file = EXAMPLE.parents[1].joinpath(*path.split(".")).with_suffix(".py")
        body = ast.parse(file.read_text(encoding="utf-8")).body
        assert {type(node) for node in body} <= {ast.Expr, ast.ImportFrom, ast.Assign}, f"{path} only names things"


def test_records__every_published_form__made_and_assignable() -> None:
    weights = Weights(weights=[1])
    assert weights.training_summary is None
    plain = ProposedWeights(weights=weights, vote_score=1.0, test_score=0, vote=True)
    assert (plain.vote_value, plain.test_value, plain.evaluation_results) == (1.0, 0.0, None)
    assert ProposedWeights(weights=weights, vote_score=1.0, test_score=1.0).vote is None
    noted = ProposedWeights(weights=weights, vote_score=1, test_score=1, vote=False, evaluation_results={"auc": 0.5})
    assert noted.evaluation_results == {"auc": 0.5}
    named = ProposedWeights(
        weights=weights, vote_score={"auc": 0.7}, test_score={"auc": 0.6}, criterion="auc", vote=True
    )
    assert named.vote_value == 0.7
    named.vote, named.vote_score, weights.weights = None, {"auc": 0.1}, [2]
    assert (named.vote_value, named.weights.weights) == (0.1, [2])
    budget = colearn_ledger.DiffPrivBudget(
        target_epsilon=1.0, target_delta=1e-5, consumed_epsilon=0.0, consumed_delta=0.0
    )
    budget.consumed_epsilon = 1.5
    weights.training_summary = colearn_ledger.TrainingSummary(
        dp_budget=budget, error_code=colearn_ledger.ErrorCodes.DP_BUDGET_EXCEEDED
    )
    assert weights.training_summary.dp_budget is budget
    model = colearn_ledger.ColearnModel(
        model_format=colearn_ledger.ModelFormat(colearn_ledger.ModelFormat.ONNX), model_file="", model=None
    )
    assert model.model_format is colearn_ledger.ModelFormat.ONNX


def test_interface__learner_of_four_methods__made_and_asked_for_its_model_says_no() -> None:
    with pytest.raises(NotImplementedError, match="MeanLearner"):
        MeanLearner(0).mli_get_current_model()


class Judge(MeanLearner):
    def __init__(self, vote: Any, score: Any = 0.5) -> None:
        super().__init__(0)
        self.vote, self.given = vote, score

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights=weights, vote_score=self.given, test_score=self.given, vote=self.vote)


@pytest.mark.parametrize("yes", [True, np.True_, np.array(True), 1, np.int64(1), FakeTensor(True)])
@pytest.mark.parametrize("score", [0.5, np.float32(0.5), np.array(0.5), FakeTensor(0.5)])
def test_run_one_round__votes_and_scores_of_other_kinds__counted(yes: Any, score: Any) -> None:
    score = score if not isinstance(score, FakeTensor) else np.array(score.numpy())
    judged, accepted = run_one_round(0, [Judge(True), Judge(yes, score), Judge(yes, score)])
    assert accepted
    assert [j.vote for j in judged] == [None, True, True]
    assert [type(j.vote_value) for j in judged] == [float] * 3


@pytest.mark.parametrize("vote", [2, "yes", np.array([True, True]), 0.5, FakeTensor([True])])
def test_run_one_round__no_vote_at_all__says_so(vote: Any) -> None:
    with pytest.raises(LearnerError, match="the vote is"):
        run_one_round(0, [Judge(True), Judge(vote)])


def test_doc__imports__differ_by_the_package_alone_and_work() -> None:
    text = (EXAMPLE.parents[1] / "docs" / "moving-over.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(from [^`]*)` \| `(from [^`]*)` \|$", text, re.MULTILINE)
    assert len(rows) == 9
    for then, now in rows:
        assert now == then.replace("from colearn.", "from colearn_ledger.")
        exec(now, {})


# ------------------------------------------------------------------------------------------------ the rule for a tie


@pytest.mark.parametrize(
    ("votes", "threshold", "published", "ours"),
    [
        ([True, False], 0.5, True, False),
        ([True, True, False], 0.5, True, True),
        ([True, True, False], "2/3", True, False),
        ([True, True, True], 1.0, True, None),
        ([True, True, False], 1.0, False, None),
        ([False, False], 0.5, False, False),
        ([True, False, False, False], 0.25, True, False),
    ],
)
def test_tie__both_rules__by_name(votes: list[bool], threshold: Any, published: bool, ours: bool | None) -> None:
    def learners() -> list[Judge]:
        return [Judge(True), *map(Judge, votes)]

    assert run_one_round(0, learners(), threshold, tie="accept")[1] is published
    assert run(1, learners(), threshold, tie="accept").rounds[0].accepted is published
    assert collective_learning_round(learners(), threshold, 0, tie="accept").vote is published
    if ours is None:
        with pytest.raises(UsageError):
            run_one_round(0, learners(), threshold)
    else:
        assert run_one_round(0, learners(), threshold)[1] is ours
        assert collective_learning_round(learners(), threshold, 0).vote is ours


@pytest.mark.slow
def test_tie__on_a_ledger__decides_as_in_process() -> None:
    def learners() -> list[Judge]:
        return [Judge(True), Judge(True), Judge(False)]

    for tie in ("accept", "reject"):
        accepted = [run(2, learners(), tie=tie, backend=b).rounds[0].accepted for b in (InProcess(), EmbeddedLedger())]
        assert accepted == [tie == "accept"] * 2


def test_tie__unknown__says_which_there_are() -> None:
    with pytest.raises(UsageError, match="perhaps"):
        run_one_round(0, [Judge(True), Judge(True)], tie="perhaps")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ whole learners


def outcome(results: Results) -> list[Any]:
    return [(r.votes, r.accepted, r.vote_scores, r.weights_sha256) for r in (results.initial, *results.rounds)]


@pytest.mark.slow
def test_mean_learner__scalar_weights__same_on_both_backends() -> None:
    in_process, ledger = (
        run(8, [MeanLearner(i) for i in range(4)], backend=b) for b in (InProcess(), EmbeddedLedger())
    )
    assert outcome(in_process) == outcome(ledger)
    learners = [MeanLearner(i) for i in range(4)]
    run(8, learners)
    assert {type(learner.mean) for learner in learners} == {float}
    assert learners[0].mean == pytest.approx(3, abs=0.3)


class CopyingLearner(InPlaceLearner):
    """What :class:`InPlaceLearner` should have been."""

    def mli_get_current_weights(self) -> Weights:
        return Weights({"intercept_": self.intercept_.copy(), "coef_": self.coef_.copy()})


@pytest.mark.parametrize("backend", [InProcess, pytest.param(EmbeddedLedger, marks=pytest.mark.slow)])
def test_aliasing_learner__trains_in_place__spoils_no_round(backend: Any) -> None:
    careful = run(12, [CopyingLearner(i) for i in range(4)], backend=InProcess())
    learners = [InPlaceLearner(i) for i in range(4)]
    with pytest.warns(LearnerWarning, match=r"InPlaceLearner.*mli_propose_weights changed"):
        spoiling = run(12, learners, backend=backend())
    assert 0 < sum(r.accepted for r in spoiling.rounds) < 12
    assert outcome(spoiling) == outcome(careful)
    held = [learner.coef_ for learner in learners]
    assert all(np.array_equal(held[0], other) for other in held)
    assert not any(np.shares_memory(held[0], other) for other in held[1:])


def test_set_equal_weights__aliasing_learners__share_no_memory() -> None:
    learners = [InPlaceLearner(i) for i in range(3)]
    set_equal_weights(learners)
    learners[0].coef_ += 1
    assert [learner.coef_[0] for learner in learners] == [1.0, 0.0, 0.0]


def test_failing_training__half_done_in_place__weights_are_put_back() -> None:
    class Failing(InPlaceLearner):
        def mli_propose_weights(self) -> Weights:
            self.coef_ += 1
            raise RuntimeError("out of memory")

    failing = Failing(0)
    with pytest.raises(RuntimeError, match="out of memory"):
        run_one_round(0, [failing, InPlaceLearner(1)])
    assert failing.coef_.tolist() == [0.0] * 3


def test_learner_that_breaks__own_weights_are_nan__its_fault_and_no_vote() -> None:
    class Breaks(InPlaceLearner):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            self.coef_ = self.coef_ * np.nan
            return super().mli_test_weights(weights)

    with pytest.raises(LearnerError, match=r"Breaks.*current weights can't be written.*NaN"):
        run_one_round(0, [InPlaceLearner(0), Breaks(1)])


class TensorLearner(InPlaceLearner):
    """Holds tensors, in an ordered dict as PyTorch's state is, and refuses anything else."""

    def mli_get_current_weights(self) -> Weights:
        from collections import OrderedDict

        return Weights(
            OrderedDict(
                intercept_=FakeTensor(self.intercept_.copy(), on="gpu"), coef_=FakeTensor(self.coef_.copy(), on="gpu")
            )
        )

    def set_weights(self, weights: Weights) -> None:
        assert list(weights.weights) == ["intercept_", "coef_"]
        for tensor in weights.weights.values():
            assert isinstance(tensor, FakeTensor)
            assert tensor.device == "gpu"
        self.intercept_, self.coef_ = (t.cpu().numpy().copy() for t in weights.weights.values())


@pytest.mark.parametrize("backend", [InProcess, pytest.param(EmbeddedLedger, marks=pytest.mark.slow)])
def test_tensor_learner__gets_tensors__and_decides_as_with_arrays(backend: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", LearnerWarning)
        tensors = run(6, [TensorLearner(i) for i in range(3)], backend=backend())
        arrays = run(6, [CopyingLearner(i) for i in range(3)])
    assert outcome(tensors) == outcome(arrays)


@pytest.mark.slow
def test_example__forest_as_bytes__same_bytes_by_hand_and_on_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    by_hand, on_ledger = (line.split() for line in lines[-2:])
    assert by_hand[-2:] == on_ledger[-2:]
    assert float(by_hand[-2]) > 0.8
    assert "round 10: learner 5 proposed" in "\n".join(lines)


@pytest.mark.slow
def test_keras_learner__written_by_hand__same_on_both_backends() -> None:
    import keras

    class HandWritten(colearn_ledger.MachineLearningInterface):
        def __init__(self, seed: int) -> None:
            keras.utils.set_random_seed(seed)
            self.model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
            self.model.compile("sgd", loss="mse")
            self.x = np.random.default_rng(seed).normal(size=(64, 4)).astype("float32")
            self.y = self.x.sum(axis=1, keepdims=True)
            self.vote_score = self.score()

        def mli_propose_weights(self) -> Weights:
            current = self.mli_get_current_weights()
            self.model.fit(self.x, self.y, batch_size=16, shuffle=False, verbose=0)
            new = self.mli_get_current_weights()
            self.set_weights(current)
            return new

        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            current = self.mli_get_current_weights()
            self.set_weights(weights)
            score = self.score()
            self.set_weights(current)
            return ProposedWeights(weights=weights, vote_score=score, test_score=score, vote=score <= self.vote_score)

        def mli_accept_weights(self, weights: Weights) -> None:
            self.set_weights(weights)
            self.vote_score = self.score()

        def mli_get_current_weights(self) -> Weights:
            return Weights(weights=self.model.get_weights())

        def set_weights(self, weights: Weights) -> None:
            self.model.set_weights(weights.weights)

        def score(self) -> Any:
            return np.mean((self.model(self.x).numpy() - self.y) ** 2)

    in_process, ledger = (
        run(4, [HandWritten(i) for i in range(3)], backend=b) for b in (InProcess(), EmbeddedLedger())
    )
    assert outcome(in_process) == outcome(ledger)
    first, last = in_process.initial.vote_scores[0], in_process.rounds[-1].vote_scores[0]
    assert first is not None and last is not None and last < first


# ------------------------------------------------------------------------------------------------ programs around them


def rounds_by_hand(n_rounds: int = 3) -> tuple[Results, list[MeanLearner]]:
    learners = [MeanLearner(i) for i in range(3)]
    set_equal_weights(learners)
    results = Results()
    results.data.append(initial_result(learners))
    results.data.extend(collective_learning_round(learners, 0.5, i) for i in range(n_rounds))
    return results, learners


def test_results__rounds_by_hand__are_those_of_run() -> None:
    by_hand, _ = rounds_by_hand()
    results = run(3, [MeanLearner(i) for i in range(3)])
    assert outcome(by_hand) == outcome(results)
    assert by_hand.final_sha256 == results.final_sha256
    assert by_hand.mean_test_scores == results.mean_test_scores
    assert by_hand.h_vote_scores == results.h_vote_scores
    assert len(by_hand.h_vote_scores) == 3 and len(by_hand.h_vote_scores[0]) == 4
    assert render(by_hand).count("\n") == 4


def test_collective_learning_round__fields__as_published() -> None:
    results, _ = rounds_by_hand()
    first, *rounds = results.data
    assert (first.vote, first.votes, first.block_proposer) == (False, [True] * 3, None)
    assert [r.block_proposer for r in rounds] == [0, 1, 2]
    assert [r.votes[i] for i, r in enumerate(rounds)] == [None] * 3
    assert all(isinstance(r.record, RoundResult) for r in results.data if isinstance(r, Result))


def test_individual_training_round__everyone_adopts_its_own() -> None:
    learners = [MeanLearner(i) for i in range(3)]
    result = individual_training_round(learners, 0)
    assert result.votes == [True] * 3
    assert len({learner.mean for learner in learners}) == 3
    results = Results()
    results.data.append(result)
    with pytest.raises(UsageError, match="no record"):
        _ = results.initial


def test_training_summaries__of_learners_that_have_them__collected() -> None:
    class Telling(MeanLearner):
        def mli_get_current_weights(self) -> Weights:
            return Weights(self.mean, colearn_ledger.TrainingSummary(samples=7))

    result = collective_learning_round([Telling(0), MeanLearner(1), Telling(2)], 0.5, 0)
    assert [summary.samples for summary in result.training_summaries] == [7, 7]


def test_print_results__each_round__who_proposed_and_who_voted_how(capsys: pytest.CaptureFixture[str]) -> None:
    results, _ = rounds_by_hand(0)
    print_results(results)
    assert "no proposal" in capsys.readouterr().out
    results, _ = rounds_by_hand(2)
    print_results(results)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("round 2: learner 2 proposed, ")
    assert lines[3].split()[:3] == ["learner", "2", "proposed"]
    assert len(lines) == 5
    print_results(run(1, [MeanLearner(0), MeanLearner(1)], names=["anna", "ben"]))
    assert "anna proposed" in capsys.readouterr().out
    print_results(Results())


def test_colearn_plot__every_round__both_panels(tmp_path: Path) -> None:
    pyplot.switch_backend("agg")
    results, _ = rounds_by_hand()
    plot = colearn_ledger.ColearnPlot(score_name="error")
    for _ in range(2):
        plot.plot_results_and_votes(results)
    plot.plot_results(results, block=False)
    plot.plot_votes(run(2, [MeanLearner(0), MeanLearner(1)]))
    plot.block()
    assert plot.results_axes.get_ylabel() == "error"
    assert len(plot.results_axes.lines) == 8
    plot.figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
    with pytest.raises(UsageError):
        plot.plot_results(Results())
    pyplot.close(plot.figure)
    plot.plot_results(results)  # as when the window was closed
    assert len(plot.results_axes.lines) == 8
    pyplot.close("all")


def test_split__fractions__consecutive_parts() -> None:
    assert split_list_into_fractions([0, 1, 2, 3, 4, 5, 6], [0.5, 0.3]) == [[0, 1, 2], [3, 4]]
    first, second = split_list_into_fractions(np.arange(10), [0.7, 0.7])
    assert (first.tolist(), second.tolist()) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    with pytest.raises(UsageError, match="part 2 of 2 would have 0"):
        split_list_into_fractions([1, 2], [1.0, 0.5])
    with pytest.raises(UsageError, match="part 1 of 1"):
        split_list_into_fractions([1, 2, 3, 4], [0.5], min_part_size=3)
