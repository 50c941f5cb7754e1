"""Founding a collective when something fails in the middle of it; and the words and units of the command line."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.chain.deploy import Genesis, deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.core.limits import MOST_SECONDS
from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import (
    ConfigError,
    InsufficientFunds,
    LearnerError,
    StoreError,
    TransactionError,
    UsageError,
)
from colearn_ledger.formats.duration import parse_duration, shown_duration
from colearn_ledger.formats.size import parse_size, shown_size
from colearn_ledger.founding.establish import establish, prepare, public_urls
from colearn_ledger.learners.loading.factory import LearnerSpec, read_learner_spec
from colearn_ledger.learners.loading.first_weights import first_weights, try_learner
from colearn_ledger.learners.loading.options import parse_options
from colearn_ledger.report.founding import founding_in_words
from colearn_ledger.report.rules import decision_in_words, windows_in_words
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil, anvil, wait_until

DEPLOYER = Anvil.account(9)
MEMBERS = [Anvil.account(i).address for i in range(2)]
DATA = encode([1.0])


@pytest.mark.parametrize("had", [False, True])
def test_found__certain_that_there_is_no_contract__the_store_is_as_before(tmp_path: Path, had: bool) -> None:
    """The deployer's funds are gone between the plan and the deed."""
    store, agreed = LocalStore(tmp_path), b'{"format":"colearn-plan-1"}'
    if had:
        store.put(DATA)
        store.put(agreed)
    with anvil() as chain:
        web3 = connect([chain.url])
        planned = prepare(web3, DEPLOYER.address, MEMBERS, DATA, agreed=agreed)
        chain.rpc("anvil_setBalance", DEPLOYER.address, "0x1")
        with pytest.raises(InsufficientFunds):
            establish(planned, web3, DEPLOYER, store)
    assert store.has(weights_ref(DATA)) == had == store.has(weights_ref(agreed))


def test_found__endpoints_with_a_key_in_them__are_not_in_the_record(tmp_path: Path) -> None:
    with anvil() as chain:
        web3 = connect([chain.url])
        planned = prepare(web3, DEPLOYER.address, MEMBERS, DATA)
        urls = [chain.url, "https://rpc.example/v3/secret"]
        record, gas = establish(planned, web3, DEPLOYER, LocalStore(tmp_path), rpc=urls)
        assert record.rpc == (chain.url,) and record.genesis == weights_ref(DATA)
        assert 0 < gas <= planned.cost.gas


def test_found__store_fails__nothing_is_sent(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "weights")
    with anvil() as chain:
        web3 = connect([chain.url])
        planned = prepare(web3, DEPLOYER.address, MEMBERS, DATA)
        store.folder.rmdir()
        store.folder.touch()
        with pytest.raises(StoreError):
            establish(planned, web3, DEPLOYER, store)
        assert web3.eth.get_transaction_count(DEPLOYER.address, "pending") == 0


def test_found__interrupted_while_the_transaction_waits__the_weights_stay(tmp_path: Path) -> None:
    """It may be mined yet, and its address was said."""
    store = LocalStore(tmp_path)

    class Interrupted(LocalStore):
        def put(self, data: bytes) -> Any:
            ref = super().put(data)
            other = web3.eth.account.sign_transaction(transaction, DEPLOYER.key)
            web3.eth.send_raw_transaction(other.raw_transaction)  # something of the account is on its way
            return ref

    with anvil("--no-mining") as chain:
        web3 = connect([chain.url])
        transaction = {"to": MEMBERS[0], "value": 0, "gas": 21000, "gasPrice": 10**10, "nonce": 0, "chainId": 31337}
        planned = prepare(web3, DEPLOYER.address, MEMBERS, DATA)
        said: list[str] = []

        def interrupt(address: str) -> None:
            said.append(address)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            establish(planned, web3, DEPLOYER, Interrupted(tmp_path), on_sending=interrupt)
    assert len(said) == 1 and store.has(weights_ref(DATA))


@pytest.mark.slow
def test_deploy__not_mined_in_time__the_error_has_the_address() -> None:
    with anvil("--no-mining") as chain:
        web3 = connect([chain.url])
        genesis = Genesis(MEMBERS, weights_ref(DATA))
        with pytest.raises(TransactionError, match="was not mined within 1 s") as raised:
            deploy(web3, DEPLOYER, genesis, timeout_s=1, replace_after_s=10)
        address = str(raised.value).rpartition("the contract will be at ")[2]
        assert len(address) == 42 and not web3.eth.get_code(address)  # type: ignore[arg-type]
        chain.mine()
        wait_until(lambda: len(web3.eth.get_code(address)) > 0, "the contract is there")  # type: ignore[arg-type]


