"""``deployment.json``: where a collective is and what it started with; what its members hand to each other.

It holds no secrets, and nothing in it has to be believed: the chain id is compared with the endpoint's, the code at the
address with this package's contract, and the genesis weights with the hash on chain.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.cid import cid_text, digest_of_text
from ..core.protocol import WeightsRef
from ..core.schema import Schema
from ..errors import ConfigError
from ..formats.addresses import is_checksummed
from ..formats.files import write_whole
from ..formats.json import parse_shallow_json
from .names import MOST_BYTES, NO_NAMES, Names

__all__ = ["DEPLOYMENT_FILE", "DeploymentRecord", "load_deployment", "save_deployment"]

DEPLOYMENT_FILE = "deployment.json"
_FORMAT = "colearn-deployment-1"
_KEYS = ("format", "chain_id", "address", "block", "transaction", "rpc", "names", "genesis", "schema")
_NAMES = f"by checksummed address, printable names of at most {MOST_BYTES} bytes, no two alike"
_MAX_BYTES = 8 << 20  # a schema of thousands of arrays takes some hundred kilobytes


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """A deployment.

    Attributes
    ----------
    address: of the contract, checksummed.
    block: where it was created; nothing of it is in earlier blocks.
    transaction: that created it.
    genesis: the weights that round 1 builds on.
    schema: what all weights must look like.
    rpc: endpoints to use when no others are named; may be empty.
    names: what its founders are called; may be empty.
    """

    chain_id: int
    address: str
    block: int
    transaction: bytes
    genesis: WeightsRef
    schema: Schema
    rpc: tuple[str, ...] = ()
    names: Names = NO_NAMES

    @property
    def identity(self) -> str:
        """What tells it from other collectives, also on local chains, which all have one id and give one address."""
        return " ".join(map(str, (self.chain_id, self.address, self.block, self.transaction.hex(), *self.rpc)))

    def to_json(self) -> dict[str, Any]:
        """The file's content."""
        genesis = self.genesis
        return {
            "format": _FORMAT,
            "chain_id": self.chain_id,
            "address": self.address,
            "block": self.block,
            "transaction": "0x" + self.transaction.hex(),
            "rpc": list(self.rpc),
            **({"names": dict(self.names.by_address)} if self.names.by_address else {}),
            "genesis": {
                "cid": cid_text(genesis.cid_digest, genesis.size),
                "sha256": genesis.sha256.hex(),
                "size": genesis.size,
            },
            "schema": self.schema.to_json(),
        }


def save_deployment(record: DeploymentRecord, path: Path) -> None:
    """Write the file, whole or not at all. Raises ConfigError if it can't be written."""
    try:
        write_whole(path, json.dumps(record.to_json(), indent=2) + "\n")
    except OSError as e:
        raise ConfigError(
            f"the deployment file {path} can't be written: {e.strerror or e}",
            fix="check the folder, its permissions and the space on its disk",
        ) from e


def load_deployment(path: Path) -> DeploymentRecord:
    """Read and check the file. Raises ConfigError, which names the first thing that is wrong."""
    raw = _read(path)

    def wrong(key: str, expected: str) -> ConfigError:
        return ConfigError(
            f"the deployment file {path} has {'a wrong' if key in raw or '.' in key else 'no'} {key}",
            expected=expected,
            fix="get the file again from whoever deployed the collective",
        )

    def take(key: str, expected: str, parse: Callable[[Any], Any], source: dict[str, Any] | None = None) -> Any:
        try:
            return parse((raw if source is None else source)[key.rpartition(".")[2]])
        except (KeyError, ValueError, TypeError, AttributeError):
            raise wrong(key, expected) from None

    take("format", _FORMAT, _exactly(_FORMAT))
    unknown = sorted(set(raw) - set(_KEYS))
    if unknown:
        raise ConfigError(
            f"the deployment file {path} has an unknown key {unknown[0][:40]!r}",
            expected=f"only {', '.join(_KEYS)}",
            fix="get the file again from whoever deployed the collective, or use the version that wrote it",
        )
    genesis = take("genesis", "a table with cid, sha256 and size", dict)
    ref = WeightsRef(
        take("genesis.sha256", "64 hexadecimal digits", _bytes(32), genesis),
        take("genesis.cid", "a CID of version 1 (b…)", digest_of_text, genesis),
        take("genesis.size", "a number of bytes", _integer(1), genesis),
    )
    if cid_text(ref.cid_digest, ref.size) != genesis["cid"]:
        raise wrong("genesis.cid", f"{cid_text(ref.cid_digest, ref.size)}, by its size")
    return DeploymentRecord(
        chain_id=take("chain_id", "a number", _integer(1)),
        address=take("address", "0x and 40 hexadecimal digits, checksummed", _address),
        block=take("block", "a number", _integer(0)),
        transaction=take("transaction", "0x and 64 hexadecimal digits", _bytes(32)),
        genesis=ref,
        schema=_schema(raw, path),
        rpc=take("rpc", "a list of URLs", _texts),
        names=take("names", _NAMES, _names) if "names" in raw else NO_NAMES,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no deployment file {path}",
            expected="the file that `colearn-ledger deploy` wrote",
            fix="name it with --deployment, or go to the folder that it is in",
        ) from None
    except OSError as e:
        raise ConfigError(f"the deployment file {path} can't be read: {e.strerror or e}", fix="check the path") from e
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError
        raw = parse_shallow_json(data.removeprefix(codecs.BOM_UTF8))
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"the file {path} isn't a deployment file",
            expected="JSON, as `colearn-ledger deploy` writes it",
            fix="name the right file with --deployment",
        )
    return raw


def _schema(raw: dict[str, Any], path: Path) -> Schema:
    try:
        return Schema.from_json(raw.get("schema"))
    except ConfigError as e:
        raise ConfigError(
            f"the deployment file {path}: {e.what}",
            expected=e.expected or "the schema that was written when the collective was deployed",
            fix=e.fix or "get the file again from whoever deployed the collective",
        ) from None


def _exactly(value: str) -> Callable[[Any], str]:
    def parse(given: Any) -> str:
        if given != value:
            raise ValueError
        return value

    return parse


def _integer(least: int) -> Callable[[Any], int]:
    def parse(given: Any) -> int:
        if type(given) is not int or given < least:
            raise ValueError
        return given

    return parse


def _bytes(length: int) -> Callable[[Any], bytes]:
    def parse(given: Any) -> bytes:
        data = bytes.fromhex(given.removeprefix("0x"))
        if len(data) != length:
            raise ValueError
        return data

    return parse


def _address(given: Any) -> Any:
    if not is_checksummed(given):
        raise ValueError
    return given


def _names(given: Any) -> Names:
    if not all(is_checksummed(address) and isinstance(name, str) for address, name in given.items()):
        raise ValueError
    return Names.of_founders(given)


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ValueError
    return tuple(given)
