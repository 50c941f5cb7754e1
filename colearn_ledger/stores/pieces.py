"""Weights on their way from a store, piece by piece: hashed beside the transfer, and written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from ..core.cid import CidHasher
from ..core.protocol import WeightsRef
from ..errors import InvalidWeights, StoreError
from ..formats.files import whole_file

__all__ = ["checked_pieces", "into_file"]


def checked_pieces(
    pieces: Iterable[bytes], ref: WeightsRef, write: Callable[[bytes], None] | None = None
) -> Iterator[bytes]:
    """The same pieces; at their end InvalidWeights unless they are what ``ref`` names. Nothing before that is checked.

    A piece is hashed, for the sha256 and for the CID, while the next one comes, and given to ``write``, whose errors
    are raised, too.
    """
    sha, cid = hashlib.sha256(), CidHasher()

    def take(piece: bytes) -> None:
        sha.update(piece)
        cid.update(piece)
        if write is not None:
            write(piece)

    hashing: Future[None] | None = None
    with ThreadPoolExecutor(1) as beside:
        for piece in pieces:
            if hashing is not None:
                hashing.result()
            hashing = beside.submit(take, piece)
            yield piece
        if hashing is not None:
            hashing.result()
    if cid.size != ref.size:
        raise InvalidWeights(f"the weights have {cid.size:,} bytes", expected=f"{ref.size:,}, as on chain")
    if sha.digest() != ref.sha256:
        raise InvalidWeights(f"the weights' sha256 is {sha.hexdigest()}", expected=f"{ref.sha256.hex()}, as on chain")
    if cid.digest() != ref.cid_digest:
        raise InvalidWeights(
            f"the weights' CID has the digest {cid.digest().hex()}", expected=f"{ref.cid_digest.hex()}, as on chain"
        )


@contextlib.contextmanager
def into_file(path: str | os.PathLike[str]) -> Iterator[Callable[[bytes], None]]:
    """Writes pieces into a file that gets its name at the end, unless an error ends it before.

    Raises StoreError where it can't be written; errors of whoever writes pass as they are.
    """

    def write(piece: bytes) -> None:
        with _writable(path):
            file.write(piece)

    opened = whole_file(path, synced=False)
    with _writable(path):
        file = opened.__enter__()
    try:
        yield write
    except BaseException as error:
        opened.__exit__(type(error), error, error.__traceback__)
        raise
    with _writable(path):
        opened.__exit__(None, None, None)


@contextlib.contextmanager
def _writable(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise StoreError(
            f"can't write the weights to {os.fspath(path)}: {e.strerror or e}",
            expected="a folder that this user may write to, with room on its disk",
            fix="check its path, permissions and free space",
        ) from e
