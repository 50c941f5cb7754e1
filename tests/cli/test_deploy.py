"""``colearn-ledger deploy`` on a real chain: what it does, and what it leaves alone when something is wrong."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from colearn_node.cli import main as node

from colearn_ledger.chain.bytecode import check_code
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import KEY_FILE_VARIABLE, write_keystore
from colearn_ledger.cli.main import main
from colearn_ledger.cli.options import RPC_VARIABLE
from colearn_ledger.core.protocol import Rules, View
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.local import LocalStore
from tests.kit.quick import few

from ..kit.anvil import Anvil, anvil, wait_until
from ..kit.learners import linear_learners
from ..kit.network import need
from ..kit.ports import refusing_port
from ..system.test_mistakes import something_else

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "only for tests"
DEPLOYER = Anvil.account(9)
MEMBERS = [Anvil.account(i).address for i in range(3)]
LEARNER = ["--learner", "tests.kit.node_learners:make", "--options", "index=0"]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as chain:
        yield chain


class Here:
    """A working folder with the deployer's key, on a chain."""

    def __init__(self, chain: Anvil, folder: Path) -> None:
        self.chain, self.folder = chain, folder
        self.web3 = connect([chain.url])
        (folder / "password").write_text(PASSWORD + "\n")
        write_keystore(DEPLOYER, folder / "key.json", PASSWORD, iterations=2)
        self.given = ["--rpc", chain.url, "--keystore", "key.json", "--password-file", "password"]
        self.members = [word for member in MEMBERS for word in ("--member", member)]
        self.store = ["--store-folder", "weights"]

    def deploy(self, *words: str) -> int:
        return main(["deploy", *self.given, *self.members, *self.store, *words])

    def state(self) -> tuple[int, list[str]]:
        """What a mistake must not change."""
        files = sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if "__pycache__" not in p.parts)
        return self.web3.eth.get_transaction_count(DEPLOYER.address), files

    def view(self, member: str = MEMBERS[0], path: str = "deployment.json") -> View:
        contract = CollectiveContract(self.web3, load_deployment(self.folder / path).address)
        snapshot = contract.snapshot()
        check_code(snapshot)
        return snapshot.view(member)


