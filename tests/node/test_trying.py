"""``colearn-node try``: what a round takes here, without sending anything."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from colearn_node.cli import main
from colearn_node.settings import SETTINGS, load
from colearn_node.trying import Judged, try_out

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.weights import decode, encode, weights_ref
from colearn_ledger.errors import LearnerError

from ..kit.learners import linear_learners
from ..kit.nodes import NodeCollective, node_collective, trained


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeCollective]:
    """Round 1 was accepted; round 2 is open."""
    with node_collective(tmp_path_factory.mktemp("collective"), 2) as made:
        made.propose(made.store.put(trained()))
        made.vote(1)
        yield made


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)


def no_key(made: NodeCollective, **changes: Any) -> Path:
    return made.config(1, keystore=None, password_file=None, **changes)


def files(made: NodeCollective) -> list[Path]:
    return sorted(path for path in (made.folder / "weights").rglob("*") if path.is_file())


def test_try__without_a_key__trains_from_the_accepted_weights_and_leaves_nothing(
    made: NodeCollective, capsys: Any
) -> None:
    before, block = files(made), made.chain.web3.eth.block_number
    assert main(["try", "--config", str(no_key(made)), "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    [learner] = linear_learners(2, 1)[1:]
    learner.mli_accept_weights(Weights(decode(trained())))
    learner.mli_begin_round(2)
    proposed = learner.mli_propose_weights()
    test = learner.mli_test_weights(proposed)
    assert found["sha256"] == weights_ref(encode(proposed.weights)).sha256.hex()
    assert found["proposed"] == {**found["proposed"], "vote_score": test.vote_score, "test_score": test.test_score}
    assert (found["round"], found["accepted_round"], found["short"]) == (2, 1, [])
    assert files(made) == before and made.chain.web3.eth.block_number == block
    assert "training ..." in told.err


def test_try__as_text__has_a_line_for_each_step(made: NodeCollective, capsys: Any) -> None:
    assert main(["try", "--config", str(no_key(made))]) == 0
    lines = capsys.readouterr().out.splitlines()
    subjects = [line.split()[0] for line in lines]
    assert subjects == ["accepted", "tested", "training", "tested", "store", "windows", "nothing"]
    assert "the windows are long enough" in lines[5] and "a training 0.0 s" in lines[5]


def test_try__slow_machine__windows_that_are_short_are_named(made: NodeCollective) -> None:
    ticks = itertools.count(0, 5000)  # seconds for whatever is measured
    found = try_out(load(no_key(made), {}, {}), lambda text: None, clock=lambda: float(next(ticks)))
    assert found.short == ("propose_window", "vote_window")
    assert (found.train_s, found.put_s, found.get_s) == (5000, 5000, 5000)
    assert "is short" in found.windows and "--propose-window" in found.windows


def test_try__learner_with_a_privacy_budget__does_not_train(made: NodeCollective, tmp_path: Path) -> None:
    options = {"index": 1, "ledger": str(tmp_path / "spent")}
    config = no_key(made, learner__factory="tests.kit.node_learners:make_frugal", learner__options=options)
    found = try_out(load(config, {}, {}), lambda text: None)
    assert found.untrained == "it would cost privacy" and found.train_s is None and found.proposed is None
    assert len((tmp_path / "spent").read_text().splitlines()) == 1, "its head alone"
    assert any("training    none: it would cost privacy" in line for line in found.lines())


def test_try__learner_that_fails_in_its_training__is_one_message(made: NodeCollective) -> None:
    (made.folder / "failing.py").write_text(
        "from tests.kit.node_learners import make as good\n"
        "def make(index):\n"
        "    learner = good(index)\n"
        "    learner.mli_propose_weights = lambda: 1 / 0\n"
        "    return learner\n"
    )
    with pytest.raises(LearnerError, match="ZeroDivisionError"):
        try_out(load(no_key(made, learner__factory="failing:make"), {}, {}), str)


@pytest.mark.parametrize("vote, said", [(True, "approved"), (False, "rejected"), (None, "abstained from")])
def test_judged__in_words__has_time_and_scores(vote: bool | None, said: str) -> None:
    assert str(Judged(0.5, 0.25, vote, 1.5)) == "1.50 s: vote score 0.5000, test score 0.2500"


@pytest.mark.slow
def test_try__joint_rounds__times_a_merge_and_trains_for_the_training_that_goes_on(tmp_path: Path) -> None:
    rules = Rules(train_window=60)
    with node_collective(tmp_path, 3, rules=rules, merge_order=(Rule.MEAN, Rule.MEDIAN)) as made:
        found = try_out(load(no_key(made), {}, {}), lambda text: None)
    assert found.merge_s is not None and "a merge of 3 contributions" in found.windows
    assert (found.round, found.accepted_round, found.short) == (1, 0, ())
