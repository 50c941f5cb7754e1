"""One node process, with the test in the part of the other members."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.cli.main import main as show
from colearn_ledger.core.cid import cid_text
from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.weights import encode, weights_ref

from ..kit.anvil import anvil, wait_until
from ..kit.nodes import NodeCollective, node_collective, trained
from ..kit.ports import Forwarder


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[NodeCollective]:
    """Two members; nobody runs yet."""
    with node_collective(tmp_path, 2) as made:
        yield made


@pytest.mark.slow
def test_vote__weights_that_can_not_be_had__are_tried_again_until_they_can(pair: NodeCollective) -> None:
    data = trained()
    node = pair.start(1)
    pair.propose(weights_ref(data))
    wait_until(lambda: len(node.events("unavailable")) >= 3, "it tries again and again")
    assert not pair.view(1).voted
    pauses = [float(e["text"].rpartition("again in ")[2].split()[0]) for e in node.events("unavailable")]
    assert all(0.2 <= pause <= most for pause, most in zip(pauses, (0.5, 1.0, 2.0), strict=False))
    pair.store.put(data)
    wait_until(lambda: bool(node.events("vote")), "it votes when they are there")
    assert pair.view(1).round == 2 and len(node.events("vote")) == 1


@pytest.mark.slow
def test_vote__weights_that_never_come__abstains_and_goes_on_after_the_deadline(tmp_path: Path) -> None:
    rules = Rules()
    with node_collective(tmp_path, 2, rules=rules) as made:
        node = made.start(1)
        wait_until(lambda: bool(node.events("wait")), "it rests")
        made.propose(weights_ref(trained()))
        wait_until(lambda: bool(node.events("unavailable")), "it has tried")
        assert made.records()[0].state.name == "VOTING"
        made.chain.pass_time(rules.vote_window + 1)
        wait_until(lambda: bool(node.events("propose")), "its own turn has come")
        assert made.records()[0].state.name == "REJECTED" and made.records()[0].rejections == 0
        assert node.events("outcome")[0]["outcome"] == "rejected"


INVALID = {
    "another model": encode({"w": np.zeros(5)}),
    "not a number": encode({"w": np.zeros(4)}).replace(bytes(8), np.float64("nan").tobytes(), 1),
    "no weights": b"\x00" * 100,
}


# Each kind is tried on the embedded ledger, too; here one of them will do for a quick run.
@pytest.mark.slow
@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=[pytest.mark.slow] if what != "not a number" else []) for what in INVALID]
)
def test_vote__invalid_weights__are_rejected_with_the_reason(pair: NodeCollective, what: str) -> None:
    pair.propose(pair.store.put(INVALID[what]))
    node = pair.start(1)
    wait_until(lambda: bool(node.events("vote")), "it votes")
    (vote,) = node.events("vote")
    assert vote["approve"] is False and vote["round"] == 1 and vote["phase"] == "voting"
    assert "score" not in vote and len(vote["text"]) > 30
    assert pair.records()[0].rejections == 0b10


@pytest.mark.slow
def test_vote__bytes_that_are_not_those_on_chain__are_rejected(pair: NodeCollective) -> None:
    ref = pair.store.put(trained())
    path = pair.store.folder / cid_text(ref.cid_digest, ref.size)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    pair.propose(ref)
    node = pair.start(1)
    wait_until(lambda: bool(node.events("vote")), "it votes")
    assert "sha256" in node.events("vote")[0]["text"] and pair.records()[0].rejections == 0b10


@pytest.mark.slow
def test_dry_run__decides_and_says__sends_and_stores_nothing(pair: NodeCollective) -> None:
    stored = sorted(p.name for p in pair.store.folder.iterdir())
    proposer = pair.start(0, "--dry-run")
    wait_until(lambda: bool(proposer.events("dry_run")), "the proposer says what it would do")
    assert "would have trained and proposed" in proposer.events("dry_run")[0]["text"]
    assert sorted(p.name for p in pair.store.folder.iterdir()) == stored
    proposer.kill()
    pair.propose(pair.store.put(trained()))
    named = pair.address(1)
    voter = pair.start(1, keystore=None, password_file=None, member=named)
    wait_until(lambda: bool(voter.events("dry_run")), "the voter says what it would do")
    assert "would have voted to approve: scores" in voter.events("dry_run")[0]["text"]
    voter.process.terminate()
    assert voter.wait(10) == 0
    assert len(voter.events("dry_run")) == 1, "it is said once"
    assert pair.nonce(1) == 0 and pair.nonce(0) == 1 and not pair.view(1).voted


@pytest.mark.slow
def test_privacy__spent__declines_once_a_turn_votes_on_and_stays_so_after_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with node_collective(tmp_path, 2) as made:
        options = {"index": 0, "ledger": str(tmp_path / "privacy.jsonl")}
        changes = {"learner__factory": "tests.kit.node_learners:make_frugal", "learner__options": options}
        node = made.start(0, **changes)
        wait_until(lambda: bool(node.events("propose")), "the budget is enough for one proposal")
        assert show(["show", "1", "--deployment", str(tmp_path / "deployment.json"), "--rpc", made.chain.url]) == 0
        shown = capsys.readouterr().out
        assert "epsilon: 1.0126" in shown and "delta: 1e-05" in shown and "target: 1.012" in shown
        made.vote(1)
        made.propose(made.store.put(trained(1)))
        wait_until(lambda: bool(node.events("declined")), "its turn came, after it had voted")
        assert len(node.events("vote")) == 1 and made.view(1).round == 3
        (declined,) = node.events("declined")
        assert declined["round"] == 3 and "epsilon 1.013 of 1.013 at delta 1e-05" in declined["text"]
        for _ in range(3):  # it looks again and again, and neither trains nor says so again
            made.chain.mine()
        node.kill()
        assert len(node.events("train")) == 2 and len(node.events("declined")) == 1

        node = made.start(0, **changes)
        wait_until(lambda: bool(node.events("declined")), "the new process knows what the old one spent")
        assert made.nonce(0) == 2  # a proposal and a vote
        made.chain.pass_time(Rules().propose_window + 1)
        wait_until(lambda: made.view(1).round == 4, "the turn has passed")
        made.propose(made.store.put(trained()))
        wait_until(lambda: bool(node.events("vote")), "it votes on")
        assert [r.state.name for r in made.records()][2] == "MISSED"


@pytest.mark.slow
def test_metrics__show_rounds_and_health(pair: NodeCollective) -> None:
    with contextlib.closing(Forwarder(pair.chain.url)) as endpoint:
        node = pair.start(1, rpc=[endpoint.url], metrics__listen="127.0.0.1:0")
        wait_until(lambda: bool(node.events("metrics")), "the server runs")
        assert node.get("/livez") == (200, "ok\n")
        wait_until(lambda: node.get("/readyz")[0] == 200, "it is ready")
        pair.propose(pair.store.put(trained()))
        wait_until(lambda: 'colearn_node_rounds_total{outcome="accepted"} 1.0' in node.get("/metrics")[1], "counted")
        shown = node.get("/metrics")[1]
        assert "\ncolearn_node_round 2.0\n" in shown and "\ncolearn_node_accepted_round 1.0\n" in shown
        assert 'colearn_node_events_total{event="vote",level="info"} 1.0' in shown
        gas = sum(e.get("gas", 0) for e in node.lines)
        assert gas > 30_000 and f"\ncolearn_node_gas_total {float(gas)}\n" in shown
        assert node.get("/nothing")[0] == 404
        endpoint.cut()
        wait_until(lambda: bool(node.events("chain")), "it sees that the chain is gone")
        assert node.process.poll() is None and node.get("/livez")[0] == 200


@pytest.mark.slow
def test_ready__before_the_learner_is__503_says_why(pair: NodeCollective) -> None:
    (pair.store.folder / cid_text(pair.view(1).accepted.cid_digest, pair.view(1).accepted.size)).unlink()
    node = pair.start(1, metrics__listen="127.0.0.1:0")
    wait_until(lambda: bool(node.events("unavailable")), "the accepted weights can't be had")
    status, why = node.get("/readyz")
    assert status == 503 and "accepted weights" in why


@pytest.mark.slow
def test_news__over_a_websocket__wake_a_node_that_would_sleep_for_long(pair: NodeCollective) -> None:
    node = pair.start(1, poll_interval=600, ws=pair.chain.url.replace("http", "ws"))
    wait_until(lambda: bool(node.events("wait")), "it rests")
    pair.propose(pair.store.put(trained()))
    wait_until(lambda: bool(node.events("vote")), "it was woken")


@pytest.mark.slow
def test_news__websocket_that_is_not_there__is_said_once_and_it_polls(pair: NodeCollective) -> None:
    node = pair.start(1, ws="ws://127.0.0.1:9")
    pair.propose(pair.store.put(trained()))
    wait_until(lambda: bool(node.events("vote")), "it votes")
    assert len(node.events("news")) == 1 and "polling instead" in node.events("news")[0]["text"]


@pytest.mark.slow
def test_chain__that_comes_back__is_followed_again(pair: NodeCollective) -> None:
    state = pair.chain.rpc("anvil_dumpState")
    with contextlib.closing(Forwarder(pair.chain.url)) as endpoint, anvil() as restarted:
        node = pair.start(1, rpc=[endpoint.url])
        wait_until(lambda: bool(node.events("wait")), "it rests")
        pair.chain.stop()
        endpoint.cut()
        wait_until(lambda: bool(node.events("chain")), "it sees that the chain is gone")
        restarted.rpc("anvil_loadState", state)
        pair.follow(restarted)
        pair.propose(pair.store.put(trained()))
        endpoint.target = restarted.port
        wait_until(lambda: bool(node.events("vote")), "it votes")
        assert node.process.poll() is None


@pytest.mark.slow
def test_log__text__round_and_phase_first(pair: NodeCollective) -> None:
    pair.propose(pair.store.put(trained()))
    node = pair.start(1, log__format="text")
    wait_until(lambda: "voted to approve" in node.text, "it votes")
    (line,) = [line for line in node.raw if "voted to approve" in line]
    _, who, *words = line.split()
    assert "…" in who and words[:3] == ["round", "1", "voting"] and " gas)" in line


@pytest.mark.slow
def test_log__json__every_line_has_the_same_first_fields(pair: NodeCollective) -> None:
    node = pair.start(1)
    wait_until(lambda: bool(node.events("wait")), "it rests")
    for raw in node.raw:
        assert list(json.loads(raw))[:7] == ["time", "level", "round", "phase", "event", "who", "text"]