@pytest.fixture
def here(chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.chdir(tmp_path)
    for variable in (KEY_FILE_VARIABLE, RPC_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return Here(chain, tmp_path)


# ---------------------------------------------------------------------------------------------- what it does


def test_deploy__a_learner__publishes_deploys_and_writes_the_record(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here.deploy(*LEARNER, "--yes") == 0
    record = load_deployment(here.folder / "deployment.json")
    weights = linear_learners(1)[0].mli_get_current_weights().weights
    data = LocalStore(here.folder / "weights").get(record.genesis)
    assert data == encode(weights) and record.schema == Schema.of(weights)
    assert (record.chain_id, record.rpc) == (31337, (here.chain.url,))
    view = here.view(MEMBERS[2])
    assert view.accepted == record.genesis and view.accepted_round == 0
    assert (view.member_count, view.seat, view.is_member) == (3, 2, True)
    assert view.rules == Rules() and not view.secret_votes and view.max_size == 1 << 20
    receipt = here.web3.eth.get_transaction_receipt(record.transaction)  # type: ignore[arg-type]
    assert (receipt["contractAddress"], receipt["blockNumber"]) == (record.address, record.block)
    said = capsys.readouterr().out
    before, _, after = said.partition("sending the contract")
    assert all(member in before for member in [*MEMBERS, DEPLOYER.address])
    assert (
        "more than 1/2 of the 2 others must approve: 2, so all must be there" in before
        and record.genesis.sha256.hex() in before
    )
    assert f"whose address will be {record.address}\n" in after and f"{receipt['gasUsed']:,} gas" in after


def test_deploy__all_rules__are_the_contracts(here: Here) -> None:
    Path("members.txt").write_text(f"# who\n{MEMBERS[2]}  # the third\n\n{MEMBERS[0].lower()}\n")
    here.members = ["--members", "members.txt", "--member", MEMBERS[1]]
    words = "--threshold 2/3 --propose-window 90s --vote-window 10m --reveal-window 2h --motion-window 1d --secret"
    assert here.deploy(*LEARNER, *words.split(), "--shuffled", "--max-size", "1MiB", "-y", "-o", "d.json") == 0
    view = here.view(path="d.json")
    assert view.rules == Rules(2, 3, 90, 600, 7200, 86400)
    assert view.secret_votes and view.max_size == 1 << 20
    assert [here.view(member, "d.json").seat for member in (MEMBERS[2], MEMBERS[0], MEMBERS[1])] == [0, 1, 2]


def test_deploy__a_pause__is_a_rule_from_the_beginning(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.deploy(*LEARNER, "--pause", "2d", "--yes") == 0
    assert "2d to rest" in capsys.readouterr().out and here.view().rules == Rules(pause=2 * 24 * 3600)
    assert main(["info"]) == 0 and "2d to rest" in capsys.readouterr().out


def test_deploy__a_wire__the_first_weights_travel_so_and_the_record_says_it(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here.deploy(*LEARNER, "--wire", "bfloat16", "--yes") == 0
    record = load_deployment(here.folder / "deployment.json")
    weights = linear_learners(1)[0].mli_get_current_weights().weights
    assert record.schema == Schema.of(weights, wire="bfloat16")
    assert LocalStore("weights").get(record.genesis) == encode(weights, record.schema) != encode(weights)
    assert "bfloat16, half the bytes of float32" in capsys.readouterr().out


def test_deploy__a_wire_that_shortens_nothing__is_refused_before_anything_is_done(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("first.safetensors").write_bytes(encode({"n": np.arange(3)}))
    before = here.state()
    assert here.deploy("--weights", "first.safetensors", "--wire", "float16", "--yes") == 2
    assert "no part of the weights would be any shorter as float16" in capsys.readouterr().err
    assert here.state() == before


def test_deploy__weights_out_of_a_file__the_same_bytes(here: Here) -> None:
    data = encode({"layer": [1.5, b"x"]})
    Path("first.safetensors").write_bytes(data)
    assert here.deploy("--weights", "first.safetensors", "--yes") == 0
    record = load_deployment(here.folder / "deployment.json")
    assert LocalStore("weights").get(record.genesis) == data and record.schema == Schema.of(decode(data))


@pytest.mark.slow
def test_deploy__learner_of_a_nodes_configuration__module_beside_it(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(ROOT / "examples" / "own_learner.py", folder)
    config = folder / "node.toml"
    config.write_text('[learner]\nfactory = "own_learner:LineLearner"\n[learner.options]\nseed = 1\n')
    assert here.deploy("--learner-config", str(config), "--yes") == 0
    assert '"F64"' in Path("deployment.json").read_text()


def test_deploy__key_file_named_by_the_environment__pays(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("key.hex").write_text(bytes(DEPLOYER.key).hex())
    monkeypatch.setenv(KEY_FILE_VARIABLE, "key.hex")
    here.given = ["--rpc", here.chain.url]
    before = here.state()[0]
    assert here.deploy(*LEARNER, "--yes") == 0
    assert here.state()[0] == before + 1


@pytest.mark.slow
def test_deploy__joint__has_a_window_and_an_order(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--joint", "--train-window", "20m", "--propose-window", "10m", "--merge-order", "median,mean"]
    assert here.deploy(*LEARNER, "--yes", *words) == 0
    view = here.view()
    assert view.merge_order == (3, 1) and (view.rules.train_window, view.rules.propose_window) == (1200, 600)
    assert view.training is not None and view.training.rules_left == (3, 1)
    said = capsys.readouterr().out
    assert "joint: all train, one merges by median, then by mean" in said and "20m to train, 10m to merge" in said
    assert "a merge of 3 contributions 0.0 s on this machine" in said and "the windows are long enough" in said
    assert here.deploy(*LEARNER, "--dry-run", "--joint", "--propose-window", "20s") == 0
    assert "20s to merge is short: found it with --propose-window 40s" in capsys.readouterr().out


@pytest.mark.slow
def test_deploy__joint_and_what_cannot_be_merged_or_does_not_belong_together__is_refused(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    before = here.state()[0]
    assert here.deploy(*LEARNER, "--yes", "--merge-order", "mean") == 2
    assert "--merge-order without --joint" in capsys.readouterr().err
    assert here.deploy(*LEARNER, "--yes", "--joint", "--merge-order", "mean,best") == 2
    assert "no rule 'best'" in capsys.readouterr().err
    Path("first").write_bytes(encode({"w": 1.5, "name": "a text"}))
    assert here.deploy("--weights", "first", "--yes", "--joint") == 2
    assert "can't be merged" in capsys.readouterr().err
    Path("odd.py").write_text(
        "from tests.kit.node_learners import make as usual\n"
        "def make():\n"
        "    learner = usual(index=0)\n"
        "    learner.why_unmergeable = 'its signs are any'\n"
        "    return learner\n"
    )
    assert here.deploy("--learner", "odd:make", "--yes", "--joint") == 2
    said = capsys.readouterr().err
    assert "can't be merged: its signs are any" in said and "solo rounds" in said
    assert here.deploy("--learner", "odd:make", "--dry-run") == 0
    capsys.readouterr()
    assert here.deploy(*LEARNER, "--dry-run", "--joint", "--merge-order", "momentum,median") == 0
    assert "one merges by momentum, then by median" in capsys.readouterr().out
    assert here.state()[0] == before


def test_deploy__dry_run__says_the_cost_and_changes_nothing(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    before = here.state()
    assert here.deploy(*LEARNER, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "ether at most" in said and "nothing was stored or sent" in said
    assert here.state() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer, code", [("y", 0), *(pytest.param(word, 130, marks=pytest.mark.slow) for word in ["", "\x04"])]
)
def test_deploy__on_a_terminal__asks(here: Here, answer: str, code: int) -> None:
    before = here.state()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "colearn_ledger.cli.main", "deploy", *here.given, *here.members, *here.store]
    Path("first").write_bytes(encode(1.5))
    os.write(ours, answer.encode() if answer == "\x04" else f"{answer}\n".encode())
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--weights", "first"], stdin=theirs, capture_output=True, text=True, env=env, timeout=60
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "deploy this? [y/N]" in done.stdout
    Path("first").unlink()
    assert (here.state() == before) == (code == 130)


def test_deploy__output_is_there__only_by_force(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    Path("deployment.json").write_text("mine")
    before = here.state()
    assert here.deploy(*LEARNER, "--yes") == 2
    assert "--force" in capsys.readouterr().err and here.state() == before
    assert Path("deployment.json").read_text() == "mine"
    assert here.deploy(*LEARNER, "--yes", "--force") == 0
    assert here.view().round == 1


def test_deploy__record_cant_be_written_in_the_end__its_content_is_printed(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder goes away while the learner makes the weights, after it was looked at."""
    Path("out").mkdir()
    Path("removes_out.py").write_text(
        "import os\nfrom tests.kit.node_learners import make\ndef make_it():\n    os.rmdir('out')\n    return make(0)\n"
    )
    assert here.deploy("--learner", "removes_out:make_it", "--yes", "-o", "out/d.json") == 3
    said = capsys.readouterr()
    assert "can't be written" in said.err
    content = json.loads(said.out[said.out.index('{"format"') :].splitlines()[0])
    assert f"deployed {content['address']}" in said.out
    assert here.web3.eth.get_code(content["address"])


# ---------------------------------------------------------------------------------------------- mistakes


def refused(here: Here, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and message; nothing was changed."""
    before = here.state()
    code = here.deploy(*words, "--yes")
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1 and "Traceback" not in said.err, said.err
    assert here.state() == before and "sending" not in said.out
    return code, said.err[said.err.index("error: ") :]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, code, says",
    [
        (["--threshold", "1"], 2, "the vote threshold is '1'"),
        (["--threshold", "0"], 2, "the vote threshold is '0'"),
        (["--threshold", "half"], 2, "strictly between 0 and 1"),
        (["--vote-window", "10x"], 2, "--vote-window is '10x'"),
        (["--propose-window", "0s"], 2, "--propose-window is '0s'"),
        (["--pause", "-1"], 2, "--pause"),
        (["--pause", "50000d"], 2, "--pause is '50000d'"),
        (["--motion-window", "50000d"], 2, "--motion-window is '50000d'"),
        (["--max-size", "1TB"], 2, "--max-size is '1TB'"),
        (["--max-size", "10"], 6, "at most 10"),
        (["--fee-cap", "0"], 2, "--fee-cap is 0"),
        (["--chain-id", "1"], 9, "is the chain 31337"),
        (["--chain-id", "0"], 2, "--chain-id is 0"),
        (["--member", MEMBERS[0].lower()], 2, f"member {MEMBERS[0]} is named more than once"),
        (["--member", MEMBERS[0][:-1]], 2, "is not an address"),
        (["--member", "0x" + "0" * 40], 2, "is not an address"),
        (["--member", "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"], 2, "has a wrong checksum"),
        (["--learner-config", "x"], 2, "from several places"),
        (["--weights", "x"], 44, "x can't be read"),
        (["--ipfs", "/ip4/127.0.0.1/tcp/1"], 2, "--ipfs and --store-folder together"),
        (["--options", "seed"], 2, "the option 'seed' has no name"),
        (["--options", "index=1"], 2, "the option index comes twice"),
        (["--options", "indx=1"], 3, "can't be called with the options"),
        (["--output", "nowhere/d.json"], 3, "can't be written"),
        (["--output", "."], 2, "there is a file ."),
        (["--output", ".", "--force"], 3, "it is a folder"),
        (["--keystore", "nowhere.json"], 12, "there is no keystore"),
        (["--password-file", "key.json"], 12, "the password doesn't open"),
        (["--members", "nowhere.txt"], 3, "the members' file nowhere.txt can't be read"),
        (["--network", "nowhere"], 2, "nowhere holds no local network"),
        (["--store-folder", "password"], 40, "the weight store"),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_mistake__of_an_option__one_message_and_nothing_changed(
    here: Here, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    found, said = refused(here, capsys, *LEARNER, *words)
    assert (found, says in said) == (code, True), said


@few(
    3,
    "learner, code, says",
    [
        ("tests.kit.node_learners", 2, "--learner is 'tests.kit.node_learners'"),
        ("no_such_module:make", 3, "there is no module no_such_module"),
        ("tests.kit.node_learners:no_such", 3, "has no function no_such"),
        ("tests.kit.node_learners:make_nothing", 5, "lacks mli_propose_weights"),
        ("tests.kit.node_learners:fail", 5, "RuntimeError: no data today ("),
        ("tests.kit.node_learners:have_no_data", 44, "there is no folder"),
        ("tests.kit.node_learners:die", 5, "was ended by signal 9"),
    ],
)
def test_mistake__of_the_learner__one_message_and_nothing_changed(
    here: Here, capsys: pytest.CaptureFixture[str], learner: str, code: int, says: str
) -> None:
    found, said = refused(here, capsys, "--learner", learner)
    assert (found, says in said) == (code, True), said


@pytest.mark.parametrize(
    "damage, says",
    [
        (lambda data: data[:-1], "24 bytes by its shape, more than there are"),
        (lambda data: data[:20], "header claims"),
        (lambda data: b"PK\x03\x04" + data, "header claims"),
        (lambda data: b"", "end after 0 bytes"),
        (lambda data: data[:-2] + b"\xf0\x7f", "infinity"),
    ],
)
def test_mistake__weights_that_are_damaged__6(
    here: Here, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes], says: str
) -> None:
    import numpy as np

    Path("first").write_bytes(damage(encode(np.ones(3))))
    code, said = refused(here, capsys, "--weights", "first")
    assert code == 6 and says in said and "the file first" in said, said


def test_mistake__no_file_of_weights__4(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(here, capsys, "--weights", "nowhere")
    assert code == 44 and "nowhere can't be read" in said


@pytest.mark.slow
def test_interrupted__while_the_learner_is_made__leaves_nothing(here: Here) -> None:
    """Ctrl-C in a terminal goes to all processes of the program."""
    before = here.state()
    Path("slow.py").write_text(
        "import pathlib, time\n"
        "def make():\n    pathlib.Path('began').touch()\n"
        "    while True:\n        time.sleep(0.01)\n"
    )
    words = [*here.given, *here.members, *here.store, "--learner", "slow:make", "--yes"]
    process = subprocess.Popen(
        [sys.executable, "-m", "colearn_ledger.cli.main", "deploy", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(Path("began").exists, "the learner is being made", 60)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=90)
    assert process.returncode == 130 and said.endswith("interrupted\n") and "Traceback" not in said
    for name in ("began", "slow.py"):
        Path(name).unlink()
    assert here.state() == before


@pytest.mark.parametrize("members, says", [([], "no members are named"), (MEMBERS[:1], "there is 1 member")])
def test_mistake__too_few_members__2(
    here: Here, capsys: pytest.CaptureFixture[str], members: list[str], says: str
) -> None:
    here.members = [word for member in members for word in ("--member", member)]
    code, said = refused(here, capsys, *LEARNER)
    assert code == 2 and says in said


def test_mistake__members_file_with_more_than_addresses__3(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    Path("members.txt").write_text(f"{MEMBERS[0]}\nalice {MEMBERS[1]}\n")
    code, said = refused(here, capsys, *LEARNER, "--members", "members.txt")
    assert code == 3 and "line 2 of members.txt" in said


def test_mistake__nothing_named__says_what_is_missing(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(here, capsys)
    assert code == 2 and "--learner" in said
    here.store = []
    code, said = refused(here, capsys, *LEARNER)
    assert code == 2 and "--ipfs ADDRESS or --store-folder DIR" in said
    here.given = ["--rpc", here.chain.url]
    here.store = ["--store-folder", "weights"]
    code, said = refused(here, capsys, *LEARNER)
    assert code == 2 and KEY_FILE_VARIABLE in said
    here.given = []
    code, said = refused(here, capsys, *LEARNER)
    assert code == 2 and "no RPC endpoint is named" in said


def test_mistake__no_terminal_and_no_yes__2(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    before = here.state()
    assert here.deploy(*LEARNER) == 2
    assert "there is no terminal" in capsys.readouterr().err and here.state() == before


@pytest.mark.slow
def test_mistake__endpoint_that_is_none__8(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    with refusing_port() as port:
        here.given[1] = f"http://127.0.0.1:{port}"
        code, said = refused(here, capsys, *LEARNER)
    assert code == 41 and "can't be reached" in said
    with something_else(b"<html>") as port:
        here.given[1] = f"http://127.0.0.1:{port}"
        code, said = refused(here, capsys, *LEARNER)
    assert code == 41 and "it isn't JSON" in said


def test_mistake__ipfs_that_is_none_or_too_old__40(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    with refusing_port() as port:
        here.store = ["--ipfs", f"/ip4/127.0.0.1/tcp/{port}"]
        code, said = refused(here, capsys, *LEARNER)
    assert code == 40 and "nobody listens there" in said
    with something_else(json.dumps({"Version": "0.18.1"}).encode()) as port:
        here.store = ["--ipfs", f"http://127.0.0.1:{port}"]
        code, said = refused(here, capsys, *LEARNER)
    assert code == 40 and "is Kubo 0.18.1" in said
    here.store = ["--ipfs", "http://192.0.2.1:5001"]
    code, said = refused(here, capsys, *LEARNER)
    assert code == 2 and "isn't on this machine" in said


@pytest.mark.parametrize(
    "words, says", [(["--hardfork", "london"], "NotActivated"), (["--gas-limit", "1000000"], "gas")]
)
def test_mistake__chain_that_cant_take_the_contract__42(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("first").write_bytes(encode(1.0))
    with anvil(*words) as other:
        code, said = refused(Here(other, tmp_path), capsys, "--weights", "first")
    assert code == 42 and says in said and "the rules of Shanghai (2023) or later" in said


def test_mistake__no_funds__43(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    balance = here.web3.eth.get_balance(DEPLOYER.address)
    here.chain.rpc("anvil_setBalance", DEPLOYER.address, "0x10")
    try:
        code, said = refused(here, capsys, *LEARNER)
    finally:
        here.chain.rpc("anvil_setBalance", DEPLOYER.address, hex(balance))
    assert code == 43 and "has 16 wei" in said and DEPLOYER.address in said


# ---------------------------------------------------------------------------------------------- a local network


@pytest.fixture
def own_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No other network of this user is in sight."""
    need("anvil")
    base = tmp_path / "temporary"
    base.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for variable in (KEY_FILE_VARIABLE, RPC_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return work


@pytest.mark.slow
def test_network__one_runs__gives_endpoint_key_and_members(own_networks: Path) -> None:
    words = ["--network", *LEARNER, "--store-folder", "weights", "--yes"]
    with LocalNetwork(stakeholders=2, ipfs=False, listed=True) as network:
        assert main(["deploy", *words]) == 0
        record = load_deployment(own_networks / "deployment.json")
        assert (record.chain_id, record.rpc) == (network.chain_id, (network.rpc_url,))
        web3 = connect([network.rpc_url])
        contract = CollectiveContract(web3, record.address)
        addresses = tuple(person.address for person in network.stakeholders)
        assert contract.snapshot().members() == addresses
        assert web3.eth.get_transaction(record.transaction)["from"] == addresses[0]  # type: ignore[arg-type]
        # What is given wins.
        named = [
            *words,
            "--network",
            str(network.folder / "network.json"),
            "--member",
            MEMBERS[0],
            "--member",
            MEMBERS[1],
        ]
        assert main(["deploy", *named, "--output", "other.json"]) == 0
        other = CollectiveContract(web3, load_deployment(own_networks / "other.json").address)
        assert other.snapshot().members() == tuple(MEMBERS[:2])

        config = [
            "--network",
            "--stakeholder",
            "2",
            "--learner",
            "tests.kit.node_learners:make",
            "--options",
            "index=1",
        ]
        assert node(["init", "node.toml", *config, "--store-folder", "weights"]) == 0
        assert node(["check", "--config", "node.toml"]) == 0
        text = Path("node.toml").read_text()
        assert str(network.stakeholders[1].keystore) in text and network.ws_url in text


def test_network__none_or_several_or_a_wrong_one__one_message(
    own_networks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["deploy", *LEARNER, "--store-folder", "weights", "--yes", "--network"]

    def told(*more: str, program: Callable[[list[str]], int] = main, words: list[str] = words) -> tuple[int, str]:
        code = program([*words, *more])
        return code, capsys.readouterr().err

    code, said = told()
    assert code == 15 and "no network runs" in said and "network up" in said
    kept = own_networks.parent / "kept"
    with LocalNetwork(stakeholders=1, ipfs=False, listed=True, folder=kept):
        code, said = told()
        assert code == 2 and "there is 1 member" in said
        code, said = told("--chain-id", "5")
        assert code == 2, "the members come first"
        members = ["--member", MEMBERS[0], "--member", MEMBERS[1]]
        code, said = told(str(kept), *members, "--chain-id", "5")
        assert code == 9 and "expected: the chain 5" in said
        init = ["init", "n.toml", "--network"]
        assert told(program=node, words=init)[0] == 2
        code, said = told("--stakeholder", "2", program=node, words=init)
        assert code == 2 and "there is no stakeholder 2" in said
        with LocalNetwork(stakeholders=1, ipfs=False, listed=True) as second:
            code, said = told()
            assert code == 2 and "2 networks run" in said and str(second.folder) in said
    code, said = told(str(kept))
    assert code == 15 and f"the network in {kept} doesn't run" in said
    code, said = told(str(own_networks))
    assert code == 2 and "holds no local network" in said
    assert list(own_networks.iterdir()) == []
