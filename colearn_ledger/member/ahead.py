"""Contributions pulled as they come, by who may have to merge them: so its turn isn't spent on waiting for them."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..core.protocol import WeightsRef
from ..core.schema import Schema
from ..core.weights import check_head
from ..errors import InvalidWeights, StoreError
from ..stores.base import Store, patience_s

__all__ = ["Ahead"]

_ATTEMPT_S = 20.0


class Ahead:
    """Pulls what is wanted into the store, one after the other, in a thread that lasts as long as something is.

    What can't be had is tried again, after what can, for as long as it is wanted; what is invalid isn't, and the merge
    will say why. On disk are at most what is wanted, which a merge pulls anyway, each of a size that weights of the
    schema can have, and a copy of one. When it isn't needed any more it goes with all else that the store needn't keep.

    Parameters
    ----------
    store: safe to use from several threads.
    schema: of the collective's weights.
    pause_s: seconds after which what could not be had is tried again.
    """

    def __init__(self, store: Store, schema: Schema, *, pause_s: float = 5.0) -> None:
        self._store, self._schema, self._pause_s = store, schema, pause_s
        self._left: list[WeightsRef] = []  # wanted, and not pulled yet
        self._parent_size = 0
        self._changed = threading.Condition()
        self._runs = False

    def want(self, refs: Sequence[WeightsRef], parent_size: int) -> None:
        """These from now on, and nothing that was wanted before. ``parent_size``: in bytes, of what they build on."""
        with self._changed:
            self._left, self._parent_size = list(refs), parent_size
            self._changed.notify()
            if refs and not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="ahead", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._changed:
                wanted = list(self._left)
                if not wanted:
                    self._runs = False
                    return
            failed = False
            for ref in wanted:
                with self._changed:
                    if ref not in self._left:
                        continue  # others are wanted by now
                try:
                    self._pull(ref)
                except StoreError:  # also: it can't be had
                    failed = True
                    continue
                except InvalidWeights:
                    pass
                with self._changed:
                    self._left = [one for one in self._left if one != ref]
            if failed:
                with self._changed:
                    self._changed.wait(self._pause_s)

    def _pull(self, ref: WeightsRef) -> None:
        self._schema.check_size(ref.size, self._parent_size)
        check = partial(check_head, size=ref.size, schema=self._schema)
        with tempfile.TemporaryDirectory(prefix="colearn-ahead-") as folder:
            deadline_s = patience_s(_ATTEMPT_S, ref.size)
            self._store.get_to(Path(folder, "weights"), ref, deadline_s=deadline_s, check_head=check)
