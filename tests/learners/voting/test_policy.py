"""Vote policies: what they approve of, their tests against SciPy's, their names, and what is told of small sets."""

from __future__ import annotations

import math
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest, ttest_rel

from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.learners.voting.paired import p_worse
from colearn_ledger.learners.voting.policy import (
    Evaluation,
    PairedTest,
    VotePolicy,
    VoteRule,
    one_class_vote_set,
    one_class_vote_sets,
    policy_names,
    small_vote_set,
    small_vote_sets,
    vote_policy,
)

Array = np.ndarray[Any, Any]

POLICIES = [
    VoteRule(),
    VoteRule(strict=True),
    VoteRule(margin=0.01),
    VoteRule(margin=-0.5),
    PairedTest(),
    PairedTest(better=True),
    PairedTest(alpha=0.2),
]
RIGHT_OR_WRONG = arrays(np.bool_, st.shared(st.integers(1, 60), key="n"))
LOSSES = arrays(np.float64, st.shared(st.integers(2, 60), key="n"), elements=st.floats(-100, 100, width=32))


def of(outcomes: Array, score: float | None = None) -> Evaluation:
    return Evaluation(float(outcomes.mean()) if score is None else score, "accuracy", len(outcomes), outcomes)


# ------------------------------------------------------------------------------------------------ the tests


@given(RIGHT_OR_WRONG, RIGHT_OR_WRONG)
def test_p_worse__right_or_wrong__is_scipys_binomial_test(before: Array, after: Array) -> None:
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    expected = binomtest(lost, lost + won, 0.5, alternative="greater").pvalue if lost + won else 1.0
    assert p_worse(before, after) == pytest.approx(expected, rel=1e-9)


@given(LOSSES, LOSSES)
def test_p_worse__losses__is_scipys_paired_t_test(before: Array, after: Array) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly equal differences lose precision, in both
        expected = ttest_rel(after, before, alternative="less").pvalue
    if math.isfinite(expected) and np.ptp(after - before) > 1e-6:
        assert p_worse(before, after) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.slow
@given(RIGHT_OR_WRONG, RIGHT_OR_WRONG)
def test_p_worse__the_other_way_round__adds_up_over_what_both_count(a: Array, b: Array) -> None:
    n, k = int((a ^ b).sum()), int((a & ~b).sum())
    assert p_worse(a, b) + p_worse(b, a) == pytest.approx(1 + math.comb(n, k) / 2**n)


def test_p_worse__thousands_of_samples__exact_and_finite() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(20_000) < 0.9, rng.random(20_000) < 0.89
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    assert p_worse(before, after) == pytest.approx(binomtest(lost, lost + won, alternative="greater").pvalue, rel=1e-9)


def test_p_worse__equal_models__certainly_not_worse() -> None:
    for same in (np.array([True, False, True]), np.array([0.5, -1.0, 2.0])):
        assert p_worse(same, same) == 1.0
    assert p_worse(np.zeros(5), np.full(5, -1.0)) == 0.0
    assert p_worse(np.zeros(5), np.full(5, 1.0)) == 1.0


def test_p_worse__losses_without_scipy__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(UsageError, match=r"SciPy[\s\S]*pip install \"\.\[sklearn\]\""):
        p_worse(np.array([0.0, 1.0, 3.0]), np.array([1.0, 1.0, 1.0]))
    assert p_worse(np.array([True, False]), np.array([False, False])) == 0.5  # an accuracy needs none


# ------------------------------------------------------------------------------------------------ the policies


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@given(outcomes=LOSSES, bad=st.sampled_from([math.nan, math.inf, -math.inf]), at=st.integers(0, 59))
def test_judge__proposal_that_is_not_finite__never_approved(
    policy: VotePolicy, outcomes: Array, bad: float, at: int
) -> None:
    broken = outcomes.copy()
    broken[at % len(broken)] = bad
    for current in (of(outcomes), of(broken), of(outcomes, math.nan), of(outcomes, -math.inf)):
        assert policy.judge(current, of(broken, bad))[0] is False
        assert policy.judge(current, of(outcomes, bad))[0] is False


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_judge__current_model_is_not_finite__anything_finite_is_better(policy: VotePolicy) -> None:
    assert policy.judge(of(np.full(5, math.nan)), of(np.zeros(5)))[0] is True


@given(RIGHT_OR_WRONG, RIGHT_OR_WRONG)
def test_judge__paired__approves_unless_worse_and_paired_better_only_if_better(a: Array, b: Array) -> None:
    keeps, record = PairedTest(0.05).judge(of(a), of(b))
    better, strict_record = PairedTest(0.05, better=True).judge(of(a), of(b))
    assert keeps or not better  # what is surely better isn't surely worse
    assert record.p_value == p_worse(a, b)
    assert strict_record.p_value == p_worse(b, a)
    assert keeps is (p_worse(a, b) >= 0.05)
    assert better is (p_worse(b, a) < 0.05)


