"""Adapters of language models: only the adapter travels, the vote is by the member's own text, and peft loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("peft", reason="peft is not installed")

import peft
import torch

from colearn_ledger import check_learner, run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import DataError, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.language_models import load_base, next_token_loss, token_blocks
from colearn_ledger.learners.peft import PeftLearner

from ..kit.language_models import LETTERS, classifier, language_model, save_base, texts, tokenizer

pytestmark = pytest.mark.slow


def lora(**options: Any) -> Any:
    return peft.LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], **options})


def make(member: int = 0, base: Any = None, **options: Any) -> PeftLearner:
    options = {"adapter": lora(), "length": 16, "steps_per_round": 20, "tokenizer": tokenizer(), **options}
    options.setdefault("optimizer", lambda parameters: torch.optim.AdamW(parameters, lr=0.02))
    sets = [texts(member, n, i) for i, n in enumerate((60, 20, 20))]
    return PeftLearner(language_model() if base is None else base, *sets, seed=member, **options)


def test_check_learner__lora__keeps_the_promises_and_can_be_repeated() -> None:
    check_learner(make(steps_per_round=2), make=lambda: make(steps_per_round=2))
    assert make().reproducible


def test_weights__of_an_adapter__are_its_arrays_and_the_base_s_hash() -> None:
    learner = make()
    weights = learner.mli_get_current_weights().weights
    assert weights["base"] == {learner.base_sha256: None}
    assert len(weights["shared"]) == 8 and all("lora_" in name for name in weights["shared"])
    assert len(encode(weights)) < 12_000


def test_members__of_one_process__hold_one_base() -> None:
    base = language_model()
    before = {name: p.detach().clone() for name, p in base.named_parameters()}
    first, second = make(0, base), make(1, base)
    own = [{p.data_ptr() for p in ln.model.parameters() if not p.requires_grad} for ln in (first, second)]
    assert own[0] == own[1] == {p.data_ptr() for p in base.parameters()}
    first.mli_accept_weights(first.mli_propose_weights())
    for name, p in base.named_parameters():
        assert torch.equal(p, before[name])


@pytest.mark.parametrize("rounds", ["solo", "joint"])
def test_run__texts_of_different_kinds__same_bytes_on_the_ledger_and_every_member_gains(rounds: Any) -> None:
    runs = []
    for backend in (None, EmbeddedLedger()):
        base = language_model()
        runs.append(run(6, [make(i, base) for i in range(3)], rounds=rounds, backend=backend))
    assert runs[0].final_sha256 == runs[1].final_sha256
    first, last = runs[0].initial.test_scores, runs[0].rounds[-1].test_scores
    assert all(-after < 0.8 * -before for before, after in zip(first, last, strict=True)), "perplexities"


def test_score__of_a_language_model__is_its_perplexity_token_by_token() -> None:
    learner = make(steps_per_round=1)
    judged = learner.mli_test_weights(learner.mli_get_current_weights())
    assert judged.criterion == "perplexity"
    rows = torch.from_numpy(learner.test_set[0])
    with torch.no_grad():
        loss = float(next_token_loss(learner.model(input_ids=rows).logits, rows))
    assert judged.test_value == pytest.approx(-np.exp(loss), rel=1e-5)
    assert learner.vote_samples == len(learner.vote_set[0]) * 15
    by_loss = make(steps_per_round=1, metric="loss")
    found = by_loss.mli_test_weights(by_loss.mli_get_current_weights())
    assert (found.criterion, found.test_value) == ("loss", pytest.approx(-loss, rel=1e-5))


@pytest.mark.parametrize("policy", ["paired:0.05", "strict"])
def test_vote__by_row__takes_the_policies_that_compare_samples(policy: str) -> None:
    learner = make(vote_policy=policy)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote is True


def test_metric__of_outputs_and_targets__decides_the_vote() -> None:
    def right(output: Any, target: Any) -> Any:
        return (output[:, :-1].argmax(-1) == target[:, 1:]).float().mean(1)

    learner = make(metric=right, higher_is_better=True)
    judged = learner.mli_test_weights(learner.mli_propose_weights())
    assert judged.criterion == "right" and 0.2 < judged.vote_value <= 1 and judged.vote


def test_classification__texts_and_labels__head_and_adapter_are_shared_and_learn() -> None:
    def sets(member: int) -> list[Any]:
        found = []
        for i, n in enumerate((80, 240, 240)):
            labels = np.arange(n) % 2
            found.append(([texts(3 if label else 0, 1, 1000 * i + k)[0] for k, label in enumerate(labels)], labels))
        return found

    base, config = classifier(), lora(task_type="SEQ_CLS")
    learners = [
        PeftLearner(
            base,
            *sets(i),
            tokenizer=tokenizer(),
            adapter=config,
            length=24,
            steps_per_round=30,
            seed=i,
            optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
        )
        for i in range(2)
    ]
    shared = learners[0].mli_get_current_weights().weights["shared"]
    assert any("score" in name for name in shared) and any("lora_A" in name for name in shared)
    results = run(4, learners)
    assert min(results.rounds[-1].test_scores) > 0.9 > max(results.initial.test_scores)
    assert learners[0].predict(["ab bad.", "kick."]).shape == (2, 2)


def test_save__adapter__is_loaded_by_peft_and_predicts_the_same(tmp_path: Path) -> None:
    learner = make()
    learner.mli_accept_weights(learner.mli_propose_weights())
    files = learner.save(tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {file.name for file in files}
    rows = learner.test_set[0][:4]
    names: dict[str, Any] = {"base": language_model()}
    exec(files[0].line(tmp_path / "adapter"), names)
    loaded = names["model"].eval()
    with torch.no_grad():
        found = loaded(input_ids=torch.from_numpy(rows)).logits.numpy()
    np.testing.assert_allclose(found, learner.predict(rows), rtol=1e-5, atol=1e-6)
    assert not np.allclose(found, make().predict(rows), atol=1e-3)


def test_folder__of_a_model__is_read_with_its_tokenizer_and_no_hub_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    folder = save_base(tmp_path / "base")
    learner = make(base=str(folder), tokenizer=None)
    assert learner.base_sha256 == make().base_sha256
    with pytest.raises(DataError, match="no model can be read from"):
        load_base(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no model can be read from someone/model"):
        load_base("someone/model")


@pytest.mark.parametrize("other", [{"base": language_model(2)}, {"adapter": lora(lora_alpha=16)}])
def test_base__another_model_or_another_scale__is_not_the_agreed_one(other: dict[str, Any]) -> None:
    learner = make()
    with pytest.raises(SchemaMismatch, match="the frozen base of the model isn't the one that was agreed on"):
        make(**other).mli_accept_weights(learner.mli_get_current_weights())


def test_weights__of_another_shape__are_told_by_the_leaf() -> None:
    learner = make()
    other = decode(encode(learner.mli_get_current_weights().weights))
    name = next(iter(other["shared"]))
    other["shared"][name] = np.zeros((8, 32), np.float32)
    with pytest.raises(SchemaMismatch, match=r"q_proj\.lora_A\..* is an array F32 of shape \(8, 32\)"):
        learner.mli_test_weights(Weights(other))


@pytest.mark.parametrize(
    "options, what",
    [
        ({"adapter": lora(target_modules=["no_such"])}, "peft can't adapt the model"),
        ({"length": 5000}, "the train set has 0 rows of 5000 tokens"),
        ({"metric": "bleu"}, "metric is 'bleu'"),
        ({"share": "*.lora_C.*"}, r"shares nothing of the model"),
        ({"tokenizer": None}, "texts without a tokenizer"),
        ({"adapter": lora(task_type="SEQ_2_SEQ_LM")}, "for SEQ_2_SEQ_LM"),
        ({"privacy": object()}, "differential privacy of an adapter"),
    ],
)
def test_options__that_can_not_be__are_told(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        make(**options)


def test_model__that_is_none__is_told() -> None:
    with pytest.raises((LearnerError, UsageError), match="the model is a"):
        make(base=torch.nn.Linear(2, 2))


def test_token_blocks__texts__follow_each_other_with_an_end_between() -> None:
    rows = token_blocks(tokenizer(), ["abc", "de"], 3)
    end = len(LETTERS)
    assert rows.tolist() == [[0, 1, 2], [end, 3, 4]]


def test_early_stop_and_pauses__adapter__no_base_is_copied() -> None:
    learner = make(early_stop=2)
    seen: list[Any] = []

    def pause(*_: int) -> bool:
        if not seen:
            seen.append(learner.mli_test_weights(learner.mli_get_current_weights()))
        return True

    learner.mli_set_pause(pause)
    proposed = learner.mli_propose_weights()
    learner.mli_set_pause(None)
    assert encode(proposed.weights) != encode(learner.mli_get_current_weights().weights) and seen
