"""The file of a training's checkpoint: what is gone on with, what is put aside, what goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.decide import Adopt, Judge, Propose
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import TrainingStopped
from colearn_ledger.member.checkpoints import Checkpoints, TrainingId
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.work import Trained
from colearn_ledger.stores.local import LocalStore

from ..kit.builders import proposal
from ..kit.enduring import make_enduring
from ..kit.fakes import Clock
from ..kit.learners import LinearLearner

MINE = TrainingId(7, b"p" * 32, joint=False)
STATE = {"weights": [np.arange(5.0), np.float32(1.5)], "optimizer": b"\0" * 100, "text": "x", "none": None}


class Ticking(Clock):
    """A clock by which whatever is done between two looks takes ``step`` seconds."""

    step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Bench:
    def __init__(self, path: Path, learner: str = "as it is") -> None:
        self.path, self.clock = path, Ticking()
        self.said: list[tuple[str, bool]] = []
        self.all = Checkpoints(
            path,
            every_s=60,
            learner=learner,
            tell=lambda text, wrong: self.said.append((text, wrong)),
            clock=self.clock,
        )

    def saved(self, training: TrainingId = MINE) -> Bench:
        self.all.of(training).save(STATE)
        assert self.path.exists()
        return self

    def loads(self, training: TrainingId = MINE) -> Any:
        return self.all.of(training).load()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "checkpoints" / "mine.training")


def test_load__what_was_saved_last__comes_back_in_another_process_and_is_told(bench: Bench) -> None:
    bench.saved()
    one = bench.all.of(MINE)
    one.save({**STATE, "text": "newer"})
    found = Bench(bench.path).loads()
    assert found["text"] == "newer" and encode(found) == encode({**STATE, "text": "newer"})
    bench.loads()
    assert bench.said == [("the training goes on from its checkpoint", False)]
    assert [p.name for p in bench.path.parent.iterdir()] == ["mine.training"]


def test_save__a_file__is_for_its_owner_alone(bench: Bench) -> None:
    bench.saved()
    assert bench.path.stat().st_mode & 0o077 == 0 and bench.path.parent.stat().st_mode & 0o077 == 0


def test_due__time_goes_by__once_in_the_interval_and_never_more_than_a_twentieth_of_the_time(bench: Bench) -> None:
    one = bench.all.of(MINE)
    assert not one.due
    bench.clock.now += 60
    assert one.due
    one.save(STATE)
    assert not one.due
    bench.clock.now += 60
    assert one.due

    bench.clock.step = 10
    one.save(STATE)
    bench.clock.step = 0
    bench.clock.now += 20 * 10 - 1
    assert not one.due
    bench.clock.now += 1
    assert one.due


@pytest.mark.parametrize(
    "other",
    [TrainingId(8, MINE.parent, False), TrainingId(7, b"q" * 32, False), TrainingId(7, MINE.parent, True)],
    ids=["another round", "another parent", "a joint one"],
)
def test_of__another_training__nothing_to_go_on_with_and_the_file_goes(bench: Bench, other: TrainingId) -> None:
    assert bench.saved().loads(other) is None
    assert not bench.path.exists()
    assert bench.said == [("the checkpoint of round 7's training is no use any more, and was removed", False)]


@pytest.mark.parametrize("parent, stays", [(MINE.parent, True), (b"q" * 32, False)])
def test_adopted__weights__a_training_from_others_is_over(bench: Bench, parent: bytes, stays: bool) -> None:
    bench.saved().all.adopted(parent)
    assert bench.path.exists() is stays


@pytest.mark.parametrize("joint, round, stays", [(False, 7, True), (False, 8, False), (True, 8, True)])
def test_votes_in__a_later_round__a_solo_training_is_over(bench: Bench, joint: bool, round: int, stays: bool) -> None:
    bench.saved(TrainingId(7, MINE.parent, joint)).all.votes_in(round)
    assert bench.path.exists() is stays


def damaged(data: bytes) -> list[bytes]:
    half, bit = data[: len(data) // 2], bytearray(data)
    bit[-1] ^= 1
    return [b"", b"\n", b"no checkpoint", half, bytes(bit), data + b"\0", b"\n".join([data, data]), os.urandom(2000)]


@pytest.mark.parametrize("which", range(8))
def test_load__a_damaged_file__is_put_aside_and_told(bench: Bench, which: int) -> None:
    data = bench.saved().path.read_bytes()
    bench.path.write_bytes(damaged(data)[which])
    assert bench.loads() is None and not bench.path.exists()
    [(text, wrong)] = bench.said
    assert wrong and "can't be used: it is damaged; it is" in text and "mine.training.unusable" in text
    assert bench.saved().loads() is not None, "there is a new one"


def test_load__of_a_learner_that_is_made_otherwise__is_put_aside_and_told(bench: Bench) -> None:
    bench.saved()
    other = Bench(bench.path, "with another rate")
    assert other.loads() is None and not bench.path.exists()
    assert "the learner's code, factory or options have changed since" in other.said[0][0]


def test_put_aside__again_and_again__leaves_one_file(bench: Bench) -> None:
    for _ in range(3):
        one = bench.saved().all.of(MINE)
        one.load()
        one.put_aside("it is another model's")
    assert [p.name for p in bench.path.parent.iterdir()] == ["mine.training.unusable"]


def test_save__no_folder_can_be_made_there__is_told_once_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path / "file" / "mine.training")
    for _ in range(3):
        bench.all.of(MINE).save(STATE)
    [(text, wrong)] = bench.said
    assert (
        wrong
        and text.startswith("no checkpoint of the training can be written: ")
        and text.endswith("/file: File exists")
    )
    assert bench.loads() is None


def test_save__numbers_that_are_none__are_told_and_the_last_good_one_stays(bench: Bench) -> None:
    bench.saved().all.of(MINE).save({"weights": np.array([np.nan])})
    assert bench.said[0][1] and bench.loads() is not None


def test_init__what_a_killed_process_has_half_written__goes(bench: Bench) -> None:
    bench.saved()
    half = bench.path.with_name(f".{bench.path.name}.1234.abcd")
    half.write_bytes(b"half")
    other = bench.path.with_name(".other.training.1234.abcd")
    other.write_bytes(b"another node's")
    Bench(bench.path)
    assert not half.exists() and other.exists() and bench.path.exists()


class Saving(LinearLearner):
    """Keeps its steps, and fails in the fifth of ten for so often."""

    failures = 1

    def mli_set_checkpoint(self, checkpoint: Any) -> None:
        self.checkpoint = checkpoint

    def mli_propose_weights(self) -> Weights:
        state = self.checkpoint.load() or {"done": 0}
        self.begun = state["done"]
        for done in range(self.begun, 10):
            if done == 5 and self.failures:
                self.failures -= 1
                raise RuntimeError("killed")
            self.checkpoint.save({"done": done + 1})
        return super().mli_propose_weights()


def test_prepare__a_training_that_failed__goes_on_and_once_other_weights_are_adopted_its_checkpoint_goes(
    bench: Bench, tmp_path: Path
) -> None:
    learner, store = Saving(0, seed=1), LocalStore(tmp_path / "store")
    member = Preparer(learner, store, max_size=1 << 20, checkpoints=bench.all)
    first = store.put(encode(learner.mli_get_current_weights().weights))
    member.prepare(Adopt(0, first))
    with pytest.raises(RuntimeError):
        member.prepare(Propose(1, first.sha256))
    assert bench.path.exists()
    made = member.prepare(Propose(1, first.sha256))
    assert learner.begun == 5 and bench.path.exists(), "its transaction may yet be lost"
    member.prepare(Adopt(1, made.weights))
    assert not bench.path.exists()


def test_prepare__a_training_that_the_node_ends__leaves_nothing_to_the_next_one(bench: Bench, tmp_path: Path) -> None:
    made = [make_enduring(0, str(tmp_path), steps_per_round=9) for _ in range(2)]
    learner, alone = made
    bench.all.every_s = 0.0
    member = Preparer(learner, LocalStore(tmp_path / "store"), max_size=1 << 20, checkpoints=bench.all)
    first, other = (member.store.put(encode({"w": np.full(4, value)})) for value in (0.0, 0.5))
    member.prepare(Adopt(0, first))
    with pytest.raises(TrainingStopped):
        member.prepare(Propose(1, first.sha256), pause=lambda done=0, of=0: done < 5)
    assert bench.path.exists()
    member.prepare(Adopt(1, other))
    assert not bench.path.exists()
    trained = member.prepare(Propose(2, other.sha256))
    alone.mli_accept_weights(Weights({"w": np.full(4, 0.5)}))
    alone.mli_begin_round(2)
    assert isinstance(trained, Trained)
    assert member.store.get(trained.weights) == encode(alone.mli_propose_weights().weights)


def test_prepare__another_round_is_voted_on__the_checkpoint_of_a_solo_training_goes(
    bench: Bench, tmp_path: Path
) -> None:
    learner, store = LinearLearner(0, seed=1), LocalStore(tmp_path / "store")
    member = Preparer(learner, store, max_size=1 << 20, checkpoints=bench.saved().all)
    data = encode(learner.mli_get_current_weights().weights)
    member.prepare(Judge(8, proposal(weights=store.put(data)), secret=False))
    assert not bench.path.exists()


def test_prepare__a_learner_without_checkpoints__is_told_once(bench: Bench, tmp_path: Path) -> None:
    learner, store = LinearLearner(0, seed=1), LocalStore(tmp_path / "store")
    member = Preparer(learner, store, max_size=1 << 20, checkpoints=bench.all)
    first = store.put(encode(learner.mli_get_current_weights().weights))
    member.prepare(Adopt(0, first))
    for round in (1, 2):
        member.prepare(Propose(round, first.sha256))
    assert bench.said == [("trainings have no checkpoints: learner LinearLearner has no mli_set_checkpoint", True)]
