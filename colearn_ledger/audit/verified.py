"""What an audit has verified already, in a file, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ..core.protocol import WeightsRef
from ..errors import ConfigError, OutputError
from ..formats.files import write_whole
from ..formats.json import parse_shallow_json

__all__ = ["VERIFIED_FORMAT", "Verified"]

VERIFIED_FORMAT = "colearn-audit-state-1"
_PAUSE_S = 5.0  # between two writings


class Verified:
    """Weights that were verified, by all that they were verified against: name, parent, and the schema.

    Parameters
    ----------
    path: the file; None keeps it in memory alone.
    chain_id, address: whose weights they are.
    schema: what they must look like, as text.

    Raises ConfigError for a file that is none, or another collective's.
    """

    def __init__(self, path: Path | None, *, chain_id: int, address: str, schema: str) -> None:
        self._path, self._schema = path, schema
        self._head = {"format": VERIFIED_FORMAT, "chain_id": chain_id, "address": address}
        self._known: set[str] = set()
        self._written = time.monotonic()
        if path is not None and path.exists():
            self._known = set(self._read(path))

    def has(self, ref: WeightsRef, parent: bytes) -> bool:
        return self._key("weights", ref, parent) in self._known

    def add(self, ref: WeightsRef, parent: bytes) -> None:
        self._add(self._key("weights", ref, parent))

    def has_merge(self, ref: WeightsRef, parent: bytes) -> bool:
        """Whether the weights are the merge that the chain has a claim of."""
        return self._key("merge", ref, parent) in self._known

    def add_merge(self, ref: WeightsRef, parent: bytes) -> None:
        self._add(self._key("merge", ref, parent))

    def save(self) -> None:
        """Write the file, whole or not at all. Raises OutputError if it can't be written."""
        if self._path is None:
            return
        try:
            write_whole(self._path, json.dumps({**self._head, "verified": sorted(self._known)}, indent=1) + "\n")
        except OSError as e:
            raise OutputError(f"{self._path} can't be written: {e.strerror or e}", fix="check the folder") from e
        self._written = time.monotonic()

    def _add(self, key: str) -> None:
        self._known.add(key)
        if time.monotonic() - self._written > _PAUSE_S:
            self.save()

    def _key(self, what: str, ref: WeightsRef, parent: bytes) -> str:
        return f"{what} {ref.sha256.hex()} {ref.cid_digest.hex()} {ref.size} {parent.hex()} {self._schema}"

    def _read(self, path: Path) -> list[str]:
        try:
            raw = parse_shallow_json(path.read_bytes())
            known = raw["verified"]
            good = all(raw[name] == value for name, value in self._head.items())
            good = good and isinstance(known, list) and all(isinstance(one, str) for one in known)
        except (OSError, ValueError, KeyError, TypeError):
            good = False
        if not good:
            raise ConfigError(
                f"{path} is no state of an audit of this collective",
                expected="a file that an audit of it wrote, or none",
                fix="name another file with --state",
            )
        return list(known)
