"""Dealing data out: equal shares, skewed labels, and what every part has at least."""

from __future__ import annotations

import os

import numpy as np
import pytest

from colearn_ledger.errors import DataError, UsageError
from colearn_ledger.tasks.split import LEAST, Share, skew, split

SEED = int(os.environ.get("COLEARN_TEST_SEED", "1"))


def labels_of(share: Share) -> np.ndarray:
    return np.concatenate([share.train[1], share.vote[1], share.test[1]])


def rows_of(shares: list[Share]) -> np.ndarray:
    return np.concatenate([part[0] for share in shares for part in (share.train, share.vote, share.test)])


def commonest(shares: list[Share]) -> float:
    """The mean, over the shares, of what part of it its commonest label is."""
    return float(np.mean([np.unique(labels_of(s), return_counts=True)[1].max() / len(labels_of(s)) for s in shares]))


@pytest.mark.parametrize("n", [2, 5, 17])
@pytest.mark.parametrize("alpha", [0.001, 0.1, 0.3, 1.0, 100.0, 1e6])
def test_split__any_alpha__equal_shares_without_overlap(alpha: float, n: int) -> None:
    y = np.random.default_rng(SEED).choice([0, 1, 2, 7], size=1203, p=[0.6, 0.3, 0.09, 0.01])
    shares = split(np.arange(len(y)), y, n, 0.5, SEED, alpha=alpha)
    assert {len(labels_of(s)) for s in shares} == {1203 // n}
    assert len(np.unique(rows_of(shares))) == n * (1203 // n)
    for share in shares:
        for part in (share.train, share.vote, share.test):
            assert len(part[0]) >= LEAST
            assert np.array_equal(y[part[0]], part[1])


def test_split__smaller_alpha__more_skew() -> None:
    y = np.repeat(np.arange(10), 200)
    found = [commonest(split(y, y, 5, 0.6, SEED, alpha=alpha)) for alpha in (0.05, 0.5, 5.0, 5000.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.3
    assert found[-1] < 0.15


def test_split__skewed__within_a_share_all_parts_are_alike() -> None:
    y = np.repeat(np.arange(4), 2000)
    for share in split(y, y, 4, 0.6, SEED, alpha=0.3):
        train, vote = (np.bincount(part[1], minlength=4) / len(part[1]) for part in (share.train, share.vote))
        assert np.abs(train - vote).max() < 0.1


def test_split__same_seed__same_shares_and_another_seed_others() -> None:
    y = np.repeat(np.arange(5), 100)
    x = np.arange(500)
    first, again, other = (split(x, y, 4, 0.6, seed, alpha=0.3) for seed in (3, 3, 4))
    assert np.array_equal(rows_of(first), rows_of(again))
    assert not np.array_equal(rows_of(first), rows_of(other))


def test_split__numbers_as_targets__their_ranges_are_skewed() -> None:
    y = np.random.default_rng(SEED).normal(size=1000)
    even, skewed = split(y, y, 5, 0.6, 1, values=True), split(y, y, 5, 0.6, 1, alpha=0.1, values=True)
    spread = [np.std([labels_of(s).mean() for s in shares]) for shares in (even, skewed)]
    assert spread[1] > 3 * spread[0]
    assert len({len(labels_of(s)) for s in skewed}) == 1
    assert "Dirichlet(0.1)" in skew(skewed, 0.1, values=True)


@pytest.mark.parametrize("alpha", [None, 0.1, 10.0])
def test_split__so_many_of_each_class__in_each_part(alpha: float | None) -> None:
    y = (np.random.default_rng(SEED).random(2000) < 0.1).astype(int)
    shares = split(np.arange(2000), y, 5, 0.6, SEED, alpha=alpha, each_class=5)
    assert len(np.unique(rows_of(shares))) == 2000
    for share in shares:
        assert [len(p[1]) for p in (share.train, share.vote, share.test)] == [240, 80, 80]
        for part in (share.train, share.vote, share.test):
            assert np.bincount(part[1], minlength=2).min() >= 5


def test_split__too_few_of_a_class__says_how_many_there_are() -> None:
    y = np.array([0] * 990 + [1] * 10)
    with pytest.raises(DataError, match="10 of the rarest label, for 5 learners") as caught:
        split(y, y, 5, 0.6, 1, each_class=1)
    assert "at least 3" in caught.value.expected


def test_split__part_too_small_for_the_classes__usage_error() -> None:
    y = np.repeat(np.arange(10), 60)
    with pytest.raises(UsageError, match="parts of 80, 10, 10"):
        split(y, y, 6, 0.8, 1, each_class=2)


def test_split__ratio_left_open__depends_on_the_size() -> None:
    for size, train in ((1999, 1199), (2000, 1600)):
        x = np.arange(2 * size)
        assert len(split(x, x % 2, 2, None, 1)[0].train[0]) == train


def test_skew__shares__says_how_uneven_they_are() -> None:
    y = np.repeat(np.arange(2), 100)
    assert skew(split(y, y, 2, 0.6, 1), None) == ""
    said = skew([Share((y[:50], y[:50]), (y[:25], y[:25]), (y[-25:], y[-25:]))], 0.3)
    assert said == "; 100 for each, skewed by Dirichlet(0.3): the commonest label is 75% to 75% of a share"
