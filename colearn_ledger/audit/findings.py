"""What an audit found: how much was checked, what doesn't hold, and what could not be had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

__all__ = ["TOPICS", "Examination", "Finding", "Missing", "shown"]

# In the order in which they are reported, and what each is about.
TOPICS: Mapping[str, str] = {
    "code": "the contract's code is the one that this package ships",
    "deployment": "the deployment file and the chain agree",
    "endpoints": "the endpoints agree",
    "succession": "the first weights are those that the old collective accepted, as the plan says",
    "plan": "a plan has the hash that the members agreed on",
    "rounds": "every round is there, and complete",
    "ids": "a proposal's id is the digest of what it names",
    "lineage": "each proposal builds on the weights that were accepted then",
    "votes": "votes are those of members that have one",
    "need": "the approvals needed follow from the rules in force",
    "decisions": "each decision follows from votes, need, deadline and time",
    "turns": "who proposed was the one whose turn it was",
    "members": "membership changed by motions that passed, and by nothing else",
    "motions": "each motion's outcome follows from its votes",
    "events": "events and storage tell the same story",
    "senders": "transactions were sent by the members that they act for",
    "joint": "merges name what was contributed in time",
    "weights": "weights are what the chain says",
    "merges": "merges give the bytes that they claim",
    "scores": "accepted weights score as shown on the auditor's own data",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that doesn't hold.

    Attributes
    ----------
    topic: one of :data:`TOPICS`.
    round: that it is about; None where it is about none.
    field: of the record, event, motion or file, such as ``parent`` or ``WeightsProposed.size``.
    what: one sentence without a full stop.
    expected, found: as texts.
    """

    topic: str
    round: int | None
    field: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that could not be had, or for lack of something else not be checked.

    ``allowed``: that this is so doesn't keep the audit from being complete, since nobody keeps it for ever.
    """

    topic: str
    round: int | None
    what: str
    why: str
    allowed: bool = False


class Examination:
    """Collects what checks find. Of one field of one round the first finding is kept: what follows from it is noise."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.missing: list[Missing] = []
        self._named: set[tuple[int | None, str, str]] = set()

    @property
    def holds(self) -> bool:
        return not self.findings

    @property
    def complete(self) -> bool:
        """Whether all could be had that counts."""
        return all(one.allowed for one in self.missing)

    def same(
        self, topic: str, round_: int | None, field: str, what: str, expected: Any, found: Any, subject: str = ""
    ) -> bool:
        """Whether these two are equal; a finding if not. ``subject``: which one of several of a round it is about."""
        if expected == found:
            self.checked[topic] += 1
            return True
        self.wrong(topic, round_, field, what, expected, found, subject)
        return False

    def true(
        self, topic: str, holds: bool, round_: int | None, field: str, what: str, expected: Any, found: Any
    ) -> bool:
        """Whether it holds; a finding if not."""
        if holds:
            self.checked[topic] += 1
        else:
            self.wrong(topic, round_, field, what, expected, found)
        return holds

    def wrong(
        self, topic: str, round_: int | None, field: str, what: str, expected: Any, found: Any, subject: str = ""
    ) -> None:
        """A finding, and a check."""
        self.checked[topic] += 1
        if (round_, field, subject) not in self._named:
            self._named.add((round_, field, subject))
            self.findings.append(Finding(topic, round_, field, what, shown(expected), shown(found)))

    def lacks(self, topic: str, round_: int | None, what: str, why: str, *, allowed: bool = False) -> None:
        """Something could not be had."""
        self.missing.append(Missing(topic, round_, what, why, allowed))


def shown(value: Any) -> str:
    """A value of the chain for people: hashes in hex, states by name, sets of members as texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value) or "none"
    if is_dataclass(value):
        return ", ".join(f"{f.name} {shown(getattr(value, f.name))}" for f in fields(value))
    return str(value)
