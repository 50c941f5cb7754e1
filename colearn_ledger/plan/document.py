"""A plan: TOML that people write, or the canonical JSON whose sha256 the contract keeps.

The canonical form is JSON in UTF-8 with sorted keys, no spaces, no escapes beyond those that JSON must have, and no
field that says nothing. The published file has exactly these bytes, so whoever has the hash needs no more than
``sha256sum``; and since they are few, their CID follows from the hash alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..formats.addresses import is_checksummed
from ..formats.json import parse_shallow_json
from ..formats.toml import parse_toml, toml_text

__all__ = ["FORMAT", "MOST_BYTES", "Plan", "Predecessor", "Target", "parse_plan", "plan_beside", "plan_of", "read_plan"]

FORMAT = "colearn-plan-1"
MOST_BYTES = 64 << 10  # of the canonical form, and of a file that people write
_MOST_DEPTH = 12
_MOST_NUMBER = 1 << 63
_HEX32 = re.compile(r"[0-9a-f]{64}")


class _Wrong(ValueError):
    """A value that can't be: where it is, what it is, what was expected."""

    def __init__(self, where: str, value: object, expected: str) -> None:
        shown = repr(value)
        super().__init__(f"{where} is {shown[:60]}{'…' if len(shown) > 60 else ''}")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: a ``value`` of the mean of published scores; ``metric`` is its name, for people."""

    value: float
    metric: str = ""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The accepted weights that a successor begins with.

    Attributes
    ----------
    chain_id, address: of the collective whose they are.
    round: in which they were accepted there; 0 is its genesis.
    sha256: of the weights.
    """

    chain_id: int
    address: str
    round: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What members agreed on. A field that is empty says nothing.

    Attributes
    ----------
    learner: ``module:function`` that makes a learner.
    version: of the distribution that the module comes in.
    options: of the learner, that are the same at every member.
    own: names of options that each member sets for itself, such as where its data is; there are no others besides.
    modules: top-level modules whose source is hashed; if none is named, the learner's.
    code: their hash (:func:`.code_hash`).
    base: sha256 of a frozen base model, in hex, as the schema of the weights has it.
    vote: the policy by its name, such as ``paired:0.05``.
    target: when the model is good enough.
    data: the data contract: a text, or a table of features, classes, preprocessing and the like.
    succeeds: the weights that it begins with, of another collective.
    text: whatever else.
    """

    learner: str = ""
    version: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    code: bytes = b""
    base: str = ""
    vote: str = ""
    target: Target | None = None
    data: Any = ""
    succeeds: Predecessor | None = None
    text: str = ""

    def to_values(self) -> dict[str, Any]:
        """The file's content; what is empty is left out."""
        learner = {
            "factory": self.learner,
            "version": self.version,
            "options": dict(self.options),
            "own": list(self.own),
            "modules": list(self.modules),
            "code": self.code.hex(),
        }
        values = {
            "learner": _said(learner),
            "base": self.base,
            "vote": _said({"policy": self.vote}),
            "target": None
            if self.target is None
            else {**_said({"metric": self.target.metric}), "value": self.target.value},
            "data": self.data,
            "text": self.text,
        }
        if self.succeeds is not None:
            old = self.succeeds
            values["succeeds"] = {
                "chain_id": old.chain_id,
                "address": old.address,
                "round": old.round,
                "sha256": old.sha256.hex(),
            }
        return {"format": FORMAT, **_said(values)}

    def to_bytes(self) -> bytes:
        """The canonical form. Raises ConfigError where it has too many bytes."""
        try:
            text = json.dumps(self.to_values(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            data = text.encode()
        except UnicodeEncodeError:
            raise ConfigError("the plan has a text that isn't Unicode", expected="UTF-8", fix="correct it") from None
        if len(data) > MOST_BYTES:
            raise _too_large("the plan", len(data))
        return data

    def to_toml(self) -> str:
        """As people write it."""
        return toml_text(self.to_values())

    @property
    def sha256(self) -> bytes:
        """What the contract keeps."""
        return hashlib.sha256(self.to_bytes()).digest()


def plan_beside(deployment: Path) -> Path:
    """Where the plan is that goes with a deployment file."""
    return deployment.with_name(f"{deployment.stem}.plan.json")


def read_plan(path: Path) -> Plan:
    """The plan in a file, TOML or canonical JSON. Raises ConfigError when it can't be read or is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {path}", expected="a plan", fix="colearn-ledger plan new writes one"
        ) from None
    except OSError as e:
        raise ConfigError(f"the plan {path} can't be read: {e.strerror or e}", expected="a file") from e
    if len(data) > MOST_BYTES:
        raise _too_large(f"the plan {path}", path.stat().st_size)
    what = f"the plan {path}"
    return plan_of(data, what) if data.lstrip()[:1] == b"{" else parse_plan(data, what)


def parse_plan(data: bytes, what: str) -> Plan:
    """The plan that this TOML spells; raises ConfigError, with ``what`` as its subject, where it spells none."""
    try:
        return _plan(parse_toml(data))
    except _Wrong as e:
        raise ConfigError(f"{what}: {e}", expected=e.expected, fix="correct it") from None
    except (ValueError, RecursionError) as e:
        why = "it is nested too deep" if isinstance(e, RecursionError) else str(e)
        raise ConfigError(
            f"{what} isn't TOML: {why}", expected="a plan", fix="colearn-ledger plan new writes one"
        ) from None


def plan_of(data: bytes, what: str = "the plan") -> Plan:
    """The plan that has this canonical form; raises ConfigError, with ``what`` as its subject, for all other bytes."""
    if len(data) > MOST_BYTES:
        raise _too_large(what, len(data))
    try:
        plan = _plan(parse_shallow_json(data, max_depth=_MOST_DEPTH))
    except _Wrong as e:
        raise ConfigError(f"{what}: {e}", expected=e.expected, fix="get it again from whoever wrote it") from None
    except ValueError:
        raise ConfigError(
            f"{what} is no plan: it isn't JSON", expected=FORMAT, fix="get it again from whoever wrote it"
        ) from None
    try:
        canonical = plan.to_bytes()
    except ConfigError as e:
        e.what = f"{what}: {e.what}"
        raise
    if canonical != data:
        raise ConfigError(
            f"{what} isn't in the canonical form, by whose hash plans are known",
            expected="the bytes that `colearn-ledger plan show --json` writes",
            fix="write it by that",
        )
    return plan


# ------------------------------------------------------------------------------------------- values, one by one


def _plan(values: Any) -> Plan:
    known: dict[str, Callable[[Any, str], Any]] = {
        "format": _format,
        "learner": _learner,
        "base": _hash,
        "vote": _vote,
        "target": _target,
        "data": _data,
        "succeeds": _predecessor,
        "text": _text,
    }
    found = _table(values, "the plan", known)
    if "format" not in found:
        raise _Wrong("format", None, FORMAT)
    del found["format"]
    return Plan(**{**found.pop("learner", {}), **found})


def _learner(values: Any, where: str) -> dict[str, Any]:
    known = {
        "factory": _factory,
        "version": _text,
        "options": _options,
        "own": _texts,
        "modules": _texts,
        "code": _code,
    }
    found = _table(values, where, known)
    if "factory" in found:
        found["learner"] = found.pop("factory")
    both = sorted(set(found.get("own", ())) & set(found.get("options", {})))
    if both:
        raise _Wrong(f"{where}.own", both[0], "names of options that are not in learner.options")
    return found


def _vote(values: Any, where: str) -> str:
    return str(_table(values, where, {"policy": _text}).get("policy", ""))


def _target(values: Any, where: str) -> Target:
    found = _table(values, where, {"metric": _text, "value": _number})
    if "value" not in found:
        raise _Wrong(f"{where}.value", None, "a number that the mean of published scores is to reach")
    return Target(**found)


def _predecessor(values: Any, where: str) -> Predecessor:
    known = {"chain_id": _count, "address": _address, "round": _count, "sha256": _code}
    found = _table(values, where, known)
    for name in known:
        if name not in found:
            raise _Wrong(f"{where}.{name}", None, "chain_id, address, round and sha256")
    return Predecessor(**found)


def _table(values: Any, where: str, known: Mapping[str, Callable[[Any, str], Any]]) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise _Wrong(where, values, "a table")
    prefix = "" if where == "the plan" else f"{where}."
    for name in values:
        if name not in known:
            raise _Wrong(f"a key of {where}", name, f"one of {', '.join(known)}")
    return {name: known[name](value, f"{prefix}{name}") for name, value in values.items()}


def _format(value: Any, where: str) -> str:
    if value != FORMAT:
        raise _Wrong(where, value, f"{FORMAT}, or the version of this program that wrote it")
    return FORMAT


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _Wrong(where, value, "a text")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.isidentifier() for one in value):
        raise _Wrong(where, value, "a list of names")
    return tuple(sorted(set(value)))


def _factory(value: Any, where: str) -> str:
    module, colon, name = _text(value, where).partition(":")
    if not (module and colon and name.isidentifier()):
        raise _Wrong(where, value, "module:function, such as my_module:make_learner")
    return f"{module}:{name}"


def _hash(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _HEX32.fullmatch(value):
        raise _Wrong(where, value, "a sha256, 64 digits of hexadecimal in lower case")
    return value


def _code(value: Any, where: str) -> bytes:
    return bytes.fromhex(_hash(value, where))


def _address(value: Any, where: str) -> str:
    if not isinstance(value, str) or not is_checksummed(value):
        raise _Wrong(where, value, "an address with its checksum")
    return value


def _count(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value < _MOST_NUMBER:
        raise _Wrong(where, value, "a whole number from 0")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong(where, value, "a number")
    return float(value)


def _options(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(where, value, "a table of options")
    _check_plain(value, where, _MOST_DEPTH - 2)
    return dict(value)


def _data(value: Any, where: str) -> Any:
    if not isinstance(value, str | dict):
        raise _Wrong(where, value, "a text, or a table")
    _check_plain(value, where, _MOST_DEPTH - 1)
    return value


def _check_plain(value: Any, where: str, depth: int) -> None:
    """Only what TOML and JSON both have, and every language reads alike."""
    if depth < 0:
        raise _Wrong(where, "nested deeper", f"at most {_MOST_DEPTH} tables and lists in each other")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_plain(inner, f"{where}.{name[:40]}", depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, where, depth - 1)
    elif isinstance(value, float):
        _number(value, where)
    elif isinstance(value, int):
        if not -_MOST_NUMBER <= value < _MOST_NUMBER:
            raise _Wrong(where, "a larger number", "at most 64 bits")
    elif not isinstance(value, str):
        raise _Wrong(where, value, "texts, numbers, truths, lists and tables (no dates)")


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None, [], {}, ())}


def _too_large(what: str, size: int) -> ConfigError:
    return ConfigError(
        f"{what} has {size:,} bytes",
        expected=f"at most {MOST_BYTES:,}",
        fix="leave out what is elsewhere, and name it by its hash",
    )
