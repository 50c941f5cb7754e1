"""TOML: reading a file that a user wrote, and writing one that a user will edit.

Written here and not by tomli-w, since that spreads every list over lines of its own, where a commented configuration
has one line a setting.
"""

from __future__ import annotations

import datetime
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

__all__ = ["parse_toml", "read_toml", "toml_entry", "toml_text", "toml_value"]


def read_toml(path: Path, what: str, fix: str) -> dict[str, Any]:
    """The file's tables. ``what`` it should be and how to ``fix`` a missing one are for people; raises ConfigError."""
    try:
        return parse_toml(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}", expected=what, fix=fix) from None
    except OSError as e:
        raise ConfigError(f"{path} can't be read: {e.strerror or e}", fix="check the path and its permissions") from e
    except ValueError as e:
        raise ConfigError(f"{path} isn't TOML: {e}", fix="colearn-node init shows what it should look like") from e
    except RecursionError:
        raise ConfigError(f"{path} is nested too deep", expected=what) from None


def parse_toml(data: bytes) -> dict[str, Any]:
    """The tables that these bytes spell. Raises ValueError for what isn't TOML, RecursionError for what is deep."""
    tree: dict[str, Any] = tomllib.loads(data.decode("utf-8-sig"))  # editors may leave a mark
    return tree


def toml_text(settings: Mapping[str, Any]) -> str:
    """A file of nested settings, each inner mapping as a table. Raises UsageError for what TOML can't say."""
    return "\n".join(_lines("", settings)) + "\n"


def toml_entry(name: str, value: Any) -> str:
    """``name = value`` on one line. Raises UsageError for what TOML can't say."""
    return f"{_key(name)} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    """One value on one line: JSON's way of writing texts, integers, truths and lists is TOML's, too.

    Raises UsageError for what TOML can't say.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(toml_entry(name, inner) for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, datetime.date | datetime.time):  # what a file that was read may have had
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if not isinstance(value, str | int | float):
        raise UsageError(
            f"TOML has no {'null' if value is None else type(value).__name__}",
            expected="a text, number, truth, list or table",
            fix="leave it out",
        )
    # Beyond ASCII as it is: JSON escapes in two halves what TOML has no halves for.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield from (toml_entry(key, value) for key, value in values.items() if not isinstance(value, Mapping))
    for key, inner in values.items():
        if isinstance(inner, Mapping):
            path = f"{name}.{_key(key)}" if name else _key(key)
            yield from ("", f"[{path}]")
            yield from _lines(path, inner)


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").isidentifier() else toml_value(name)
