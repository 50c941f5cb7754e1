"""A configuration with comments, filled in as far as the values are known: what ``colearn-node init`` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colearn_ledger.errors import UsageError

from .settings import SETTINGS, Setting

__all__ = ["NEEDED", "template", "toml_value"]

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


def _entry(setting: Setting, name: str, value: Any, needed: bool, folder: Path | None) -> str:
    if setting.is_table:
        if not value:
            return f"# [{setting.key}]\n# index = 0\n"
        return "\n".join([f"[{setting.key}]", *(f"{_key(k)} = {toml_value(v, folder)}" for k, v in value.items()), ""])
    if value is not None:
        return f"{name} = {toml_value(value, folder)}\n"
    return f"{'' if needed else '# '}{name} = {setting.example}\n"


def toml_value(value: Any, folder: Path | None = None) -> str:
    """One value in TOML. JSON's way of writing texts, numbers, truths and lists is TOML's, too."""
    if isinstance(value, Path):
        value = os.path.relpath(value, folder) if folder is not None and value.is_relative_to(folder) else str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {toml_value(v, folder)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item, folder) for item in value)}]"
    if value is None:
        raise UsageError("TOML has no null", expected="a text, number, truth, list or table", fix="leave it out")
    # Beyond ASCII as it is: JSON escapes in two halves what TOML has no halves for.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").isidentifier() else toml_value(name)
