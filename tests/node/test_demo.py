"""A whole collective on this machine: how it is set up, what is refused beforehand, and a small run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from colearn_node.demo import main, set_up
from colearn_node.settings import load

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.core.driver import InProcess, run
from colearn_ledger.core.limits import MOST_MEMBERS
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.weights import encode
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.network.up import Stakeholder
from colearn_ledger.stores.local import LocalStore
from colearn_ledger.tasks import Training, get_task

from ..kit.anvil import Anvil, anvil
from ..kit.network import need
from ..kit.node_learners import make


@dataclass
class Network:
    """A chain of which three people have keys, and a folder."""

    folder: Path
    anvil: Anvil
    stakeholders: tuple[Stakeholder, ...]
    chain_id: int = 31337

    @property
    def rpc_url(self) -> str:
        return self.anvil.url

    @property
    def ws_url(self) -> str:
        return self.anvil.url.replace("http", "ws")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    people = []
    for number in (1, 2, 3):
        folder = tmp_path / f"person-{number}"
        folder.mkdir()
        (folder / "password").write_text("only for tests\n")
        account = Anvil.account(number)
        write_keystore(account, folder / "key.json", "only for tests", iterations=2)
        people.append(
            Stakeholder(f"person-{number}", account.address, folder / "key.json", folder / "password", "", Path())
        )
    with anvil() as chain:
        yield Network(tmp_path, chain, tuple(people))


def test_set_up__three_people__a_collective_of_theirs_and_a_configuration_for_each(network: Network) -> None:
    made = set_up(
        network,
        "tests.kit.node_learners:make",
        {"seed": 7},
        # the first one's weights are the collective's
        own=lambda folder: {"features": 5 if folder.name == "person-1" else 4},
        secret=True,
        shuffled=True,
        poll_interval=0.5,
        log={"level": "debug"},
    )
    record = load_deployment(made.deployment)
    web3 = connect([network.rpc_url])
    contract = CollectiveContract(web3, record.address)
    snapshot = contract.snapshot()
    assert snapshot.members() == tuple(person.address for person in network.stakeholders)
    seen = snapshot.view(network.stakeholders[0].address)
    assert seen.secret_votes and contract.functions.shuffled().call() and record.rpc == (network.rpc_url,)
    assert web3.eth.get_transaction(record.transaction)["from"] == network.stakeholders[0].address
    first = encode(make(0, seed=7, features=5).mli_get_current_weights().weights)
    assert LocalStore(network.folder / "weights").get(seen.accepted) == first
    assert list(made.configs) == ["person-1", "person-2", "person-3"]
    for index, (person, path) in enumerate(zip(network.stakeholders, made.configs.values(), strict=True)):
        config = load(path, {}, {})
        assert config.rpc == (network.rpc_url,) and config.ws == network.ws_url
        assert (config.keystore, config.password_file) == (person.keystore, person.password_file)
        assert config.deployment == made.deployment and config.store_folder == network.folder / "weights"
        assert config.store_ipfs is None and (config.poll_interval, config.log_level) == (0.5, "debug")
        own = {"features": 5 if index == 0 else 4, "index": index, "of": 3}
        assert config.learner_factory == "tests.kit.node_learners:make"
        assert config.learner_options == {"seed": 7, **own}


def test_set_up__a_wire__the_first_weights_travel_so_and_the_record_says_it(network: Network) -> None:
    made = set_up(network, "tests.kit.node_learners:make", {"seed": 7}, wire="bfloat16")
    record = load_deployment(made.deployment)
    assert record.schema.wire == "bfloat16"
    first = make(0, seed=7).mli_get_current_weights().weights
    assert LocalStore(network.folder / "weights").get(record.genesis) == encode(first, record.schema)


@pytest.mark.parametrize(
    "words, says",
    [
        (["-n", "1"], "--stakeholders is 1"),
        (["-n", str(MOST_MEMBERS + 1)], f"--stakeholders is {MOST_MEMBERS + 1}"),
        (["-n", str(MOST_MEMBERS), "-p", "0"], "--rounds is 0"),
        (["-t", "MNISTT"], "there is no task"),
        (["-p", "0"], "--rounds is 0"),
        (["-p", "-1"], "--rounds is -1"),
        (["-p", "1", "-l", "0"], "learning_rate is 0"),
        (["--merge-order", "median"], "--merge-order without --joint"),
        (["--joint", "--merge-order", "best"], "no rule 'best'"),
        (["-t", "DIGITS", "-d", "data"], "was given a data folder"),
    ],
)
def test_demo__mistake__is_said_before_anything_starts(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert says in said.err and not said.out


@pytest.mark.slow
def test_demo__a_shared_folder_and_one_round__all_say_what_they_do_and_the_history_is_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    need("anvil")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["-t", "DIGITS", "-n", "2", "-p", "1", "--folder-store", "--secret", "-a", "0.5"]) == 0
    told = capfd.readouterr().out
    for says in ("no IPFS daemons", "stakeholder-1 ", "stakeholder-2 ", "committed to", "the history, read from"):
        assert says in told
    assert told.splitlines()[-3].endswith("everything is stopped")
    history = told.partition("the history, read from")[2]
    alone = run(1, get_task("DIGITS").make_learners(2, Training(alpha=0.5)).learners)
    assert alone.final_sha256 in history
    (folder,) = (tmp_path / "colearn-network-demo").iterdir()
    assert sorted(p.name for p in folder.iterdir()) == [
        "deployment.json",
        "history.json",
        "history.png",
        "model",
        "weights",
    ]
    data = (folder / "model" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == alone.final_sha256
    names: dict[str, Any] = {}
    exec(told.splitlines()[-1].partition("open the model: ")[2], names)
    learner = get_task("DIGITS").make_learners(2, Training(alpha=0.5)).learners[0]
    learner.load(folder / "model" / "weights.safetensors")
    x = learner.test_set[0]
    assert (names["model"].predict(x) == learner.predict(x)).all()
    assert main(["-o", str(folder)]) == 2 and "is there already" in capfd.readouterr().err


@pytest.mark.slow
def test_demo__joint__the_same_final_weights_as_in_process_and_the_history_says_what_was_merged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    need("anvil")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    words = ["-t", "DIGITS", "-n", "3", "-p", "2", "--folder-store", "--joint", "--merge-order", "clipped-mean,mean"]
    assert main([*words, "--wire", "bfloat16"]) == 0
    told = capfd.readouterr().out
    history = told.partition("the history, read from")[2]
    order = (Rule.CLIPPED_MEAN, Rule.MEAN)
    learners = get_task("DIGITS").make_learners(3, Training(vote_policy="paired")).learners
    alone = run(2, learners, rounds="joint", merge_order=order, backend=InProcess(wire="bfloat16"))
    assert "(paired:0.05, p" in told and "(not-worse" not in told
    assert alone.final_sha256 in history and "3/3" in history and "clipped-mean" in history
    assert "rounds are joint: all train, one merges by clipped-mean, then by mean" in history
