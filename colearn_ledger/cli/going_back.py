"""The round that a motion goes back to, and whether its weights can still be had."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..core.protocol import RoundState
from ..errors import UsageError
from .options import Collective

if TYPE_CHECKING:
    from ..core.protocol import RoundRecord, View

__all__ = ["earlier", "say_weights"]


def earlier(where: Collective, view: View, number: int) -> RoundRecord:
    """The accepted round to go back to. Raises UsageError if it is none, or its weights are the accepted ones."""
    found = where.snapshot.rounds(number, 1) if 0 <= number <= view.round else ()
    if not found or found[0].weights is None or found[0].state is not RoundState.ACCEPTED:
        raise UsageError(
            f"round {number} {f'is {found[0].state.name.lower()}' if found else 'is none yet'}",
            expected="a round that was accepted",
            fix="see: history",
        )
    if found[0].weights.sha256 == view.accepted.sha256:
        raise UsageError(
            f"the weights of round {number} are the accepted ones already",
            expected="a round with other weights",
            fix="see: history",
        )
    return found[0]


def say_weights(options: argparse.Namespace, back: RoundRecord) -> None:
    """Which weights these are; and, since old ones may be nowhere any more, whether the store has them."""
    from ..core.cid import cid_text
    from ..stores.spec import StoreSpec

    assert back.weights is not None
    print(f"weights   {back.weights.size:,} bytes, sha256 {back.weights.sha256.hex()}")
    print(f"          CID {cid_text(back.weights.cid_digest, back.weights.size)}", flush=True)
    if options.store_folder is None and options.ipfs is None:
        print("          whether anybody still has them wasn't asked: name a store (--ipfs, --store-folder) to know")
        return
    if options.store_folder is not None and not options.store_folder.is_dir():
        raise UsageError(
            f"there is no folder {options.store_folder}", expected="the members' store", fix="correct --store-folder"
        )
    store = StoreSpec(options.ipfs, options.store_folder)
    if store.open().has(back.weights):
        print(f"          {store} has them")
        return
    print(
        f"warning: {store} doesn't have them, and whoever can't get them can't go on once this is approved: "
        "put them back before, from whoever has kept them",
        file=sys.stderr,
    )
