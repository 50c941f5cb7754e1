"""What other processes ask of a network that runs: by files in its folder, which its owner looks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..errors import ColearnError, NetworkError
from ..formats.files import write_whole
from . import state

__all__ = ["ask_for_stakeholder", "serve_requests"]

_ASKED, _FAILED = "add", "add.failed"
_DONE_S = 120.0  # within which one more stakeholder is there
_LOOK_S = 0.05


def ask_for_stakeholder(folder: Path, *, done_s: float = _DONE_S) -> None:
    """Have a running network take in one more; return when it is described in ``network.json``.

    Raises NetworkError where that fails, the network ends, another asks at the same time, or nobody does it in time.
    """
    asked, failed = folder / _ASKED, folder / _FAILED
    try:
        write_whole(asked, "one more stakeholder\n", replace=False)
    except FileExistsError:
        raise NetworkError(
            f"a stakeholder is just being added to the network in {folder}", fix=f"wait for it, or remove {asked}"
        ) from None
    end = time.monotonic() + done_s
    while asked.exists():
        if state.find_running(folder) is None:
            asked.unlink(missing_ok=True)
            raise NetworkError(f"the network in {folder} has ended", fix="start it again: colearn-ledger network up")
        if time.monotonic() > end:
            asked.unlink(missing_ok=True)
            raise NetworkError(
                f"the network in {folder} didn't add a stakeholder within {done_s:.0f} s",
                expected="one that `network up` runs",
                fix="look at its terminal, and at its logs",
            )
        time.sleep(_LOOK_S)
    if failed.exists():
        why = failed.read_text(encoding="utf-8")
        failed.unlink()
        raise NetworkError(f"the stakeholder couldn't be added: {why}", fix="look at the network's logs")


def serve_requests(folder: Path, add: Callable[[], object]) -> bool:
    """Do what was asked since the last time, and say whether there was anything. What fails ends nothing."""
    asked = folder / _ASKED
    if not asked.exists():
        return False
    (folder / _FAILED).unlink(missing_ok=True)
    try:
        add()
    except ColearnError as e:
        write_whole(folder / _FAILED, e.what)
    asked.unlink(missing_ok=True)
    return True
