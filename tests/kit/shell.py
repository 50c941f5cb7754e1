"""A user's terminals, for the commands that the documentation shows."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

__all__ = ["Shell"]

ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """Terminals of one user in one folder, which has what a checkout has and no other network in sight."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "tmp").mkdir()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COLEARN_")}
        self.env = {**environment, "TMPDIR": str(folder / "tmp"), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}

    def start(self, script: str) -> subprocess.Popen[str]:
        """Start a local network, which runs until it is stopped; return when it says that it is up."""
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script.replace("colearn-ledger network up", "exec colearn-ledger network up")],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                return process
        raise AssertionError(f"it isn't up:\n{said}")

    def type(self, script: str, answers: str = "", folder: str = ".") -> str:
        """Run a script in a terminal in this folder, typing the answers; what it prints."""
        ours, theirs = pty.openpty()
        os.write(ours, answers.encode())
        try:
            done = subprocess.run(
                ["sh", "-eu", "-c", script],
                cwd=self.folder / folder,
                env=self.env,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=900,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, done.stdout
        return done.stdout
