"""What a node says about each thing that can be wrong: one clear message, its own exit code, and nothing is changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from colearn_node.cli import main

from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.core.cid import cid_text

from ..kit.anvil import wait_until
from ..kit.collective import PASSWORD
from ..kit.nodes import CHECKED, NodeCollective, node_collective, run_node
from ..kit.ports import refusing_port


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeCollective]:
    with node_collective(tmp_path_factory.mktemp("collective"), 2) as made:
        yield made


@contextmanager
def something_else(answer: bytes) -> Iterator[int]:
    """A server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def deployment(made: NodeCollective, **changes: Any) -> str:
    """A changed copy of the deployment file."""
    raw = json.loads((made.folder / "deployment.json").read_text()) | changes
    path = made.folder / "changed.json"
    path.write_text(json.dumps(raw))
    return path.name


def no_transactions(made: NodeCollective) -> tuple[int, ...]:
    return tuple(made.nonce(i) for i in range(made.count))


def verdict(made: NodeCollective, capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[int, str]:
    """Exit code of ``check``, and what it says of the first thing that is wrong, where ``run`` waits for it to pass."""
    code = main(["check", "--config", str(made.config(0, **changes))])
    said = capsys.readouterr().out
    return code, said[said.index("WRONG") :]


def complaint(made: NodeCollective, capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[int, str]:
    """Exit code of ``run``, and what it says; the same mistake is found by ``check``, and neither changes anything."""
    path = made.config(0, **changes)
    before = no_transactions(made), sorted(p.name for p in made.store.folder.iterdir())
    code = main(["run", "--config", str(path), "--rounds", "1"])
    said = capsys.readouterr().err
    assert main(["check", "--config", str(path)]) == code
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG")]
    assert wrong
    assert (no_transactions(made), sorted(p.name for p in made.store.folder.iterdir())) == before
    message = said[said.index("error: ") :]
    assert "Traceback" not in said
    return code, message


@pytest.mark.slow
def test_chain__of_another_id__9(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, deployment=deployment(made, chain_id=5))
    assert code == 9 and "is the chain 31337" in said and "expected: the chain 5" in said and "to fix" in said


@pytest.mark.slow
def test_chain__unreachable__41(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    with refusing_port() as port:
        code, said = verdict(made, capsys, rpc=[f"http://127.0.0.1:{port}"])
    assert code == 41 and "can't be reached" in said


@pytest.mark.slow
def test_address__without_code__18(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, deployment=deployment(made, address="0x" + "00" * 19 + "11"))
    assert code == 18 and "there is no contract at" in said


@pytest.mark.slow
def test_address__of_another_contract__13(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    other = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    made.chain.rpc("anvil_setCode", other, "0x6000")
    code, said = complaint(made, capsys, deployment=deployment(made, address=other))
    assert code == 13 and "another contract's" in said


@pytest.mark.slow
def test_key__of_no_member__17(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    path = made.folder / "stranger.json"
    if not path.exists():
        write_keystore(made.account(7), path, PASSWORD, iterations=2)
    code, said = complaint(made, capsys, keystore=path.name)
    assert code == 17 and made.account(7).address in said and "is not a member" in said


@pytest.mark.slow
def test_funds__none__43(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    balance = made.contract.web3.eth.get_balance(made.address(0))
    made.chain.rpc("anvil_setBalance", made.address(0), "0x10")
    try:
        code, said = verdict(made, capsys)
    finally:
        made.chain.rpc("anvil_setBalance", made.address(0), hex(balance))
    assert code == 43 and "has 0.000000000000000016 ether" in said and made.address(0) in said


@pytest.mark.slow
def test_learner__of_another_model__6(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, learner__options={"index": 0, "features": 7})
    assert code == 6 and "shape (7,)" in said and "shape (4,)" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "factory, options, code, says",
    [
        ("no_such_module:make", {}, 3, "there is no module no_such_module"),
        ("tests.kit.node_learners:no_such", {}, 3, "has no function no_such"),
        ("tests.kit.node_learners:make", {"indx": 0}, 3, "can't be called with the options ['indx']"),
        ("tests.kit.node_learners:make_nothing", {}, 5, "lacks mli_propose_weights"),
        ("colearn_node.task_learner:task_learner", {"index": 5, "of": 5}, 3, "learner.options.index is 5"),
        ("colearn_node.task_learner:task_learner", {"index": 0, "of": 5, "epsilon": 1.0}, 3, "has no privacy_ledger"),
        ("colearn_node.task_learner:task_learner", {"index": 0, "of": 5, "privacy_ledger": "x"}, 3, "without epsilon"),
    ],
)
def test_learner__that_can_not_be_made__says_why(
    made: NodeCollective,
    capsys: pytest.CaptureFixture[str],
    factory: str,
    options: dict[str, Any],
    code: int,
    says: str,
) -> None:
    found, said = complaint(made, capsys, learner__factory=factory, learner__options=options)
    assert found == code and says in said


@pytest.mark.slow
def test_learner__whose_own_code_fails__5_and_its_traceback_in_the_log(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made.config(0, learner__factory="tests.kit.node_learners:fail", learner__options={}, log__format="text")
    assert main(["run", "--config", str(path)]) == 5
    said = capsys.readouterr().err
    assert "RuntimeError: no data today" in said and "in fail" in said and "error: the learner's factory failed" in said


def test_store__ipfs_that_is_not_there__40(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    with refusing_port() as port:
        code, said = verdict(made, capsys, store__folder=None, store__ipfs=f"/ip4/127.0.0.1/tcp/{port}")
    assert code == 40 and "nobody listens there" in said and "ipfs daemon" in said


def test_store__kubo_that_is_too_old__40(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    with something_else(json.dumps({"Version": "0.18.1"}).encode()) as port:
        code, said = verdict(made, capsys, store__folder=None, store__ipfs=f"/ip4/127.0.0.1/tcp/{port}")
    assert code == 40 and "is Kubo 0.18.1" in said and "or newer" in said


def test_store__that_is_no_folder__40(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = verdict(made, capsys, store__folder="password.txt")
    assert code == 40 and "the weight store" in said


def test_keystore__wrong_password__12(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    (made.folder / "wrong.txt").write_text("a guess\n")
    code, said = complaint(made, capsys, password_file="wrong.txt")
    assert code == 12 and "the password doesn't open" in said and "a guess" not in said


def test_keystore__locked__12(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, password_file=None)
    assert code == 12 and "is locked" in said


def test_keystore__missing__12(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, keystore="nowhere.json")
    assert code == 12 and "there is no keystore" in said


def test_deployment__missing__3(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, deployment="nowhere.json")
    assert code == 3 and "there is no deployment file" in said


def test_member__that_is_no_address__3(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = complaint(made, capsys, keystore=None, password_file=None, member="me")
    assert code == 3 and "member is 'me'" in said


@pytest.mark.slow
def test_key__of_a_running_node__19_and_the_first_goes_on(made: NodeCollective) -> None:
    first = made.start(1)
    wait_until(lambda: bool(first.events("wait")), "the first runs")
    link = made.folder / "link.json"
    link.symlink_to(made.folder / "key-1.json")
    for keystore in ("key-1.json", link.name):
        second = made.start(1, keystore=keystore)
        assert second.wait() == 19
    assert f"is in use by another node (process {first.process.pid})" in second.text
    assert first.process.poll() is None
    # Looking is no harm.
    check = run_node("check", "--config", str(made.config(1)), cwd=made.folder)
    _, err = check.communicate(timeout=60)
    assert check.returncode == 0, err
    first.kill()
    third = made.start(1)
    wait_until(lambda: bool(third.events("wait")), "the key is free again, however the first ended")
    third.kill()


def test_check__all_is_well__0_and_a_line_for_everything(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(made.config(0, ws=made.chain.url.replace("http", "ws")))]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[1] for line in lines]
    assert tuple(names) == CHECKED
    assert all(line.startswith("ok ") for line in lines), lines
    assert "rounds at today's price" in lines[5] and "seat 0 of 2" in lines[4]
    assert (
        "more than 1/2 of the 1 others must approve: 1, so all must be there; open votes; 1h to propose, 1h to vote"
        in lines[6]
    )


def test_check__one_thing_is_wrong__the_rest_is_looked_at(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(made.config(0, password_file=None))]) == 12
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    marks = {line.split()[1]: line.split()[0] for line in lines}
    assert marks.pop("key") == "WRONG" and set(marks.values()) == {"ok"}


def test_check__deployment_file_with_other_first_weights__3(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    genesis = json.loads((made.folder / "deployment.json").read_text())["genesis"]
    other = made.store.put(b"other")
    made.store.discard(other)
    changed = {"cid": cid_text(other.cid_digest, other.size), "sha256": other.sha256.hex(), "size": other.size}
    assert genesis.keys() == changed.keys()
    assert main(["check", "--config", str(made.config(0, deployment=deployment(made, genesis=changed)))]) == 3
    assert "names other first weights than the contract" in capsys.readouterr().out


def test_metrics__port_that_is_taken__3(made: NodeCollective, capsys: pytest.CaptureFixture[str]) -> None:
    with something_else(b"") as port:
        assert main(["run", "--config", str(made.config(0, metrics__listen=f"127.0.0.1:{port}"))]) == 3
    assert f"metrics.listen is 127.0.0.1:{port}" in capsys.readouterr().err


def test_exit_codes__documented() -> None:
    from colearn_ledger import errors

    text = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        error = getattr(errors, name)
        assert (
            not (isinstance(error, type) and issubclass(error, errors.ColearnError))
            or f"| {error.exit_code} |" in text
            or name.startswith("Audit")  # which no node does
        ), name
