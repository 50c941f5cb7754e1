"""The messages as bytes: JSON of the fields of known dataclasses, checked against their types on receipt.

Nothing of the learner's is unpickled in the node: what crosses are numbers, texts, bytes (as hex), and lists and tables
of these. Whatever bytes come, :func:`unpacked` gives a message of the wanted kinds or raises :class:`NotAMessage`.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from colearn_ledger.core.failures import clean_text, error_from_json, error_to_json
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.errors import ColearnError
from colearn_ledger.formats.json import parse_shallow_json

__all__ = ["MOST_SAID", "NotAMessage", "packed", "unpacked"]

MOST_SAID = 1 << 20  # bytes of one message of a worker
_MOST_TEXT = 1 << 17
_MOST_DEPTH = 40
_MOST_INT = 1 << 256  # a word of the contract
_TIMES: dict[str, Any] = {kind.__name__: kind for kind in (datetime.datetime, datetime.date, datetime.time)}


class NotAMessage(ValueError):
    """Bytes that are no message, or not one of those that are expected."""


def packed(message: object) -> bytes:
    """The bytes of a message, a dataclass whose fields are of the types that it declares."""
    return json.dumps(_packed(message), separators=(",", ":"), allow_nan=False).encode()


def unpacked(data: bytes, *kinds: type, max_depth: int = _MOST_DEPTH) -> Any:
    """The message, which is one of ``kinds``. Raises NotAMessage for all other bytes."""
    try:
        return _unpacked(parse_shallow_json(data, max_depth=max_depth, constant=_no_number), Union[kinds])  # noqa: UP007
    except NotAMessage:
        raise
    except Exception as e:  # whatever a stranger's JSON makes a constructor do
        raise NotAMessage(f"{type(e).__name__}: {clean_text(str(e), 200)}") from None


# ------------------------------------------------------------------------------------------------ packing


def _packed(value: Any) -> Any:
    if isinstance(value, ColearnError):
        return error_to_json(value)
    if isinstance(value, Weights):
        return None  # they stay in the worker
    if is_dataclass(value):
        return {"is": type(value).__name__} | {f.name: _packed(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Mapping):
        return {"table": {str(name): _packed(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return [_packed(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return {"time": [type(value).__name__, value.isoformat()]}
    return value


# ------------------------------------------------------------------------------------------------ unpacking


def _unpacked(value: Any, kind: Any) -> Any:
    if kind is Any:
        return _anything(value)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(value, get_args(kind))
    if origin is tuple:
        _expect(isinstance(value, list), "a list", value)
        kinds = get_args(kind)
        if kinds[-1] is not Ellipsis:
            _expect(len(value) == len(kinds), f"a list of {len(kinds)}", value)
            return tuple(_unpacked(inner, each) for inner, each in zip(value, kinds, strict=True))
        return tuple(_unpacked(inner, kinds[0]) for inner in value)
    if origin is Literal:
        _expect(isinstance(value, str) and value in get_args(kind), "a word that is known", value)
        return value
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _expect(
            isinstance(value, dict) and value.keys() == {"table"} and isinstance(value["table"], dict), "a table", value
        )
        return {clean_text(name): _unpacked(inner, get_args(kind)[1]) for name, inner in value["table"].items()}
    if kind is type(None):
        _expect(value is None, "nothing", value)
        return None
    if kind is Weights:
        _expect(value is None, "no weights", value)
        return Weights(None)
    if kind is ColearnError:
        return error_from_json(value)
    if is_dataclass(kind):
        return _record(value, kind)
    return _single(value, kind)


def _single(value: Any, kind: type) -> Any:
    if kind is float:
        if isinstance(value, dict):
            _expect(value in ({"float": "nan"}, {"float": "inf"}, {"float": "-inf"}), "a number", value)
            return float(value["float"])
        _expect(type(value) in (int, float) and math.isfinite(value), "a number", value)
        return float(value)
    if kind is int:
        _expect(type(value) is int and -_MOST_INT < value < _MOST_INT, "an integer of 256 bits", value)
        return value
    if kind is bool:
        _expect(type(value) is bool, "a truth", value)
        return value
    _expect(isinstance(value, str), "a text", value)
    if kind is bytes:
        return bytes.fromhex(value)
    if kind is Path:
        return Path(value)
    if kind is str:
        return clean_text(value, max(_MOST_TEXT, len(value)))
    raise NotAMessage(f"nothing is known of {kind}")


def _record(value: Any, kind: Any) -> Any:
    _expect(isinstance(value, dict) and value.get("is") == kind.__name__, f"a {kind.__name__}", value)
    hints = _hints(kind)
    _expect(value.keys() - {"is"} == hints.keys(), f"the fields of {kind.__name__}", value)
    return kind(**{name: _unpacked(value[name], hint) for name, hint in hints.items()})


def _one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    """A union's member: records say by name which they are, and of the rest the first that fits is it."""
    if isinstance(value, dict) and "is" in value:
        named = [kind for kind in kinds if is_dataclass(kind) and getattr(kind, "__name__", "") == value["is"]]
        _expect(len(named) == 1, "a known record", value)
        return _record(value, named[0])
    for kind in kinds:
        try:
            return _unpacked(value, kind)
        except NotAMessage:
            continue
    raise NotAMessage(f"{_shown(value)} is none of {len(kinds)} kinds")


def _anything(value: Any) -> Any:
    """Plain values: what TOML has, and what a learner may show."""
    if isinstance(value, list):
        return [_anything(inner) for inner in value]
    if isinstance(value, dict):
        _expect(len(value) == 1, "a table, a time or a number", value)
        if "table" in value:
            return _unpacked(value, Mapping[str, Any])
        if "time" in value:
            kind, text = value["time"]
            return _TIMES[kind].fromisoformat(text)
        return _single(value, float)
    if isinstance(value, str):
        return _single(value, str)
    return _single(value, float) if type(value) is float else value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    # member.work names it for the type checker alone
    return get_type_hints(kind, localns={"ProposedWeights": ProposedWeights})


def _no_number(name: str) -> Any:
    raise NotAMessage(f"{name} is no JSON")


def _expect(right: bool, expected: str, value: Any) -> None:
    if not right:
        raise NotAMessage(f"{_shown(value)} in the place of {expected}")


def _shown(value: Any) -> str:
    return clean_text(repr(value)[:60])
