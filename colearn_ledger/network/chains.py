"""Local chains: Anvil, a Hardhat node, and geth in its developer mode. All listen on loopback alone."""

from __future__ import annotations

import functools
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NetworkError, UsageError
from . import saver
from .http import call_rpc, try_rpc
from .processes import Daemons, Retries, choose_port, release_port
from .tools import Say, find_anvil, find_geth, find_hardhat, find_node

__all__ = ["CHAINS", "SAVER", "Chain", "check_chain", "fund", "start_chain"]

CHAINS = ("anvil", "hardhat", "geth")
HOST = "127.0.0.1"
READY_S = 60.0
SAVER = "chain-saver"
NO_TRANSACTION = "0x" + "00" * 32


@dataclass(frozen=True)
class Chain:
    """A chain that runs."""

    kind: str
    rpc_url: str
    ws_url: str
    chain_id: int
    pid: int
    log: Path
    port: int
    ws_port: int


def check_chain(kind: str, *, kept: bool, block_time: float | None) -> None:
    """Refuse what can't be, before anything is started or written."""
    if kind not in CHAINS:
        raise UsageError(f"there is no local chain {kind!r}", expected=f"one of {', '.join(CHAINS)}")
    if kind == "hardhat" and kept:
        raise UsageError("a Hardhat node can't keep its chain", fix="use --chain anvil or --chain geth with --state")
    if block_time is not None and not 0 < block_time <= 3600:
        raise UsageError(f"a block every {block_time} s", expected="more than 0 and at most 3600 seconds")
    if kind == "geth" and block_time is not None and block_time != int(block_time):
        raise UsageError(f"geth can't make a block every {block_time} s", expected="whole seconds")


