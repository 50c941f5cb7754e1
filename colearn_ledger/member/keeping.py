"""What a member's store keeps: what it needs, and of all that was kept for it nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ..core.blocks import Buffer
from ..core.protocol import WeightsRef
from ..errors import StoreError
from ..stores.base import Store, patience_s
from .pulling import pull

__all__ = ["tidy"]

_WANTED_S = 20.0  # for weights that are not needed yet: a vote may wait behind them


def tidy(
    store: Store,
    adopted: tuple[WeightsRef, Buffer | None] | None,
    needed: Sequence[WeightsRef] | None,
    archive: Sequence[WeightsRef] = (),
    wanted: Sequence[WeightsRef] = (),
    archive_only: Sequence[WeightsRef] | None = None,
    forgotten: Sequence[tuple[int, int]] = (),
) -> bool:
    """Asked again and again: what fails now, as while a daemon is away, is done the next time.

    Parameters
    ----------
    adopted: the accepted weights, and their bytes where they are at hand; they are put back where the store has lost
        them.
    needed: everything else that is kept for this member is discarded, by its CID; None: nothing is.
    archive: to be kept for good, if it is there.
    wanted: likewise needed, and pulled where the store doesn't keep them, as they may become the accepted ones.
    archive_only: of what was to be kept for good before, all but these and ``archive`` go; None: nothing does.
    forgotten: spans of rounds, first and last; its own contributions to trainings that began with one of these go.

    Returns whether the accepted weights were put back. Raises StoreError, once all was tried, when something failed.
    """
    failures: list[StoreError] = []

    def attempt(work: Callable[[], object]) -> None:
        try:
            work()
        except StoreError as e:
            failures.append(e)

    kept = store.kept()
    ref, held = adopted or (None, None)
    lost = ref is not None and held is not None and not (ref.cid in kept and store.has(ref))
    if lost and held is not None:
        attempt(partial(store.put, held))
    archived = store.archived() if archive or archive_only is not None else frozenset()
    for one in archive:
        if one.cid in kept - archived:
            attempt(partial(store.archive, one))
    if archive_only is not None:
        for cid in archived - {one.cid for one in (*archive, *archive_only)}:
            attempt(partial(store.unarchive, cid))
    for training, cid in store.contributions() if forgotten else ():
        if any(first <= training <= last for first, last in forgotten):
            attempt(partial(store.discard_contribution, training, cid))
    if needed is not None:
        keep = {one.cid for one in (*needed, *wanted, ref) if one is not None}
        for cid in kept - keep:
            attempt(partial(store.discard, cid))
    for one in wanted:
        if one.cid not in kept:
            attempt(partial(pull, store, one, deadline_s=patience_s(_WANTED_S, one.size)))
    if failures:
        raise failures[0]
    return lost
