"""``colearn-ledger network``: a chain and an IPFS daemon for each stakeholder, on this machine alone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.limits import MOST_MEMBERS
from ..errors import NetworkError, UsageError
from .confirm import check_terminal, confirmed
from .program import INTERRUPTED, signals_interrupt

if TYPE_CHECKING:
    from ..network import Stakeholder

__all__ = ["add_options", "run"]

_LOOK_S = 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``up``, ``add`` and ``down``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "start it, say what runs where, and run until Ctrl-C or `network down`"
    up = actions.add_parser("up", help=text, description=text)
    add = up.add_argument
    add("--chain", default="anvil", metavar="KIND", help="anvil, hardhat or geth (default: %(default)s)")
    add("-n", "--stakeholders", type=int, default=5, metavar="N", help=f"1 to {MOST_MEMBERS} (default: %(default)s)")
    add("--state", type=Path, metavar="DIR", help="keep the chain, the keys and the stores there for another day")
    add("--block-time", type=float, metavar="S", help="a block every S seconds (default: one for each transaction)")
    add("--ether", type=int, default=1000, help="what each stakeholder has at least (default: %(default)s)")
    add("--rpc-port", type=int, metavar="PORT", help="of the chain, if it is free (8545)")
    add("--ipfs-port", type=int, metavar="PORT", help="of the first IPFS daemon's RPC; the others follow (5001)")
    add("--swarm-port", type=int, metavar="PORT", help="of the first IPFS daemon's swarm; the others follow (4001)")
    text = "one more stakeholder for a network that runs: key, funds, IPFS daemon"
    more = actions.add_parser("add", help=text, description=text)
    more.add_argument("--state", type=Path, metavar="DIR", help="the one of this folder (default: the only one)")
    text = "stop a network that runs"
    down = actions.add_parser("down", help=text, description=text)
    down.add_argument("--state", type=Path, metavar="DIR", help="the one of this folder (default: the only one)")
    down.add_argument("--all", action="store_true", help="all that run")
    text = "don't ask before a network is stopped that another session started"
    down.add_argument("-y", "--yes", action="store_true", help=text)


def run(options: argparse.Namespace) -> int:
    if sys.platform == "win32":
        raise NetworkError("a local network needs Linux or macOS", fix="run it in WSL or in a container")
    return {"up": _up, "add": _add, "down": _down}[options.action](options)


def _up(options: argparse.Namespace) -> int:
    from ..network import LocalNetwork
    from ..network.growing import serve_requests

    for name in ("rpc_port", "ipfs_port", "swarm_port"):
        port = getattr(options, name)
        if port is not None and not 1 <= port <= 65535 - MOST_MEMBERS:
            raise UsageError(f"--{name.replace('_', '-')} is {port}", expected=f"1 to {65535 - MOST_MEMBERS}")
    if options.ether < 0 or options.ether > 10**9:
        raise UsageError(f"--ether is {options.ether}", expected="0 to 1000000000")
    network = LocalNetwork(
        options.chain,
        options.stakeholders,
        folder=options.state,
        block_time=options.block_time,
        ether=options.ether,
        rpc_port=options.rpc_port,
        ipfs_port=options.ipfs_port,
        swarm_port=options.swarm_port,
        usual_ports=True,
        listed=True,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    with signals_interrupt():
        try:
            with network:
                _show(network)
                while not network.gone():
                    ended = network.check()
                    if ended is not None:
                        raise NetworkError(
                            f"{ended} has ended; the rest was stopped", fix=f"look at its log, {network.log(ended)}"
                        )
                    if serve_requests(network.folder, network.add_stakeholder):
                        print(f"{len(network.stakeholders)} stakeholders", flush=True)
                    time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            if not hasattr(network, "stakeholders"):  # it wasn't up yet
                raise
    kept = f"; {options.state} keeps everything" if options.state else ""
    print(f"all stopped{kept}", flush=True)
    return 0


def _show(network: object) -> None:
    from ..network import LocalNetwork

    assert isinstance(network, LocalNetwork)
    pids = network.pids()
    print(f"chain          {network.kind}, chain id {network.chain_id}, process {pids['chain']}")
    print(f"  RPC          {network.rpc_url}")
    print(f"  WebSocket    {network.ws_url}")
    for i, person in enumerate(network.stakeholders):
        _show_person(person, f", process {pids[f'ipfs-{i + 1}']}" if person.ipfs_api else "")
    print(f"folder         {network.folder}{'' if network.kept else ' (removed at the end)'}")
    print(f"description    {network.folder / 'network.json'}")
    print("Everything listens on this machine alone. Ctrl-C stops it, and so does `colearn-ledger network down`.")
    sys.stdout.flush()


def _show_person(person: Stakeholder, process: str = "") -> None:
    print(f"{person.name:<14} {person.address}")
    print(f"  key          {person.keystore}")
    print(f"  password     {person.password_file}")
    if person.ipfs_api:
        print(f"  IPFS RPC     {person.ipfs_api}{process}")


def _add(options: argparse.Namespace) -> int:
    from ..network.described import find_network
    from ..network.growing import ask_for_stakeholder

    folder = find_network(options.state, "--state").folder
    ask_for_stakeholder(folder)
    people = find_network(folder, "--state").stakeholders
    _show_person(people[-1])
    print(f"a member moves to take it in: colearn-ledger motion propose add {people[-1].address}")
    print(f"its node's configuration: colearn-node init --network {folder} --stakeholder {len(people)} --learner …")
    return 0


def _down(options: argparse.Namespace) -> int:
    from ..network import state

    if options.state is not None and options.all:
        raise UsageError("--state and --all together", fix="give one of them")
    if options.state is not None:
        folder = options.state.absolute()
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", expected="the folder that `network up --state` was given")
        one = state.find_running(folder)
        to_stop = [] if one is None else [one]
    else:
        to_stop = list(state.running_networks())
        if len(to_stop) > 1 and not options.all:
            folders = "\n".join(f"    {running.folder} (process {running.pid})" for running in to_stop)
            raise UsageError(f"{len(to_stop)} networks run:\n{folders}", fix="name one by --state, or say --all")
    others = [] if options.yes or options.state else [one for one in to_stop if not state.is_own(one)]
    if others:
        told = ", ".join(f"{one.folder} (process {one.pid})" for one in others)
        check_terminal(f"the end of what another session started: {told}")
        if not confirmed(f"another session started {told}; stop it?"):
            print("nothing was stopped")
            return INTERRUPTED
    for running in to_stop:
        state.stop_running(running)
        print(f"stopped {running.folder}")
    if not to_stop:
        print("no network runs")
    return 0