def start_chain(
    kind: str,
    daemons: Daemons,
    folder: Path,
    *,
    kept: bool,
    block_time: float | None,
    port: int | None,
    ws_port: int | None,
    say: Say,
) -> Chain:
    """Start it and wait until it answers.

    Parameters
    ----------
    folder: where its data goes.
    kept: whether the chain must be there again after a restart.
    block_time: seconds between blocks; None for a block whenever there is a transaction.
    port, ws_port: those that are wished; others are taken if they aren't free.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = {"anvil": _anvil, "hardhat": _hardhat, "geth": _geth}[kind]
    retries = Retries()
    while True:
        rpc = choose_port(port)
        ws = choose_port(ws_port) if kind == "geth" else rpc
        argv, cwd = program(folder, rpc, ws, kept, block_time, say)
        # A first HTTP answer isn't enough: another program may have the port, which the chain then ends about.
        pid = daemons.start("chain", argv, cwd=cwd, env={"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"})
        url = f"http://{HOST}:{rpc}"
        try:
            answer = daemons.wait_for("chain", functools.partial(try_rpc, url, "eth_chainId"), deadline_s=READY_S)
        except NetworkError as e:
            daemons.stop("chain")
            for used in {rpc, ws}:
                release_port(used)
            if retries.may(str(e)):
                continue
            raise
        break
    if kind == "anvil" and kept:
        (folder / saver.LOADED).unlink(missing_ok=True)
        _start_saver(daemons, url, folder)
    if kind == "hardhat" and block_time is not None:
        call_rpc(url, "evm_setAutomine", False)
        call_rpc(url, "evm_setIntervalMining", round(block_time * 1000))
    return Chain(kind, url, f"ws://{HOST}:{ws}", int(answer, 16), pid, daemons.log("chain"), rpc, ws)


def _start_saver(daemons: Daemons, url: str, folder: Path) -> None:
    argv: list[str | Path] = [sys.executable, "-I", "-S", Path(saver.__file__), url, folder]
    daemons.start(SAVER, argv, cwd=folder, ends_first=True)
    log = daemons.log(SAVER)
    # One that is asked to end before it listens would end without a last save.
    daemons.wait_for(SAVER, lambda: True if saver.READY.encode() in log.read_bytes() else None, deadline_s=READY_S)


def fund(chain: Chain, addresses: list[str], ether: int) -> None:
    """Give each address that much at least; those that have it already are left alone."""
    wanted = ether * 10**18
    poor = [a for a in addresses if int(call_rpc(chain.rpc_url, "eth_getBalance", a, "latest"), 16) < wanted]
    if chain.kind != "geth":
        method = "anvil_setBalance" if chain.kind == "anvil" else "hardhat_setBalance"
        for address in poor:
            call_rpc(chain.rpc_url, method, address, hex(wanted))
        return
    bank = call_rpc(chain.rpc_url, "eth_accounts")[0]  # the developer mode's own, unlocked
    sent: list[Any] = []
    for address in poor:
        transaction = {"from": bank, "to": address, "value": hex(wanted), "gas": hex(21_000)}
        sent.append(call_rpc(chain.rpc_url, "eth_sendTransaction", transaction))
    if sent or call_rpc(chain.rpc_url, "eth_blockNumber") != "0x0":
        _await_receipts(chain, sent)


def _await_receipts(chain: Chain, hashes: list[Any]) -> None:
    """Wait for these receipts, and until any is served: geth makes its index first (and only once there is a block)."""
    end = time.monotonic() + READY_S
    for transaction in hashes or [NO_TRANSACTION]:
        while True:
            try:
                receipt = call_rpc(chain.rpc_url, "eth_getTransactionReceipt", transaction)
            except NetworkError as e:
                if "indexing" not in str(e):
                    raise
            else:
                if receipt is not None or transaction == NO_TRANSACTION:
                    break
            if time.monotonic() > end:
                raise NetworkError("the chain doesn't mine", fix=f"look at its log, {chain.log}")
            time.sleep(0.02)


def _anvil(
    folder: Path, port: int, ws: int, kept: bool, block_time: float | None, say: Say
) -> tuple[list[str | Path], Path]:
    # Killed, Anvil leaves the states of old blocks, gigabytes in a day, and by default in the home folder.
    states = folder / "states"
    shutil.rmtree(states, ignore_errors=True)
    argv: list[str | Path] = [find_anvil(say), "--host", HOST, "--port", str(port), "--cache-path", states]
    if block_time is not None:
        argv += ["--block-time", f"{block_time:g}"]
    if kept and (state := _saved_state(folder, say)) is not None:
        argv += ["--load-state", state]
    return argv, folder


def _saved_state(folder: Path, say: Say) -> Path | None:
    """A file for Anvil to begin with, or None. Not with the states of old blocks: they would be most of it."""
    try:
        found = saver.load(folder)
    except saver.Damaged as e:
        raise NetworkError(str(e), fix="restore the folder from a copy, or begin anew in another one") from e
    if found is None:
        return None
    state, notice = found
    if notice:
        say(notice)
    path = folder / saver.LOADED
    path.write_bytes(state)
    return path


def _hardhat(
    folder: Path, port: int, ws: int, kept: bool, block_time: float | None, say: Say
) -> tuple[list[str | Path], Path]:
    program, checkout = find_hardhat()
    return [find_node(), program, "node", "--hostname", HOST, "--port", str(port)], checkout


def _geth(
    folder: Path, port: int, ws: int, kept: bool, block_time: float | None, say: Say
) -> tuple[list[str | Path], Path]:
    argv: list[str | Path] = [find_geth(say), "--dev", "--datadir", folder / "geth"]
    argv += ["--http", "--http.addr", HOST, "--http.port", str(port), "--http.api", "eth,net,web3,debug,txpool"]
    argv += ["--ws", "--ws.addr", HOST, "--ws.port", str(ws), "--ws.api", "eth,net,web3"]
    argv += ["--nodiscover", "--maxpeers", "0", "--port", "0", "--nat", "none", "--ipcdisable"]
    if kept:
        # Each block's state is written with it: without this a crash takes the chain back to its beginning.
        argv += ["--gcmode", "archive", "--state.scheme", "hash"]
        # The other engine, Pebble, keeps the newest writes in the process until a thread of its own gets round to them
        # (behind an fsync, if the disk is busy), so that a crash loses blocks. LevelDB's are the kernel's at once.
        argv += ["--db.engine", "leveldb"]
    if block_time is not None:
        argv += ["--dev.period", str(int(block_time))]
    return argv, folder
