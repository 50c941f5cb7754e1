"""PyTorch learners whose sets are datasets and loaders: the bytes of arrays, and one message for what can't be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    WeightedRandomSampler,
)

from colearn_ledger import check_learner
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ColearnError, LearnerError, UsageError
from colearn_ledger.learners.attacks import LabelFlip
from colearn_ledger.learners.torch import TorchLearner

from ..kit.torch_learners import blobs, network, proposal

pytestmark = pytest.mark.slow


class Samples(Dataset[Any]):
    """One sample at a time, out of arrays; notes which were asked for."""

    def __init__(self, pair: tuple[Any, Any]) -> None:
        self.pair = pair
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.pair[0])

    def __getitem__(self, i: int) -> Any:
        assert isinstance(i, int)
        self.asked.append(i)
        return self.pair[0][i], self.pair[1][i]


class Noisy(Samples):
    """Each sample with noise from PyTorch's generator."""

    def __getitem__(self, i: int) -> Any:
        x, y = super().__getitem__(i)
        return torch.from_numpy(x) + torch.randn(20), y


class Endless(IterableDataset[Any]):
    """The samples again and again, and no length."""

    def __init__(self, pair: tuple[Any, Any]) -> None:
        self.pair = pair
        self.given: list[int] = []

    def __iter__(self) -> Iterator[Any]:
        while True:
            for i, sample in enumerate(zip(*self.pair, strict=True)):
                self.given.append(i)
                yield sample
                assert len(self.given) < 10_000, "somebody reads on and on"


class EndlessAtLength(Endless):
    def __len__(self) -> int:
        return 300


class Once(IterableDataset[Any]):
    """The samples in their order; says that there are ``length``."""

    def __init__(self, pair: tuple[Any, Any], length: int | None = None) -> None:
        self.pair = pair
        self.length = len(pair[0]) if length is None else length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return zip(*self.pair, strict=True)


def make(train: Any = None, vote: Any = None, test: Any = None, **options: Any) -> TorchLearner:
    sets = blobs()
    given = [s if g is None else g for s, g in zip(sets, (train, vote, test), strict=True)]
    return TorchLearner(network(), *given, **{"steps_per_round": 25, "vote_policy": "paired:0.05", **options})


def judged(learner: TorchLearner) -> tuple[Any, ...]:
    told = learner.mli_test_weights(learner.mli_propose_weights())
    return told.vote_value, told.test_value, told.current_score, told.vote, told.record


def as_dataset(pair: Any) -> Any:
    return Samples(pair)


def as_doubles(pair: Any) -> Any:
    return Samples((pair[0].astype(np.float64), [int(y) for y in pair[1]]))


def as_loader(pair: Any) -> Any:
    return DataLoader(Samples(pair), batch_size=32, shuffle=True)


def one_more(samples: list[Any]) -> Any:
    return torch.stack([torch.from_numpy(x) for x, _ in samples]), torch.tensor([y + 1 for _, y in samples])


def as_loader_with_workers(pair: Any) -> Any:
    data = Samples((pair[0], pair[1] - 1))
    return DataLoader(data, batch_size=32, num_workers=2, persistent_workers=True, collate_fn=one_more)


@pytest.mark.parametrize("made", [as_dataset, as_doubles, as_loader, as_loader_with_workers])
def test_dataset__map_style__gives_the_bytes_and_the_votes_of_arrays(made: Any) -> None:
    arrays, dataset = make(), make(*map(made, blobs()))
    state = torch.get_rng_state()
    assert [proposal(dataset, round) for round in (1, 2)] == [proposal(arrays, round) for round in (1, 2)]
    assert judged(dataset) == judged(arrays)
    assert torch.equal(torch.get_rng_state(), state), "a program's own randomness is its own"
    assert dataset.reproducible
    assert dataset.vote_samples == 300


def test_dataset__map_style__is_read_batch_by_batch_alone() -> None:
    train = Samples(blobs()[0])
    module = torch.nn.Linear(20, 4)
    learner = TorchLearner(module, train, *blobs()[1:], steps_per_round=2, batch_size=8)
    assert not train.asked
    learner.mli_propose_weights()
    assert len(train.asked) == 16


