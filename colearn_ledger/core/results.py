"""What a run leaves: one frozen record per round, the same for every backend.

:class:`Result` and what :class:`Results` has beside the records serve programs that collect the rounds themselves, as
those do that were written for the published interface.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..errors import UsageError
from .cid import cid_text
from .learner import ProposedWeights
from .protocol import WeightsRef
from .summaries import VoteRecord

__all__ = ["MergeRecord", "Result", "Results", "RoundResult", "record_of"]


@dataclass(frozen=True)
class MergeRecord:
    """What a joint round's proposal was merged of. Learners are named by their indices.

    Attributes
    ----------
    training: the first round in which these contributions were proposed; what the learners were seeded by.
    rule: by which they were merged, such as ``clipped-mean``.
    contributed: those that contributed to the training.
    merged: those whose contributions were counted.
    left_out: the others, and why: it made no contribution, it contributed what is invalid, or what another did.
    """

    training: int
    rule: str
    contributed: tuple[int, ...]
    merged: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...] = ()

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> MergeRecord:
        """The inverse of what :meth:`RoundResult.to_dict` makes of it."""
        return cls(
            training=record["training"],
            rule=record["rule"],
            contributed=tuple(record["contributed"]),
            merged=tuple(record["merged"]),
            left_out=tuple((index, why) for index, why in record["left_out"]),
        )


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
    merge: what the proposal of a joint round was merged of; None in solo rounds.
    declined: why the proposer declined to make a proposal, so that its turn passed without weights, scores and votes;
        empty where it made one.
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
    declined: str = ""
    merge: MergeRecord | None = None

    @classmethod
    def of(
        cls,
        round: int,
        proposer: int,
        weights: WeightsRef,
        tests: Sequence[ProposedWeights | None],
        *,
        accepted: bool,
        votes: Sequence[bool | None],
        need: int,
        seconds: float,
        gas: int | None = None,
    ) -> RoundResult:
        """The record of a round with a proposal, or of round 0. ``tests``: the learners', None of one without any."""
        return cls(
            round=round,
            proposer=proposer,
            accepted=accepted,
            votes=tuple(votes),
            vote_scores=tuple(None if test is None else test.vote_value for test in tests),
            test_scores=tuple(None if test is None else test.test_value for test in tests),
            current_scores=tuple(None if test is None else test.current_score for test in tests),
            approvals=sum(vote is True for vote in votes),
            need=need,
            weights_sha256=weights.sha256.hex(),
            size=weights.size,
            cid=cid_text(weights.cid_digest, weights.size),
            gas=gas,
            seconds=seconds,
            vote_records=tuple(None if i == proposer else record_of(test) for i, test in enumerate(tests))
            if round > 0
            else (),
        )

    @classmethod
    def missed(
        cls,
        round: int,
        proposer: int,
        n_learners: int,
        declined: str,
        seconds: float,
        gas: int | None = None,
        merge: MergeRecord | None = None,
    ) -> RoundResult:
        """The record of a round whose proposer declined."""
        nobody = (None,) * n_learners
        return cls(
            round=round,
            proposer=proposer,
            accepted=False,
            votes=nobody,
            vote_scores=nobody,
            test_scores=nobody,
            current_scores=nobody,
            approvals=0,
            need=0,
            weights_sha256="",
            size=0,
            gas=gas,
            seconds=seconds,
            declined=declined,
            merge=merge,
        )

    @property
    def vote(self) -> bool:
        """Whether the proposal was accepted, by the name that it has in :class:`Result`."""
        return self.accepted

    @property
    def block_proposer(self) -> int:
        """Index of the learner that proposed, by the name that it has in :class:`Result`."""
        return self.proposer

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON. A score that is not finite becomes None, since JSON has no such number."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RoundResult:
        """The inverse of :meth:`to_dict`."""
        values = {f.name: _tuple(record[f.name]) for f in fields(cls) if f.name in record}
        told = values.get("vote_records", ())
        values["vote_records"] = tuple(None if one is None else _vote_record(one) for one in told)
        merge = values.get("merge")
        values["merge"] = None if merge is None else MergeRecord.from_dict(merge)
        return cls(**values)


@dataclass
class Result:
    """One round, for a program of one's own to fill in and change. Lists have one entry per learner.

    Attributes
    ----------
    vote: whether the proposal was accepted.
    votes: True, False, or None for one who didn't vote; all True where there was nothing to vote on.
    test_scores, vote_scores: the scores of the weights that were tested.
    block_proposer: index of the learner that proposed, None where nobody did.
    training_summaries: what the learners told about their trainings.
    record: the round's frozen record, None where nobody voted.
    """

    vote: bool = False
    votes: list[bool | None] = field(default_factory=list)
    test_scores: list[float] = field(default_factory=list)
    vote_scores: list[float] = field(default_factory=list)
    block_proposer: int | None = None
    training_summaries: list[Any] = field(default_factory=list)
    record: RoundResult | None = None


