"""The cells of the benchmark of joint rounds: what is run, each with each seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from colearn_ledger.core.merge import DEFAULT_ORDER

from .collusion import ATTACKS

__all__ = ["DEALT", "GUARDED", "JOINT", "ORDERS", "SIZES", "TASKS", "VOTES", "Cell", "Found", "cells"]

TASKS = ("digits", "payments")
SIZES = (5, 16, 50)
DEALT: dict[str, float | None] = {"IID": None, "Dirichlet(0.3)": 0.3, "Dirichlet(0.1)": 0.1}
DEFAULT_VOTES = "not-worse"
# A policy compares the task's score, right and wrong, or with "loss" before it the losses.
VOTES = ("not-worse", "paired:0.05", "margin:-0.01", "loss not-worse", "loss paired:0.05")
BOTH = VOTES[:2]
JOINT = "joint " + ",".join(rule.text for rule in DEFAULT_ORDER)
# For collectives that fear attackers more than skewed data.
GUARDED = "joint median,clipped-mean,mean"
AS_TRAINED = "trainings of "
ORDERS = (
    JOINT,
    "joint mean,median",
    "joint clipped-mean,median,mean",
    "joint median,mean",
    GUARDED,
    "joint trimmed-mean,median,mean",
    "joint momentum,clipped-mean,median",
)
AMONG = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One run.

    Attributes
    ----------
    system: ``solo``, ``joint`` with the order of its rules, or a federated rule, by which a trusted server combines.
        :data:`AS_TRAINED` before an order: as many trainings as the others have rounds, in more rounds.
    votes: a policy, with what it compares before it; empty where nobody votes.
    attack, attackers: what how many of the members do; none where they are 0.
    """

    task: str
    members: int
    dealt: str
    system: str
    votes: str
    seed: int
    attack: str = ""
    attackers: int = 0

    @property
    def name(self) -> str:
        attack = f"{self.attackers} {self.attack}" if self.attackers else "no attack"
        what = (self.task, f"{self.members} members", self.dealt, attack, self.system, self.votes or "-")
        return " / ".join((*what, f"seed {self.seed}"))


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a cell: the final weights' score on what is held out, and how many rounds were accepted."""

    cell: Cell
    rounds: int
    score: float
    accepted: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **dataclasses.asdict(self.cell),
            "rounds": self.rounds,
            "score": round(self.score, 5),
            "accepted": self.accepted,
            "cpu_seconds": round(self.seconds, 1),
        }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> Found:
        """The inverse of :meth:`to_dict`."""
        cell = Cell(**{field.name: line[field.name] for field in dataclasses.fields(Cell)})
        return cls(cell, line["rounds"], line["score"], line["accepted"], line["cpu_seconds"])


def cells(seeds: int) -> Iterator[Cell]:
    """All cells, each once: the smaller ones first."""
    found: dict[Cell, None] = {}
    for size in SIZES:
        for seed in range(1, seeds + 1):
            for task in TASKS:
                for dealt in DEALT:
                    for system, votes in _learning(size):
                        found[Cell(task, size, dealt, system, votes, seed)] = None
        if size == SIZES[0]:
            for seed in range(1, seeds + 1):
                found.update(dict.fromkeys(_attacked(seed)))
    yield from found


def _learning(size: int) -> Iterator[tuple[str, str]]:
    yield "FedAvg", ""
    yield "solo", DEFAULT_VOTES
    for votes in VOTES if size == SIZES[0] else BOTH:
        yield JOINT, votes
    if size == SIZES[0]:
        for order in ORDERS[1:]:
            yield order, BOTH[1]


def _attacked(seed: int) -> Iterator[Cell]:
    """With 4 attackers, with 2, and with 4 where data are skewed; by the other orders where they are IID."""
    plain = (("FedAvg", ""), ("median", ""), (JOINT, BOTH[1]), (GUARDED, BOTH[1]))
    voted = (
        ("solo", DEFAULT_VOTES),
        (AS_TRAINED + JOINT, BOTH[1]),
        (JOINT, DEFAULT_VOTES),
        *((order, BOTH[1]) for order in ORDERS[1:]),
    )
    for system, votes in plain:
        yield Cell("digits", AMONG, "IID", system, votes, seed)
    for attack in ATTACKS:
        for system, votes in (*plain, *voted):
            yield Cell("digits", AMONG, "IID", system, votes, seed, attack, 4)
        for system, votes in plain:
            yield Cell("digits", AMONG, "IID", system, votes, seed, attack, 2)
            yield Cell("digits", AMONG, "Dirichlet(0.3)", system, votes, seed, attack, 4)
