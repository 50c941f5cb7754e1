"""The facts as JSON, so that a verifier in any language can check them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..formats.files import write_whole
from .facts import Facts

__all__ = ["FACTS_FORMAT", "facts_to_dict", "write_facts"]

FACTS_FORMAT = "colearn-facts-1"


def facts_to_dict(facts: Facts) -> dict[str, Any]:
    """All that was read. Bytes are hex with 0x; integers of any size are JSON numbers up to 2^53, and texts beyond."""
    view = facts.view
    return {
        "format": FACTS_FORMAT,
        "chain_id": facts.chain_id,
        "address": facts.address,
        "block": facts.head.number,
        "block_hash": _plain(facts.head.hash),
        "clock": facts.clock,
        "shuffled": facts.shuffled,
        "secret_votes": view.secret_votes,
        "max_size": view.max_size,
        "merge_order": list(view.merge_order),
        "rules": _plain(view.rules),
        "current_round": view.round,
        "accepted_round": view.accepted_round,
        "overdue": view.overdue,
        "ended": view.ended,
        "opens_at": view.opens_at,
        "agreements": {kind.name.lower(): _plain(word) for kind, word in facts.agreements.items()},
        "records": [_plain(record) for record in facts.records],
        "spans": [_plain(span) for span in facts.spans],
        "motions": [_plain(motion) for motion in facts.motions],
        "events": None
        if facts.events is None
        else [
            {
                "name": event.name,
                "arguments": {name: _plain(value) for name, value in event.arguments.items()},
                "block": event.block,
                "time": event.time,
                "transaction": _plain(event.transaction),
            }
            for event in facts.events
        ],
    }


def write_facts(facts: Facts, path: Path) -> None:
    """Write the file, whole or not at all. Raises OutputError if it can't be written."""
    try:
        write_whole(path, json.dumps(facts_to_dict(facts)) + "\n")
    except OSError as e:
        raise OutputError(f"{path} can't be written: {e.strerror or e}", fix="check the folder and its disk") from e


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
