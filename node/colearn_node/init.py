"""What ``colearn-node init`` fills in: from flags, a local network, and the deployment's record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colearn_ledger.errors import ChainError, ConfigError, UsageError
from colearn_ledger.formats.files import write_whole
from colearn_ledger.founding.record import DEPLOYMENT_FILE, load_deployment

from .settings import SETTINGS, parse_setting
from .template import NEEDED, template

__all__ = ["find_ws", "missing", "values_for", "write_config"]


def values_for(flags: Mapping[str, object], options: Mapping[str, Any], network: str | None, who: int | None) -> Any:
    """The values, by setting key.

    Parameters
    ----------
    flags: given by setting key; they win.
    options: of the learner.
    network: folder of a local network; empty for the only one that runs, None for none.
    who: which of its stakeholders, from 1.

    Raises ConfigError for a wrong value, UsageError for a stakeholder that isn't there.
    """
    folder = Path.cwd()
    values: dict[str, Any] = _of_network(network, who)
    for setting in SETTINGS:
        if setting.key in flags:
            values[setting.key] = parse_setting(setting, flags[setting.key], folder, str(setting.flag))
    if "store.folder" in flags and "store.ipfs" not in flags:
        values.pop("store.ipfs", None)
    if {"store.folder", "store.ipfs"} <= values.keys():
        raise UsageError("--store-ipfs and --store-folder together", expected="one store", fix="leave one out")
    if "keystore" in flags and "password_file" not in flags:  # the network's password is another key's
        values.pop("password_file", None)
    if options:
        values["learner.options"] = dict(options)
    if "deployment" not in values and (folder / DEPLOYMENT_FILE).is_file():
        values["deployment"] = folder / DEPLOYMENT_FILE
    if "rpc" not in values and values.get("deployment") and values["deployment"].is_file():
        values["rpc"] = load_deployment(values["deployment"]).rpc or None
    return {key: value for key, value in values.items() if value is not None}


def find_ws(rpc: str) -> str | None:
    """The WebSocket beside an endpoint, if it is there now and is of the same chain."""
    from colearn_ledger.chain.endpoints import connect
    from colearn_ledger.chain.reach import reaching

    from .heads import find_subscription

    try:
        web3 = connect([rpc])
        with reaching("read the first block"):
            first = web3.eth.get_block(0)["hash"]
    except ChainError:  # it may not be up yet; `check` says so
        return None
    return find_subscription(rpc, bytes(first))


def _of_network(network: str | None, who: int | None) -> dict[str, Any]:
    if network is None:
        if who is not None:
            raise UsageError("--stakeholder without --network", expected="both, or none", fix="add --network")
        return {}
    from colearn_ledger.network.described import find_network

    described = find_network(Path(network) if network else None)
    if who is None or not 1 <= who <= len(described.stakeholders):
        raise UsageError(
            "no --stakeholder is named" if who is None else f"there is no stakeholder {who}",
            expected=f"1 to {len(described.stakeholders)}",
            fix="each stakeholder of the network has a node: --stakeholder 1 for the first",
        )
    person = described.stakeholders[who - 1]
    return {
        "rpc": (described.rpc_url,),
        "ws": described.ws_url,
        "keystore": person.keystore,
        "password_file": person.password_file,
        "store.ipfs": person.ipfs_api or None,
    }


def missing(values: Mapping[str, Any]) -> list[str]:
    """Keys that still have to be filled in; a password can be asked for."""
    wanted = [key for key in NEEDED if key != "password_file"]
    return [key for key in wanted if key not in values and not (key == "store.ipfs" and "store.folder" in values)]


def write_config(path: Path, values: Mapping[str, Any]) -> None:
    """Write the file, whole or not at all; one that is there stays as it is."""
    text = template(values, path.absolute().parent)
    try:
        write_whole(path, text, replace=False)
    except FileExistsError:
        raise UsageError(f"there is a file {path} already", expected="a new name", fix="name another file") from None
    except OSError as e:
        raise ConfigError(f"{path} can't be written: {e.strerror or e}", fix="check the folder") from e
