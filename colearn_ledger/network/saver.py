"""Keeps a chain of Anvil's on disk: a small program of its own that asks Anvil for its state and writes it whole.

Anvil can save its state itself, but writes it in place, so that a hard kill may tear it and the chain is gone. Here a
state is written beside the last one, and takes its place when it is on the disk; the one before is kept as well. It is
compressed, with a checksum, so that one that is damaged all the same is found out, and the one before is taken.

Anvil answers with its blocks first and with its state a moment later, which may be a block further by then: a chain
that began with that again would have effects of transactions which it knows nothing of. So a state counts only if none
was mined meanwhile, and where they come too fast for that, Anvil mines none for as long as it takes.

Saving may take a twentieth of the time, however large the chain gets: the longer it takes, the seldomer it is done.

It runs as ``python -I -S saver.py URL FOLDER`` and imports the standard library alone. SIGTERM has it save once more,
if Anvil still answers, and end.
"""

from __future__ import annotations

import gzip
import json
import os
import select
import signal
import sys
import time
import urllib.request
import zlib
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["BEFORE", "LOADED", "READY", "SAVED", "Anvil", "Busy", "Damaged", "keep", "load", "pause_after", "write"]

SAVED, BEFORE, LOADED = "anvil-state.gz", "anvil-state.before.gz", "anvil-loading.json"
READY = "from now on a signal to end is heard"
_DAMAGED = "anvil-state.damaged.gz"
_NEW = "anvil-state.new"

_LEAST_PAUSE_S = 1.0
_SHARE = 0.05
_TRIES = 5
_QUEUE_S, _BLOCK_S = 2.0, 0.05  # a queue of blocks, and one of them
_CALL_S, _LAST_CALL_S = 60.0, 3.0  # whoever ends it doesn't wait for ever

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Damaged(Exception):
    """No saved state can be read, though there is one."""


class Busy(Exception):
    """The state changed each time while it was asked for."""


class Anvil:
    """One that runs, at this address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._held: tuple[str, int | bool] | None = None  # what has it mine again, and how

    def head(self, timeout_s: float) -> tuple[int, str]:
        """The newest block's number and hash."""
        block = self._call("eth_getBlockByNumber", ["latest", False], timeout_s)
        return int(block["number"], 16), block["hash"]

    def take(self, timeout_s: float, *, last: bool = False) -> bytes:
        """All its blocks with the state that the newest of them left, compressed.

        From the second try on it mines nothing by itself meanwhile; transactions wait, and are mined thereafter. Blocks
        that are mined by hand come all the same, and do no harm as long as they are empty.

        Parameters
        ----------
        timeout_s: for each request.
        last: it is about to be ended, and so mines none from now on: each of them would be lost.

        Raises
        ------
        Busy: there was always one that came in meanwhile.
        """
        try:
            for attempt in range(_TRIES):
                if last or attempt:
                    self._hold(timeout_s)
                before = self.head(timeout_s)
                state = bytes.fromhex(self._call("anvil_dumpState", [], timeout_s)[2:])
                if self._only_empty_since(before, timeout_s):
                    return state
        finally:
            if not last:
                self.release(timeout_s)
        raise Busy("transactions are mined faster than it can be asked for")

    def _only_empty_since(self, before: tuple[int, str], timeout_s: float) -> bool:
        """Whether the chain has that block still, and no transaction after it."""
        first, (last, _) = before[0], self.head(timeout_s)
        blocks = [self._call("eth_getBlockByNumber", [hex(n), False], timeout_s) for n in range(first, last + 1)]
        return bool(blocks) and blocks[0]["hash"] == before[1] and not any(b["transactions"] for b in blocks[1:])

    def _hold(self, timeout_s: float) -> None:
        if self._held is not None:
            return
        interval = self._call("anvil_getIntervalMining", [], timeout_s)
        if interval:
            self._held = "evm_setIntervalMining", interval  # also if the answer doesn't come
            self._call("evm_setIntervalMining", [0], timeout_s)
        elif self._call("anvil_getAutomine", [], timeout_s):
            self._held = "evm_setAutomine", True
            self._call("evm_setAutomine", [False], timeout_s)
        if self._held is not None:
            self._await_queue(timeout_s)

    def _await_queue(self, timeout_s: float) -> None:
        """What is in its queue is mined all the same, which takes tenths of a second."""
        end, before = time.monotonic() + _QUEUE_S, ""
        while time.monotonic() < end and before != (before := self.head(timeout_s)[1]):
            time.sleep(_BLOCK_S)

    def release(self, timeout_s: float) -> None:
        """Let it mine again, if it was held."""
        if self._held is not None:
            method, value = self._held
            self._call(method, [value], timeout_s)
            self._held = None

    def _call(self, method: str, params: list[Any], timeout_s: float) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with _opener.open(request, timeout=timeout_s) as response:
            return json.loads(response.read())["result"]


def load(folder: Path) -> tuple[bytes, str] | None:
    """The newest state that is whole, and what there is to say about it; None where none was ever saved.

    One that is damaged is put aside, so that it never takes the place of a good one.

    Raises
    ------
    Damaged: there are states, and none is whole.
    """
    found = [folder / name for name in (SAVED, BEFORE) if (folder / name).exists()]
    for path in found:
        try:
            state = gzip.decompress(path.read_bytes())
        except (EOFError, zlib.error, gzip.BadGzipFile):
            state = b""
        if not state:
            continue
        if path.name == SAVED:
            return state, ""
        if len(found) > 1:
            os.replace(folder / SAVED, folder / _DAMAGED)
        return state, f"the newest state of the chain is damaged or missing: going on from {path}"
    if found:
        raise Damaged(f"the saved state of the chain is damaged, and so is the one before it ({folder})")
    return None


def write(folder: Path, state: bytes) -> None:
    """Let this compressed state be the newest one. Killed at any point, it or the last one is there, and whole."""
    saved, new = folder / SAVED, folder / _NEW
    with open(new, "wb") as file:
        file.write(state)
        file.flush()
        os.fsync(file.fileno())
    if saved.exists():
        os.replace(saved, folder / BEFORE)
    os.replace(new, saved)
    parent = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def pause_after(seconds: float) -> float:
    """Seconds until the next save, after one that took so long."""
    return max(_LEAST_PAUSE_S, seconds / _SHARE)


def keep(url: str, folder: Path) -> int:
    """Save whenever there is a new block, until SIGTERM."""
    wake_read, wake_write = os.pipe()

    def stop(number: int, frame: FrameType | None) -> None:
        os.write(wake_write, b"x")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(READY, flush=True)
    chain = Anvil(url)
    saved, pause, said = "", 0.0, ""
    while True:
        ending = bool(select.select([wake_read], [], [], pause)[0])
        limit = _LAST_CALL_S if ending else _CALL_S
        began = time.monotonic()
        try:
            chain.release(limit)  # if it couldn't be told the last time
            _, head = chain.head(limit)
            if ending or head != saved:
                write(folder, chain.take(limit, last=ending))
                saved, said = head, ""
        except (Busy, OSError, ValueError, KeyError, TypeError) as e:  # also: a full disk. The last state stays.
            if said != (said := f"the chain's state could not be saved: {type(e).__name__}: {e}"):
                print(said, flush=True)
        if ending:
            return 0
        pause = pause_after(time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], Path(sys.argv[2])))
