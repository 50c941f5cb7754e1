"""JSON from a file or a stranger, refused before it is parsed if it is nested deep.

The parser recurses on the C stack and relies on Python's recursion limit to stop it; other libraries raise that limit,
after which nested brackets would end the process.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["parse_shallow_json"]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)  # also without its end: so every match succeeds at once
_BRACKETS = re.compile(r"[\[\]{}]")


def parse_shallow_json(data: bytes, *, max_depth: int = 200) -> Any:
    """The value that ``data`` (UTF-8) spells. Raises ValueError if it isn't JSON, or is nested deeper."""
    text = data.decode("utf-8")
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise ValueError(f"nested more than {max_depth} deep")
    return json.loads(text)
