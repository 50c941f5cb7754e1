"""Reading across two collectives: an old one, and the one that goes on with its accepted weights."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.protocol import ZERO_ADDRESS, MotionKind, RoundState
from ..errors import AuditFailed, ConfigError, StoreError
from .options import Collective, open_collective

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..plan.succession import Link

__all__ = ["Across", "add_across_options", "read_across"]

_PAGE = 256  # rounds


def add_across_options(add: Any) -> None:
    text = (
        "the deployment file of the old collective that this one succeeds: both are read, and whether they go together"
    )
    add("--across", type=Path, metavar="FILE", help=text)
    text = "an endpoint of its chain (default: those in that file); may be given several times"
    add("--across-rpc", action="append", default=[], metavar="URL", help=text)


@dataclass(frozen=True, slots=True)
class Across:
    """The old collective, and the link. ``missing``: why what the plan says of it isn't known, or empty."""

    old: Collective
    link: Link
    missing: str

    @property
    def in_words(self) -> str:
        """How they go together, or that they don't."""
        link = self.link
        named = "" if link.named is not None else ", which its members have not agreed on as its successor"
        if link.round is None:
            return f"{link.new} did not begin with weights that {link.old} accepted"
        return f"{link.new} began with the weights of round {link.round} of {link.old}{named}"

    def judge(self) -> None:
        """Raise AuditFailed where the link doesn't hold."""
        for one in self.link.broken():
            raise AuditFailed(f"{one.field}: {one.what} ({one.found})", expected=one.expected, fix="ask the members")


def read_across(options: argparse.Namespace, where: Collective) -> Across:
    """What ``--across`` names, and how the collective at ``where`` goes together with it. Raises as a reading does."""
    from ..founding.record import load_deployment
    from ..plan.succession import Link
    from ..plan.successor import Successor

    record = load_deployment(options.across)
    asked = argparse.Namespace(deployment=options.across, address=None, rpc=options.across_rpc or list(record.rpc))
    old = open_collective(asked)
    missing = ""

    def read_new(snapshot: Snapshot) -> tuple[bytes, bytes]:
        [genesis] = snapshot.rounds(0, 1)
        assert genesis.weights is not None, "round 0 has the first weights"
        return genesis.weights.sha256, snapshot.agreement(MotionKind.SET_PLAN)

    genesis, sha256 = where.read(read_new)
    claimed = None
    if any(sha256):
        try:
            claimed = where.find_plan(sha256).succeeds
        except (ConfigError, StoreError) as e:
            missing = e.what
    word = old.read(lambda snapshot: snapshot.agreement(MotionKind.SET_SUCCESSOR))
    link = Link(
        Successor(record.chain_id, old.contract.address),
        Successor(where.contract.chain_id, where.contract.address),
        claimed,
        genesis,
        old.read(_accepted),
        Successor.of(word),
    )
    return Across(old, link, missing)


def _accepted(snapshot: Snapshot) -> dict[int, bytes]:
    """The hashes of all weights that were ever accepted, by round."""
    last = snapshot.view(ZERO_ADDRESS).round
    found = {}
    for first in range(0, last + 1, _PAGE):
        for record in snapshot.rounds(first, _PAGE):
            if record.weights is not None and (record.round == 0 or record.state is RoundState.ACCEPTED):
                found[record.round] = record.weights.sha256
    return found
