"""Stores that lose, spoil or withhold what they hold."""

from __future__ import annotations

import contextlib
import os
import random
import time

from ..registry import fault
from ..world import World
from .processes import some, stopped


@fault("other", needs="folder")
def folder_loses_weights(w: World, rng: random.Random) -> str:
    """The accepted weights are gone from the shared folder."""
    (w.folder / "weights" / w.view().accepted.cid).unlink(missing_ok=True)
    return "the accepted weights"


@fault("other", needs="folder", weight=2)
def folder_full(w: World, rng: random.Random) -> str:
    """The disk that it is on has no room, until somebody makes some."""
    if not os.path.ismount(w.folder / "weights"):
        return "nothing: no file system can be mounted here"
    filling, written = w.folder / "weights" / "filling", 0
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            written += file.write(bytes(1 << 16)) or 0
    time.sleep(seconds := rng.uniform(0.5, 5))
    filling.unlink()
    return f"by {written} bytes for {seconds:.1f} s"


@fault("other", needs="folder")
def folder_spoils_weights(w: World, rng: random.Random) -> str:
    """A bit of the accepted weights has turned."""
    path = w.folder / "weights" / w.view().accepted.cid
    if path.exists():
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)
    return "a bit of the accepted weights"


@fault("kill", needs="kubo", weight=3)
def kubo_killed(w: World, rng: random.Random) -> str:
    assert w.network is not None
    index, seconds = some(w, rng), rng.uniform(0, 3)
    w.network.stop_ipfs(index, hard=True)
    time.sleep(seconds)
    w.network.start_ipfs(index)
    return f"daemon {index} for {seconds:.1f} s"


@fault("kill", needs="kubo")
def kubo_killed_all(w: World, rng: random.Random) -> str:
    assert w.network is not None
    for index in w.members:
        w.network.stop_ipfs(index, hard=True)
    time.sleep(seconds := rng.uniform(0, 2))
    for index in w.members:
        w.network.start_ipfs(index)
    return f"for {seconds:.1f} s"


@fault("other", needs="kubo", weight=2)
def kubo_stopped(w: World, rng: random.Random) -> str:
    assert w.network is not None
    index, seconds = some(w, rng), rng.uniform(0.5, 5)
    with stopped(w.network.pids()[f"ipfs-{index + 1}"]):
        time.sleep(seconds)
    return f"daemon {index} for {seconds:.1f} s"


@fault("other", needs="kubo", weight=2)
def kubo_collects(w: World, rng: random.Random) -> str:
    """Garbage is collected at all daemons: what isn't pinned is gone."""
    for index in w.members:
        w.ask_kubo(index, "repo/gc")
    return "all daemons"


@fault("other", needs="kubo", weight=2)
def kubo_loses_block(w: World, rng: random.Random) -> str:
    """The accepted weights are unpinned and gone at one daemon."""
    index, cid = some(w, rng), w.view().accepted.cid
    w.ask_kubo(index, "pin/rm", arg=cid)
    w.ask_kubo(index, "block/rm", arg=cid, force="true")
    return f"daemon {index}"
