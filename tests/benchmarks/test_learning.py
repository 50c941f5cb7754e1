"""The benchmarks of vote policies and of attacks work, and what they compare differs in one thing alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.further import turned_down
from benchmarks.policies import POLICIES, make_learners
from benchmarks.policies import measure as measure_policy
from benchmarks.robustness import ATTACKS, HELD_OUT, SYSTEMS, Digits
from benchmarks.robustness import make_learners as make_attacked
from benchmarks.robustness import measure as measure_attack
from colearn_ledger.core.results import RoundResult
from colearn_ledger.core.summaries import VoteRecord
from tests.kit.quick import few


@pytest.fixture(scope="module")
def digits() -> Digits:
    """Digits of scikit-learn in the size of MNIST's; what is measured on them means nothing."""
    from sklearn.datasets import load_digits

    images, y = load_digits(return_X_y=True)
    small = images.reshape(-1, 8, 8)
    x = np.pad(small.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2))).reshape(len(y), -1) / 16
    assert HELD_OUT == 1000 and x.shape[1] == 28 * 28
    return Digits(x[200:].astype(np.float32), y[200:], x[:200].astype(np.float32), y[:200], "scikit-learn's digits")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
@pytest.mark.parametrize("policy", POLICIES)
def test_policies__each__is_in_range(digits: Digits, policy: str) -> None:
    accepted, accuracy, samples = measure_policy(digits, 3, 0.3, policy, 2, 1)
    assert 0 <= accepted <= 1 and 0 <= accuracy <= 1 and samples == 107


@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
def test_policies__learners_of_two__start_from_the_same_weights(digits: Digits) -> None:
    first = [make_learners(digits, 2, None, policy, 1)[0].mli_get_current_weights() for policy in POLICIES[:2]]
    assert (first[0].weights["coefs_"][0] == first[1].weights["coefs_"][0]).all()


@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
@few(1, "system", SYSTEMS)
def test_attacks__each_system__is_in_range(digits: Digits, system: str) -> None:
    accuracy, triggered = measure_attack(digits, system, 5, 1, "backdoor", 1, 1)
    assert 0 <= accuracy <= 1 and 0 <= triggered <= 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks__learners__start_from_the_same_weights_and_the_last_ones_attack(digits: Digits, kind: str) -> None:
    honest = make_attacked(digits, 3, 0, "none", 1)
    attacked = make_attacked(digits, 3, 1, kind, 1)
    start = [learner.mli_get_current_weights().weights["coefs_"][0] for learner in (*honest, *attacked)]
    assert all((coefs == start[0]).all() for coefs in start)

    def proposed(learner: object) -> np.ndarray:
        return np.asarray(learner.mli_propose_weights().weights["coefs_"][0])  # type: ignore[attr-defined]

    same = [bool((proposed(a) == proposed(b)).all()) for a, b in zip(honest, attacked, strict=True)]
    assert same == [True, True, kind in ("none", "lying-votes", "unscored-state")]


def test_turned_down__approvals_that_were_objected_to__are_counted_with_the_rounds_that_they_changed() -> None:
    def round_of(*votes: tuple[bool | None, str]) -> RoundResult:
        records = tuple(VoteRecord("not-worse", 10, 0.0, 0.5, 0.5, None, reason) for _, reason in votes)
        return RoundResult(
            **dict.fromkeys((f.name for f in dataclasses.fields(RoundResult)), None)
            | {"votes": tuple(vote for vote, _ in votes), "vote_records": records}
        )

    rounds = [
        round_of((None, ""), (True, ""), (True, ""), (False, "the loss")),  # accepted without it
        round_of((None, ""), (True, ""), (False, "the loss"), (False, "")),  # it would have been accepted
        round_of((None, ""), (False, ""), (False, "the loss"), (False, "")),
        round_of((None, ""), (True, ""), (True, ""), (True, "")),
    ]
    assert turned_down(rounds) == (9, 3, 1)
