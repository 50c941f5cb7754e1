"""Weights out of a store, into a file without a name: large ones take up no memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..core.blocks import Buffer
from ..core.protocol import WeightsRef
from ..stores.base import Store
from .mapped import mapped

__all__ = ["pull"]

_SPARE = 1 << 20  # bytes that are left on the disk


def pull(
    store: Store,
    ref: WeightsRef,
    *,
    deadline_s: float | None = None,
    check_head: Callable[[memoryview], None] | None = None,
    folder: Path | None = None,
) -> Buffer:
    """As :meth:`.Store.get`, whose errors it raises; in a mapped file, or in memory where the disk has no room for one.

    ``folder``: where the file is; the system's folder of temporary files if None.
    """
    try:
        place = tempfile.gettempdir() if folder is None else folder
        if shutil.disk_usage(place).free < ref.size + _SPARE:
            return store.get(ref, deadline_s=deadline_s, check_head=check_head)
        made = tempfile.TemporaryDirectory(prefix="colearn-pull-", dir=place)
    except OSError:
        return store.get(ref, deadline_s=deadline_s, check_head=check_head)
    with made as inside:
        path = Path(inside, "weights")
        store.get_to(path, ref, deadline_s=deadline_s, check_head=check_head)
        with open(path, "rb") as file:
            return mapped(file, ref.size)
