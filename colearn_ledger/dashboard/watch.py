"""Keeping up with a collective: how it stands, all rounds, what events tell of them; read again after a re-org."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..chain.contract import Head
from ..chain.snapshot import Snapshot
from ..core.protocol import ZERO_ADDRESS, RoundRecord
from ..errors import ChainError
from ..founding.names import NO_NAMES, Names
from ..history.logs import is_there
from ..history.names import NamesOnChain
from ..history.read import read_history
from ..plan.document import Plan
from ..report.agreed import Agreed, read_agreed
from ..report.standing import Standing, read_standing
from .rows import Told, told_of

__all__ = ["Reorg", "Seen", "Watch"]

_ALL = 1 << 32
_HEADS = 256  # that are remembered, to tell where a chain has forked


@dataclass(frozen=True, slots=True)
class Reorg:
    """The chain has other blocks than before.

    Attributes
    ----------
    block: all before it are the same; of those from it on, some are others.
    round: the first that differs, if any.
    """

    block: int
    round: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A collective as it was seen last.

    Attributes
    ----------
    version: another one whenever anything but the clock has changed.
    records: of all rounds, genesis first.
    settled: how many of them nothing but a re-org can change any more.
    told: by round, what events tell; of settled rounds, as far as these were read.
    told_from: events of settled rounds before this one are still to be read.
    problem: why events are missing, or empty.
    trouble: why the chain can't be read at the moment, or empty.
    reorg: the last one that was seen.
    """

    version: int
    head: Head
    standing: Standing
    records: tuple[RoundRecord, ...]
    settled: int
    told: Mapping[int, Told]
    told_from: int
    problem: str = ""
    trouble: str = ""
    reorg: Reorg | None = None

    @property
    def told_to(self) -> int:
        """Events of rounds before this one were read, from :attr:`told_from` on."""
        return self.told_from + len(self.told)


