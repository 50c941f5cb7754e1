"""Reading a TOML file that a user wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

__all__ = ["read_toml"]


def read_toml(path: Path, what: str, fix: str) -> dict[str, Any]:
    """The file's tables. ``what`` it should be and how to ``fix`` a missing one are for people; raises ConfigError."""
    try:
        with open(path, "rb") as file:
            tree: dict[str, Any] = tomllib.load(file)
            return tree
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}", expected=what, fix=fix) from None
    except OSError as e:
        raise ConfigError(f"{path} can't be read: {e.strerror or e}", fix="check the path and its permissions") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} isn't TOML: {e}", fix="colearn-node init shows what it should look like") from e
    except RecursionError:
        raise ConfigError(f"{path} is nested too deep", expected=what) from None
