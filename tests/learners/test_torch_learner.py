"""The PyTorch learner on scikit-learn's digits: the interface's promises, the same bytes everywhere, scores."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from sklearn.datasets import load_digits

from colearn_ledger import check_learner, run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.torch import TorchLearner, accuracy
from colearn_ledger.tasks.split import Share, split

pytestmark = pytest.mark.slow


def shares(n: int) -> list[Share]:
    x, y = load_digits(return_X_y=True)
    return split((x / 16).astype(np.float32), y, n, 0.3, seed=1)


def model() -> Any:
    """A model with all that is hard: dropout, running statistics, and a count of 64-bit integers among the buffers."""
    torch.manual_seed(7)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(16, 10),
    )


def make(n: int = 2, **options: Any) -> list[TorchLearner]:
    return [TorchLearner(model(), s.train, s.vote, s.test, seed=i, **options) for i, s in enumerate(shares(n))]


def proposal(learner: TorchLearner, round: int) -> bytes:
    learner.mli_begin_round(round)
    return encode(learner.mli_propose_weights().weights)


def test_check_learner__model_with_dropout_and_batch_norm__keeps_the_promises() -> None:
    check_learner(make(steps_per_round=3)[0])


def test_run__in_process_and_on_the_ledger__the_same_bytes_and_it_learns() -> None:
    options = {"epochs": 8, "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9)}
    plain, ledger = run(5, make(3, **options)), run(5, make(3, **options), backend=EmbeddedLedger())
    assert [r.weights_sha256 for r in plain.rounds] == [r.weights_sha256 for r in ledger.rounds]
    assert [r.votes for r in plain.rounds] == [r.votes for r in ledger.rounds]
    assert plain.final_sha256 == ledger.final_sha256
    assert min(s for s in plain.rounds[-1].current_scores if s is not None) > 0.8
    assert max(s for s in plain.initial.test_scores if s is not None) < 0.4


def test_weights__buffers__travel_with_their_types() -> None:
    learner = make(steps_per_round=3)[0]
    weights = decode(encode(learner.mli_propose_weights().weights))
    assert sorted(weights) == sorted(model().state_dict())
    batches = weights["1.num_batches_tracked"]
    assert batches.dtype == np.int64 and batches == 1  # estimated anew, from the whole of a small training set
    assert weights["1.running_mean"].any()
    learner.mli_accept_weights(Weights(weights))
    assert learner._model[1].num_batches_tracked.item() == batches  # in the model itself, too


@pytest.mark.parametrize("threads", [1, 2])
def test_propose__same_round_again__same_bytes_whatever_came_between(threads: int) -> None:
    learner, restarted = make(steps_per_round=4)[0], make(steps_per_round=4)[0]
    first = proposal(learner, 1)
    assert proposal(learner, 2) != first
    learner.mli_test_weights(learner.mli_get_current_weights())
    torch.manual_seed(99)
    torch.rand(3)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        state = torch.get_rng_state()
        assert proposal(learner, 1) == proposal(restarted, 1) == first
        assert torch.equal(torch.get_rng_state(), state), "a program's own randomness is its own"
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_optimizer__kept__goes_on_where_it_was() -> None:
    reset, keep = (make(steps_per_round=4, optimizer_state=state)[0] for state in ("reset", "keep"))
    assert proposal(reset, 1) == proposal(keep, 1)
    assert proposal(reset, 2) != proposal(keep, 2)


def test_score__accuracy__is_the_models_own() -> None:
    share = shares(2)[0]
    net = model()
    learner = TorchLearner(net, share.train, share.vote, share.test)
    judged = learner.mli_test_weights(learner.mli_get_current_weights())
    net.eval()
    with torch.no_grad():
        guesses = net(torch.from_numpy(share.test[0])).argmax(1).numpy()
    assert judged.test_value == pytest.approx(float((guesses == share.test[1]).mean()))
    assert judged.criterion == "accuracy" and judged.vote is False and judged.vote_score == judged.current_score


def test_score__loss__higher_is_still_better_and_can_be_tested_in_pairs() -> None:
    learner = make(epochs=10, metric=None, vote_policy="paired:0.05")[0]
    trained = learner.mli_test_weights(learner.mli_propose_weights())
    assert trained.criterion == "loss"
    assert trained.current_score is not None and trained.current_score < trained.vote_value < 0
    assert trained.vote is True and trained.record is not None and trained.record.p_value is not None


@pytest.mark.parametrize("metric", ["each", "all"])
def test_score__metric_of_ones_own__for_each_sample_or_for_all(metric: str) -> None:
    def each(output: Any, target: Any) -> Any:
        return -(output.argmax(-1) - target).abs()

    def all(output: Any, target: Any) -> Any:
        return each(output, target).double().mean()

    policy = "paired" if metric == "each" else "strict"
    learner = make(metric={"each": each, "all": all}[metric], higher_is_better=True, vote_policy=policy)[0]
    judged = learner.mli_test_weights(learner.mli_get_current_weights())
    assert judged.criterion == metric and judged.vote_value == judged.current_score < 0


def test_evaluate__a_large_set__is_scored_in_pieces_as_in_one() -> None:
    learner = make(metric=None)[0]
    x, y = (np.concatenate([part] * 14) for part in learner.vote_set)
    assert len(x) > 2 * 2048
    assert learner.evaluate((x, y)).score == pytest.approx(learner.evaluate(learner.vote_set).score, rel=1e-5)


def test_data__tensors_lists_of_doubles_and_small_integers__are_what_the_model_wants() -> None:
    share = shares(2)[0]
    x, y = share.train
    first = TorchLearner(model(), (x, y), share.vote, share.test, steps_per_round=2)
    for train in (
        (torch.from_numpy(x), torch.from_numpy(y)),
        (x.astype(np.float64), y.astype(np.int16)),
    ):
        other = TorchLearner(model(), train, share.vote, share.test, steps_per_round=2)
        assert proposal(other, 1) == proposal(first, 1)


def test_regression_and_two_classes__other_losses_and_targets__train() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5], np.float32)
    for target, loss, metric in (
        (y[:, None], torch.nn.functional.mse_loss, None),
        ((y > 0).astype(np.float64)[:, None], torch.nn.functional.binary_cross_entropy_with_logits, accuracy),
    ):
        torch.manual_seed(0)
        sets = [(x[i : i + 200], target[i : i + 200]) for i in (0, 200, 400)]
        adam = functools.partial(torch.optim.Adam, lr=0.05)
        learner = TorchLearner(torch.nn.Linear(3, 1), *sets, loss=loss, metric=metric, optimizer=adam, epochs=5)
        judged = learner.mli_test_weights(learner.mli_propose_weights())
        assert judged.current_score is not None and judged.vote_value > judged.current_score
        if metric is not None:
            assert 0.8 < judged.vote_value <= 1


def test_accept__weights_that_do_not_fit__refused_and_nothing_changed() -> None:
    learner = make()[0]
    before = encode(learner.mli_get_current_weights().weights)
    good = learner.mli_get_current_weights().weights
    for bad in (
        [],
        {name: good[name] for name in list(good)[:-1]},
        {**good, "0.weight": good["0.weight"].T.copy()},
        {**good, "0.weight": good["0.weight"].astype(np.float64)},
        {**good, "more": good["0.weight"]},
    ):
        with pytest.raises(SchemaMismatch):
            learner.mli_accept_weights(Weights(bad))
        with pytest.raises(SchemaMismatch):
            learner.mli_test_weights(Weights(bad))
    assert encode(learner.mli_get_current_weights().weights) == before


def test_accept__what_the_model_refuses__is_invalid_and_nothing_changed() -> None:
    learner = make()[0]
    before = encode(learner.mli_get_current_weights().weights)
    refuse = learner._model.load_state_dict
    calls = []

    def once(state: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("not these")
        return refuse(state)

    learner._model.load_state_dict = once
    with pytest.raises(InvalidWeights, match="not these"):
        learner.mli_accept_weights(learner.mli_get_current_weights())
    assert encode(learner.mli_get_current_weights().weights) == before


def test_init__wrong_model_or_data__refused() -> None:
    share = shares(2)[0]
    with pytest.raises(LearnerError, match="the model is a"):
        TorchLearner(lambda x: x, share.train, share.vote, share.test)  # type: ignore[arg-type]
    frozen = model().requires_grad_(False)
    with pytest.raises(LearnerError, match="nothing to train"):
        TorchLearner(frozen, share.train, share.vote, share.test)
    with pytest.raises(UsageError, match="train set"):
        TorchLearner(model(), (share.train[0], share.train[1][:-1]), share.vote, share.test)


def test_import__without_pytorch__one_message_and_the_package_is_not_taken_for_it() -> None:
    script = (
        "import sys\nsys.modules['torch'] = None\n"
        "from colearn_ledger.errors import UsageError\n"
        "try:\n    import colearn_ledger.learners.torch\n"
        "except UsageError as e:\n    print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "needs torch, which is not installed" in done.stdout and "download.pytorch.org/whl/cpu" in done.stdout


@pytest.mark.parametrize("first", ["", "import tensorflow\n"])
@pytest.mark.parametrize("then", ["", "import tensorflow\n"])
def test_tensorflow__in_the_same_process_before_or_after__does_not_abort_it(first: str, then: str) -> None:
    script = (
        f"{first}import numpy as np\nimport torch\nfrom colearn_ledger.learners.torch import TorchLearner\n"
        "x, y = np.zeros((300, 2), np.float32), np.zeros(300, int)\n"
        f"{then}learner = TorchLearner(torch.nn.Linear(2, 2), (x, y), (x, y), (x, y), steps_per_round=1)\n"
        "learner.mli_propose_weights()\nprint('trained')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr


def test_settle__after_a_training__the_means_are_those_of_the_data_and_the_count_stays() -> None:
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    rng = np.random.default_rng(0)
    x, y = np.float32(rng.normal(7, 2, (512, 3))), rng.integers(0, 2, 512)
    learner = TorchLearner(net, (x, y), (x, y), (x, y), steps_per_round=3)
    trained = learner.mli_propose_weights().weights
    assert np.allclose(trained["0.running_mean"], x.mean(0), rtol=0.01)
    assert np.allclose(trained["0.running_var"], x.var(0), rtol=0.02)
    assert dict(learner.leaf_roles) == {"/0.num_batches_tracked": "local"}


@pytest.mark.parametrize("momentum", [0.1, None])
def test_check_learner__batch_norm__no_leaf_ends_training(momentum: float | None) -> None:
    torch.manual_seed(1)
    norm = torch.nn.BatchNorm1d(4, momentum=momentum)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), norm, torch.nn.ReLU(), torch.nn.Linear(4, 2))
    rng = np.random.default_rng(0)
    x = np.float32(rng.normal(size=(300, 3)))
    y = (x[:, 0] > 0).astype(np.int64)
    learner = TorchLearner(net, (x, y), (x, y), (x, y), epochs=20)
    learner.mli_accept_weights(learner.mli_propose_weights())  # a model that has something to lose
    assert [warning for warning in check_learner(learner).warnings if "approves it" in warning] == []
