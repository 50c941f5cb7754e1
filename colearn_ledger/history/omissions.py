"""What proposers of joint rounds left out of their merges, though it was there: summed for each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .types import Round, Use

__all__ = ["Omissions", "omissions_of"]


@dataclass(frozen=True, slots=True)
class Omissions:
    """One proposer's.

    Attributes
    ----------
    proposer: its address.
    proposals: how many it made in joint rounds whose contributions are known; ``rounds``: in how many of these it left
        something out.
    left_out: how many contributions, by the reason that it gave.
    members: of whom, with how many: the addresses, ascending.
    """

    proposer: str
    proposals: int
    rounds: int
    left_out: Mapping[Use, int]
    members: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.left_out.values())


def omissions_of(rounds: Iterable[Round]) -> tuple[Omissions, ...]:
    """Of each proposer that left something out, who left out most first. What only events tell is not counted without.

    A reason is the proposer's word. That a contribution equals one of a lower seat, which is counted once, is no
    reproach, and anybody can see whether it is so; it is counted all the same.
    """
    known = [r for r in rounds if r.record.claim is not None and r.contributed is not None]
    found = []
    for proposer in sorted({r.record.proposer for r in known}):
        own = [r for r in known if r.record.proposer == proposer]
        left_out = [one for r in own for one in r.omissions]
        if left_out:
            by_reason = Counter(one.use for one in left_out)
            by_member = Counter(one.member for one in left_out)
            found.append(
                Omissions(
                    proposer,
                    len(own),
                    sum(bool(r.omissions) for r in own),
                    {use: by_reason[use] for use in Use if by_reason[use]},
                    dict(sorted(by_member.items())),
                )
            )
    return tuple(sorted(found, key=lambda one: -one.total))
