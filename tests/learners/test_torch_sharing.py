"""PyTorch learners that share a part of their model: personal heads, frozen bases, what travels and what doesn't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch

from colearn_ledger import check_learner, run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import encode
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import ConfigError, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.torch import TorchLearner

from ..kit.torch_learners import blobs, network, proposal

pytestmark = pytest.mark.slow

HEAD = ["4.weight", "4.bias"]
LOCAL_NORM = [f"1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]


def frozen(scale: float = 1.0) -> torch.nn.Module:
    """The network with a first layer that is fixed."""
    made: Any = network()
    with torch.no_grad():
        made[0].weight.mul_(scale)
    made[0].requires_grad_(False)
    return made  # type: ignore[no-any-return]


def make(seed: int = 0, model: torch.nn.Module | None = None, **options: Any) -> TorchLearner:
    options = {"steps_per_round": 30, "share": ["0", "1"], **options}
    optimizer = options.pop("optimizer", lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9))
    return TorchLearner(model or network(), *blobs(seed), seed=seed, optimizer=optimizer, **options)


def head(learner: TorchLearner) -> np.ndarray[Any, Any]:
    return learner.model.state_dict()["4.weight"].numpy().copy()


def test_read_weights__shared_names__travel_and_nothing_else() -> None:
    weights = make().mli_get_current_weights().weights
    assert set(weights) == {"shared"}
    assert set(weights["shared"]) == {"0.weight", "0.bias", *LOCAL_NORM}


@pytest.mark.parametrize("share", [["0", "1"], ["0", "4"], "trainable"])
def test_check_learner__a_part_is_shared__promises_are_kept(share: Any) -> None:
    made = [make(i, steps_per_round=3, share=share) for i in range(2)]
    report = check_learner(made[0], make=lambda: make(steps_per_round=3, share=share), other=made[1])
    assert any("not reproducible" in warning for warning in report.warnings)
    assert any("each member's own" in warning for warning in report.warnings)


def test_own_part__training__changes_only_when_weights_are_accepted() -> None:
    learner = make()
    before = head(learner)
    proposed = learner.mli_propose_weights()
    np.testing.assert_array_equal(head(learner), before)
    learner.mli_test_weights(proposed)
    np.testing.assert_array_equal(head(learner), before)
    learner.mli_accept_weights(proposed)
    after = head(learner)
    assert not np.array_equal(after, before)
    learner.mli_accept_weights(proposed)  # without a training in between
    np.testing.assert_array_equal(head(learner), after)


def test_own_part__test_of_a_proposal__scores_it_with_what_the_training_made_of_the_rest() -> None:
    learner = make()
    proposed = learner.mli_propose_weights()
    judged = learner.mli_test_weights(proposed)
    learner.mli_accept_weights(proposed)
    assert judged.vote and judged.vote_value == learner.mli_test_weights(proposed).vote_value
    assert judged.vote_value > 0.9


def test_own_part__of_a_weak_current_model__is_no_excuse_for_a_proposal_that_is_as_weak() -> None:
    """What the own part alone has gained speaks for no proposal: the current weights are judged with it, too."""
    learner = make(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05))
    current = learner.mli_get_current_weights()
    first = learner.mli_test_weights(current)
    learner.mli_propose_weights()
    again = learner.mli_test_weights(current)
    assert again.vote_value > first.vote_value, "it is tested with the trained head"
    assert again.current_score == again.vote_value
    assert not again.vote, "and changes nothing"


def test_training__in_the_same_round_again__starts_from_the_own_part_as_it_was() -> None:
    learner = make()
    assert proposal(learner, 3) == proposal(learner, 3)


def test_training__in_whose_midst_others_are_tested__gives_the_same_and_leaves_the_own_part() -> None:
    learner = make(model=frozen(), share=["1", "4.bias"])
    other, expected, before = learner.mli_propose_weights(), proposal(learner, 2), head(learner)
    learner.mli_set_pause(lambda *_: learner.mli_test_weights(other) is not None)
    assert proposal(learner, 2) == expected
    np.testing.assert_array_equal(head(learner), before)


@pytest.mark.parametrize("backend", [None, EmbeddedLedger])
def test_run__personal_heads__each_keeps_its_own_and_all_learn(backend: Any) -> None:
    """Members whose labels mean different things: only the body can be shared."""
    learners = []
    for seed in range(3):
        sets = [(x, (y + seed) % 4) for x, y in blobs(seed)]
        sgd = torch.optim.SGD
        learners.append(
            TorchLearner(
                network(),
                *sets,
                seed=seed,
                steps_per_round=40,
                share=["0", "1"],
                optimizer=lambda parameters, sgd=sgd: sgd(parameters, lr=0.1),
            )
        )
    results = run(4, learners, rounds="joint", backend=None if backend is None else backend())
    assert min(s for s in results.rounds[-1].test_scores if s is not None) > 0.85
    heads = [head(learner) for learner in learners]
    assert not np.array_equal(heads[0], heads[1])
    bodies = {encode(learner.mli_get_current_weights().weights) for learner in learners}
    assert len(bodies) == 1


def test_own_file__restart__goes_on_with_the_own_part(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    learner = make(own_file=path)
    assert learner.reproducible and not path.exists()
    proposed = learner.mli_propose_weights()
    assert not path.exists(), "nothing was accepted"
    learner.mli_accept_weights(proposed)
    again = make(own_file=path)
    np.testing.assert_array_equal(head(again), head(learner))
    again.mli_accept_weights(learner.mli_get_current_weights())
    assert proposal(again, 2) == proposal(learner, 2)


def test_own_file__of_another_model__is_told_by_the_leaf(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    learner = make(own_file=path)
    learner.mli_accept_weights(learner.mli_propose_weights())
    other: Any = network()
    other[4] = torch.nn.Linear(32, 5)
    with pytest.raises(ConfigError, match=r"own_file .* is of another model: '/4.bias' is an array F32 .*\(4,\)"):
        make(model=other, own_file=path)


@pytest.mark.parametrize(
    "options, what",
    [
        ({"share": None, "own_file": "own"}, "own_file without share"),
        ({"share": "*", "own_file": "own"}, "nothing of the model is this member's own"),
        ({"share": "nothing.*"}, "'nothing.*' shares nothing of the model"),
    ],
)
def test_options__that_do_not_go_together__are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        make(**options)


def test_frozen_base__its_hash__is_in_the_weights_and_its_arrays_are_not() -> None:
    learner = make(model=frozen(), share="trainable")
    weights = learner.mli_get_current_weights().weights
    assert set(weights["shared"]) == {"1.weight", "1.bias", *HEAD}
    assert weights["base"] == {learner.base_sha256: None} and len(learner.base_sha256) == 64
    assert make(1, model=frozen(), share="trainable").base_sha256 == learner.base_sha256


def test_frozen_base__another_one__fits_neither_the_learner_nor_a_run() -> None:
    learner, other = (make(i, model=frozen(scale), share="trainable") for i, scale in enumerate((1.0, 1.0001)))
    before = encode(learner.mli_get_current_weights().weights)
    for method in (learner.mli_accept_weights, learner.mli_test_weights):
        with pytest.raises(SchemaMismatch, match="the frozen base of the model isn't the one") as caught:
            method(Weights(other.mli_get_current_weights().weights))
        assert caught.value.expected == learner.base_sha256
    assert encode(learner.mli_get_current_weights().weights) == before
    with pytest.raises((SchemaMismatch, LearnerError), match="the frozen base of the model isn't the one"):
        run(1, [learner, other])


def test_frozen_base__run__in_process_and_on_the_ledger_the_same_bytes_and_the_base_stays() -> None:
    runs = []
    for backend in (None, EmbeddedLedger()):
        learners = [make(i, model=frozen(), share=["1.weight", "1.bias", "4"]) for i in range(2)]
        runs.append(run(2, learners, backend=backend))
        for learner in learners:
            assert torch.equal(learner.model.state_dict()["0.weight"], frozen().state_dict()["0.weight"])
    assert runs[0].final_sha256 == runs[1].final_sha256
    assert any(r.accepted for r in runs[0].rounds)


def test_shapes__that_differ__are_told_by_the_leaf() -> None:
    other: Any = network()
    other[0] = torch.nn.Linear(20, 32, bias=False)
    with pytest.raises(SchemaMismatch, match=r"'/shared/0\.bias' is missing"):
        make().mli_accept_weights(make(model=other).mli_get_current_weights())


def test_early_stop__the_best_of_a_training__is_shared_and_own_alike() -> None:
    learner = make(early_stop=1, steps_per_round=100)
    proposed = learner.mli_propose_weights()
    judged = learner.mli_test_weights(proposed)
    learner.mli_accept_weights(proposed)
    assert learner.mli_test_weights(proposed).vote_value == judged.vote_value
    assert judged.vote_value > 0.85


def test_privacy__of_a_part__trains_it_all_and_tells_the_part() -> None:
    from colearn_ledger.core.summaries import DiffPrivConfig

    plain: Any = torch.nn.Sequential(torch.nn.Linear(20, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
    privacy = DiffPrivConfig(target_epsilon=8.0, target_delta=1e-3, max_grad_norm=1.0, noise_multiplier=1.0)
    learner = make(model=plain, share="0", privacy=privacy, steps_per_round=5)
    proposed = learner.mli_propose_weights()
    assert set(proposed.weights["shared"]) == {"0.weight", "0.bias"}
    assert proposed.training_summary is not None and proposed.training_summary.dp_budget is not None


def test_load_and_save__a_part__reads_the_shared_and_writes_the_whole_model(tmp_path: Path) -> None:
    learner = make(model=frozen(), share="trainable")
    proposed = learner.mli_propose_weights()
    (tmp_path / "weights").write_bytes(encode(proposed.weights))
    learner.load(tmp_path / "weights")
    learner.save(tmp_path / "model")
    state = torch.load(tmp_path / "model" / "model.pt", weights_only=True)
    assert set(state) == set(network().state_dict())
    np.testing.assert_array_equal(state["4.weight"], proposed.weights["shared"]["4.weight"])
