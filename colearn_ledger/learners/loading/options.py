"""A learner's options as words of a command line: ``seed=1``, ``data_dir=/srv/data``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

from ...errors import UsageError

__all__ = ["parse_options"]


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """Options out of ``name=value`` words. A value that is JSON (``1``, ``0.5``, ``true``, ``"5"``) is what it says,
    any other a text.

    Raises UsageError for a word without a name, for a name that comes twice, and for a number that no float holds.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"the option {word[:60]!r} has no name", expected="name=value, such as seed=1")
        if name in options:
            raise UsageError(f"the option {name} comes twice", expected="every option once")
        options[name] = _value(name, text)
    return options


def _value(name: str, text: str) -> Any:
    def constant(name: str) -> NoReturn:  # NaN and the infinities are no JSON
        raise ValueError(name)

    def number(digits: str) -> float:
        if not math.isfinite(float(digits)):
            raise UsageError(
                f"the option {name} has the number {digits[:40]}", expected="at most 1.8e308, which a float can hold"
            )
        return float(digits)

    try:
        value = json.loads(text, parse_constant=constant, parse_float=number)
    except UsageError:
        raise
    except (ValueError, RecursionError):
        return text
    return text if value is None else value
