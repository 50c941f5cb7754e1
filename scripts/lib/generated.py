"""What scripts that write a file from the sources have in common: they write it, or with ``--check`` compare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from colearn_ledger.errors import ArtifactError, ColearnError

__all__ = ["write_or_compare"]


def write_or_compare(
    arguments: list[str] | None,
    description: str,
    file: Path,
    make: Callable[[], str],
    *,
    script: str,
    what: str,
    about: Callable[[str], str] = lambda text: "",
) -> int:
    """Exit code 0; 13 when ``--check`` finds a difference, or that of the error that ``make`` raises.

    Parameters
    ----------
    make: what the file should be.
    script, what: by which it is written, and what it shows, for people.
    about: what there is to say of a text besides.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing, compare with what there is")
    check = parser.parse_args(arguments).check
    try:
        text = make()
        if not check:
            file.write_text(text, encoding="utf-8")
        elif text != (file.read_text(encoding="utf-8") if file.is_file() else ""):
            raise ArtifactError(
                f"{file.name} isn't what {what}",
                expected="equal, byte for byte",
                fix=f"run scripts/{script} and commit the file",
            )
    except ColearnError as e:
        print(f"error: {e}", file=sys.stderr)
        return e.exit_code
    print(" ".join(filter(None, ["equal, byte for byte" if check else f"written: {file}", about(text)])))
    return 0
