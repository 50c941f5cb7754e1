"""A file of members' addresses."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError

__all__ = ["read_members"]

_MOST_BYTES = 1 << 20


def read_members(path: Path) -> tuple[str, ...]:
    """The addresses in the file, one a line; what follows ``#`` is a comment. Nothing is said about them yet.

    Raises ConfigError when the file can't be read, or has something else on a line than one word.
    """
    try:
        with open(path, "rb") as file:
            lines = file.read(_MOST_BYTES).decode("utf-8-sig").splitlines()
    except OSError as e:
        raise ConfigError(
            f"the members' file {path} can't be read: {e.strerror or e}", expected="a file", fix="correct --members"
        ) from e
    except UnicodeDecodeError:
        raise ConfigError(f"the members' file {path} isn't text", expected="an address a line") from None
    found = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if len(words) > 1:
            raise ConfigError(
                f"line {number} of {path} has {len(words)} words", expected="one address", fix="# begins a comment"
            )
        found += words
    if not found:
        raise ConfigError(f"the members' file {path} names nobody", expected="an address a line")
    return tuple(found)