def test_judge__small_fall__each_policy_as_it_says() -> None:
    current = np.arange(400) < 360
    fall, crash, rise = np.arange(400) < 357, np.arange(400) < 340, np.arange(400) < 370
    votes = {
        name: [vote_policy(name).judge(of(current), of(new))[0] for new in (fall, crash, current, rise)]
        for name in ("not-worse", "strict", "margin:0.02", "margin:-0.01", "paired", "paired-better")
    }
    assert votes == {
        "not-worse": [False, False, True, True],
        "strict": [False, False, False, True],
        "margin:0.02": [False, False, False, True],
        "margin:-0.01": [True, False, True, True],
        "paired": [True, False, True, True],
        "paired-better": [False, False, False, True],
    }


def test_judge__each_policy__leaves_a_record() -> None:
    current, new = np.array([True, True, False, False]), np.array([True, False, False, False])
    record = PairedTest(0.1).judge(of(current), of(new))[1]
    assert (record.policy, record.samples, record.margin) == ("paired:0.1", 4, 0.0)
    assert (record.current_score, record.proposed_score, record.p_value) == (0.5, 0.25, 0.5)
    record = VoteRule(margin=0.25).judge(of(current), of(new))[1]
    assert (record.policy, record.margin, record.p_value) == ("margin:0.25", 0.25, None)


def test_judge__no_outcomes__paired_says_what_to_do() -> None:
    bare = Evaluation(0.9, "auc", 100)
    with pytest.raises(LearnerError, match="auc"):
        PairedTest().judge(bare, bare)


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize("policy", [p for p in POLICIES if not (getattr(p, "strict", False) and p.margin)])
def test_vote_policy__name_of_a_policy__gives_it_back(policy: Any) -> None:
    assert vote_policy(policy.name) == policy
    assert vote_policy(policy) is policy


def test_vote_policy__other_spellings__understood() -> None:
    assert vote_policy("Not worse") == vote_policy("not_worse") == VoteRule()
    assert vote_policy("paired") == PairedTest(0.05)
    assert vote_policy(" paired_better:0.01 ") == PairedTest(0.01, better=True)
    assert len(policy_names()) == 5


@pytest.mark.parametrize(
    "name",
    ["", "kind", "margin", "margin:", "margin:x", "margin:nan", "paired:0", "paired:0.5", "paired:-1", "strict:1", 7],
)
def test_vote_policy__unknown_or_out_of_range__refused(name: Any) -> None:
    with pytest.raises(UsageError) as caught:
        vote_policy(name)
    assert caught.value.expected and caught.value.fix


# ------------------------------------------------------------------------------------------------ small sets


class Voter:
    def __init__(self, vote_samples: Any) -> None:
        self.vote_samples = vote_samples


def test_small_vote_set__fewer_than_200__said() -> None:
    assert small_vote_set(Voter(200)) is None
    assert small_vote_set(object()) is None
    assert "199 samples" in str(small_vote_set(Voter(199)))
    assert small_vote_sets([Voter(200), object()]) is None
    assert "1 learner votes on 90 samples" in str(small_vote_sets([Voter(90), Voter(1000)]))
    assert "2 learners vote on 89 to 90 samples" in str(small_vote_sets([Voter(90), Voter(89)]))


@pytest.mark.parametrize(
    "train, vote, one",
    [
        ([0, 1, 1], [1, 1, 1], True),
        (["a", "b"], ["b", "b"], True),
        ([[0, 1], [1, 0]], [[1, 0], [1, 0]], True),
        ([0.5, 1.5], [0.5, 0.5], True),
        ([0, 1], [0, 1], False),
        ([1, 1], [1, 1], False),
        ([0, 1], [1], False),
        ([0, 1], [np.nan, np.nan], False),
    ],
)
def test_one_class_vote_set__one_target_where_the_training_has_several__said(train: Any, vote: Any, one: bool) -> None:
    def learner() -> Any:
        return SimpleNamespace(train_set=(None, np.array(train)), vote_set=(None, np.array(vote)))

    said = one_class_vote_set(learner())
    assert (said is not None) is one
    told = one_class_vote_sets([learner(), object(), learner()])
    assert (told is not None and told.startswith("2 of the learners vote on samples")) is one
    assert one_class_vote_set(object()) is None and one_class_vote_set(SimpleNamespace(vote_set=5)) is None
