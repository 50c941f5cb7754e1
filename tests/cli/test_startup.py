"""What a program doesn't load when it starts, and that it has it when it is used after all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..kit.anvil import Anvil
from ..kit.collective import Collective

# The key and the public key are of EIP-2335's and EIP-2333's test cases.
SCRIPT = """
import json, sys
from colearn_ledger.cli.startup import defer_pairings
defer_pairings()
import eth_account
early = "py_ecc.bls.ciphersuites" in sys.modules or any(name.endswith("_pairing") for name in sys.modules)
import eth_keyfile
secret = bytes.fromhex("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
validators = eth_keyfile.create_keyfile_json(secret, b"password", version=4, kdf="pbkdf2", iterations=2)
ours = eth_account.Account.encrypt(secret, "password", iterations=2)
import py_ecc.bls, py_ecc.bls12_381
print(json.dumps({
    "early": early,
    "public": validators["pubkey"],
    "opened": eth_keyfile.decode_keyfile_json(ours, b"password").hex(),
    "real": [py_ecc.bls.G2ProofOfPossession.__module__, py_ecc.bls12_381.pairing.__module__],
}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_defer_pairings__a_keystore_like_ours__is_read_without_them(told: dict[str, object]) -> None:
    assert told["early"] is False
    assert told["opened"] == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


@pytest.mark.slow
def test_defer_pairings__used_after_all__are_the_real_ones(told: dict[str, object]) -> None:
    public = "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07"
    assert told["public"] == public
    assert told["real"] == ["py_ecc.bls.ciphersuites", "py_ecc.bls12_381.bls12_381_pairing"]


@pytest.mark.slow
def test_programs__start__without_them() -> None:
    script = """
import sys
from colearn_ledger.cli.program import Parser, run_program
run_program(lambda words: Parser(prog="program"), [])
import web3
assert not any(name.endswith("_pairing") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_defer_pairings__loaded_already__nothing_is_changed() -> None:
    script = """
import sys
import py_ecc.bls
before = sys.modules["py_ecc.bls"]
from colearn_ledger.cli.startup import defer_pairings
defer_pairings()
assert sys.modules["py_ecc.bls"] is before and before.G2ProofOfPossession
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def run_apart(script: str, folder: Path | None = None) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_load_web3__its_asynchronous_http__is_there_when_it_is_used_and_not_before() -> None:
    run_apart("""
import sys
from colearn_ledger.cli.startup import load_web3
load_web3()
assert "aiohttp" not in sys.modules and "web3" in sys.modules
from web3 import AsyncHTTPProvider, Web3
from web3.providers.rpc import async_rpc
assert async_rpc.ClientSession.__name__ == "ClientSession" and "aiohttp" not in sys.modules
import aiohttp
assert isinstance(async_rpc.ClientError("x"), aiohttp.ClientError)
""")


def test_load_web3__loaded_before__is_as_it_was() -> None:
    run_apart("""
import aiohttp, sys
from colearn_ledger.cli.startup import load_web3
load_web3()
from web3.providers.rpc import async_rpc
assert sys.modules["aiohttp"] is aiohttp and async_rpc.ClientSession is aiohttp.ClientSession
""")


def test_load_web3__keystores__are_made_and_opened_all_the_same() -> None:
    run_apart("""
import sys
from colearn_ledger.cli.startup import load_web3
load_web3()
assert not {"eth_keyfile", "eth_keyfile.keyfile"} & sys.modules.keys()
from eth_account import Account
made = Account.encrypt("0x" + "11" * 32, "word", iterations=2)
assert bytes(Account.decrypt(made, "word")) == b"\\x11" * 32
import eth_keyfile
assert eth_keyfile.decode_keyfile_json(made, b"word") == b"\\x11" * 32
""")


@pytest.mark.parametrize("words", [("info",), ("status",), ("history",), ("show", "1"), ("members",)])
def test_reading_a_chain__a_command__loads_nothing_that_it_does_not_need(
    chain: Anvil, tmp_path: Path, words: tuple[str, ...]
) -> None:
    story = Collective.found(chain, 3)
    story.propose("one")
    story.vote(1)
    story.vote(2)
    folder = story.save(tmp_path)
    run_apart(
        f"""
import sys
from colearn_ledger.cli.main import main
assert main({list(words)!r}) == 0
assert "web3" in sys.modules
assert not {{"aiohttp", "numpy", "eth_keyfile", "tensorflow"}} & sys.modules.keys()
""",
        folder,
    )
