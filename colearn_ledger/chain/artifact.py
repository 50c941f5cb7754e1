"""The compiled contract that the package ships, so that users need no compiler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..errors import ArtifactError

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["Artifact", "load_artifact"]


_FILE = "CollectiveLearning.json"


@dataclass(frozen=True)
class Artifact:
    """A compiled contract.

    Attributes
    ----------
    name: of the contract.
    abi: as the compiler gives it.
    bytecode: creation code, without constructor arguments.
    deployed_bytecode: runtime code; the immutables' places are zero.
    compiler: version of the compiler.
    settings: of the compiler.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    compiler: str
    settings: dict[str, Any]


@lru_cache(maxsize=1)
def load_artifact() -> Artifact:
    """The shipped artifact.

    Raises
    ------
    ArtifactError: it is missing or damaged.
    """
    return read_artifact(resources.files("colearn_ledger").joinpath("artifacts").joinpath(_FILE))


def read_artifact(file: Traversable) -> Artifact:
    """The artifact in ``file``. Raises ArtifactError: it is missing or damaged."""
    try:
        return parse_artifact(file.read_text("utf-8"))
    except OSError as e:
        raise ArtifactError(
            "the compiled contract is missing from the installed package",
            expected=f"colearn_ledger/artifacts/{_FILE}",
            fix="install the package again",
        ) from e


def parse_artifact(text: str) -> Artifact:
    """The artifact in ``text`` (JSON)."""
    try:
        raw = json.loads(text)
        return Artifact(
            name=raw["contractName"],
            abi=raw["abi"],
            bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
            deployed_bytecode=bytes.fromhex(raw["deployedBytecode"].removeprefix("0x")),
            compiler=raw["compiler"],
            settings=raw["settings"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise ArtifactError(
            f"the compiled contract is damaged: {type(e).__name__}: {e}",
            expected="JSON with contractName, abi, bytecode, deployedBytecode, compiler and settings",
            fix="install the package again",
        ) from e
