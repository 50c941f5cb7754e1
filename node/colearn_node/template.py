"""A configuration with comments, filled in as far as the values are known: what ``colearn-node init`` writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colearn_ledger.formats.toml import toml_entry

from .settings import SETTINGS, Setting

__all__ = ["NEEDED", "reference", "template"]

NEEDED = ("rpc", "deployment", "keystore", "password_file", "store.ipfs", "learner.factory")
# What makes another needed setting superfluous: a shared folder the daemon, a keystore alone asks for its password.
_INSTEAD = {"store.folder": "store.ipfs", "keystore": "password_file"}
_HEAD = """\
# A node's configuration. What starts with # is off, and shows the default or an example.
# Paths are relative to this file's folder. Every setting can also come from the environment (COLEARN_NODE_STORE_IPFS
# for ipfs in [store]) or a flag (--store-ipfs), which win in this order.
"""


def template(values: Mapping[str, Any] | None = None, folder: Path | None = None) -> str:
    """The file's text.

    Parameters
    ----------
    values: by setting key, as :func:`.settings.parse_setting` gives them. What is needed and isn't among them is there
        as an example to be filled in.
    folder: that the file will be in; paths inside it are written relative to it.
    """
    given = values or {}
    needed = set(NEEDED) - {other for key, other in _INSTEAD.items() if key in given}
    lines = [_HEAD]
    section = ""
    for setting in SETTINGS:
        table, _, name = setting.key.rpartition(".")
        if table != section:
            lines.append(f"[{table}]")
            section = table
        lines.append(f"# {setting.help[0].upper()}{setting.help[1:]}.")
        lines.append(_entry(setting, name, given.get(setting.key), setting.key in needed, folder))
    return "\n".join(lines)


def reference() -> str:
    """The table of docs/configuration.md, in Markdown."""
    lines = ["| Setting | Meaning | Default | Environment, flag |", "|---|---|---|---|"]
    for setting in SETTINGS:
        ways = "file only" if setting.flag is None else f"`{setting.variable}`, `{setting.flag}`"
        if setting.key == "learner.factory":
            ways += ", `--learner`"
        meaning = f"{setting.help[0].upper()}{setting.help[1:]}"
        lines.append(f"| `{setting.key}` | {meaning} | {_default(setting)} | {ways} |")
    return "\n".join(lines) + "\n"


def _default(setting: Setting) -> str:
    value = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value or "none")


def _entry(setting: Setting, name: str, value: Any, needed: bool, folder: Path | None) -> str:
    if setting.is_table:
        if not value:
            return f"# [{setting.key}]\n# index = 0\n"
        return "\n".join([f"[{setting.key}]", *(toml_entry(k, _plain(v, folder)) for k, v in value.items()), ""])
    if value is not None:
        return f"{toml_entry(name, _plain(value, folder))}\n"
    return f"{'' if needed else '# '}{name} = {setting.example}\n"


def _plain(value: Any, folder: Path | None) -> Any:
    """The value with its paths as texts, relative to the folder where they are inside it."""
    if isinstance(value, Path):
        return os.path.relpath(value, folder) if folder is not None and value.is_relative_to(folder) else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item, folder) for item in value]
    return value
