"""Members as people write them: addresses, with or without names, also in a file."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError

__all__ = ["read_members", "split_member"]

_MOST_BYTES = 1 << 20


def split_member(text: str) -> tuple[str, str]:
    """Name and address of ``NAME=ADDRESS``; without a name it is empty. Nothing is said about them yet."""
    name, _, address = text.rpartition("=")
    return name.strip(), address.strip()


def read_members(path: Path) -> tuple[tuple[str, str], ...]:
    """Names and addresses in the file, one a line, as :func:`split_member`; what follows ``#`` is a comment.

    Raises ConfigError when the file can't be read, or has more on a line than one address and its name.
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
    found: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        name, address = split_member(text)
        if len(address.split()) > 1:
            raise ConfigError(
                f"line {number} of {path} has {len(text.split())} words",
                expected="one address, or NAME=ADDRESS",
                fix="# begins a comment",
            )
        found += [(name, address)] if text else []
    if not found:
        raise ConfigError(f"the members' file {path} names nobody", expected="an address a line")
    return tuple(found)
