"""What a local network keeps on disk: ``network.json`` and keys in its folder; and where running ones are found."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NetworkError
from ..formats.files import write_whole
from ..formats.locks import lock_holder

__all__ = [
    "Running",
    "find_running",
    "is_own",
    "make_keystore",
    "new_temporary",
    "read_description",
    "register",
    "running_networks",
    "stop_running",
    "write_description",
]

FORMAT = 1
DESCRIPTION = "network.json"
SCRYPT_N = 1 << 12  # a local chain's key guards nothing, and the real strength takes a second each
STOP_S = 30.0


@dataclass(frozen=True)
class Running:
    """A network that runs: its folder, and the process that SIGTERM stops it by."""

    folder: Path
    pid: int


def make_keystore(folder: Path) -> str:
    """A new key as ``keystore.json`` with its ``password``, or the one that is there. Returns its address."""
    from eth_account import Account
    from eth_utils.address import to_checksum_address

    from ..chain.keys import write_keystore

    folder.mkdir(parents=True, exist_ok=True)
    keystore, password_file = folder / "keystore.json", folder / "password"
    if keystore.is_file() and password_file.is_file():
        return str(to_checksum_address(json.loads(keystore.read_text())["address"]))
    account, password = Account.create(), secrets.token_urlsafe(16)
    keystore.unlink(missing_ok=True)  # one without its password is of no use to anybody
    write_whole(password_file, password + "\n", mode=0o600)
    write_keystore(account, keystore, password, iterations=SCRYPT_N)
    return str(account.address)


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write ``network.json`` in one step."""
    write_whole(folder / DESCRIPTION, json.dumps({"format": FORMAT, **description}, indent=2) + "\n", mode=0o600)


def read_description(folder: Path) -> dict[str, Any] | None:
    """What ``network.json`` says, or None if there is none."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as e:
        raise NetworkError(f"{path} can't be read: {e}", fix="restore it, or name another folder") from e
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise NetworkError(
            f"{path} is of another version of this program", expected=f"format {FORMAT}", fix="name another folder"
        )
    return description


# ---- where running networks are found: a folder of this user alone, with temporary networks, and links to the listed


def _base() -> Path:
    base = Path(tempfile.gettempdir()) / f"colearn-ledger-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(base)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise NetworkError(f"{base} belongs to somebody else", fix="remove it, or set TMPDIR to another folder")
    os.chmod(base, 0o700)
    return base


def new_temporary() -> Path:
    """A new folder for a network that isn't kept. Those that were left behind by a crash are removed."""
    for folder in _base().glob("network-*"):
        if not folder.is_symlink() and time.time() - folder.stat().st_mtime > 60 and _holder(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="network-", dir=_base()))


def register(folder: Path) -> Path:
    """Let :func:`running_networks` find it. Returns the link to remove at its end."""
    link = _base() / f"listed-{os.getpid()}-{secrets.token_hex(3)}"
    link.symlink_to(folder)
    return link


def running_networks() -> Iterator[Running]:
    """This user's networks that run now and were registered."""
    for link in sorted(_base().glob("listed-*")):
        pid = _holder(link)
        if pid is not None:
            yield Running(link.resolve(), pid)
        else:  # its owner was killed hard
            link.unlink(missing_ok=True)


def find_running(folder: Path) -> Running | None:
    """The network of this folder, if it runs."""
    pid = _holder(folder)
    return None if pid is None else Running(folder, pid)


def is_own(running: Running) -> bool:
    """Whether it was started in the session (the terminal's, as a rule) that this process is in."""
    description = read_description(running.folder)
    return description is not None and description.get("session") == os.getsid(0)


def _holder(folder: Path) -> int | None:
    """The process that holds the folder's lock: the supervisor of its network."""
    return lock_holder(folder / "lock")


def stop_running(running: Running) -> None:
    """Stop it, and return when nothing of it runs any more."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while _holder(running.folder) == running.pid:
        if time.monotonic() > end:
            raise NetworkError(
                f"the network in {running.folder} still runs after {STOP_S:.0f} s (process {running.pid})",
                fix=f"kill -9 {running.pid}",
            )
        time.sleep(0.02)
