"""What a run leaves: one frozen record per round, the same for every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from .learner import ProposedWeights, VoteRecord

__all__ = ["Results", "RoundResult", "record_of"]


@dataclass(frozen=True)
class RoundResult:
    """One decided round. Tuples have one entry per learner, in the order in which the learners were given.

    Attributes
    ----------
    round: number of the round, from 1; 0 is the genesis weights, tested by everyone and voted on by nobody.
    proposer: index of the learner that proposed.
    accepted: whether the proposal became the current weights.
    votes: True, False, or None for one who didn't vote (the proposer never does).
    vote_scores, test_scores: the proposal's scores on each learner's own data.
    current_scores: the score, on the same vote set, of the weights that were current before the proposal.
    vote_records: how each vote came about; None for a learner that didn't vote or doesn't tell.
    approvals, need: how many approved, and how many it took.
    weights_sha256: hex of the hash of the proposed weights' canonical bytes.
    size: number of those bytes.
    cid: name of those bytes in IPFS, and in a folder that is a store.
    gas: gas that the round's transactions used, for round 0 that of the deployment; None without a chain.
    seconds: wall time of the round.
    """

    round: int
    proposer: int
    accepted: bool
    votes: tuple[bool | None, ...]
    vote_scores: tuple[float | None, ...]
    test_scores: tuple[float | None, ...]
    current_scores: tuple[float | None, ...]
    approvals: int
    need: int
    weights_sha256: str
    size: int
    cid: str = ""
    gas: int | None = None
    seconds: float = 0.0
    vote_records: tuple[VoteRecord | None, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON. A score that is not finite becomes None, since JSON has no such number."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RoundResult:
        """The inverse of :meth:`to_dict`."""
        values = {f.name: _tuple(record[f.name]) for f in fields(cls) if f.name in record}
        told = values.get("vote_records", ())
        values["vote_records"] = tuple(None if one is None else _vote_record(one) for one in told)
        return cls(**values)


@dataclass(frozen=True)
class Results:
    """A whole run.

    Attributes
    ----------
    names: the learners' names.
    threshold: the vote threshold as an exact fraction, such as ``1/2``.
    backend: what ran the rounds.
    initial: round 0, the genesis weights tested by everyone.
    rounds: the decided rounds.
    final_sha256: hex of the hash of the weights that were current at the end.
    interrupted: whether the user stopped the run; the rounds are then those that were decided before.
    ledger: which chain and contract, whose members are the learners in order; None without a chain.
    """

    names: tuple[str, ...]
    threshold: str
    backend: str
    initial: RoundResult
    rounds: tuple[RoundResult, ...]
    final_sha256: str
    interrupted: bool = False
    ledger: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "names": list(self.names),
            "threshold": self.threshold,
            "backend": self.backend,
            "initial": self.initial.to_dict(),
            "rounds": [r.to_dict() for r in self.rounds],
            "final_sha256": self.final_sha256,
            "interrupted": self.interrupted,
            "ledger": None if self.ledger is None else dict(self.ledger),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Results:
        """The inverse of :meth:`to_dict`."""
        return cls(
            names=tuple(record["names"]),
            threshold=record["threshold"],
            backend=record["backend"],
            initial=RoundResult.from_dict(record["initial"]),
            rounds=tuple(RoundResult.from_dict(r) for r in record["rounds"]),
            final_sha256=record["final_sha256"],
            interrupted=record["interrupted"],
            ledger=record.get("ledger"),
        )


def record_of(judged: ProposedWeights | None) -> VoteRecord | None:
    """A judgement's record of the vote, if there is one; learners needn't know of it."""
    record = getattr(judged, "record", None)
    return record if isinstance(record, VoteRecord) else None


def _vote_record(record: Mapping[str, Any]) -> VoteRecord:
    scores = {name: math.nan if record[name] is None else record[name] for name in ("current_score", "proposed_score")}
    return VoteRecord(**{**record, **scores})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