def test_dataset__random_transforms__are_fixed_by_seed_and_round() -> None:
    learners = [make(Noisy(blobs()[0]), seed=seed) for seed in (0, 0, 1)]
    first, again, other = (proposal(learner, 1) for learner in learners)
    assert first == again != other
    assert first != proposal(make(), 1)


@pytest.mark.parametrize("made", [as_dataset, as_loader, Once, lambda pair: DataLoader(Once(pair), batch_size=50)])
def test_check_learner__of_each_kind__keeps_the_promises(made: Any) -> None:
    report = check_learner(make(*map(made, blobs()), steps_per_round=3))
    assert report.kept
    assert any("not reproducible" in warning for warning in report.warnings) == (made not in (as_dataset, as_loader))


def test_loader__its_batches__have_its_size_and_come_from_its_collate_fn() -> None:
    sizes = []

    def collate(samples: list[Any]) -> Any:
        sizes.append(len(samples))
        return torch.stack([torch.from_numpy(x) for x, _ in samples]), torch.tensor([y for _, y in samples])

    learner = make(DataLoader(Samples(blobs()[0]), batch_size=48, collate_fn=collate), steps_per_round=None)
    assert (learner.batch_size, learner.steps) == (48, 600 // 48)
    trained = proposal(learner, 1)
    assert sizes[: learner.steps] == [48] * learner.steps
    assert trained == proposal(make(batch_size=48, steps_per_round=None), 1)


def test_privacy__a_map_style_dataset__trains_to_the_bytes_of_arrays() -> None:
    pytest.importorskip("opacus")
    from colearn_ledger.core.summaries import DiffPrivConfig

    config = DiffPrivConfig(
        target_epsilon=50.0, target_delta=1e-3, max_grad_norm=1.0, noise_multiplier=1.0, deterministic=True
    )
    sets = blobs()
    options: Any = {"privacy": config, "batch_size": 2, "steps_per_round": 20}  # some batches are empty
    arrays, dataset = (
        TorchLearner(torch.nn.Linear(20, 4), train, *sets[1:], **options) for train in (sets[0], Samples(sets[0]))
    )
    dataset.mli_accept_weights(arrays.mli_get_current_weights())
    assert proposal(dataset, 1) == proposal(arrays, 1)
    with pytest.raises(UsageError, match="differential privacy with a training set that is an IterableDataset"):
        TorchLearner(torch.nn.Linear(20, 4), Once(sets[0]), *sets[1:], **options)


# ------------------------------------------------------------------------------------------------ streams


def test_stream__without_an_end__trains_on_from_where_the_last_training_ended_and_learns() -> None:
    train = Endless(blobs()[0])
    module = torch.nn.Linear(20, 4)
    learner = TorchLearner(module, train, *blobs()[1:], steps_per_round=20, batch_size=20)
    assert not learner.reproducible
    assert not train.given
    first = encode(learner.mli_propose_weights().weights)
    assert train.given == [*range(400)]
    learner.mli_begin_round(0)
    learner.mli_propose_weights()
    assert train.given == [*range(600), *range(200)]
    assert first != encode(learner.mli_get_current_weights().weights)
    for _ in range(10):
        learner.mli_accept_weights(learner.mli_propose_weights())
    assert learner.mli_test_weights(learner.mli_get_current_weights()).test_value > 0.9


def test_stream__with_an_end__begins_anew_and_a_pass_is_as_long_as_it_says() -> None:
    learner = make(Once(blobs()[0]), steps_per_round=None, epochs=3, batch_size=64)
    assert learner.steps == 3 * (600 // 64)
    assert learner.mli_propose_weights().training_summary.samples == learner.steps * 64


def test_stream__voted_and_tested_with__scores_as_the_arrays_do() -> None:
    sets = blobs()
    loader = DataLoader(Once((sets[2][0], sets[2][1] - 1)), batch_size=7, collate_fn=one_more)
    arrays, streams = make(), make(None, Once(sets[1]), loader)
    assert judged(streams) == judged(arrays)
    assert streams.reproducible  # it trains on arrays


# ------------------------------------------------------------------------------------------------ what can't be


class Lengthless(Dataset[Any]):
    def __getitem__(self, i: int) -> Any:
        return np.zeros(20, np.float32), 0


def refused() -> Iterator[Any]:
    train, vote, _ = blobs()
    samples = Samples(train)
    yield {"train": Endless(train), "steps_per_round": None}, "the train set, a Endless, has no length"
    yield {"vote": Endless(vote)}, "the vote set, a Endless, has no length"
    yield {"test": DataLoader(Endless(vote))}, "the test set, a Endless, has no length"
    yield {"train": Lengthless()}, "the train set, a Lengthless, has no length"
    yield {"train": Once((train[0][:0], train[1][:0]))}, "the train set has 0 inputs"
    yield {"train": Samples((train[0][:0], train[1][:0]))}, "the train set has 0 inputs"
    yield {"train": DataLoader(samples, sampler=WeightedRandomSampler([1.0] * 600, 600))}, "by a WeightedRandomSampler"

    class Mine(BatchSampler):
        pass

    yield {"train": DataLoader(samples, batch_sampler=Mine(SequentialSampler(samples), 9, False))}, "by a Mine"
    yield {"train": DataLoader(samples, batch_size=None)}, "has batch_size=None"
    yield {"train": DataLoader(samples, batch_size=16), "batch_size": 32}, "batch_size is 32, and .* DataLoader 16"


@pytest.mark.parametrize(("given", "words"), [*refused()], ids=lambda value: value if isinstance(value, str) else "")
def test_set__that_cant_be_used__is_one_message_when_the_learner_is_made(given: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        make(**given)
    assert "\n" not in error.value.what


class Inputs(Samples):
    def __getitem__(self, i: int) -> Any:
        return self.pair[0][i]


class Named(Samples):
    def __getitem__(self, i: int) -> Any:
        return {"image": self.pair[0][i], "digit": self.pair[1][i]}


class Nested(Samples):
    def __getitem__(self, i: int) -> Any:
        return {"image": self.pair[0][i]}, self.pair[1][i]


def test_dataset__of_another_form_than_the_vote_set__is_told_at_the_first_training() -> None:
    with pytest.raises(LearnerError, match="the train set's inputs are several, and the vote set's are one"):
        make(Nested(blobs()[0])).mli_propose_weights()


@pytest.mark.parametrize(
    ("kind", "expected"), [(Inputs, "pairs of an input and a target"), (Named, "the targets in `labels` or `label`")]
)
def test_dataset__whose_samples_are_no_pairs__is_told_at_the_first_training(kind: Any, expected: str) -> None:
    learner = make(kind(blobs()[0]))
    with pytest.raises(ColearnError, match="the train set") as error:
        learner.mli_propose_weights()
    assert expected in error.value.expected


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (Once(blobs()[1], 299), "Once, gave more than 299 samples"),
        (Once(blobs()[1], 301), "Once, gave 300 of 301 samples"),
        (EndlessAtLength(blobs()[1]), "EndlessAtLength, gave more than 300 samples"),
    ],
)
def test_stream__of_another_length_than_it_says__is_no_vote_set(stream: Any, words: str) -> None:
    with pytest.raises(LearnerError, match=f"the vote set, a {words}"):
        make(vote=stream)


def test_stream__without_a_whole_batch__ends_the_training_with_a_message() -> None:
    learner = make(Once((blobs()[0][0][:5], blobs()[0][1][:5]), 600))
    with pytest.raises(LearnerError, match="gives no batch of 32"):
        learner.mli_propose_weights()


def test_label_flip__of_a_dataset__is_refused() -> None:
    with pytest.raises(UsageError, match="can't be flipped"):
        LabelFlip(make(Samples(blobs()[0])))
