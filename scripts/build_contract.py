"""Compile the contract with py-solc-x and write the artifact that the package ships; ``--check`` compares instead.

The compiler is npm's, driven by py-solc-x through ``scripts/solc-wrapper``.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "lib")]

from generated import write_or_compare  # noqa: E402

from colearn_ledger.errors import ArtifactError, CompilerNotFound  # noqa: E402

ARTIFACT = ROOT / "colearn_ledger" / "artifacts" / "CollectiveLearning.json"
VERSION = "0.8.30"
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,
    # The lowest that has PUSH0: later ones cost the same gas here, earlier ones more.
    "evmVersion": "shanghai",
    # Without it the bytecode would depend on how the source files are named.
    "metadata": {"bytecodeHash": "none"},
}
CONTRACT = "contracts/CollectiveLearning.sol"
INTERFACE = "contracts/ICollectiveLearning.sol"


def find_compiler() -> Path:
    """The wrapper around npm's compiler, if Node.js and the npm package are there."""
    if shutil.which("node") is None:
        missing = "Node.js is not on PATH"
    elif not (ROOT / "node_modules" / "solc" / "soljson.js").is_file():
        missing = "the npm package solc is not installed"
    else:
        return ROOT / "scripts" / "solc-wrapper"
    raise CompilerNotFound(
        f"no Solidity compiler: {missing}",
        expected=f"solc {VERSION}, from npm",
        fix="install Node.js 20 or newer, then run `npm ci` in the project's folder",
    )


def source_names() -> tuple[str, ...]:
    """Every file of the contract as the compiler knows it: by its path in the project."""
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.sol")))


def standard_input() -> dict[str, Any]:
    """The compiler's input: the same for every way to compile."""
    return {
        "language": "Solidity",
        "sources": {name: {"content": (ROOT / name).read_text(encoding="utf-8")} for name in source_names()},
        "settings": {
            **SETTINGS,
            "outputSelection": {
                CONTRACT: {"CollectiveLearning": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]},
            },
        },
    }


def compile_standard() -> dict[str, Any]:
    """What py-solc-x makes of the sources; warnings go to stderr."""
    compiler = find_compiler()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import solcx
        from solcx.exceptions import SolcError
    try:
        output: dict[str, Any] = solcx.compile_standard(standard_input(), solc_binary=compiler)
    except SolcError as e:
        raise ArtifactError("the contract doesn't compile", expected="no errors", fix=str(e)) from e
    for message in output.get("errors", []):
        print(message["formattedMessage"], file=sys.stderr)
    return output


def build() -> str:
    """The artifact's text."""
    contract = compile_standard()["contracts"][CONTRACT]["CollectiveLearning"]
    artifact = {
        "contractName": "CollectiveLearning",
        "compiler": VERSION,
        "settings": SETTINGS,
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + contract["evm"]["deployedBytecode"]["object"],
    }
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """As :func:`write_or_compare` has it; 14 without a compiler."""

    def size(text: str) -> str:
        return f"({(len(json.loads(text)['deployedBytecode']) - 2) // 2} bytes of code)"

    text = "Compile the contract into the package's artifact."
    what = "the sources compile to"
    return write_or_compare(arguments, text, ARTIFACT, build, script="build_contract.py", what=what, about=size)


if __name__ == "__main__":
    sys.exit(main())
