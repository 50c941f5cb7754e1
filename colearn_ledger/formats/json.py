"""JSON from a file or a stranger, refused before it is parsed if it is nested deep.

The parser recurses on the C stack and relies on Python's recursion limit to stop it; other libraries raise that limit
(py-evm does, to 10,240), after which nested brackets would end the process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

__all__ = ["TooDeep", "parse_shallow_json"]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)  # also without its end: so every match succeeds at once
_BRACKETS = re.compile(r"[\[\]{}]")


class TooDeep(ValueError):
    """JSON that is nested deeper than it may be."""


def parse_shallow_json(
    data: bytes,
    *,
    max_depth: int = 200,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
    constant: Callable[[str], Any] | None = None,
) -> Any:
    """The value that ``data`` (UTF-8) spells.

    Parameters
    ----------
    max_depth: how deep lists and objects may be nested.
    pairs: makes an object of its keys and values, in their order; None makes a dict, in which the last of equal keys
        stays.
    constant: makes something of ``NaN``, ``Infinity`` and ``-Infinity``, which JSON doesn't have; None makes floats.

    Raises
    ------
    TooDeep: it is nested deeper.
    ValueError: it isn't JSON.
    """
    text = data.decode("utf-8")
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise TooDeep(f"nested more than {max_depth} deep")
    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