class Watch:
    """What a dashboard knows of one collective. :meth:`look` and :meth:`gather` each belong to one thread at a time.

    Parameters
    ----------
    look: gives a new snapshot, as the contract's ``snapshot`` does; called by several threads.
    deployed_block: events aren't looked for before it.
    names: of members, as their founding has them; those that they say on chain take their place.
    find_plan: the members' plan by its hash; raises where it isn't there.
    recent: so many of the newest rounds have their events read first.
    """

    def __init__(
        self,
        look: Callable[[], Snapshot],
        *,
        deployed_block: int = 0,
        names: Names = NO_NAMES,
        find_plan: Callable[[bytes], Plan] | None = None,
        recent: int = 100,
    ) -> None:
        self.snapshot = look
        self.deployed_block = deployed_block
        self._names, self._find_plan = NamesOnChain(names, deployed_block), find_plan
        self._recent = recent
        self._lock = threading.Lock()  # for the attributes below; nothing is read from the chain while it is held
        self._seen: Seen | None = None
        self._epoch = 0  # counts re-orgs: what was read before one is dropped
        self._heads: list[Head] = []
        self._pruned = ""  # why events are missing for good

    @property
    def seen(self) -> Seen | None:
        """None before the first look."""
        return self._seen

    def look(self) -> None:
        """Read what may have changed. Raises ChainError."""
        snapshot = self.snapshot()
        standing = read_standing(snapshot, self._names.read(snapshot))
        before = self._seen
        forked = self._first_replaced(snapshot)
        standing = replace(standing, agreed=self._agreed(snapshot, standing, None if forked is not None else before))
        if before is not None and forked is None and _same(before, snapshot.head, standing):
            records, settled, changed = before.records, before.settled, before.trouble != ""
        else:
            kept = () if before is None or forked is not None else before.records[: before.settled]
            records = kept + snapshot.rounds(len(kept), _ALL)
            settled = _count_settled(snapshot, standing)
            changed = True
        reorg = None if forked is None else _reorg(forked, before, records)
        with self._lock:
            self._note_head(snapshot.head, forked)
            now = self._seen  # with what was gathered meanwhile
            if now is None or reorg is not None:
                self._epoch += 1
                self._pruned = ""
                version, told_from = 0 if now is None else now.version, max(0, settled - self._recent)
                now = Seen(version, snapshot.head, standing, records, settled, {}, told_from, reorg=reorg)
            self._seen = replace(
                now,
                version=now.version + changed,
                head=snapshot.head,
                standing=standing,
                records=records,
                settled=settled,
                trouble="",
            )

    def _agreed(self, snapshot: Snapshot, standing: Standing, before: Seen | None) -> Agreed | None:
        """What was agreed on, which changes between rounds."""
        if self._find_plan is None:
            return None
        if before is not None and before.standing.view.round == standing.view.round:
            return before.standing.agreed
        return read_agreed(snapshot, self._find_plan, deployed_block=self.deployed_block)

    def note_trouble(self, error: ChainError) -> None:
        """The chain can't be read: what was seen last stays, with a word about it."""
        with self._lock:
            if self._seen is not None:
                self._seen = replace(self._seen, trouble=error.what, version=self._seen.version + 1)

    def note_problem(self, error: ChainError) -> None:
        """Events can't be read at the moment: that is said until they can."""
        with self._lock:
            if self._seen is not None:
                self._seen = replace(self._seen, problem=error.what, version=self._seen.version + 1)

    def gather(self) -> bool:
        """Read events of rounds that are settled: the newest first, then all others. Whether there was anything to do.

        Raises ChainError.
        """
        with self._lock:
            seen, epoch = self._seen, self._epoch
        if seen is None:
            return False
        if seen.told_to < seen.settled:
            first, last = seen.told_to, seen.settled - 1
        elif seen.told_from > 0:
            first, last = 0, seen.told_from - 1
        else:
            return False
        history = read_history(
            self.snapshot(), first=first, last=last, deployed_block=self.deployed_block, receipts=True
        )
        found = {round_.record.round: told_of(round_) for round_ in history.rounds}
        with self._lock:
            if self._seen is None or epoch != self._epoch:
                return True
            self._pruned = history.logs_problem or self._pruned
            self._seen = replace(
                self._seen,
                told={**self._seen.told, **found},
                told_from=min(self._seen.told_from, first),
                problem=self._pruned,
                version=self._seen.version + 1,
            )
        return True

    def _first_replaced(self, snapshot: Snapshot) -> int | None:
        """The first block that isn't the one that was seen at its number; None as long as all are."""
        for at, head in reversed(list(enumerate(self._heads))):
            if head == snapshot.head or is_there(snapshot, head):
                return None if at == len(self._heads) - 1 else head.number + 1
        return self._heads[0].number if self._heads else None

    def _note_head(self, head: Head, forked: int | None) -> None:
        if forked is not None:
            self._heads = [one for one in self._heads if one.number < forked]
        if not self._heads or self._heads[-1] != head:
            self._heads = [*self._heads[1 - _HEADS :], head]


def _count_settled(snapshot: Snapshot, standing: Standing) -> int:
    """Rounds that were over at the block's own time: what only the clock has ended since, a block can still change."""
    if snapshot.clock == snapshot.head.timestamp:
        return standing.view.round
    return replace(snapshot, clock=snapshot.head.timestamp).view(ZERO_ADDRESS).round


def _same(before: Seen, head: Head, now: Standing) -> bool:
    """Whether nothing but the clock has changed, and no deadline passed by it."""
    old = before.standing
    return (before.head, old.phase, old.view.round, old.motions) == (head, now.phase, now.view.round, now.motions)


def _reorg(block: int, before: Seen | None, records: tuple[RoundRecord, ...]) -> Reorg:
    old = () if before is None else before.records
    pairs = zip(old, records, strict=False)
    differing = next((one.round for one, other in pairs if one.id != other.id or one.state is not other.state), None)
    if differing is None and len(old) != len(records):
        differing = min(len(old), len(records))
    return Reorg(block, differing)