@dataclass(init=False)
class Results:
    """A whole run.

    What :func:`colearn_ledger.run` returns is complete. ``Results()`` is empty, for a program that runs the rounds
    itself and appends each to :attr:`data`; everything else follows from that.

    Attributes
    ----------
    names: the learners' names.
    threshold: the vote threshold as an exact fraction, such as ``1/2``.
    backend: what ran the rounds.
    data: round 0, and the decided rounds after it.
    interrupted: whether the user stopped the run; the rounds are then those that were decided before.
    ledger: which chain and contract, whose members are the learners in order; None without a chain.
    """

    names: tuple[str, ...]
    threshold: str
    backend: str
    data: list[RoundResult | Result]
    interrupted: bool
    ledger: Mapping[str, Any] | None

    def __init__(
        self,
        names: Sequence[str] = (),
        threshold: str = "",
        backend: str = "in-process",
        initial: RoundResult | None = None,
        rounds: Iterable[RoundResult] = (),
        *,
        interrupted: bool = False,
        ledger: Mapping[str, Any] | None = None,
    ) -> None:
        self.names = tuple(names)
        self.threshold = threshold
        self.backend = backend
        self.data = [] if initial is None else [initial, *rounds]
        self.interrupted = interrupted
        self.ledger = ledger

    def __repr__(self) -> str:
        """Short, as a notebook shows it when a cell ends with a run."""
        if not self.data:
            return "Results()"
        scores, learners = self.mean_test_scores, len(self.data[0].test_scores)
        accepted = [at for at, result in enumerate(self.data) if at == 0 or result.vote]
        return (
            f"Results({learners} learners, {len(self.data) - 1} rounds, {len(accepted) - 1} accepted; "
            f"mean test score {scores[0]:.4f} -> {scores[accepted[-1]]:.4f})"
        )

    @property
    def initial(self) -> RoundResult:
        """Round 0: the genesis weights, tested by everyone."""
        if not self.data:
            raise UsageError(
                "these results are empty", expected="round 0 at least", fix="results.data.append(initial_result(...))"
            )
        return _record(self.data[0])

    @property
    def rounds(self) -> tuple[RoundResult, ...]:
        """The decided rounds."""
        return tuple(map(_record, self.data[1:]))

    @property
    def final_sha256(self) -> str:
        """Hex of the hash of the weights that were current at the end."""
        return next((r.weights_sha256 for r in reversed(self.rounds) if r.accepted), self.initial.weights_sha256)

    @property
    def learner_names(self) -> tuple[str, ...]:
        """The names, or ``learner 1``, ``learner 2``, ... where none were given."""
        count = len(self.data[0].test_scores) if self.data else 0
        return self.names or tuple(f"learner {i + 1}" for i in range(count))

    def process_statistics(self) -> None:
        """Does nothing: the statistics are computed when they are asked for."""

    @property
    def h_test_scores(self) -> list[list[float | None]]:
        """The test scores of each learner over the rounds."""
        return [list(scores) for scores in zip(*(r.test_scores for r in self.data), strict=True)]

    @property
    def h_vote_scores(self) -> list[list[float | None]]:
        """The vote scores of each learner over the rounds."""
        return [list(scores) for scores in zip(*(r.vote_scores for r in self.data), strict=True)]

    @property
    def mean_test_scores(self) -> list[float]:
        """The mean of the learners' test scores in each round."""
        return [_mean(r.test_scores) for r in self.data]

    @property
    def mean_vote_scores(self) -> list[float]:
        """The mean of the learners' vote scores in each round."""
        return [_mean(r.vote_scores) for r in self.data]

    def frame(self) -> Any:
        """A pandas DataFrame with a row for each learner in each round, the genesis weights' round 0 among them.

        ``role`` is ``proposer`` or ``voter``; ``vote`` is True, False, or None of one who didn't vote. Scores, and what
        is said of the round in each of its rows, are as :class:`RoundResult` has them.

        Raises UsageError where pandas isn't installed.
        """
        from .frame import frame_of

        return frame_of(self.initial, self.rounds, self.learner_names)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "names": list(self.learner_names),
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
            names=record["names"],
            threshold=record["threshold"],
            backend=record["backend"],
            initial=RoundResult.from_dict(record["initial"]),
            rounds=map(RoundResult.from_dict, record["rounds"]),
            interrupted=record["interrupted"],
            ledger=record.get("ledger"),
        )


def _record(result: RoundResult | Result) -> RoundResult:
    record = result if isinstance(result, RoundResult) else result.record
    if record is None:
        raise UsageError(
            "a result has no record of a round",
            expected="what initial_result, collective_learning_round or run gave",
            fix="read these results by results.data",
        )
    return record


def _mean(scores: Sequence[float | None]) -> float:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else math.nan


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