def test_public_urls__what_may_hold_a_secret__is_left_out() -> None:
    good = ["http://127.0.0.1:8545", "https://rpc.example/", "http://[::1]:1"]
    bad = [
        "https://u:p@rpc.example",
        "https://u@rpc.example",
        "https://rpc.example/v3/key",
        "https://rpc.example?key=1",
    ]
    assert public_urls([*good, *bad]) == tuple(good)


def test_first_weights__a_failing_learner__the_place_in_its_own_code(tmp_path: Path) -> None:
    module = tmp_path / "broken.py"
    module.write_text("import json\n\ndef make():\n    return json.loads('{')\n")
    with pytest.raises(LearnerError) as raised:
        first_weights(LearnerSpec("broken:make", {}, (tmp_path,)))
    assert f"({module}, line 4, in make)" in raised.value.what and "JSONDecodeError" in raised.value.what


def test_first_weights__options_and_what_it_prints__arrive(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "talks.py").write_text(
        "from tests.kit.node_learners import make\n"
        "def build(*, text, number):\n    print('I say', text, number)\n    return make(0)\n"
    )
    spec = LearnerSpec("talks:build", {"text": 'ü"', "number": 1.5}, (tmp_path,))
    assert first_weights(spec) == first_weights(LearnerSpec("tests.kit.node_learners:make", {"index": 0}))
    said = capfd.readouterr()
    assert 'I say ü" 1.5' in said.err and not said.out


def test_first_weights__options_of_any_kind_that_toml_has__arrive_and_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "echoes.py").write_text(
        "from tests.kit.node_learners import make\ndef build(**options):\n    raise ValueError(repr(options))\n"
    )
    options = {"day": datetime.date(2020, 1, 1), "text": "a\n", "deep": {"a": [1, {"b": True}]}}
    with pytest.raises(LearnerError) as raised:
        first_weights(LearnerSpec("echoes:build", options, (tmp_path,)))
    assert f"failed: ValueError: {options!r}" in raised.value.what
    with pytest.raises(ConfigError, match="can't be handed over"):
        first_weights(LearnerSpec("m:f", {"what": object()}))


@pytest.mark.parametrize(
    "factory, says",
    [
        ("make_and_exit", "the learner tests.kit.odd_learners:make_and_exit ended the process (code 0)"),
        (
            "make_and_vanish",
            "the process that makes the learner tests.kit.odd_learners:make_and_vanish ended with code 0",
        ),
    ],
)
def test_first_weights__factory_that_ends_the_process_with_0__is_told(factory: str, says: str) -> None:
    with pytest.raises(LearnerError) as raised:
        first_weights(LearnerSpec(f"tests.kit.odd_learners:{factory}", {"code": 0}))
    assert says in raised.value.what


def test_first_weights__factory_that_is_not_there__says_so() -> None:
    with pytest.raises(ConfigError, match="there is no module nowhere"):
        first_weights(LearnerSpec("nowhere:make"))
    with pytest.raises(ConfigError, match="has no function nothing"):
        first_weights(LearnerSpec("tests.kit.odd_learners:nothing"))


@pytest.mark.slow
def notes_of(spec: LearnerSpec) -> tuple[str, ...]:
    trial = try_learner(spec).trial
    assert trial is not None and trial.trained_s is None and trial.trainings_left is None
    return trial.notes


@pytest.mark.slow
def test_try_learner__one_whose_score_is_no_number__has_a_note() -> None:
    [note] = notes_of(LearnerSpec("tests.kit.odd_learners:make_unscored"))
    assert "its vote score of its own weights is nan" in note
    assert notes_of(LearnerSpec("tests.kit.node_learners:make", {"index": 0})) == ()
    notes = notes_of(LearnerSpec("tests.kit.odd_learners:make_one_class"))
    assert any(note.startswith("it votes on samples that all have the same target") for note in notes), notes


