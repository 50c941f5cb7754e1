"""What a command takes from a node's configuration, so that a member needn't say again where everything is."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..formats.toml import read_toml

__all__ = ["Configured", "read_configured", "take_key", "take_place"]


@dataclass(frozen=True, slots=True)
class Configured:
    """What a configuration says of it; None where it says nothing. Paths are absolute: there they are relative to it.

    Attributes
    ----------
    rpc: endpoints, by preference.
    deployment: the deployment file.
    keystore, password_file: of the member's key.
    ipfs, folder, token_file, remote: as in :class:`.StoreSpec`.
    """

    rpc: list[str] | None
    deployment: Path | None
    keystore: Path | None
    password_file: Path | None
    ipfs: str | None
    folder: Path | None
    token_file: Path | None
    remote: bool


def read_configured(path: Path) -> Configured:
    """Read it. Raises ConfigError for what is no node's configuration."""
    tree = read_toml(path, "a node's configuration", "correct --config")
    store, rpc = tree.get("store", {}), tree.get("rpc")
    good = isinstance(store, dict) and (rpc is None or isinstance(rpc, str | list))
    texts = {name: tree.get(name) for name in ("deployment", "keystore", "password_file")}
    if good:
        texts |= {name: store.get(name) for name in ("ipfs", "folder", "token_file")}
    if not good or not all(value is None or isinstance(value, str) for value in texts.values()):
        raise ConfigError(f"{path} is no node's configuration", expected="what colearn-node check takes")

    def in_folder(name: str) -> Path | None:
        return None if texts[name] is None else path.absolute().parent / Path(str(texts[name])).expanduser()

    return Configured(
        rpc=[rpc] if isinstance(rpc, str) else rpc,
        ipfs=texts["ipfs"],
        remote=store.get("allow_remote") is True,
        deployment=in_folder("deployment"),
        keystore=in_folder("keystore"),
        password_file=in_folder("password_file"),
        folder=in_folder("folder"),
        token_file=in_folder("token_file"),
    )


def take_place(options: argparse.Namespace) -> Configured:
    """Give the options where the collective is, if they don't say so; what else the configuration has."""
    given = read_configured(options.config)
    options.rpc = options.rpc or given.rpc
    if options.deployment is None and options.address is None:
        options.deployment = given.deployment
    return given


def take_key(options: argparse.Namespace) -> None:
    """Give the options the collective's place and the member's key, if ``--config`` is given and they lack them."""
    if options.config is None:
        return
    given = take_place(options)
    if options.keystore is None:
        options.keystore = given.keystore
        options.password_file = options.password_file or given.password_file
