"""Weights that a command needs once: where they are, pulled and checked without being kept, adopted by a learner."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .configured import take_place

if TYPE_CHECKING:
    from ..core.blocks import Buffer
    from ..core.learner import Learner
    from ..core.protocol import WeightsRef
    from ..core.schema import Schema
    from ..learners.loading.factory import LearnerSpec
    from ..stores.base import Store
    from ..stores.spec import StoreSpec

__all__ = ["add_store_options", "adopting", "borrowed", "lent", "pulled", "store_of", "timeout_of"]

_OWNER = "colearn/once"  # of pins in a daemon, which are taken off at the end: whoever keeps the weights still does


def add_store_options(parser: argparse.ArgumentParser, gives: str) -> Any:
    """The group of options that say where weights are; ``gives``: what a node's configuration can give besides."""
    group = parser.add_argument_group("where the weights are")
    add = group.add_argument
    add("--ipfs", metavar="ADDRESS", help="RPC of an IPFS daemon, such as /ip4/127.0.0.1/tcp/5001")
    text = "holds what the IPFS RPC wants as authorization: user:password, or a bearer token"
    add("--ipfs-token-file", type=Path, metavar="FILE", help=text)
    add("--allow-remote-ipfs", action="store_true", help="take an IPFS RPC that isn't on loopback")
    add("--store-folder", "--store", type=Path, metavar="DIR", help="instead of IPFS: the members' folder")
    text = f"a node's configuration: gives whatever isn't given of {gives}"
    add("--config", type=Path, metavar="FILE", help=text)
    text = "seconds to try to have them, and one more for each MB (default: %(default)s)"
    add("--timeout", type=int, default=60, metavar="S", help=text)
    return group


def timeout_of(options: argparse.Namespace) -> int:
    """Seconds to try to have weights."""
    if options.timeout < 1:
        raise UsageError(f"--timeout is {options.timeout}", expected="1 or more")
    return int(options.timeout)


def pulled(ref: WeightsRef, schema: Schema | None, store: StoreSpec, timeout_s: float) -> Buffer:
    """The bytes, of the right size, sha256 and CID; that they fit the schema is seen before all of them have come.

    They lie in a file without a name, where there is room for one. ``timeout_s`` is what a small transfer may take, and
    large ones as much longer as :func:`.patience_s` says. No mark is left in a folder, and no pin in a daemon.

    Raises as :meth:`.Store.get` and :meth:`.Schema.check_size`.
    """
    from ..core.weights import check_head
    from ..member.pulling import pull
    from ..stores.base import patience_s

    if schema is not None:
        schema.check_size(ref.size)
    with borrowed(store, [ref]) as opened:
        check = partial(check_head, size=ref.size, schema=schema)
        return pull(opened, ref, deadline_s=patience_s(timeout_s, ref.size), check_head=check)


@contextlib.contextmanager
def borrowed(store: StoreSpec, refs: Sequence[WeightsRef]) -> Iterator[Store]:
    """The store, open to pull these; afterwards nothing of them is kept that wasn't before."""
    opened, forget = lent(store)
    try:
        yield opened
    finally:
        for ref in refs:
            forget(ref)


def lent(store: StoreSpec) -> tuple[Store, Callable[[WeightsRef], None]]:
    """The store, open to pull from; and what to tell of weights that were pulled, so that they aren't kept for that."""
    from ..stores.base import ANYBODY

    if store.folder is not None and not store.folder.is_dir():  # opening it would make it
        raise UsageError(f"there is no folder {store.folder}", expected="the members' store", fix="correct its path")
    spec = replace(store, owner=ANYBODY if store.folder is not None else _OWNER)
    opened = spec.open(lambda transfer: print(transfer, file=sys.stderr, flush=True))

    def forget(ref: WeightsRef) -> None:
        if spec.owner == _OWNER:
            opened.discard(ref)

    return opened, forget


def store_of(options: argparse.Namespace) -> StoreSpec:
    """The store that the options name, or the configuration; it also gives the options what they lack."""
    from ..stores.spec import StoreSpec

    ipfs, folder, token = options.ipfs, options.store_folder, options.ipfs_token_file
    remote = options.allow_remote_ipfs
    if ipfs is not None and folder is not None:
        raise UsageError("--ipfs and --store-folder together", expected="one store", fix="leave one out")
    if options.config is not None:
        given = take_place(options)
        if ipfs is None and folder is None:
            ipfs, folder, token, remote = given.ipfs, given.folder, token or given.token_file, given.remote
    if ipfs is None and folder is None and getattr(options, "run_folder", None) is not None:
        folder = options.run_folder / "weights"
    if ipfs is None and folder is None:
        raise UsageError(
            "no store is named that has the weights",
            expected="--ipfs ADDRESS, --store-folder DIR, or --config FILE of a node",
            fix="--ipfs /ip4/127.0.0.1/tcp/5001 is the usual address of a Kubo daemon's RPC",
        )
    return StoreSpec(ipfs, folder, remote, token)


def adopting(spec: LearnerSpec, tree: Any) -> Learner:
    """A new learner, which has adopted the weights.

    Raises SchemaMismatch where it is another model's, LearnerError where its own code fails, and what
    :meth:`.LearnerSpec.make` raises.
    """
    from ..core.asking import ask_accept, ask_current
    from ..core.failures import told
    from ..core.learner import Weights
    from ..core.schema import Schema
    from ..errors import ColearnError

    try:
        learner = spec.make()
        Schema.of(ask_current(learner, spec.factory).weights).check(tree)
        ask_accept(learner, Weights(tree), spec.factory)
    except ColearnError:
        raise
    except Exception as e:  # the learner's own code: whatever it raises is something to be told
        raise told(e, f"the learner {spec.factory}") from e
    return learner
