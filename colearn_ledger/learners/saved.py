"""Weights and models as files: those of a collective read, and models written as other people's tools open them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.schema import Schema
from ..core.skeleton import skeleton_of
from ..core.tree import scalars_of
from ..core.weights import decode
from ..core.wire import WIRES
from ..errors import InvalidWeights, SchemaMismatch, UsageError
from ..formats.files import whole_file

__all__ = ["SavedFile", "load_weights", "named_parts", "write_safetensors"]

Array = np.ndarray[Any, Any]
_WEIGHTS = "the weights of a collective: what its store keeps, or weights.safetensors of an export"


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that a model was written to.

    Attributes
    ----------
    name: in its folder.
    opens: Python that opens it, with ``{path}`` in the place of its path.
    """

    name: str
    opens: str

    def line(self, folder: str | os.PathLike[str]) -> str:
        """The Python that opens it in that folder."""
        return self.opens.replace('"{path}"', json.dumps(str(Path(folder) / self.name), ensure_ascii=False))


def load_weights(path: str | os.PathLike[str], schema: Schema | None = None) -> Any:
    """The tree of weights in a file: canonical safetensors, as stores keep them and exports write them.

    Everything is checked as when a member pulls weights, but for what only a chain can say. ``schema``: of a learner's
    weights, into whose types those of a collective come whose floats travel shorter; others come as they are.

    Raises
    ------
    UsageError: the file can't be read.
    InvalidWeights: it isn't such weights.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise UsageError(
            f"the weights {path} can't be read: {e.strerror or e}", expected=_WEIGHTS, fix="correct the path"
        ) from e
    try:
        if schema is not None:
            for wire in WIRES:
                with contextlib.suppress(SchemaMismatch, UsageError):  # they travel otherwise, or are another model's
                    return decode(data, schema.on_wire(wire), max_header=len(data))
        return decode(data, max_header=len(data))
    except InvalidWeights as e:
        raise type(e)(f"{path}: {e.what}", expected=e.expected or _WEIGHTS, fix=e.fix) from None


def named_parts(tree: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of a tree of weights by names such as ``coefs.0``, and its plain scalars by theirs; bytes are U8.

    Where two places would get one name, all have theirs as JSON pointers (``/coefs/0``).
    """
    skeleton, leaves = skeleton_of(tree)
    arrays = {leaf.name: value for leaf, value in leaves}
    scalars = scalars_of(skeleton)
    names = {place: _dotted(place) for place in (*arrays, *scalars)}
    if len(set(names.values())) < len(names):
        names = {place: place for place in names}
    return ({names[k]: v for k, v in arrays.items()}, {names[k]: v for k, v in scalars.items()})


def write_safetensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Any], scalars: Mapping[str, Any] | None = None
) -> None:
    """Write arrays by name as any safetensors library reads them, whole or not at all.

    ``scalars``: what is no array, written as JSON into the file's metadata, under ``scalars``.

    Raises OSError where it can't be written, InvalidWeights for what is no array of numbers.
    """
    found = {name: skeleton_of(np.asarray(value))[1][0] for name, value in tensors.items()}
    order = sorted(found, key=lambda name: (-found[name][1].dtype.itemsize, name))  # so that each is aligned
    header: dict[str, Any] = {"__metadata__": {"scalars": json.dumps(scalars, allow_nan=False)}} if scalars else {}
    position = 0
    for name in order:
        leaf = found[name][0]
        end = position + leaf.nbytes
        header[name] = {"dtype": leaf.dtype, "shape": list(leaf.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with whole_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            for piece in _pieces(found[name][1]):
                file.write(piece)


def _pieces(value: Array) -> Iterator[bytes]:
    flat = np.ascontiguousarray(value).reshape(-1)
    if flat.dtype.byteorder == ">" or (flat.dtype.byteorder == "=" and not np.little_endian):
        flat = flat.astype(flat.dtype.newbyteorder("<"))
    step = max(1, (1 << 20) // max(1, flat.dtype.itemsize))
    for start in range(0, len(flat), step):
        yield flat[start : start + step].tobytes()


def _dotted(place: str) -> str:
    """A JSON pointer as a name: without its slashes, and what was escaped in it."""
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]) or "weights"
