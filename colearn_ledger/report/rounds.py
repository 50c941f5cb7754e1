"""The history as a table, one line a round, that fits a terminal of 80 columns and uses more where there are more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..core.cid import cid_text
from ..core.merge.rules import rule_text
from ..core.protocol import RoundState
from ..formats.addresses import short_address
from ..formats.hashes import shown_hash
from ..formats.size import shown_size
from ..founding.names import NO_NAMES, Names
from ..history.export import utc
from ..history.omissions import omissions_of
from ..history.types import Choice, History, Round, Use
from . import signs
from .columns import Column, row
from .rules import rounds_in_words

__all__ = [
    "RoundsTable",
    "heading",
    "history_page",
    "human_time",
    "short",
    "sign",
    "state_text",
    "summary",
]

_SIGNS = {
    Choice.APPROVED: signs.APPROVED,
    Choice.REJECTED: signs.REJECTED,
    Choice.HIDDEN: signs.HIDDEN,
    Choice.ABSENT: signs.NONE,
}
_MANY = 20  # members whose votes are shown one by one


@dataclass(frozen=True)
class _Kind:
    """What a column shows. ``rank``: the highest goes first where there is no room."""

    name: str
    cell: Callable[[Round], str]
    rank: int
    right: bool = False


class RoundsTable:
    """Makes the lines of a table.

    Votes are by seat: ``+`` approves, ``-`` rejects, ``P`` proposed, ``?`` committed and didn't reveal, ``_`` did not
    vote before the clock decided, ``.`` wasn't needed; of more than 20 members they are counted. Of joint rounds: how
    many contributions were merged of how many, and by which rule. Missed rounds in a row share a line. A round before
    which members went back to earlier weights has a line above it that says so.

    Parameters
    ----------
    rounds: by whose content the columns are chosen; lines for others can be made, too.
    width: that a line should not exceed.
    names: of members; others may take their place while lines are made.
    """

    def __init__(self, rounds: Sequence[Round], width: int, names: Names = NO_NAMES) -> None:
        self.names = names
        known = [
            _Kind("round", lambda r: str(r.record.round), 0, right=True),
            _Kind("proposer", lambda r: "" if r.record.round == 0 else self.names.short(r.record.proposer), 2),
            _Kind("merged", _merged, 4),
            _Kind("rule", _rule, 5),
            _Kind("votes", _votes, 1),
            _Kind("decision", state_text, 0),
            _Kind("by", _by, 8),
            _Kind("weights", _weights, 3),
            _Kind("size", _size, 9, right=True),
            _Kind("now", lambda r: _score(r, 0), 10, right=True),
            _Kind("proposed", lambda r: _score(r, 1), 11, right=True),
            _Kind("gas", lambda r: "" if r.gas is None else f"{r.gas:,}", 7, right=True),
            _Kind("decided (UTC)", _time, 6),
        ]
        shown: dict[_Kind, Column] = {}
        for kind in known:
            cells = [kind.cell(round_) for round_ in rounds]
            if any(cells) or kind.rank <= 3:
                shown[kind] = Column(kind.name, right=kind.right).fitting(cells)
        for kind in sorted(known, key=lambda k: -k.rank):
            if sum(column.width for column in shown.values()) + 2 * (len(shown) - 1) > width and kind.rank > 1:
                shown.pop(kind, None)
        self._kinds, self._columns = list(shown), list(shown.values())

    @property
    def header(self) -> str:
        return row(self._columns, [column.name for column in self._columns])

    def lines(self, rounds: Sequence[Round]) -> Iterator[str]:
        """The rounds' lines."""
        at = 0
        while at < len(rounds):
            if rounds[at].reverted_to is not None:
                yield row(self._columns[:1], [""]) + f"  {_back(rounds[at])}"
            end = at
            while end < len(rounds) and rounds[end].record.state is RoundState.MISSED:
                if end > at and rounds[end].reverted_to is not None:
                    break
                end += 1
            if end - at > 2:
                first, last = rounds[at].record.round, rounds[end - 1].record.round
                yield row(self._columns[:1], [f"{first}-{last}"]) + f"  {end - at:,} rounds missed"
                at = end
            else:
                yield row(self._columns, [kind.cell(rounds[at]) for kind in self._kinds])
                at += 1


def history_page(history: History, width: int, names: Names = NO_NAMES, agreed: Iterable[str] = ()) -> Iterator[str]:
    """All of it: which collective, what was ``agreed`` on besides, the table, and what came of the rounds."""
    table = RoundsTable(history.rounds, width, names)
    yield from heading(history)
    yield from agreed
    yield from ("", table.header)
    yield from table.lines(history.rounds)
    yield ""
    yield from summary(history, names)


def heading(history: History) -> list[str]:
    """Which collective, and as of when."""
    lines = [
        f"collective {history.address} on chain {history.chain_id}",
        f"as of block {history.head.number}, {human_time(history.clock)} UTC; round {history.current} is open",
    ]
    return [*lines, *([f"rounds are {rounds_in_words(history.merge_order)}"] if history.merge_order else [])]


