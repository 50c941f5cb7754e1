"""What members are called: as the founding's record has it, and as they have said on chain since."""

from __future__ import annotations

from ..chain.contract import Head
from ..chain.snapshot import Snapshot
from ..errors import ChainError
from ..founding.names import NO_NAMES, Names
from .logs import fetch_events, is_there

__all__ = ["NamesOnChain"]

_MOST_RANGES = 200  # some 20 million blocks, where the endpoint answers long ones; nobody waits longer for names


class NamesOnChain:
    """Reads members' names from the contract's events, and keeps them: each reading asks for what is new alone.

    After a re-org all of them are read again, so that it takes a name back that was said in a block that is gone.

    Parameters
    ----------
    founders: names in the founding's record, which last until the member says another one, or none.
    deployed_block: events aren't looked for before it.

    Attributes
    ----------
    problem: why names may be missing that members said earlier, or empty.
    """

    def __init__(self, founders: Names = NO_NAMES, deployed_block: int = 0) -> None:
        self.problem = ""
        self._founders, self._deployed_block = founders, deployed_block
        self._names = founders
        self._said: dict[str, bytes] = {}
        self._read: Head | None = None  # up to which block

    def read(self, snapshot: Snapshot) -> Names:
        """The names as of ``snapshot``.

        Raises ChainError where the endpoint can't be reached, or there was a re-org meanwhile (read again).
        """
        head, known = snapshot.head, self._read
        if known == head:
            return self._names
        goes_on = known is not None and known.number < head.number and is_there(snapshot, known)
        first = known.number + 1 if known is not None and goes_on else self._deployed_block
        found = fetch_events(snapshot, first, names=("NameSet", "CollectiveCreated"), most=_MOST_RANGES)
        if not is_there(snapshot, head):
            raise ChainError("the chain was reorganised while members' names were read", fix="read them again")
        if not goes_on:
            whole = any(event.name == "CollectiveCreated" for event in found.events)
            self.problem = found.problem or ("" if whole else "the endpoint left out events of the contract")
        else:
            self.problem = found.problem or self.problem
        said = {e.arguments["member"]: e.arguments["name"] for e in found.events if e.name == "NameSet"}
        self._said = {**self._said, **said} if goes_on else said
        self._names, self._read = self._founders.but_for(self._said), head
        return self._names
