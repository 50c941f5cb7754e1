"""A real chain for tests: Anvil's native binary on a port of its own, gone when the block ends or the tests die."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount

__all__ = ["Anvil", "anvil", "wait_until"]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
MNEMONIC = "test test test test test test test test test test test junk"


def native_anvil() -> Path | None:
    """Anvil itself: a launcher that is killed would leave it behind."""
    cpu = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    binary = ROOT / "node_modules" / "@foundry-rs" / f"anvil-{sys.platform}-{cpu}" / "bin" / "anvil"
    return binary if binary.is_file() else None


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the end of the block has to do
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass
class Anvil:
    """A running Anvil."""

    url: str
    process: subprocess.Popen[str]

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

    def pool(self) -> list[dict[str, Any]]:
        """Transactions that wait to be mined."""
        pending = self.rpc("txpool_content")["pending"]
        return [transaction for by_nonce in pending.values() for transaction in by_nonce.values()]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @staticmethod
    def account(index: int) -> LocalAccount:
        """One of the ten accounts that Anvil funds."""
        Account.enable_unaudited_hdwallet_features()
        account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        return account


@contextlib.contextmanager
def anvil(*options: str, port: int = 0) -> Iterator[Anvil]:
    """Start one with these options; a visible skip (with CI=true, a failure) where there is none."""
    binary = native_anvil()
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Anvil is missing: run `npm ci`")
        pytest.skip("Anvil is missing: run `npm ci`")
    process = subprocess.Popen(
        [binary, "--host", "127.0.0.1", "--port", str(port), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
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
        yield Anvil(f"http://{found[1]}", process)
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 90) -> None:
    """The deadline is for what never happens: a busy machine may take its time over what does."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"did not happen within {deadline_s:.0f} s: {what}"
        time.sleep(0.01)
