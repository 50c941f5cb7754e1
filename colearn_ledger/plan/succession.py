"""Whether one collective goes on where another ended: the link, seen from both ends."""

from __future__ import annotations

from dataclasses import dataclass

from .document import Predecessor
from .successor import Successor

__all__ = ["Broken", "Link"]


@dataclass(frozen=True, slots=True)
class Broken:
    """Something of a link that doesn't hold: a field, one sentence, and texts."""

    field: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Link:
    """What both ends say.

    Attributes
    ----------
    old, new: the two collectives.
    claimed: what the new one's plan says that it began with; None where it has no plan, or this one says nothing.
    genesis: sha256 of the weights that the new one did begin with.
    accepted: of the weights that the old one accepted, by round, of those that were asked for.
    named: what the old one's members agreed on as its successor; None: nothing, or not yet.
    """

    old: Successor
    new: Successor
    claimed: Predecessor | None
    genesis: bytes
    accepted: dict[int, bytes]
    named: Successor | None

    @property
    def round(self) -> int | None:
        """The old one's round whose weights the new one began with; None where it is none of its accepted ones."""
        if self.claimed is not None and self.accepted.get(self.claimed.round) == self.genesis:
            return self.claimed.round
        return next((number for number, sha256 in self.accepted.items() if sha256 == self.genesis), None)

    def broken(self) -> list[Broken]:
        """What doesn't hold."""
        found, claimed = [], self.claimed
        if self.round is None:
            what = "the new collective did not begin with weights that the old one accepted"
            found.append(Broken("genesis", what, "one of these", self.genesis.hex()))
        if claimed is not None:
            there = Successor(claimed.chain_id, claimed.address)
            if there != self.old:
                found.append(Broken("plan.succeeds", "the plan names another collective", str(self.old), str(there)))
            elif claimed.sha256 != self.genesis:
                what = "the plan names other weights than the new collective began with"
                found.append(Broken("plan.succeeds.sha256", what, self.genesis.hex(), claimed.sha256.hex()))
            elif self.accepted.get(claimed.round) != claimed.sha256:
                accepted = self.accepted.get(claimed.round)
                what = f"the plan's weights are not those that the old collective accepted in round {claimed.round}"
                text = "nothing was accepted in it" if accepted is None else accepted.hex()
                found.append(Broken("plan.succeeds.round", what, text, claimed.sha256.hex()))
        if self.named is not None and self.named != self.new:
            what = "the old collective's members agreed on another successor"
            found.append(Broken("successor", what, str(self.new), str(self.named)))
        return found
