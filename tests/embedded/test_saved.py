"""A run on the embedded chain that is read again: by all commands that read, and refused where it was altered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger import run
from colearn_ledger.cli.main import main
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.embedded.saved import CHAIN_FILE, open_saved
from colearn_ledger.errors import ConfigError, NoContract, StoreError
from colearn_ledger.history import read_history
from colearn_ledger.stores.local import LocalStore
from tests.kit.learners import linear_learners


def left(folder: Path, rounds: int = 3, members: int = 3, *, joint: bool = False, **options: Any) -> Any:
    """The results of a run that left its chain in the folder."""
    backend = EmbeddedLedger(store=LocalStore(folder / "weights"), saved=folder, **options)
    kind: Any = "joint" if joint else "solo"
    return run(rounds, linear_learners(members, 1), 0.5, backend=backend, rounds=kind, merge_order=[Rule.MEAN])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run")
    left(made)
    return made


def test_open_saved__a_run__shows_the_same_blocks_and_rounds(tmp_path: Path) -> None:
    chain = EmbeddedChain(3)
    results = left(tmp_path, chain=chain)
    snapshot, deployment = open_saved(tmp_path)
    assert bytes(snapshot.head.hash) == bytes(chain.web3.eth.get_block("latest")["hash"])
    history = read_history(snapshot, deployed_block=deployment.block, receipts=True)
    shown = [(r.record.weights.sha256.hex(), r.gas) for r in history.rounds[1:-1] if r.record.weights is not None]
    assert shown == [(r.weights_sha256, r.gas) for r in results.rounds]
    assert deployment.names.by_address == dict(
        zip((account.address for account in chain.accounts), results.names, strict=True)
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"secret": True, "shuffled": True}, marks=pytest.mark.slow),
        pytest.param({"joint": True, "members": 4}, marks=pytest.mark.slow),
    ],
    ids=["solo", "secret", "joint"],
)
def test_audit__saved_run__all_holds_weights_included(options: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    left(tmp_path, **options)
    assert main(["audit", "--run", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "outcome     all holds" in said and "weights     ok" in said and "deployment  ok" in said
    if "joint" in options:
        assert main(["recompute", "1", "--run", str(tmp_path)]) == 0


@pytest.mark.slow
def test_audit__saved_run_with_altered_weights__names_the_round(folder: Path, tmp_path: Path, capsys: Any) -> None:
    [accepted] = [r.record for r in read_history(open_saved(folder)[0]).rounds[1:2]]
    assert accepted.weights is not None
    store = tmp_path / "altered"
    store.mkdir()
    for file in (folder / "weights").glob("b*"):
        (store / file.name).write_bytes(file.read_bytes())
    spoilt = store / accepted.weights.cid
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\x7f")
    assert main(["audit", "--run", str(folder), "--store", str(store)]) == 21
    assert "round 1, weights" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["history"], ["show", "1"], ["members"], ["info"]])
def test_commands__saved_run__read_it_and_call_members_by_name(words: list[str], folder: Path, capsys: Any) -> None:
    assert main([*words, "--run", str(folder)]) == 0
    assert "learner 1" in capsys.readouterr().out


@pytest.mark.slow
def test_plot__saved_run__is_a_picture(folder: Path, tmp_path: Path) -> None:
    assert main(["plot", "--run", str(folder), "-o", str(tmp_path / "curves.svg")]) == 0
    assert b"<svg" in (tmp_path / "curves.svg").read_bytes()


def test_history__saved_run__goes_on_nowhere_and_is_no_other_chain(folder: Path, capsys: Any) -> None:
    assert main(["history", "--run", str(folder), "--follow"]) == 2
    assert main(["history", "--run", str(folder), "--rpc", "http://127.0.0.1:1"]) == 2
    said = capsys.readouterr()
    assert "a run that is over" in said.err and "--run and where a collective is" in said.err and said.out == ""


def altered(folder: Path, to: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A copy whose chain was changed."""
    content = json.loads((folder / CHAIN_FILE).read_text())
    change(content)
    (to / CHAIN_FILE).write_text(json.dumps(content))
    (to / "deployment.json").write_bytes((folder / "deployment.json").read_bytes())
    return to


def flipped(content: dict[str, Any], block: int, place: int) -> None:
    text = content["blocks"][block]
    content["blocks"][block] = text[:place] + format(int(text[place], 16) ^ 1, "x") + text[place + 1 :]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda c: c.update(format="colearn-facts-1"), "isn't of the format"),
        (lambda c: c.pop("accounts"), "accounts"),
        (lambda c: c.update(accounts=0), "has 0 accounts"),
        (lambda c: c.update(accounts=10**9), "accounts"),
        (lambda c: c.update(accounts=2), "another chain's"),
        (lambda c: c.update(blocks=[]), "no blocks"),
        (lambda c: c.update(blocks=[1]), "no text"),
        (lambda c: c["blocks"].pop(2), "block 2"),
        (lambda c: c["blocks"].insert(1, c["blocks"][2]), "block 1"),
        (lambda c: c["blocks"].append("0xzz"), "hex"),
        (lambda c: c["blocks"].append("0x00"), "block "),
        (lambda c: flipped(c, 0, 100), "block 0"),
        (lambda c: flipped(c, 3, 200), "block 3"),  # of its state
        (lambda c: flipped(c, 3, 1400), "block 3"),  # of a transaction
    ],
)
def test_open_saved__altered_chain__is_refused_with_the_block(
    change: Any, said: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="isn't the chain of a run") as told:
        open_saved(altered(folder, tmp_path, change))
    assert said in str(told.value) and len(str(told.value)) < 600


def test_open_saved__cut_short__is_refused_or_shows_fewer_rounds(folder: Path, tmp_path: Path) -> None:
    whole = read_history(open_saved(folder)[0])
    snapshot, _ = open_saved(altered(folder, tmp_path, lambda c: c["blocks"].pop()))
    assert len(read_history(snapshot).rounds) == len(whole.rounds) - 1
    (tmp_path / CHAIN_FILE).write_bytes((folder / CHAIN_FILE).read_bytes()[:-20])
    with pytest.raises(ConfigError, match="isn't the chain of a run"):
        open_saved(tmp_path)
    with pytest.raises(NoContract):
        open_saved(altered(folder, tmp_path, lambda c: c["blocks"].__delitem__(slice(1, None))))


def test_open_saved__folder_without_a_chain__says_what_is_expected(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        open_saved(tmp_path)
    (tmp_path / CHAIN_FILE).write_bytes((folder / CHAIN_FILE).read_bytes())
    with pytest.raises(ConfigError, match="no deployment file"):
        open_saved(tmp_path)


def test_run__folder_that_cannot_be_written_to__is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"chain can't be written"):
        run(1, linear_learners(2, 1), 0.5, backend=EmbeddedLedger(saved=tmp_path / "missing"))


def test_run__names_that_members_cannot_have__are_left_out(tmp_path: Path) -> None:
    names = ["one", "ONE"]
    run(1, linear_learners(2, 1), 0.5, backend=EmbeddedLedger(saved=tmp_path), names=names)
    assert not open_saved(tmp_path)[1].names.by_address
