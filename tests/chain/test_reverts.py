"""What the contract says when it refuses, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple
from eth_utils.crypto import keccak

from colearn_ledger.chain.artifact import load_artifact
from colearn_ledger.chain.reverts import RevertDecoder

ABI = [
    {"type": "error", "name": "Empty", "inputs": []},
    {
        "type": "error",
        "name": "TooFar",
        "inputs": [{"name": "id", "type": "bytes32"}, {"name": "least", "type": "uint256"}],
    },
    {"type": "function", "name": "look", "inputs": []},
]
# The errors whose name alone doesn't tell what to do.
EXPLAINED = {
    "AlreadyAMember",
    "BadMemberCount",
    "BadRules",
    "NotAMember",
    "NotAnAddition",
    "RoundOverdue",
    "StaleParent",
    "TooManyMotions",
}


def raised(name: str, types: list[str], values: list[Any]) -> bytes:
    return keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, values)


def test_decode__one_of_the_contracts_errors__has_its_name_and_arguments() -> None:
    error = RevertDecoder(ABI).decode(raised("TooFar", ["bytes32", "uint256"], [b"i" * 32, 7]), "look")
    assert (error.name, error.arguments, error.fix) == ("TooFar", {"id": b"i" * 32, "least": 7}, "")
    assert error.what == f"the contract refused to look: TooFar(id=0x{'69' * 32}, least=7)"
    empty = RevertDecoder(ABI).decode(raised("Empty", [], []), "look")
    assert (empty.name, empty.arguments) == ("Empty", {})


@pytest.mark.parametrize("data, shown", [(b"", "no data"), (b"\x01\x02\x03\x04\x05", "0x0102030405")])
def test_decode__no_error_of_the_contract__shows_what_there_is(data: bytes, shown: str) -> None:
    error = RevertDecoder(ABI).decode(data, "look")
    assert error.what == f"the contract refused to look without one of its own errors ({shown})"
    assert error.name == "" and "address" in error.fix


def test_decode__each_error_of_the_shipped_contract__those_that_need_it_say_what_to_do() -> None:
    abi = load_artifact().abi
    decoder = RevertDecoder(abi)
    explained = set()
    for item in abi:
        if item["type"] == "error":
            signature = f"{item['name']}({','.join(collapse_if_tuple(i) for i in item['inputs'])})"
            error = decoder.decode(keccak(text=signature)[:4] + bytes(1024), "look")
            assert error.name == item["name"] and set(error.arguments) == {i["name"] for i in item["inputs"]}
            if error.fix:
                explained.add(error.name)
    assert explained >= EXPLAINED