def summary(history: History, names: Names = NO_NAMES) -> list[str]:
    """What came of these rounds: decisions, gas, the last accepted weights."""
    rounds = [round_ for round_ in history.rounds if round_.record.round > 0]
    by_state = {state: sum(r.record.state is state for r in rounds) for state in RoundState if state.decided}
    over = sum(by_state.values())
    counts = ", ".join(f"{count:,} {state.name.lower()}" for state, count in by_state.items())
    lines = [f"{over:,} round{'' if over == 1 else 's'} over: {counts}"]
    gas = [round_.gas for round_ in rounds if round_.gas is not None]
    if gas:
        text = f"gas: {sum(gas):,} in {len(gas)} round{'' if len(gas) == 1 else 's'} ({sum(gas) // len(gas):,} each)"
        genesis = next((round_.gas for round_ in history.rounds if round_.record.round == 0), None)
        lines.append(text if genesis is None else f"{text}, {genesis:,} for the deployment")
    return lines + _omissions(history.rounds, names) + _accepted(history.rounds)


_REASONS = {
    Use.UNAVAILABLE: "could not be had",
    Use.INVALID: "invalid",
    Use.EQUAL: "equal to another",
    Use.CANCELS: "cancelling the others out",
    Use.LEFT_OUT: "for no reason given",
}


def _omissions(rounds: Sequence[Round], names: Names) -> list[str]:
    """A line, if proposers left out of their merges what was there: who, how often, by which reasons of theirs."""
    told = []
    for one in omissions_of(rounds):
        reasons = ", ".join(f"{count} {_REASONS[use]}" for use, count in one.left_out.items())
        told.append(
            f"{names.short(one.proposer)} {one.total} in {one.rounds} of its {one.proposals} proposals ({reasons})"
        )
    return [f"contributions left out by their proposers: {'; '.join(told)}"] if told else []


def _accepted(rounds: Sequence[Round]) -> list[str]:
    """The weights that were the accepted ones at the end of these rounds, as far as these tell."""
    for at, round_ in reversed(list(enumerate(rounds))):
        record, since = round_.record, "the last accepted"
        if record.state is not RoundState.ACCEPTED and round_.reverted_to is not None:
            since = f"accepted again since round {record.round}"
            earlier = [r.record for r in rounds[:at] if r.record.round == round_.reverted_to]
            if not earlier:
                return [f"weights of round {round_.reverted_to}, {since}"]
            record = earlier[0]
        if record.state is RoundState.ACCEPTED and record.weights is not None:
            return [
                f"weights of round {record.round}, {since}: {record.weights.size:,} bytes",
                f"  sha256  {record.weights.sha256.hex()}",
                f"  CID     {cid_text(record.weights.cid_digest, record.weights.size)}",
            ]
    return []


def _back(round_: Round) -> str:
    return f"back to the weights of round {round_.reverted_to}, by a motion"


def human_time(seconds: int) -> str:
    """UTC, as people read it."""
    return utc(seconds).replace("T", " ").removesuffix("Z")


def short(address: str) -> str:
    """An address, recognisable."""
    return short_address(address)


def state_text(round_: Round) -> str:
    return "genesis" if round_.record.round == 0 else round_.record.state.name.lower()


def sign(choice: Choice, round_: Round) -> str:
    """A vote in one character."""
    return signs.ABSENT if choice is Choice.ABSENT and round_.missed_votes else _SIGNS[choice]


def _merged(round_: Round) -> str:
    claim = round_.record.claim
    if claim is None:
        return ""
    contributed = "?" if round_.contributed is None else str(round_.contributed)
    return f"{claim.seats.bit_count()}/{contributed}"


def _rule(round_: Round) -> str:
    return "" if round_.record.claim is None else rule_text(round_.record.claim.rule)


def _votes(round_: Round) -> str:
    if len(round_.members) > _MANY:
        counts = [(sign(choice, round_), sum(vote.choice is choice for vote in round_.votes)) for choice in Choice]
        return " ".join(f"{mark}{count}" for mark, count in counts if count)
    marks = {vote.seat: sign(vote.choice, round_) for vote in round_.votes}
    return "".join(marks.get(seat, signs.PROPOSED) for seat in range(len(round_.members)))


def _by(round_: Round) -> str:
    return "" if round_.by_clock is None else "clock" if round_.by_clock else "votes"


def _weights(round_: Round) -> str:
    return "" if round_.record.weights is None else shown_hash(round_.record.weights.sha256)


def _size(round_: Round) -> str:
    return "" if round_.record.weights is None else shown_size(round_.record.weights.size)


def _score(round_: Round, which: int) -> str:
    published = [vote.scores[which] for vote in round_.votes if vote.scores is not None]
    return f"{sum(published) / len(published):.4f}" if published else ""


def _time(round_: Round) -> str:
    last = round_.decided if round_.record.round > 0 else next(iter(round_.transactions), None)
    return "" if last is None or last.time is None else human_time(last.time)
