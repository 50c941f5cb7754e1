"""Asking a person before something is done that can't be undone."""

from __future__ import annotations

import sys

from ..errors import UsageError

__all__ = ["check_terminal", "confirmed"]


def check_terminal(what: str) -> None:
    """Raises UsageError where nobody can be asked; ``what`` is to be confirmed."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError(f"there is no terminal to confirm {what}", expected="--yes, or a terminal", fix="add --yes")


def confirmed(question: str) -> bool:
    """Whether the answer is yes; no answer is none."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
