"""Keeps a chain of Anvil's on disk: a small program of its own that asks Anvil for its state and writes it whole.

Anvil can save its state itself, but writes it in place, so that a hard kill may tear it and the chain is gone. Here a
state is written beside the last one, and takes its place when it is on the disk; the one before is kept as well. It is
compressed, with a checksum, so that one that is damaged all the same is found out, and the one before is taken.

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

__all__ = ["BEFORE", "LOADED", "READY", "SAVED", "Damaged", "keep", "load", "pause_after", "write"]

SAVED, BEFORE, LOADED = "anvil-state.gz", "anvil-state.before.gz", "anvil-loading.json"
READY = "from now on a signal to end is heard"
_DAMAGED = "anvil-state.damaged.gz"
_NEW = "anvil-state.new"

_LEAST_PAUSE_S = 1.0
_SHARE = 0.05
_CALL_S, _LAST_CALL_S = 60.0, 3.0  # whoever ends it doesn't wait for ever

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Damaged(Exception):
    """No saved state can be read, though there is one."""


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
    saved, pause, said = "", 0.0, ""
    while True:
        ending = bool(select.select([wake_read], [], [], pause)[0])
        limit = _LAST_CALL_S if ending else _CALL_S
        began = time.monotonic()
        try:
            head = _call(url, "eth_getBlockByNumber", ["latest", False], limit)["hash"]
            if ending or head != saved:
                write(folder, bytes.fromhex(_call(url, "anvil_dumpState", [], limit)[2:]))
                saved, said = head, ""
        except (OSError, ValueError, KeyError, TypeError) as e:  # also: a full disk. The last state stays.
            if said != (said := f"the chain's state could not be saved: {type(e).__name__}: {e}"):
                print(said, flush=True)
        if ending:
            return 0
        pause = pause_after(time.monotonic() - began)


def _call(url: str, method: str, params: list[Any], timeout_s: float) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with _opener.open(request, timeout=timeout_s) as response:
        return json.loads(response.read())["result"]


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], Path(sys.argv[2])))
