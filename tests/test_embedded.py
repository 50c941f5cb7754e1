"""The embedded ledger gives what the in-process driver gives: proposers, votes, decisions, bytes."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.results import Results, RoundResult
from colearn_ledger.errors import InvalidWeights
from colearn_ledger.ledger.embedded import EmbeddedLedger
from colearn_ledger.stores.local import LocalStore

from .learners_for_tests import LinearLearner, linear_learners


def decided(results: Results) -> tuple[object, ...]:
    """What must not depend on the backend."""

    def same(r: RoundResult) -> RoundResult:
        return dataclasses.replace(r, gas=None, seconds=0.0)

    return (same(results.initial), tuple(same(r) for r in results.rounds), results.final_sha256, results.threshold)


@pytest.mark.parametrize("n_learners", [2, 3, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_run__same_seed__same_decisions_and_bytes_on_the_ledger(n_learners: int, seed: int) -> None:
    plain = run(8, linear_learners(n_learners, seed), 0.5)
    ledger_learners = linear_learners(n_learners, seed)
    ledger = run(8, ledger_learners, 0.5, backend=EmbeddedLedger())
    assert decided(ledger) == decided(plain)
    assert all(r.gas and r.gas > 100_000 for r in ledger.rounds)
    finals = {learner.mli_get_current_weights().weights["w"].tobytes() for learner in ledger_learners}
    assert len(finals) == 1


def test_run__seeds_used_here__accept_some_and_reject_some() -> None:
    outcomes = {r.accepted for r in run(8, linear_learners(5, 1), 0.5).rounds}
    assert outcomes == {True, False}


def test_run__secret_votes__same_decisions_and_bytes() -> None:
    plain = run(5, linear_learners(4, 3), "2/3")
    secret = run(5, linear_learners(4, 3), "2/3", backend=EmbeddedLedger(secret=True))
    assert decided(secret) == decided(plain)


def test_run__shuffled__everyone_proposes_once_a_cycle() -> None:
    results = run(8, linear_learners(4), 0.5, backend=EmbeddedLedger(shuffled=True))
    proposers = [r.proposer for r in results.rounds]
    assert sorted(proposers[:4]) == sorted(proposers[4:]) == [0, 1, 2, 3]


def test_run__own_store__accepted_weights_can_be_read_from_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    run(3, linear_learners(3, 1), 0.5, backend=EmbeddedLedger(store=store))
    assert list(tmp_path.rglob("*"))


class Abstainer(LinearLearner):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return dataclasses.replace(super().mli_test_weights(weights), vote=None)


def test_run__one_abstains__counts_as_not_approving_in_both() -> None:
    def learners() -> list[LinearLearner]:
        return [*linear_learners(3, 1), Abstainer(3, seed=1)]

    assert decided(run(4, learners(), 0.5, backend=EmbeddedLedger())) == decided(run(4, learners(), 0.5))


class Poisoner(LinearLearner):
    """Proposes weights that no codec lets through."""

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": np.full_like(self._w, np.nan)})


@pytest.mark.parametrize("backend", [None, EmbeddedLedger()])
def test_run__proposal_that_nobody_could_accept__is_refused_at_its_source(backend: EmbeddedLedger | None) -> None:
    with pytest.raises(InvalidWeights):
        run(1, [Poisoner(0), *linear_learners(2)], 0.5, backend=backend)


@pytest.mark.parametrize("backend", [None, EmbeddedLedger()])
def test_run__a_learner_of_another_model__is_named_before_anything_runs(backend: EmbeddedLedger | None) -> None:
    odd = LinearLearner(1, features=7)
    before = odd.mli_get_current_weights().weights["w"].tobytes()
    with pytest.raises(InvalidWeights, match="learner 1"):
        run(1, [LinearLearner(0), odd], 0.5, backend=backend)
    assert odd.mli_get_current_weights().weights["w"].tobytes() == before


def test_run__interrupted__returns_the_rounds_that_were_decided() -> None:
    def stop_after_two(result: RoundResult) -> None:
        if result.round == 2:
            raise KeyboardInterrupt

    results = run(5, linear_learners(3), Fraction(1, 2), backend=EmbeddedLedger(), on_round=stop_after_two)
    assert results.interrupted and [r.round for r in results.rounds] == [1, 2]
