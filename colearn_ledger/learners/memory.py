"""Too little memory, on a device or the machine, in whatever words a framework says it: told in one message."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator

from ..errors import OutOfMemory

__all__ = ["SMALLER_MODEL", "first_words", "is_out_of_memory", "memory_told", "smaller_batches"]

SMALLER_MODEL = "a smaller model, or another device"

_NAMES = {"OutOfMemoryError", "ResourceExhaustedError"}  # of PyTorch, of TensorFlow
_WORDS = ("out of memory", "ALLOC_FAILED", "RESOURCE_EXHAUSTED", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that there is too little memory."""
    if isinstance(error, MemoryError) or type(error).__name__ in _NAMES:
        return True
    # Not all that allocates has an error of its own: MPS, the CPU and some libraries of CUDA's say it in words.
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


@contextlib.contextmanager
def memory_told(doing: str, device: str, fix: str, free: Callable[[], None] = lambda: None) -> Iterator[None]:
    """What is done here raises OutOfMemory where there is too little of it; what the computation held is let go of.

    Parameters
    ----------
    doing: what is done, such as ``"a training with batches of 32"``.
    device: where.
    fix: what to try.
    free: what gives memory back that the framework still holds.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
        free()
        raise OutOfMemory(f"{doing} found too little memory on {device}: {first_words(error)}", fix=fix) from None


def smaller_batches(batch_size: int) -> str:
    """What to try where a training with batches of that size finds too little."""
    return f"batch_size={batch_size // 2}, or less" if batch_size > 1 else SMALLER_MODEL


def first_words(error: BaseException) -> str:
    """The beginning of what it says: frameworks add paragraphs."""
    text = " ".join((str(error).splitlines() or [""])[0].split())
    return text.split(". ", 1)[0][:200] or type(error).__name__
