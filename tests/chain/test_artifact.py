"""The shipped artifact is what the sources compile to, by every way to compile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.chain.artifact import load_artifact, parse_artifact, read_artifact
from colearn_ledger.errors import ArtifactError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import build_contract  # noqa: E402


def _needs(*paths: str) -> None:
    if shutil.which("node") is None or not all((ROOT / "node_modules" / p).exists() for p in paths):
        if os.environ.get("CI") == "true":
            pytest.fail("Node.js or the npm packages are missing: run `npm ci`")
        pytest.skip("Node.js or the npm packages are missing: run `npm ci`")


def test_load_artifact__shipped__fits_the_chains_limit() -> None:
    artifact = load_artifact()
    assert artifact.name == "CollectiveLearning" and artifact.compiler == "0.8.30"
    # Chains take 24,576 bytes (EIP-170). The rest is for what may have to be mended.
    assert 0 < len(artifact.deployed_bytecode) <= 23_500
    assert {"propose", "vote", "viewFor"} <= {entry.get("name") for entry in artifact.abi}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"contractName": "x", "abi": [], "bytecode": "0xzz"}'])
def test_parse_artifact__damaged__says_so(text: str) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        parse_artifact(text)


def test_read_artifact__no_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is missing") as raised:
        read_artifact(tmp_path / "CollectiveLearning.json")
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.slow
def test_build_contract__check__equal_byte_for_byte() -> None:
    _needs("solc")
    done = subprocess.run(
        [sys.executable, "scripts/build_contract.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_build_contract__abi__is_the_interfaces_and_nothing_else() -> None:
    _needs("solc")
    given = build_contract.standard_input()
    given["settings"]["outputSelection"] = {build_contract.INTERFACE: {"*": ["abi"]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import solcx
    output = solcx.compile_standard(given, solc_binary=build_contract.find_compiler())
    [interface] = output["contracts"][build_contract.INTERFACE].values()

    def told(abi: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All but the constructor, and the names that the implementation has for what it returns."""
        unnamed = [{**e, "outputs": [{**o, "name": ""} for o in e.get("outputs", [])]} for e in abi]
        return [e for e in unnamed if e["type"] != "constructor"]

    assert told(load_artifact().abi) == told(interface["abi"])


def test_build_contract__no_compiler__one_clear_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/build_contract.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 14
    assert "no Solidity compiler" in done.stderr and "to fix:" in done.stderr and "Traceback" not in done.stderr


def test_hardhat__no_compiler__one_clear_message(tmp_path: Path) -> None:
    _needs("hardhat")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "hardhat").symlink_to(ROOT / "node_modules" / "hardhat")
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts")
    for name in ("hardhat.config.js", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    hardhat = ROOT / "node_modules" / "hardhat" / "internal" / "cli" / "bootstrap.js"
    done = subprocess.run(["node", hardhat, "compile"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Solidity compiler: the npm package solc is not installed")
    assert "to fix:" in done.stderr and "    at " not in done.stderr


@pytest.mark.slow
def test_hardhat__compile__the_same_bytes(tmp_path: Path) -> None:
    _needs("hardhat", "solc")
    hardhat = ROOT / "node_modules" / "hardhat" / "internal" / "cli" / "bootstrap.js"
    done = subprocess.run(["node", hardhat, "compile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    path = ROOT / "hardhat-artifacts" / "contracts" / "CollectiveLearning.sol" / "CollectiveLearning.json"
    built = json.loads(path.read_text(encoding="utf-8"))
    shipped = load_artifact()
    assert bytes.fromhex(built["bytecode"][2:]) == shipped.bytecode
    assert bytes.fromhex(built["deployedBytecode"][2:]) == shipped.deployed_bytecode
    assert built["abi"] == shipped.abi
