"""A weight store that is an IPFS daemon (Kubo), asked through its RPC.

What the daemon says is never believed: the root block is hashed and its sizes are added up before anything below it is
fetched, what arrives is counted, capped and hashed, and a new CID is compared with the locally computed one.

Pins are this store's own, whoever else keeps the same content: :mod:`.pins` says how.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ..core.blocks import Buffer
from ..core.cid import CHUNK, cid_text, first_leaf, inner_nodes, root_block_size_check, root_node
from ..core.protocol import WeightsRef
from ..core.weights import weights_ref
from ..errors import InvalidWeights, StoreError
from .adding import add
from .base import ANYBODY, archive_of, check_small, contributor_of, patience_s, training_of
from .daemon import LOCAL_S, Daemon, is_gone, is_missing
from .pieces import checked_pieces, into_file
from .pins import kept_cid, pin_cid
from .progress import Meter, Tell

__all__ = ["IpfsStore"]

DEFAULT_API = "/ip4/127.0.0.1/tcp/5001"

_TRIES = 4  # garbage may be collected at any moment, with what was added and isn't pinned yet
_FIRST_PIN_S = 2.0


class IpfsStore:
    """Weights in IPFS, by a Kubo daemon on this machine. Safe to use from several threads.

    Nothing is asked before the first use. Then the daemon's version is checked, once.

    Parameters
    ----------
    api: address of the daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001``, ``http://127.0.0.1:5001`` or
        ``/unix/run/ipfs.sock``.
    owner: for whom it keeps weights: what it pins is pinned under this name, and nothing else is ever unpinned.
    deadline_s: how long :meth:`get` tries when it is given no deadline; for large weights as much longer as
        :func:`.base.patience_s` says.
    allow_remote: take an RPC that isn't on loopback. Whoever can reach such an RPC owns the daemon.
    token: what the daemon wants as ``Authorization`` (see :func:`.http.authorization`); never shown.
    tell: is told now and then how far a transfer that takes long has come.

    Raises
    ------
    UsageError: the address can't be understood, or isn't on loopback.
    ConfigError: the token can't be sent.
    """

    def __init__(
        self,
        api: str = DEFAULT_API,
        *,
        owner: str = ANYBODY,
        deadline_s: float = 60.0,
        allow_remote: bool = False,
        token: str | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._daemon = Daemon(api, allow_remote=allow_remote, token=token)
        self.api = self._daemon.api
        self.owner = owner
        self.deadline_s = deadline_s
        self._tell = tell

    def __repr__(self) -> str:
        return f"IpfsStore({self.api!r})"

    # ---- the store

    def put(self, data: Buffer) -> WeightsRef:
        from ipfshttpclient.exceptions import ErrorResponse

        view = memoryview(data).cast("B")
        with self._asking("add weights to"):
            for tries in range(1, _TRIES + 1):
                ref = self._add(view)
                try:
                    self._daemon.pin(self.owner, ref.cid, _until(LOCAL_S, ref.size), offline="true")
                    break
                except ErrorResponse as e:
                    if tries == _TRIES or not is_gone(str(e)):
                        raise
        return ref

    def _add(self, view: memoryview) -> WeightsRef:
        meter = Meter(self._tell, "adding", "", len(view))
        with ThreadPoolExecutor(1) as beside:
            self._daemon.checked()
            naming = beside.submit(weights_ref, view)  # both sides hash all bytes: at the same time
            had = add(self._daemon, view, _until(LOCAL_S, len(view)), meter)
            ref = naming.result()
            if had != ref.cid:
                raise StoreError(
                    f"the IPFS daemon at {self.api} names the weights {had}",
                    expected=f"{ref.cid}, their CID by the import parameters that were sent",
                    fix="use a Kubo of a version that this program is tested with",
                )
        return ref

    def get(
        self,
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> bytes:
        """As :meth:`.Store.get`. What it returns is pinned for this owner; what is invalid isn't, unless it was."""
        with self._fetching(ref, deadline_s, check_head) as pieces:
            data = io.BytesIO()
            if ref.size > 0:  # all of the room at once: what grows is copied, and takes more than it needs
                data.seek(ref.size - 1)
                data.write(b"\0")
                data.seek(0)
            for piece in checked_pieces(pieces, ref):
                data.write(piece)
            return data.getvalue()  # doesn't copy

    def get_small(self, sha256: bytes, *, deadline_s: float | None = None) -> bytes:
        cid, end = cid_text(sha256, 1), time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        with self._asking(f"get {cid} from", end):
            self._daemon.checked(end)
            return check_small(self._daemon.block(cid, end), sha256)

    def get_to(
        self,
        path: str | os.PathLike[str],
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> None:
        """As :meth:`.Store.get_to`; pins as :meth:`get` does."""
        with self._fetching(ref, deadline_s, check_head) as pieces, into_file(path) as write:
            for _ in checked_pieces(pieces, ref, write):
                pass  # it is all done beside the reading

    def has(self, ref: WeightsRef) -> bool:
        """As :meth:`.Store.has`: whether it is pinned, by whomever, so that it stays."""
        with self._asking("look into"):
            self._daemon.checked()
            # Whether somebody else's pin has it below it is dear to know where there are many pins: last.
            mine = self._daemon.is_pinned(pin_cid(self.owner, ref.cid))
            return mine or self._daemon.is_pinned(ref.cid, kind="all")

    def kept(self) -> frozenset[str]:
        return self._pinned_for(self.owner)

    def _pinned_for(self, owner: str) -> frozenset[str]:
        named = (kept_cid(owner, pinned, name) for pinned, name in self._pins(owner).items())
        return frozenset(cid for cid in named if cid is not None)

    def _pins(self, named: str) -> dict[str, str]:
        with self._asking("look into"):
            return self._daemon.pins(named)

    def discard(self, ref: WeightsRef | str) -> None:
        """As :meth:`.Store.discard`. The daemon frees the room when it collects its garbage."""
        self._discard_for(self.owner, ref)

    def _discard_for(self, owner: str, ref: WeightsRef | str) -> None:
        with self._asking("unpin weights on"):
            self._daemon.checked()
            self._daemon.unpin(pin_cid(owner, ref if isinstance(ref, str) else ref.cid))

    def archive(self, ref: WeightsRef) -> None:
        self._keep_for(archive_of(self.owner), ref)

    def archived(self) -> frozenset[str]:
        return self._pinned_for(archive_of(self.owner))

    def unarchive(self, ref: WeightsRef | str) -> None:
        """As :meth:`.Store.unarchive`. The daemon frees the room when it collects its garbage."""
        self._discard_for(archive_of(self.owner), ref)

    def keep_contribution(self, ref: WeightsRef, training: int) -> None:
        self._keep_for(contributor_of(self.owner, training), ref)

    def _keep_for(self, owner: str, ref: WeightsRef) -> None:
        with self._asking("pin weights on"):
            self._daemon.checked()
            self._daemon.pin(owner, ref.cid, _until(LOCAL_S, ref.size), offline="true")

    def contributions(self) -> frozenset[tuple[int, str]]:
        found = set[tuple[int, str]]()
        for pinned, name in self._pins(self.owner).items():
            contributor = name.rpartition("/")[0]
            training, cid = training_of(self.owner, contributor), kept_cid(contributor, pinned, name)
            if training is not None and cid is not None:
                found.add((training, cid))
        return frozenset(found)

    def discard_contribution(self, training: int, cid: str) -> None:
        """As :meth:`.Store.discard_contribution`. The daemon frees the room when it collects its garbage."""
        self._discard_for(contributor_of(self.owner, training), cid)

    # ---- about the daemon

    def check(self) -> str:
        """The daemon's version.

        Raises
        ------
        StoreError: it can't be reached, isn't an IPFS daemon, or is too old.
        """
        with self._asking("reach"):
            return self._daemon.version()

    def peers(self) -> list[str]:
        """Peer ids of the daemons that it is connected to now."""
        with self._asking("ask"):
            return self._daemon.peers()

    def close(self) -> None:
        """Close all connections. The store can be used again afterwards."""
        self._daemon.close()

    # ---- pieces

    def _check_blocks(self, cid: str, ref: WeightsRef, end: float) -> tuple[bytes, str | None]:
        """Check the blocks that say how large the weights are, before the daemon fetches what they lead to.

        Returns the root block, and the CID of the first chunk; None where the root is that.
        """
        root = self._daemon.block(cid, end)
        root_block_size_check(root, ref)
        if ref.size <= CHUNK:
            return root, None
        head = first_leaf(root, root_node(ref))
        waiting = inner_nodes(root, root_node(ref))  # above 1 GiB there are nodes between the root and the leaves
        while waiting:
            node = waiting.pop(0)
            block = self._daemon.block(node.cid, end)
            head = head or first_leaf(block, node)
            waiting = inner_nodes(block, node) + waiting
        return root, head

    @contextlib.contextmanager
    def _fetching(
        self, ref: WeightsRef, deadline_s: float | None, check_head: Callable[[memoryview], None] | None
    ) -> Iterator[Iterator[bytes]]:
        """The weights piece by piece, which whoever takes them checks; what is invalid isn't pinned, unless it was."""
        cid = ref.cid
        end = _until(self.deadline_s, ref.size) if deadline_s is None else time.monotonic() + deadline_s
        with self._asking(f"get the weights {cid} from", end):
            self._daemon.checked(end)
            if ref.size == 0:  # known without asking anybody, and no peer would send an empty block
                self.put(b"")
            root, head = self._check_blocks(cid, ref, end)
            if check_head is not None:
                check_head(memoryview(root if head is None else self._daemon.block(head, end)))
            kept = self._daemon.is_pinned(pin_cid(self.owner, cid), end)
            try:
                if not kept:  # first: a pin fetches the blocks four times faster than a read does
                    self._pull(ref, end)
                # A body that was cut short looks complete (the error is in a trailer): so it is counted.
                stream = [root] if ref.size <= CHUNK else self._daemon.read(cid, ref.size, end)
                meter = Meter(self._tell, "reading", cid, ref.size)
                yield meter.counted(_pieces(stream))
            except InvalidWeights:
                if not kept:
                    self._daemon.unpin(pin_cid(self.owner, cid))
                raise

    def _pull(self, ref: WeightsRef, end: float) -> None:
        """Pin what the daemon may have to fetch. Given up and begun anew now and then: when garbage is collected before
        the pin is there, it waits for the owner's block, which no peer has. What was fetched until then stays.
        """
        from ipfshttpclient.exceptions import ErrorResponse

        meter = Meter(self._tell, "fetching", ref.cid, ref.size) if ref.size > CHUNK else None
        fetched = None if meter is None else lambda blocks: meter.at(min(blocks * CHUNK, ref.size))
        pause = _FIRST_PIN_S
        while (part := time.monotonic() + pause) < end:
            try:
                return self._daemon.pin(self.owner, ref.cid, part, fetched=fetched)
            except ErrorResponse as e:
                if not is_missing(str(e)):
                    raise
            pause *= 2
        self._daemon.pin(self.owner, ref.cid, end, fetched=fetched)

    def _asking(self, doing: str, end: float | None = None) -> contextlib.AbstractContextManager[None]:
        return self._daemon.asking(doing, end)


def _until(timeout_s: float, size: int) -> float:
    """When an attempt to move so many bytes ends, by ``time.monotonic()``."""
    return time.monotonic() + patience_s(timeout_s, size)


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces: a daemon sends 4 KiB at a time, and each costs as much to handle as a MiB."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