@pytest.mark.parametrize(
    "text, factory, options",
    [
        ('learner = "m:f"', "m:f", {}),
        ('[learner]\nfactory = "m:f"\n[learner.options]\na = 1', "m:f", {"a": 1}),
        ('rpc = 5\nunknown = true\n[learner]\nfactory = "p.m:f"', "p.m:f", {}),
    ],
)
def test_read_learner_spec__only_the_learner_counts(
    tmp_path: Path, text: str, factory: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text)
    spec = read_learner_spec(path)
    assert (spec.factory, spec.options, spec.folders) == (factory, options, (tmp_path,))


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "names no learner"),
        ("learner = 5", "names no learner"),
        ('learner = "m"', "names no learner"),
        ('[learner]\nfactory = "m:f"\noptions = 5', "learner.options in"),
        ("[learner", "isn't TOML"),
    ],
)
def test_read_learner_spec__mistake__is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_learner_spec(path)
    with pytest.raises(ConfigError, match="there is no file"):
        read_learner_spec(tmp_path / "nowhere")


def test_parse_options__json_where_it_is_json() -> None:
    words = ["a=1", "b=1.5", "c=true", "d=text", 'e="5"', "f=[1,2]", "g=", "h=a=b", "i=NaN", "j=null"]
    assert parse_options(words) == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": "text",
        "e": "5",
        "f": [1, 2],
        "g": "",
        "h": "a=b",
        "i": "NaN",
        "j": "null",
    }


@pytest.mark.parametrize("text", ["1e400", "-1e400", "[1,1e999]", '{"a":1e400}'])
def test_parse_options__a_number_that_no_float_holds__is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the option x has the number"):
        parse_options([f"x={text}"])


@pytest.mark.parametrize(
    "text, seconds",
    [("1", 1), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("33554431", 33554431)],
)
def test_parse_duration__good__and_shown_as_it_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text, "T", most=MOST_SECONDS) == seconds
    assert parse_duration(shown_duration(seconds), "T", most=MOST_SECONDS) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-1", "1.5", "1 h", "h", "1w", "33554432", "389d", "9" * 100, "1h30", "٣", "٣s"]
)
def test_parse_duration__anything_else__is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--vote-window is "):
        parse_duration(text, "--vote-window", most=MOST_SECONDS)


@pytest.mark.parametrize(
    "text, size", [("1", 1), ("2k", 2000), ("100MB", 10**8), ("1GiB", 1 << 30), ("1 mib", 1 << 20), ("7b", 7)]
)
def test_parse_size__good(text: str, size: int) -> None:
    assert parse_size(text, 1 << 36) == size


@pytest.mark.parametrize("text", ["", "0", "1.5GB", "GB", "-1", "1TB", "65GiB", "9" * 50, "٣"])
def test_parse_size__anything_else__is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the size is "):
        parse_size(text, 1 << 36)


def test_words__sizes_and_rules() -> None:
    assert [shown_size(n) for n in (7, 1024, 1536, 1 << 20, 1 << 30)] == [
        "7 bytes",
        "1 KiB",
        "1.5 KiB",
        "1 MiB",
        "1 GiB",
    ]
    assert decision_in_words(Rules(2, 3), 5) == "more than 2/3 of the 4 others must approve: 3, so 1 may be away"
    assert decision_in_words(Rules(1, 2), 3).endswith("2 others must approve: 2, so all must be there")
    assert windows_in_words(Rules(), secret=False) == "1h to propose, 1h to vote, 7d for a motion"
    assert windows_in_words(Rules(), secret=True).startswith("1h to propose, 1h to commit, 1h to reveal")


def test_plan__no_cap_is_given__follows_from_the_first_weights_and_is_shown() -> None:
    with anvil() as chain:
        web3 = connect([chain.url])
        for tree, cap, says in (np.zeros(4), 1 << 20, False), ({"trees": b"x"}, 64 << 20, True):
            planned = prepare(web3, DEPLOYER.address, MEMBERS, encode(tree))
            assert planned.genesis.max_size == cap
            assert any("--max-size" in line for line in founding_in_words(planned, "here", "there")) is says


def test_plan__weights_that_are_a_part_of_a_model__the_base_s_hash_is_shown() -> None:
    with anvil() as chain:
        web3 = connect([chain.url])
        for tree, says in ({"base": {"ab" * 32: None}, "shared": {"w": np.zeros(4)}}, True), (np.zeros(4), False):
            lines = founding_in_words(prepare(web3, DEPLOYER.address, MEMBERS, encode(tree)), "here", "there")
            assert any(f"frozen at every member, sha256 {'ab' * 32}" in line for line in lines) is says
