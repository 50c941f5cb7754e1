"""A local network that another process runs, as its ``network.json`` describes it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import NetworkError, UsageError
from .up import Stakeholder

__all__ = ["RunningNetwork", "find_network"]


@dataclass(frozen=True)
class RunningNetwork:
    """What a :class:`~colearn_ledger.network.LocalNetwork` has, without the power to stop it."""

    folder: Path
    rpc_url: str
    ws_url: str
    chain_id: int
    stakeholders: tuple[Stakeholder, ...]


def find_network(named: Path | None, option: str = "--network") -> RunningNetwork:
    """The network whose folder or ``network.json`` is named, by ``option``, or the only one that this user runs.

    Raises
    ------
    UsageError: several run and none is named, or what is named holds no network.
    NetworkError: none runs.
    """
    if sys.platform == "win32":
        raise NetworkError("a local network needs Linux or macOS", fix="name the endpoint and the keys one by one")
    from . import state

    if named is None:
        running = list(state.running_networks())
        if len(running) > 1:
            folders = "\n".join(f"    {one.folder}" for one in running)
            raise UsageError(f"{len(running)} networks run:\n{folders}", fix=f"name one: {option} FOLDER")
        if not running:
            raise NetworkError("no network runs", fix="start one: colearn-ledger network up")
        folder = running[0].folder
    else:
        folder = (named.parent if named.is_file() else named).absolute()
    description = state.read_description(folder)
    if description is None:
        raise UsageError(
            f"{named} holds no local network", expected="the folder that `network up` prints", fix=f"correct {option}"
        )
    if state.find_running(folder) is None:
        raise NetworkError(
            f"the network in {folder} doesn't run", fix=f"start it: colearn-ledger network up --state {folder}"
        )
    chain = description["chain"]
    people = tuple(
        Stakeholder(
            one["name"],
            one["address"],
            Path(one["keystore"]),
            Path(one["password_file"]),
            one["ipfs"]["api"] if one["ipfs"] else "",
            Path(one["ipfs"]["repository"]) if one["ipfs"] else Path(),
        )
        for one in description["stakeholders"]
    )
    return RunningNetwork(folder, chain["rpc_url"], chain["ws_url"], chain["chain_id"], people)
