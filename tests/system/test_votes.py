"""What a node says of its votes: the policy and its evidence in the log, and in ``check`` that a vote set is small."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from colearn_node.check import Findings
from colearn_node.log import Log
from colearn_node.reporter import Reporter
from colearn_node.settings import Config
from colearn_node.task_learner import task_learner

from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.asking import ask_current
from colearn_ledger.core.decide import Judge
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.protocol import ZERO_ADDRESS
from colearn_ledger.core.roles import roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.summaries import VoteRecord
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import UsageError
from colearn_ledger.founding.record import DeploymentRecord, save_deployment
from colearn_ledger.history import Choice
from colearn_ledger.member.work import Verdict

from ..kit.anvil import wait_until
from ..kit.builders import proposal
from ..kit.nodes import node_collective, trained


def told(record: VoteRecord | None, *, as_json: bool = False) -> str:
    action = Judge(7, proposal(), False)
    test = ProposedWeights(Weights(None), 0.94171, 0.9, True, current_score=0.93219, record=record)
    out = io.StringIO()
    Reporter(Log(as_json=as_json, to=out)).submitted(
        Verdict(action, True, test, ""), Receipt(Outcome.SENT, b"t" * 32, 5, 31020)
    )
    return out.getvalue()


def test_log__vote_of_a_learner_that_tells_how__policy_and_p_value_in_the_line() -> None:
    record = VoteRecord("paired:0.05", 1000, 0.0, 0.93219, 0.94171, 0.0834567)
    assert (
        "voted to approve: scores 0.9417, now 0.9322 on 1,000 samples (paired:0.05, p 0.083) (0x74747474…, 31,020 gas)"
        in told(record)
    )
    facts = json.loads(told(record, as_json=True))
    assert (facts["policy"], facts["samples"], facts["margin"], facts["p_value"]) == ("paired:0.05", 1000, 0, 0.0834567)


def test_log__vote_of_a_learner_that_does_not__scores_alone() -> None:
    assert "voted to approve: scores 0.9417, now 0.9322 (0x" in told(None)
    assert "policy" not in json.loads(told(None, as_json=True))
    assert "p_value" not in told(VoteRecord("strict", 9, 0.0, 0.1, 0.2), as_json=True)


@pytest.mark.slow
@pytest.mark.parametrize("task, small", [("IRIS", True), ("SKLEARN_DIGITS", False)])
def test_check__learner_that_votes_on_few_samples__says_so(
    task: str, small: bool, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    options: dict[str, Any] = {"index": 0, "of": 2, "task": task}
    learner = task_learner(**options)
    weights = ask_current(learner).weights
    schema = Schema.of(weights, roles_of(learner))
    record = DeploymentRecord(1, ZERO_ADDRESS, 1, bytes(32), weights_ref(encode(weights)), schema)
    save_deployment(record, tmp_path / "deployment.json")
    findings = Findings(replace(config(options), deployment=tmp_path / "deployment.json"))
    recwarn.clear()
    line = findings.try_learner()
    assert line.note is small
    assert ("it votes on 25 samples; below 200" in line.text) is small
    assert not recwarn.list


def config(options: dict[str, Any]) -> Config:
    return Config(learner_factory="colearn_node.task_learner:task_learner", learner_options=options)


def test_task_learner__vote_policy__is_the_learners() -> None:
    learner = task_learner(index=0, of=2, task="IRIS", vote_policy="strict")
    assert learner.mli_test_weights(learner.mli_get_current_weights()).vote is False
    with pytest.raises(UsageError, match="kind"):
        task_learner(index=0, of=2, task="IRIS", vote_policy="kind")


@pytest.mark.slow
@pytest.mark.parametrize(
    "publish, secret",
    [
        (True, True),
        *(pytest.param(*both, marks=pytest.mark.slow) for both in [(False, False), (True, False), (False, True)]),
    ],
)
def test_scores__published_by_a_node__are_in_the_history_and_else_nowhere(
    tmp_path: Path, secret: bool, publish: bool
) -> None:
    with node_collective(tmp_path, 2, secret=secret) as made:
        node = made.start(1, **({"publish_scores": True} if publish else {}))
        made.propose(made.store.put(trained()))
        wait_until(lambda: bool(node.events("commit" if secret else "vote")), "it votes")
        if secret:  # the only voter has committed, so reveals are taken
            wait_until(lambda: bool(node.events("reveal")), "it reveals")
        [said] = node.events("commit" if secret else "vote")
        first = made.history().rounds[1]
        [vote] = [vote for vote in first.votes if vote.seat == 1]
        assert vote.choice is Choice.APPROVED
        if publish:
            assert vote.scores == pytest.approx((said["current_score"], said["score"]), abs=1e-6)
        else:
            assert vote.scores is None
