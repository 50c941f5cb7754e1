"""A real chain for tests: Anvil's native binary on a port of its own, gone when the block ends or the tests die."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from colearn_ledger.chain.endpoints import connect

from .foundry import require_binary

__all__ = ["Anvil", "anvil", "die_with_parent", "wait_until"]

START_SECONDS = 90
MNEMONIC = "test test test test test test test test test test test junk"


def die_with_parent() -> None:
    """For ``preexec_fn``: the kernel ends the child when the tests end, however they do."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the end of the block has to do
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass
class Anvil:
    """A running Anvil."""

    url: str
    process: subprocess.Popen[str]
    count: int = 10

    @functools.cached_property
    def web3(self) -> Web3:
        """A connection as a node has it."""
        return connect([self.url])

    @functools.cached_property
    def accounts(self) -> tuple[LocalAccount, ...]:
        """Those that Anvil funds."""
        return tuple(self.account(index) for index in range(self.count))

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def rpc(self, method: str, *params: Any) -> Any:
        """One raw call, past everything that is under test."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = requests.post(self.url, json=body, timeout=30).json()
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self) -> None:
        self.rpc("anvil_mine", "0x1")

    def pass_time(self, seconds: int) -> None:
        """Let block time pass, by one empty block."""
        self.rpc("evm_increaseTime", seconds)
        self.mine()

    def mine_at(self, time: int) -> None:
        """Mine an empty block of this very time."""
        self.rpc("evm_setNextBlockTimestamp", time)
        self.mine()

    @contextlib.contextmanager
    def nothing_is_mined(self) -> Iterator[None]:
        """What is sent waits in the pool until the end, or until :meth:`mine`."""
        self.rpc("evm_setAutomine", False)
        try:
            yield
        finally:
            self.rpc("evm_setAutomine", True)
            self.mine()

    def pool(self) -> list[dict[str, Any]]:
        """Transactions that wait to be mined."""
        pending = self.rpc("txpool_content")["pending"]
        return [transaction for by_nonce in pending.values() for transaction in by_nonce.values()]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @staticmethod
    @functools.cache
    def account(index: int) -> LocalAccount:
        """One of the accounts that Anvil funds."""
        Account.enable_unaudited_hdwallet_features()
        account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        return account


@contextlib.contextmanager
def anvil(*options: str, port: int = 0, accounts: int = 10) -> Iterator[Anvil]:
    """Start one with these options; a visible skip (with CI=true, a failure) where there is none."""
    program = require_binary("anvil")
    states = tempfile.mkdtemp(prefix="colearn-anvil-")  # of old blocks, which it would leave in the home folder
    process = subprocess.Popen(
        [
            *(program, "--host", "127.0.0.1", "--port", str(port), "--accounts", str(accounts)),
            *("--cache-path", states, *options),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    lines: queue.Queue[str] = queue.Queue()

    def drain() -> None:  # to the end: a full pipe would stop it
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=drain, daemon=True).start()
    try:
        said = ""
        while (found := re.search(r"Listening on (127\.0\.0\.1:\d+)", said)) is None:
            line = lines.get(timeout=START_SECONDS)
            assert line, f"Anvil has ended: {said}"
            said += line
        yield Anvil(f"http://{found[1]}", process, accounts)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(states, ignore_errors=True)


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 90) -> None:
    """The deadline is for what never happens: a busy machine may take its time over what does."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"did not happen within {deadline_s:.0f} s: {what}"
        time.sleep(0.01)
