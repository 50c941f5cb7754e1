"""The program ``colearn-node``: its commands, with a real chain where one is needed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from colearn_node.cli import main
from colearn_node.lock import hold
from colearn_node.settings import SETTINGS
from eth_account import Account

from colearn_ledger.founding.record import load_deployment

from ..kit.nodes import CHECKED, NodeCollective, node_collective


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[NodeCollective]:
    with node_collective(tmp_path, 2) as made:
        yield made


def test_check__nothing_is_there__each_thing_with_what_was_expected_and_the_first_ones_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        'rpc = ["http://127.0.0.1:1"]\ndeployment = "nowhere.json"\nkeystore = "no.json"\nlearner = "no_module:make"\n'
        '[store]\nfolder = "w"\n'
    )
    assert main(["check", "--config", str(config)]) == 3
    lines = capsys.readouterr().out.splitlines()
    marks = {line.split()[1]: line.split()[0] for line in lines if not line.startswith(" ")}
    others = dict.fromkeys(("names", "privacy", *CHECKED), "note")
    assert marks == {**others, "deployment": "WRONG", "key": "WRONG", "news": "ok"}
    assert lines[0].startswith("WRONG  deployment  there is no deployment file")
    assert lines[1].startswith(f"{'':<19}expected: ") or lines[1].startswith(f"{'':<19}to fix: ")


@pytest.mark.slow
def test_key_new__a_keystore_that_its_password_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, password = tmp_path / "key.json", tmp_path / "password.txt"
    assert main(["key", "new", str(key), "--password-file", str(password)]) == 0
    said = capsys.readouterr().out
    opened = Account.from_key(Account.decrypt(json.loads(key.read_text()), password.read_text().strip()))
    assert f"wrote {key}" in said and f"address {opened.address}\n" in said


@pytest.mark.slow
def test_key_new__no_name__is_keystore_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["key", "new", "--password-file", "p"]) == 0
    assert "wrote keystore.json" in capsys.readouterr().out and (tmp_path / "keystore.json").is_file()


def test_init__options_given_twice__all_count_and_no_name_is_node_toml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--options", "a=1", "b=2", "--options", "c=x"]) == 0
    text = (tmp_path / "node.toml").read_text()
    assert "[learner.options]\na = 1\nb = 2\nc = " in text
    assert "wrote node.toml: fill in rpc, deployment, keystore, store.ipfs, learner.factory, then: " in (
        capsys.readouterr().out
    )


def test_init__a_folder_that_holds_no_network__is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "n.toml", "--network", str(tmp_path), "--stakeholder", "1"]) == 2
    assert f"{tmp_path} holds no local network" in capsys.readouterr().err


def test_run__key_that_another_node_holds__19_and_says_whose(
    made: NodeCollective, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collective = load_deployment(made.folder / "deployment.json").identity
    with hold(made.address(0), collective=collective):
        assert main(["run", "--config", str(made.config(0))]) == 19
        bare = tmp_path / "key.txt"
        bare.touch(mode=0o600)
        bare.write_text(made.account(0).key.hex())
        monkeypatch.setenv("COLEARN_KEY_FILE", str(bare))
        assert main(["run", "--config", str(made.config(0, keystore=None, password_file=None))]) == 19
    said = capsys.readouterr().err
    assert said.count(f"the key of {made.address(0)} is in use by another node (process {os.getpid()})") == 2
    assert "Traceback" not in said


@pytest.mark.parametrize("flag, value", [("--rounds", "0"), ("--until-round", "0"), ("--until-round", "-1")])
def test_run__a_number_of_rounds_that_can_not_be__is_refused(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", flag, value]) == 2
    assert f"{flag} is {value}" in capsys.readouterr().err


def test_check__the_learners_own_code_fails__is_the_one_thing_that_is_wrong(
    made: NodeCollective, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"learner__factory": "tests.kit.node_learners:fail", "learner__options": {}}
    assert main(["check", "--config", str(made.config(0, **changes))]) == 5
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    wrong = [line for line in lines if not line.startswith("ok ")]
    assert "the learner tests.kit.node_learners:fail failed: RuntimeError: no data today (" in wrong[0]
    assert [line.split()[:2] for line in wrong[1:]] == [["note", "windows"], ["note", "privacy"]]


def test_run__until_a_round_that_has_passed__adopts_what_is_accepted_and_leaves(
    made: NodeCollective, capfd: pytest.CaptureFixture[str]
) -> None:
    made.chain.pass_time(2 * 3600)
    made.sender(1).advance()
    assert main(["run", "--config", str(made.config(0)), "--until-round", "1"]) == 0
    events = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert events[0] == "start" and "adopt" in events and made.nonce(0) == 0
