"""``colearn-node evaluate``: what accepted weights are worth on the member's own data."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

import pytest
from colearn_node.cli import main
from colearn_node.evaluate import Evaluated
from colearn_node.settings import SETTINGS

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode

from ..kit.learners import linear_learners
from ..kit.nodes import NodeCollective, node_collective, trained


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeCollective]:
    """Round 1 was accepted, round 2 rejected; round 3 is open."""
    with node_collective(tmp_path_factory.mktemp("collective"), 2) as made:
        made.propose(made.store.put(trained()))
        made.vote(1)
        made.propose(made.store.put(trained(1)))
        made.vote(0, approve=False)
        yield made


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)


def asked(made: NodeCollective, capsys: Any, *words: str, **changes: Any) -> dict[str, Any]:
    changes = {"keystore": None, "password_file": None, **changes}
    assert main(["evaluate", "--config", str(made.config(1, **changes)), "--json", *words]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_evaluate__rounds__the_scores_that_the_learner_itself_gives(made: NodeCollective, capsys: Any) -> None:
    for words, number in (([], 1), (["--round", "1"], 1), (["--round", "0"], 0)):
        found = asked(made, capsys, *words)
        tree = decode(trained()) if number else linear_learners(2, 1)[0].mli_get_current_weights().weights
        test = linear_learners(2, 1)[1].mli_test_weights(Weights(tree))
        assert (found["round"], found["is_current"]) == (number, number == 1)
        assert (found["vote_score"], found["test_score"]) == (test.vote_score, test.test_score)
    assert made.nodes == [] and not (made.folder / "weights" / ".kept").exists()


def test_evaluate__as_text__says_which_weights(made: NodeCollective, capsys: Any) -> None:
    assert main(["evaluate", "--config", str(made.config(0))]) == 0
    first, vote, test = capsys.readouterr().out.splitlines()
    assert first == f"weights of round 1, which are accepted now, sha256 {made.accepted_sha256()}"
    assert vote.startswith("vote score  ") and test.startswith("test score  ")


def test_evaluate__what_the_learner_prints__is_not_in_the_answer(made: NodeCollective, capsys: Any) -> None:
    (made.folder / "chatty.py").write_text(
        "from tests.kit.node_learners import make as quiet\n"
        "def make(index):\n    print('hello')\n    return quiet(index)\n"
    )
    assert asked(made, capsys, learner__factory="chatty:make")["round"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, changes, code, said",
    [
        (["--round", "2"], {}, 2, "round 2 was rejected"),
        (["--round", "7"], {}, 2, "there is no round 7"),
        (["--round", "-1"], {}, 2, "--round is -1"),
        ([], {"learner__options": {"index": 1, "features": 5}}, 6, "don't fit the collective's model"),
        ([], {"store__folder": "nowhere"}, 2, "there is no folder"),
        ([], {"store__folder": "empty"}, 40, "aren't in the store"),
        ([], {"rpc": ["http://127.0.0.1:1"]}, 41, ""),
    ],
)
def test_evaluate__what_cannot_be__is_one_message(
    made: NodeCollective, capsys: Any, words: list[str], changes: dict[str, Any], code: int, said: str
) -> None:
    os.makedirs(made.folder / "empty", exist_ok=True)
    assert main(["evaluate", "--config", str(made.config(1, **changes)), *words]) == code
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("error: ") and said in told.err


def test_evaluated__a_score_that_is_no_number__is_null() -> None:
    found = json.loads(Evaluated(3, True, "ab", math.nan, 0.5).to_json())
    assert (found["vote_score"], found["test_score"]) == (None, 0.5)
