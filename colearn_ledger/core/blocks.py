"""Going through large arrays block by block; what was passed of a mapped file doesn't stay in memory.

The pages of a mapped file that a process has read count as its memory until the system needs the room. Weights are read
from beginning to end, so what was passed is given back at once: a model of gigabytes takes some megabytes on its way.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Buffer", "blocks", "let_go", "pieces"]

Buffer = bytes | bytearray | memoryview

_WINDOW = 4 << 20  # bytes of a file that are in memory until they are let go of
_DROP = getattr(mmap, "MADV_DONTNEED", None)  # not on every system; then that one sees to it itself


def blocks(length: int, step: int, *arrays: npt.NDArray[Any]) -> Iterator[slice]:
    """Slices of ``step`` elements each, the last as short as it is, up to ``length``.

    ``arrays`` are those that are read by these slices, with as many elements: of what lies in a mapped file, that which
    was passed is let go of. Others stay as they are.
    """
    mapped = [array for array in arrays if _mapping_of(array) is not None]
    width = max((array.itemsize for array in mapped), default=1)
    passed = 0
    for start in range(0, length, step):
        here = slice(start, min(start + step, length))
        yield here
        if mapped and ((here.stop - passed) * width >= _WINDOW or here.stop == length):
            for array in mapped:
                let_go(array[passed : here.stop])
            passed = here.stop


def pieces(data: Buffer, size: int) -> Iterator[memoryview]:
    """The bytes in pieces of ``size``; of a mapped file those that were passed are let go of."""
    view = memoryview(data).cast("B")
    if len(view):
        for here in blocks(len(view), size, np.frombuffer(view, np.uint8)):
            yield view[here]


def let_go(array: npt.NDArray[Any]) -> None:
    """Have the system take the pages out of this process's memory, where they are those of a file mapped for reading.

    Only that: whoever reads them again gets them again. ``array`` is contiguous. Other arrays stay as they are.
    """
    mapping = _mapping_of(array)
    if mapping is None or _DROP is None or not array.size:
        return
    whole = np.frombuffer(mapping, np.uint8)
    start = _address(array) - _address(whole)
    first = start // mmap.PAGESIZE * mmap.PAGESIZE
    mapping.madvise(_DROP, first, start + array.nbytes - first)


def _mapping_of(array: npt.NDArray[Any]) -> mmap.mmap | None:
    """The file mapped for reading in which the array lies; what is mapped for writing may have changes to lose."""
    if array.flags.writeable:
        return None
    owner: Any = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, mmap.mmap) and memoryview(owner).readonly else None


def _address(array: npt.NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
