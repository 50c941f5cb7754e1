"""A weight store that is a folder: one file for each CID. The embedded default; many processes may share one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..core.cid import CHUNK, cid_text
from ..core.protocol import WeightsRef
from ..core.weights import weights_ref
from ..errors import InvalidWeights, StoreError, UnavailableWeights
from ..formats.files import write_whole
from .base import check_bytes

__all__ = ["LocalStore"]


class LocalStore:
    """Weights as files in ``folder``, named by their CIDs (those that IPFS gives); the folder is made if need be.

    A file appears under its name only when it is whole and on disk, so no reader sees half of one, whatever dies.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        with self._usable("make"):
            self.folder.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"LocalStore({str(self.folder)!r})"

    def put(self, data: bytes) -> WeightsRef:
        ref = weights_ref(data)
        path = self._path(ref)
        with self._usable("write to"):
            if not _same(path, data):  # a damaged file of that name is replaced
                write_whole(path, data)  # on disk with its name when this returns: the chain will point to it
        return ref

    def get(self, ref: WeightsRef, *, deadline_s: float | None = None) -> bytes:
        """As :meth:`.Store.get`. It is there or it isn't, so nothing waits for the deadline."""
        path = self._path(ref)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnavailableWeights(f"{path} isn't a file", fix="remove it")
                if status.st_size != ref.size:  # before reading: a wrong size costs no memory
                    raise InvalidWeights(
                        f"the weights in {path} have {status.st_size} bytes", expected=f"{ref.size}, as on chain"
                    )
                data = file.read(ref.size + 1)
        except FileNotFoundError:
            raise UnavailableWeights(
                f"the weights {path.name} aren't in the store {self.folder}",
                fix="check that every member uses the same folder",
            ) from None
        except UnavailableWeights:
            raise
        except OSError as e:
            raise UnavailableWeights(
                f"the weights {path} can't be read: {e.strerror or e}", fix="check the folder's disk and permissions"
            ) from e
        check_bytes(data, ref)
        return data

    def has(self, ref: WeightsRef) -> bool:
        try:
            status = os.stat(self._path(ref))
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == ref.size

    def discard(self, ref: WeightsRef) -> None:
        with self._usable("remove from"):
            self._path(ref).unlink(missing_ok=True)

    def _path(self, ref: WeightsRef) -> Path:
        return self.folder / cid_text(ref.cid_digest, ref.size)

    @contextlib.contextmanager
    def _usable(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise StoreError(
                f"can't {doing} the weight store {self.folder}: {e.strerror or e}",
                expected="a folder that this user may write to, with room on its disk",
                fix="check its path, permissions and free space, or name another folder",
            ) from e


def _same(path: Path, data: bytes) -> bool:
    """Whether the file already holds ``data``; block by block, so that it isn't held twice."""
    view = memoryview(data)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size != len(view):
                return False
            return all(file.read(CHUNK) == view[i : i + CHUNK] for i in range(0, len(view), CHUNK))
    except FileNotFoundError:
        return False
