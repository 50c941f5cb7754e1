"""A weight store that is a folder: one file for each CID. The embedded default; many processes may share one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from ..core.blocks import Buffer, pieces
from ..core.cid import CHUNK, cid_text
from ..core.protocol import WeightsRef
from ..core.weights import weights_ref
from ..errors import ColearnError, InvalidWeights, StoreError, UnavailableWeights
from ..formats.files import whole_file
from .base import ANYBODY, archive_of, check_bytes, check_small, contributor_of, training_of
from .pieces import checked_pieces, into_file
from .progress import Meter, Tell

__all__ = ["LocalStore"]

_MARKS = ".kept"
_BEFORE = "before"  # stands for whoever put a file there without a mark; no owner is called so
_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)


class LocalStore:
    """Weights as files in ``folder``, named by their CIDs (those that IPFS gives); the folder is made if need be.

    A file appears under its name only when it is whole and on disk, so no reader sees half of one, whatever dies.

    Each ``owner`` marks what it keeps by an empty file, ``.kept/OWNER/CID``, and a file goes with its last mark alone.
    What was there without a mark is never removed; but a store that is opened for nobody makes no marks, and removes
    what nobody has marked. To give up for a member that is gone, remove its folder of marks.

    ``tell`` is told now and then how far a transfer that takes long has come, as on a file system of another machine.
    """

    def __init__(self, folder: str | os.PathLike[str], *, owner: str = ANYBODY, tell: Tell | None = None) -> None:
        self.folder = Path(folder)
        self._tell = tell
        self.owner = owner
        with self._usable("make"):
            self.folder.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"LocalStore({str(self.folder)!r})"

    def put(self, data: Buffer) -> WeightsRef:
        ref = weights_ref(data)
        path = self.folder / ref.cid
        with self._usable("write to"):
            self._mark(ref.cid)  # first: whoever discards the same content now sees the mark, or has removed it before
            if not _same(path, data):  # a damaged file of that name is replaced
                with whole_file(path) as file:  # on disk with its name at the end: the chain will name it
                    meter = Meter(self._tell, "adding", ref.cid, ref.size)
                    for piece in meter.counted(pieces(data, CHUNK)):
                        file.write(piece)
        return ref

    def get(
        self,
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> bytes:
        """As :meth:`.Store.get`. It is there or it isn't, so nothing waits for the deadline."""
        with self._marked(ref) as path, self._opened(path, ref, check_head) as file:
            with self._readable(path):
                data = file.read(ref.size)
            check_bytes(data, ref)
        return data

    def get_small(self, sha256: bytes, *, deadline_s: float | None = None) -> bytes:
        """As :meth:`.Store.get_small`. It is there or it isn't, so nothing waits for the deadline."""
        path = self.folder / cid_text(sha256, 1)
        with self._readable(path):
            try:
                with open(os.open(path, os.O_RDONLY | _NON_BLOCKING), "rb") as file:
                    data = file.read(CHUNK + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
            except FileNotFoundError:
                raise UnavailableWeights(
                    f"there is no {path.name} in the store {self.folder}",
                    fix="check that every member uses the same folder",
                ) from None
        return check_small(data, sha256)

    def get_to(
        self,
        path: str | os.PathLike[str],
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> None:
        with (
            self._marked(ref) as mine,
            self._opened(mine, ref, check_head) as file,
            into_file(path) as write,
        ):
            meter = Meter(self._tell, "reading", ref.cid, ref.size)
            for _ in checked_pieces(meter.counted(self._pieces(file, mine, ref.size)), ref, write):
                pass  # it is all done beside the reading

    def has(self, ref: WeightsRef) -> bool:
        """As :meth:`.Store.has`: whether the file is there and undamaged, for which it is read."""
        sha256 = hashlib.sha256()
        try:
            with open(os.open(self.folder / ref.cid, os.O_RDONLY | _NON_BLOCKING), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size != ref.size:
                    return False
                while part := file.read(CHUNK):
                    sha256.update(part)
        except OSError:
            return False
        return sha256.digest() == ref.sha256

    def kept(self) -> frozenset[str]:
        return self._marked_for(self.owner)

    def _marked_for(self, owner: str) -> frozenset[str]:
        with self._usable("look into"):
            try:
                marks = os.listdir(self._marks_of(owner))
            except FileNotFoundError:
                return frozenset()
        return frozenset(cid for cid in marks if os.path.isfile(self.folder / cid))

    def discard(self, ref: WeightsRef | str) -> None:
        self._discard_for(self.owner, ref)

    def _discard_for(self, owner: str, ref: WeightsRef | str) -> None:
        cid = ref if isinstance(ref, str) else ref.cid
        with self._usable("remove from"):
            if owner != ANYBODY:
                try:
                    self._mark_of(owner, cid).unlink()
                except FileNotFoundError:
                    return
            if not self._is_marked(cid):
                self._remove(cid)

    def archive(self, ref: WeightsRef) -> None:
        with self._usable("write to"):
            self._mark(ref.cid, archive_of(self.owner))

    def archived(self) -> frozenset[str]:
        return self._marked_for(archive_of(self.owner))

    def unarchive(self, ref: WeightsRef | str) -> None:
        self._discard_for(archive_of(self.owner), ref)

    def keep_contribution(self, ref: WeightsRef, training: int) -> None:
        with self._usable("write to"):
            self._mark(ref.cid, contributor_of(self.owner, training))

    def contributions(self) -> frozenset[tuple[int, str]]:
        with self._usable("look into"):
            try:
                owners = [unquote(name) for name in os.listdir(self.folder / _MARKS)]
            except FileNotFoundError:
                return frozenset()
        trainings = [(training_of(self.owner, owner), owner) for owner in owners]
        return frozenset(
            (training, cid) for training, owner in trainings if training is not None for cid in self._marked_for(owner)
        )

    def discard_contribution(self, training: int, cid: str) -> None:
        contributor = contributor_of(self.owner, training)
        self._discard_for(contributor, cid)
        with contextlib.suppress(OSError):  # a folder for each training; one with other marks stays
            self._marks_of(contributor).rmdir()

    # ---- pieces

    @contextlib.contextmanager
    def _marked(self, ref: WeightsRef) -> Iterator[Path]:
        """The file, marked as this owner's; it isn't from now on if what is done with it fails."""
        path = self.folder / ref.cid
        if not os.path.lexists(path):
            raise self._missing(ref)
        with self._usable("write to"):
            new = self._mark(ref.cid)
        try:
            yield path
        except (InvalidWeights, UnavailableWeights):
            if new:
                with contextlib.suppress(OSError):
                    self._mark_of(self.owner, ref.cid).unlink()
            raise

    @contextlib.contextmanager
    def _opened(
        self, path: Path, ref: WeightsRef, check_head: Callable[[memoryview], None] | None
    ) -> Iterator[BinaryIO]:
        """The file, if it has the right size and a head that is good."""
        with self._readable(path):
            try:
                # Without waiting for a writer, should it be no file but a pipe.
                file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NON_BLOCKING))  # noqa: SIM115
            except FileNotFoundError:
                raise self._missing(ref) from None
        with file:
            with self._readable(path):
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnavailableWeights(f"{path} isn't a file", fix="remove it")
                if status.st_size != ref.size:  # before reading: a wrong size costs no memory
                    raise InvalidWeights(
                        f"the weights in {path} have {status.st_size:,} bytes", expected=f"{ref.size:,}, as on chain"
                    )
                head = file.read(CHUNK) if check_head is not None else b""
                file.seek(0)
            if check_head is not None:
                check_head(memoryview(head))
            yield file

    def _pieces(self, file: BinaryIO, path: Path, size: int) -> Iterator[bytes]:
        """What the file has, up to a byte more than there should be."""
        left = size + 1
        while left > 0:
            with self._readable(path):
                piece = file.read(min(left, CHUNK))
            if not piece:
                return
            left -= len(piece)
            yield piece

    @contextlib.contextmanager
    def _readable(self, path: Path) -> Iterator[None]:
        try:
            yield
        except ColearnError:
            raise
        except OSError as e:
            raise UnavailableWeights(
                f"the weights {path} can't be read: {e.strerror or e}", fix="check the folder's disk and permissions"
            ) from e

    def _missing(self, ref: WeightsRef) -> UnavailableWeights:
        return UnavailableWeights(
            f"the weights {ref.cid} aren't in the store {self.folder}",
            fix="check that every member uses the same folder",
        )

    def _remove(self, cid: str) -> None:
        """Remove a file that has no mark, unless one is made meanwhile.

        Whoever keeps it marks it first, and then looks whether it is there: so either the mark is seen here, and the
        file gets its name back, or it is gone before the other one looks, who writes it anew.
        """
        path = self.folder / cid
        going = path.with_name(f".{cid}.{secrets.token_hex(4)}.going")
        try:
            os.rename(path, going)
        except FileNotFoundError:
            return
        if self._is_marked(cid):
            os.replace(going, path)
        else:
            going.unlink()

    def _mark(self, cid: str, owner: str | None = None) -> bool:
        """Mark it as the owner's; whether that is new."""
        owner = self.owner if owner is None else owner
        if owner == ANYBODY:
            return False
        mark = self._mark_of(owner, cid)
        if mark.exists():
            return False
        foreign = os.path.lexists(self.folder / cid) and not self._is_marked(cid)
        for path in [self._mark_of(_BEFORE, cid), mark] if foreign else [mark]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return True

    def _is_marked(self, cid: str) -> bool:
        try:
            owners = os.listdir(self.folder / _MARKS)
        except FileNotFoundError:
            return False
        return any((self.folder / _MARKS / owner / cid).exists() for owner in owners)

    def _marks_of(self, owner: str) -> Path:
        return self.folder / _MARKS / quote(owner, safe="")

    def _mark_of(self, owner: str, cid: str) -> Path:
        return self._marks_of(owner) / cid

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


def _same(path: Path, data: Buffer) -> bool:
    """Whether the file already holds ``data``; block by block, so that it isn't held twice."""
    view = memoryview(data)
    try:
        with open(os.open(path, os.O_RDONLY | _NON_BLOCKING), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size != len(view):
                return False
            return all(file.read(CHUNK) == piece for piece in pieces(view, CHUNK))
    except FileNotFoundError:
        return False
