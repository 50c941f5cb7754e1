"""What can be wrong where a history is read, exported, drawn, audited or shown: one message, and nothing written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil
from ..kit.collective import Collective
from ..kit.proxy import proxy_of

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    ["history"],
    ["plot"],
    ["export", "--store", "weights"],
    ["audit", "--store", "weights", "--html", "dossier.html", "--facts", "facts.json", "--state", "state.json"],
    ["dashboard", "--port", "0"],
]
EVERY = pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])


@pytest.fixture(scope="module")
def told(chain: Anvil, folder: Path) -> Collective[Anvil]:
    """One accepted round, with its weights in a folder."""
    store = LocalStore(folder / "weights")
    first, new = (store.put(encode(np.full(2, value))) for value in (1.0, 2.0))
    story = Collective.found(chain, 3, weights=first)
    story.propose(new)
    story.vote(1)
    story.vote(2)
    story.save(folder, schema=Schema.of(np.zeros(2)))
    return story


@pytest.fixture(autouse=True)
def _there(told: Collective[Anvil], in_the_folder: None) -> None:
    pass


def refused(capsys: Any, code: int, *words: str) -> str:
    """The message, after which nothing is there that wasn't before."""
    before = sorted(os.listdir())
    assert main(words) == code
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("error: ") == 1 and "Traceback" not in said.err
    assert sorted(os.listdir()) == before
    return str(said.err)


@EVERY
def test_command__address_without_code_or_of_another_contract__is_one_message(
    command: list[str], told: Collective[Anvil], chain: Anvil, capsys: Any
) -> None:
    other = "0x" + "34" * 20
    chain.rpc("anvil_setCode", other, "0x6001")
    where = ["--rpc", chain.url, "--address"]
    assert "there is no contract at" in refused(capsys, 18, *command, *where, told.address(1))
    assert "another contract's" in refused(capsys, 13, *command, *where, other)


@EVERY
def test_command__chain_that_is_still_syncing_or_another_one__is_one_message(
    command: list[str], chain: Anvil, capsys: Any
) -> None:
    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getBlockByNumber"] = lambda params, ask: ask(["0x0", False])
        assert "an endpoint that is synced past that" in refused(capsys, 41, *command, "--rpc", proxy.url)
    record = json.loads(Path("deployment.json").read_text()) | {"chain_id": 1}
    Path("other.json").write_text(json.dumps(record))
    assert "chain 31337" in refused(capsys, 9, *command, "--deployment", "other.json").replace("chain id", "chain")


@pytest.mark.parametrize("command", COMMANDS[2:4], ids=lambda words: words[0])
def test_command__weights_that_are_missing_or_do_not_fit_the_learner__is_said(
    command: list[str], capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    empty = [str(tmp_path / "empty") if word == "weights" else word for word in command]
    if command[0] == "export":
        assert "aren't in the store" in refused(capsys, 40, *empty)
    else:
        assert main(["audit", "--store", str(tmp_path / "empty")]) == 22
        assert "not had, and so not checked:" in capsys.readouterr().out
    words = [*command[:3], "--learner", "tests.kit.saving:classifier"]
    before = sorted(os.listdir())
    assert main(words) == 6
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1 and "fit" in said.err and sorted(os.listdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, code",
    [
        (["audit", "--records-only", "--html", "dossier.html"], 20),
        (["audit", "--records-only", "--facts", "facts.json"], 20),
        (["audit", "--store", "weights", "--state", "state.json"], 20),
        (["plot"], 40),
        (["export", "--store", "weights"], 40),
    ],
    ids=["dossier", "facts", "state", "plot", "export"],
)
def test_command__disk_that_is_full_in_the_midst__is_one_message_and_nothing_left(words: list[str], code: int) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # a file of more bytes can't be written

    before = sorted(os.listdir())
    done = subprocess.run(
        [sys.executable, "-m", "colearn_ledger.cli.main", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=small,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[1], COMMANDS[3]], ids=lambda words: words[0])
def test_command__folder_that_is_no_run__is_one_message(command: list[str], capsys: Any, tmp_path: Path) -> None:
    assert "can't be read" in refused(capsys, 3, *command, "--run", str(tmp_path))
