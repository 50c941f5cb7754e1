"""A run on the embedded chain as two files, from which the chain is made again: its blocks, and the deployment file.

Every block is run again when it is read, and must come to the state that it names. The chain's keys are known to
everybody, so that shows that a record is whole, and not whose it is.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..chain.bytecode import check_code
from ..chain.contract import CollectiveContract
from ..chain.snapshot import Snapshot
from ..core.limits import MOST_MEMBERS
from ..errors import ConfigError, StoreError
from ..formats.files import write_whole
from ..formats.json import parse_shallow_json
from ..founding.record import DEPLOYMENT_FILE, DeploymentRecord, load_deployment, save_deployment
from .chain import EmbeddedChain

__all__ = ["CHAIN_FILE", "open_saved", "save_chain"]

CHAIN_FILE = "chain.json"
_FORMAT = "colearn-embedded-chain-1"
_MOST_BYTES = 1 << 30


def save_chain(chain: EmbeddedChain, deployment: DeploymentRecord, folder: Path) -> None:
    """Write both files, the deployment's last. Raises StoreError and ConfigError where they can't be written."""
    blocks = ["0x" + block.hex() for block in chain.blocks()]
    content = {"format": _FORMAT, "accounts": len(chain.accounts), "blocks": blocks}
    path = folder / CHAIN_FILE
    try:
        write_whole(path, json.dumps(content, indent=0) + "\n")
    except OSError as e:
        raise StoreError(
            f"the chain can't be written to {path}: {e.strerror or e}",
            expected="a folder that this user may write to, with room on its disk",
            fix="make room, or give another folder",
        ) from e
    save_deployment(deployment, folder / DEPLOYMENT_FILE)


def open_saved(folder: Path) -> tuple[Snapshot, DeploymentRecord]:
    """The collective as a run left it, and its deployment file.

    Raises
    ------
    ConfigError: there are no such files, or they aren't what a run left.
    NoContract, ArtifactError: the contract isn't there, or is another one.
    """
    chain = _load(folder / CHAIN_FILE)
    deployment = load_deployment(folder / DEPLOYMENT_FILE)
    snapshot = CollectiveContract(chain.web3, deployment.address, pin_by_number=True).snapshot()
    check_code(snapshot)
    return snapshot, deployment


def _load(path: Path) -> EmbeddedChain:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as e:
        raise ConfigError(
            f"the chain of the run can't be read: {path}: {e.strerror or e}",
            expected="the folder of a demo's run on a ledger, with the chain that it left",
            fix="correct the path; a run in process has no chain",
        ) from e
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        accounts, blocks = _parsed(data)
        return EmbeddedChain.again(accounts, blocks)
    except (ValueError, TypeError, KeyError) as e:
        raise ConfigError(
            f"the file {path} isn't the chain of a run: {str(e)[:200]}",
            expected="the blocks of an embedded chain, as a demo's run writes them",
            fix="take the folder as the run left it",
        ) from e


def _parsed(data: bytes) -> tuple[int, list[bytes]]:
    content = parse_shallow_json(data)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"it isn't of the format {_FORMAT}")
    accounts, blocks = content["accounts"], content["blocks"]
    if type(accounts) is not int or not 1 <= accounts <= MOST_MEMBERS:
        raise ValueError(f"it has {accounts!r:.20} accounts")
    if not isinstance(blocks, list) or not blocks:
        raise ValueError("it has no blocks")
    return accounts, [bytes.fromhex(block.removeprefix("0x")) for block in map(_text, blocks)]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a block is no text")
    return value
