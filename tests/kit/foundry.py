"""Foundry's native binaries, as npm installs them.

npm's launchers can't be used: forge's leaves with 0 even when tests fail, and Anvil outlives its own that is killed.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

import pytest

__all__ = ["ROOT", "native_binary", "require_binary"]

ROOT = Path(__file__).resolve().parents[2]
_CPUS = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


def native_binary(tool: str) -> Path | None:
    """Path of ``tool`` (``anvil``, ``forge``), or None where npm hasn't installed it."""
    cpu = _CPUS.get(platform.machine(), platform.machine())
    name = tool + (".exe" if sys.platform == "win32" else "")
    binary = ROOT / "node_modules" / "@foundry-rs" / f"{tool}-{sys.platform}-{cpu}" / "bin" / name
    return binary if binary.is_file() else None


def require_binary(tool: str) -> Path:
    """The same; a test without it is skipped, and fails where ``CI=true``."""
    binary = native_binary(tool)
    # forge calls the compiler, which runs in Node.js.
    if binary is None or (tool == "forge" and shutil.which("node") is None):
        missing = f"{tool} or Node.js is missing: run `npm ci`"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return binary
