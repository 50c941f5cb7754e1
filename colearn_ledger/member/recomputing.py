"""Whether a proposal is the merge that it claims to be, found out by a voter that merges the same again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.decide import Judge, Merge
from ..core.merge.claim import LeftOut
from ..core.merge.contributions import Basis
from ..core.merge.rules import Rule, rule_text
from ..core.protocol import Contribution
from ..errors import UnavailableWeights
from ..stores.base import Store
from .merging import merge_contributed, pull_contributed

__all__ = ["Recomputed", "recompute"]

_RULES = set(Rule) - {Rule.SOLO}


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of it.

    Attributes
    ----------
    false: why the proposal is to be rejected: it isn't what it claims to be, or leaves out what it could have merged.
        Empty if it is, as far as can be known.
    unknown: why it can't be known whether it is the merge; empty if it can.
    """

    false: str = ""
    unknown: str = ""


def recompute(store: Store, basis: Basis, action: Judge, *, parent_size: int, deadline_s: float | None) -> Recomputed:
    """Pull what the proposal claims to merge, and merge it; and where that is less than half of what was contributed in
    time, see whether what it leaves out could have been merged, too.

    Contributions with the same bytes count as one, here as in a merge. What can't be had says nothing about the
    proposal.

    Parameters
    ----------
    basis: the accepted weights; ``parent_size``: of their bytes.
    action: with what the proposal claims to merge.
    deadline_s: seconds that pulling may take.

    Raises StoreError when the store or the disk can't be used.
    """
    merge, end = action.merge, None if deadline_s is None else time.monotonic() + deadline_s
    assert merge is not None, "the claim is to be looked at"
    if merge.rule not in _RULES:
        found = Recomputed(unknown=f"nobody here knows how to merge by {rule_text(merge.rule)}")
    else:
        found = _compared(store, basis, action, merge, parent_size, deadline_s)
    if found.false:
        return found
    left_s = None if end is None else max(end - time.monotonic(), 0.0)
    omitted = _omitted(store, basis, merge.contributions, action.left_out, parent_size, left_s)
    return Recomputed(omitted, found.unknown) if omitted else found


def _compared(
    store: Store, basis: Basis, action: Judge, merge: Merge, parent_size: int, deadline_s: float | None
) -> Recomputed:
    offered = [(one.seat, one.weights) for one in merge.contributions]
    try:
        again = merge_contributed(
            store,
            basis,
            Rule(merge.rule),
            offered,
            parent_size=parent_size,
            before=merge.before,
            deadline_s=deadline_s,
        )
    except UnavailableWeights as e:
        return Recomputed(unknown=e.what)
    for seat, why in sorted(again.left_out.items()):
        if why is not LeftOut.UNAVAILABLE:
            more = f" ({again.why[seat]})" if seat in again.why else ""
            return Recomputed(f"it claims to merge what seat {seat} contributed, which is {why.text}{more}")
    missing = sorted(again.left_out)
    if missing:
        return Recomputed(unknown=f"what {_seats(missing)} contributed can't be had")
    if again.weights != action.proposal.weights:
        had = "nothing" if again.weights is None else again.weights.sha256.hex()
        what = f"the {rule_text(merge.rule)} of these {len(offered)} contributions has the sha256 {had}"
        return Recomputed(f"it isn't the merge that it claims to be: {what}")
    return Recomputed()


def _omitted(
    store: Store,
    basis: Basis,
    merged: Sequence[Contribution],
    left_out: Sequence[Contribution],
    parent_size: int,
    deadline_s: float | None,
) -> str:
    """That it leaves out more than half of what was contributed, some of it without need; else empty."""
    counted = {one.weights.sha256 for one in merged}
    others = [one for one in left_out if one.weights.sha256 not in counted]
    everything = len(counted) + len({one.weights.sha256 for one in others})
    if 2 * len(counted) >= everything:
        return ""
    offered = [(one.seat, one.weights) for one in others]
    with pull_contributed(store, basis, offered, parent_size=parent_size, deadline_s=deadline_s) as pulled:
        there = [one.seat for one in pulled.good]
    if not there:
        return ""
    which = f"what {_seats(there)} contributed, which can be had"
    return f"it merges {len(counted)} of {everything} contributions, and leaves out {which}"


def _seats(seats: Sequence[int]) -> str:
    return f"seat {seats[0]}" if len(seats) == 1 else f"the seats {', '.join(map(str, seats))}"
