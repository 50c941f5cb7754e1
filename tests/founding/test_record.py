"""deployment.json: what is written is what is read, and every kind of damage is named. The code check, on a chain."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.chain.artifact import load_artifact
from colearn_ledger.chain.bytecode import check_code, matches
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import ArtifactError, ConfigError, NoContract
from colearn_ledger.founding.record import DeploymentRecord, load_deployment, save_deployment

from ..kit.collective import embedded

SHA = hashlib.sha256(b"weights").digest()
RECORD = DeploymentRecord(
    chain_id=31337,
    address="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    block=7,
    transaction=b"\xab" * 32,
    genesis=WeightsRef(SHA, SHA, 7),
    schema=Schema.of({"layer": [np.zeros((2, 3), np.float32), 1.5]}),
    rpc=("http://127.0.0.1:8545",),
)


@pytest.mark.parametrize("size", [1, 1 << 20, (1 << 20) + 1])
def test_round_trip__small_and_large_weights(tmp_path: Path, size: int) -> None:
    root = SHA if size <= 1 << 20 else b"\x05" * 32
    record = dataclasses.replace(RECORD, genesis=WeightsRef(SHA, root, size))
    path = tmp_path / "deployment.json"
    save_deployment(record, path)
    assert load_deployment(path) == record
    assert [p.name for p in tmp_path.iterdir()] == ["deployment.json"]


def test_save__replaces_the_old_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    save_deployment(RECORD, path)
    other = dataclasses.replace(RECORD, block=8)
    save_deployment(other, path)
    assert load_deployment(path) == other


def test_save__folder_is_missing__is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written"):
        save_deployment(RECORD, tmp_path / "missing" / "d.json")
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(ConfigError, match="can't be written"):
        save_deployment(RECORD, target)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def damaged(tmp_path: Path, change: Any) -> Path:
    content = RECORD.to_json()
    change(content)
    path = tmp_path / "d.json"
    path.write_text(json.dumps(content))
    return path


def test_load__begins_with_a_mark_as_some_editors_leave_it__is_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(RECORD.to_json()).encode())
    assert load_deployment(path) == RECORD


@pytest.mark.parametrize("key", sorted(RECORD.to_json()))
def test_load__a_key_is_missing__is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_deployment(damaged(tmp_path, lambda content: content.pop(key)))


@pytest.mark.parametrize(
    "key, value",
    [
        ("format", "colearn-deployment-2"),
        ("chain_id", "31337"),
        ("chain_id", True),
        ("chain_id", 0),
        ("address", RECORD.address.lower()),
        ("address", "0x12"),
        ("address", None),
        ("block", -1),
        ("block", 1.5),
        ("transaction", "0xabcd"),
        ("transaction", 5),
        ("rpc", "http://127.0.0.1"),
        ("rpc", [1]),
        ("genesis", []),
        ("genesis", {"cid": "x", "sha256": "y", "size": 1}),
        ("schema", {}),
        ("schema", {"format": "colearn-schema-1", "tree": "int"}),
        ("schema", {"format": "colearn-schema-2", "tree": ["no", "such", "thing"], "roles": {}}),
    ],
)
def test_load__a_value_is_wrong__is_named(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key) as raised:
        load_deployment(damaged(tmp_path, lambda content: content.update({key: value})))
    assert raised.value.expected and raised.value.exit_code == 3


@pytest.mark.parametrize(
    "key, value",
    [("cid", "bafkqaaa"), ("cid", "!"), ("cid", 5), ("sha256", "00"), ("size", 0), ("size", 2 << 20)],
)
def test_load__genesis_is_wrong__is_named(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match="genesis"):
        load_deployment(damaged(tmp_path, lambda content: content["genesis"].update({key: value})))


def test_load__unknown_key__is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key 'rpcs'"):
        load_deployment(damaged(tmp_path, lambda content: content.update(rpcs=[])))


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b"{", b'"\\'])
def test_load__not_json__is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="isn't a deployment file"):
        load_deployment(path)


def test_load__deep_under_a_raised_recursion_limit__does_not_end_the_process(tmp_path: Path) -> None:
    limit = sys.getrecursionlimit()
    path = tmp_path / "d.json"
    path.write_bytes(b'{"a":' * 100_000)
    sys.setrecursionlimit(10**6)
    try:
        with pytest.raises(ConfigError):
            load_deployment(path)
    finally:
        sys.setrecursionlimit(limit)


def test_load__no_file__is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no deployment file"):
        load_deployment(tmp_path / "d.json")
    with pytest.raises(ConfigError, match="can't be read"):
        load_deployment(tmp_path)


@pytest.mark.parametrize("secret, shuffled, max_size", [(False, False, 1), (True, True, (1 << 36) - 1)])
def test_check_code__the_contract__whatever_its_immutables(secret: bool, shuffled: bool, max_size: int) -> None:
    weights = WeightsRef(SHA, SHA, 1)
    founded = embedded(2, weights=weights, secret=secret, shuffled=shuffled, max_size=max_size)
    check_code(founded.contract.snapshot())
    code = bytes(founded.chain.web3.eth.get_code(founded.contract.address))
    assert matches(code, load_artifact().deployed_bytecode)
    for at in (0, len(code) // 2, len(code) - 1):  # a byte of code, and of the compiler's note at its end
        assert not matches(code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :], load_artifact().deployed_bytecode)
    assert not matches(code + b"\0", load_artifact().deployed_bytecode)


def test_check_code__nothing_there__is_not_the_same_as_something_else() -> None:
    chain = EmbeddedChain(2)
    contract = CollectiveContract(chain.web3, chain.accounts[1].address, pin_by_number=True)
    with pytest.raises(NoContract, match="no contract at") as raised:
        check_code(contract.snapshot())
    assert raised.value.exit_code == 18 and isinstance(raised.value, ArtifactError)


def test_check_code__another_contract__is_refused() -> None:
    chain = EmbeddedChain(2)
    account = chain.accounts[0]
    transaction = {
        "data": "0x6001600c60003960016000f300",  # creates a contract whose code is one byte
        "gas": 100_000,
        "gasPrice": 10**10,
        "value": 0,
        "nonce": 0,
        "chainId": chain.web3.eth.chain_id,
    }
    sent = chain.web3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
    address = chain.web3.eth.get_transaction_receipt(sent)["contractAddress"]
    contract = CollectiveContract(chain.web3, str(address), pin_by_number=True)
    with pytest.raises(ArtifactError, match="another contract") as raised:
        check_code(contract.snapshot())
    assert raised.value.exit_code == 13
