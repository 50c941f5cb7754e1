"""A learner's options as words of a command line: ``seed=1``, ``data_dir=/srv/data``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from ...errors import UsageError

__all__ = ["parse_options"]


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """Options out of ``name=value`` words. A value that is JSON (``1``, ``0.5``, ``true``, ``"5"``) is what it says,
    any other a text.

    Raises UsageError for a word without a name, and for a name that comes twice.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"the option {word[:60]!r} has no name", expected="name=value, such as seed=1")
        if name in options:
            raise UsageError(f"the option {name} comes twice", expected="every option once")
        options[name] = _value(text)
    return options


def _value(text: str) -> Any:
    def constant(name: str) -> NoReturn:  # NaN and the infinities are no JSON
        raise ValueError(name)

    try:
        value = json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError):
        return text
    return text if value is None else value
