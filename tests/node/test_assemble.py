"""From settings to a node, on a real chain."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from colearn_node import lock
from colearn_node.assemble import assembled
from colearn_node.settings import Config, load

from colearn_ledger.core.decide import Propose
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import KeyInUse
from colearn_ledger.member.work import Trained

from ..kit.anvil import wait_until
from ..kit.learners import linear_learners
from ..kit.nodes import NodeCollective, node_collective


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeCollective]:
    with node_collective(tmp_path_factory.mktemp("collective"), 2) as made:
        yield made


def config(made: NodeCollective, index: int = 0, **changes: Any) -> Config:
    return load(made.config(index, **changes), {}, {})


def lines(capsys: pytest.CaptureFixture[str], until: str = "start") -> list[dict[str, Any]]:
    """What the log has said, once it has said this."""
    said: list[str] = []

    def it_has() -> bool:
        said.extend(capsys.readouterr().err.splitlines(keepends=True))
        return f'"event": "{until}"' in "".join(said)

    wait_until(it_has, f"it says {until}", deadline_s=20)
    return [json.loads(line) for line in "".join(said).splitlines()]


def test_assembled__while_it_is_there__its_key_is_locked(made: NodeCollective) -> None:
    settings = config(made)
    assert settings.keystore is not None
    with assembled(settings), pytest.raises(KeyInUse), lock.hold(made.address(0), settings.keystore):
        pass
    with lock.hold(made.address(0), settings.keystore):
        pass


def test_assembled__metrics_on__have_the_funds(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    with assembled(config(made, metrics__listen="127.0.0.1:0")):
        port = lines(capsys)[0]["port"]

        def text() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return str(answer.read().decode())

        wait_until(lambda: "colearn_node_funds_ether NaN" not in text(), "the account was looked at")
        ether = next(line for line in text().splitlines() if line.startswith("colearn_node_funds_ether "))
        assert 0 < float(ether.split()[1]) <= 10_000


@pytest.mark.parametrize("changes, dry_run", [({}, True), ({"keystore": None, "password_file": None}, False)])
def test_assembled__nothing_is_to_be_sent__is_a_dry_run_and_locks_nothing(
    made: NodeCollective, changes: dict[str, Any], dry_run: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        lock.hold(made.address(0), made.folder / "key-0.json"),
        assembled(config(made, **changes), dry_run=dry_run) as node,
    ):
        assert not node.ledger.sends
    [start] = lines(capsys)
    assert start["event"] == "start" and start["text"].endswith(", dry run: nothing is sent")


def test_assembled__settings__reach_the_parts(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"poll_interval": 7, "store__timeout": 8, "log__format": "text"}
    with assembled(config(made, **changes), rounds=3, until_round=4) as node:
        assert (node.poll_interval, node.store_timeout, node.rounds, node.until_round) == (7, 8, 3, 4)
        assert node.ledger.member == made.address(0) and node.ledger.sends and node.heads is None
    assert "start      member" in capsys.readouterr().err


def test_assembled__fee_cap__is_in_gwei_and_holds_for_what_is_sent(made: NodeCollective) -> None:
    data = encode(linear_learners(1)[0].mli_propose_weights().weights)
    ref = made.store.put(data)
    with assembled(config(made, fee_cap=1.25)) as node:
        view = node.ledger.view()
        own: Any = None
        node.ledger.submit(Trained(view.round, view.accepted.sha256, ref, b"", own))
        wait_until(lambda: node.ledger.poll() is not None, "it is mined")
    sent = made.contract.web3.eth.get_transaction(
        made.contract.web3.eth.get_block("latest")["transactions"][0]  # type: ignore[arg-type]
    )
    assert sent["from"] == made.address(0) and sent["maxFeePerGas"] == 1_250_000_000


def test_assembled__worker__makes_the_learner_and_trains(made: NodeCollective) -> None:
    with assembled(config(made, 1)) as node:
        node.supervisor.start()
        try:

            def ready() -> bool:
                node.supervisor.hear()
                return node.supervisor.ready

            wait_until(ready, "the learner is made")
            action = Propose(1, node.ledger.view().accepted.sha256)
            node.supervisor.work_on(action, 5.0)

            def trained() -> bool:
                node.supervisor.hear()
                return isinstance(node.supervisor.work_on(action, 5.0), Trained)

            wait_until(trained, "it has trained")
        finally:
            node.supervisor.end()


def test_assembled__metrics__are_served_while_it_is_there(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    with assembled(config(made, metrics__listen="127.0.0.1:0")):
        said = lines(capsys)
        assert [line["event"] for line in said] == ["metrics", "start"]
        with urllib.request.urlopen(f"http://127.0.0.1:{said[0]['port']}/metrics", timeout=10) as answer:
            assert 'colearn_node_events_total{event="start",level="info"} 1.0' in answer.read().decode()


def test_assembled__what_the_library_warns_of__is_in_the_nodes_log_while_it_is_there(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    library = logging.getLogger("colearn_ledger.chain")
    with assembled(config(made)):
        library.warning("funds run low")
        library.info("nothing much")
        logging.getLogger("somebody.elses").warning("a %s of theirs", "warning")
        warnings.warn("an old way", UserWarning, stacklevel=1)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
    library.warning("nobody hears this")
    said = lines(capsys)
    told = ["funds run low", "a warning of theirs", "UserWarning: an old way"]
    assert [line["text"] for line in said if line["event"] == "library"] == told
    [trace] = [line["text"] for line in said if line["event"] == "trace"]
    assert trace.startswith("Traceback") and trace.endswith("ZeroDivisionError: division by zero")


@pytest.mark.slow
def test_assembled__names_that_members_said_on_chain__in_the_first_line_and_as_they_change(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    made.sender(1).name_myself(b"Lab".ljust(32, b"\0"))
    with assembled(config(made, 1), names_s=0.05) as node, ThreadPoolExecutor(1) as beside:
        running = beside.submit(node.run)
        try:
            [start] = [line for line in lines(capsys) if line["event"] == "start"]
            assert f"{made.address(1)} (Lab)" in start["text"] and start["who"] == "Lab"
            for member, name in ((0, b"Clinic"), (1, b"Laboratory")):
                made.sender(member).name_myself(name.ljust(32, b"\0"))
            raw, missed = "", f"was missed by {made.address(0)} (Clinic)"

            def named() -> bool:
                nonlocal raw
                made.chain.pass_time(made.view().rules.propose_window)
                raw += capsys.readouterr().err
                return any(missed in line and '"who": "Laboratory"' in line for line in raw.splitlines())

            wait_until(named, "a round is missed by who has a name by now")
        finally:
            node.stop()
            running.result(30)
