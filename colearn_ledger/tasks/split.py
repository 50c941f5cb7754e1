"""Dealing data out to learners: at random, or with skewed labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, UsageError

__all__ = ["LEAST", "Share", "skew", "split", "split_list_into_fractions"]

Array = np.ndarray[Any, Any]

# With fewer a share's vote says nothing; a sensible number is 200 and more.
LEAST = 10
# Samples a learner from which on a fifth of them makes a fair vote set and a fair test set.
PLENTY = 2000
PARTS = 3
# Targets that are numbers are skewed by this many bins, equally full.
BINS = 5


@dataclass(frozen=True)
class Share:
    """One learner's data."""

    train: tuple[Array, Array]
    vote: tuple[Array, Array]
    test: tuple[Array, Array]


def split(
    x: Array,
    y: Array,
    n_learners: int,
    train_ratio: float | None,
    seed: int,
    *,
    alpha: float | None = None,
    values: bool = False,
    each_class: int = 0,
) -> list[Share]:
    """Shuffle by the seed, and deal out shares of equal size without overlap.

    The same arguments give the same shares on every machine.

    Parameters
    ----------
    x, y: inputs and targets, n of each; n // ``n_learners`` of them make a share.
    train_ratio: share of a learner's samples to train on; of the rest one half is for votes and one for tests. None is
        0.8, or 0.6 where a learner has fewer than 2000 samples: below some 200 samples votes are mostly noise.
    alpha: skews the labels. For each label, a Dirichlet distribution of this parameter says how much of it each learner
        has, scaled so that all learners have equally many samples: 100 is nearly even, 0.1 leaves most learners with
        a few labels. None deals at random.
    values: whether the targets are numbers, of which ``alpha`` skews five equally full ranges, and not labels.
    each_class: so many samples of each label are in each part of each share, for scores that need them.
    """
    size = len(x) // n_learners
    ratio = (0.8 if size >= PLENTY else 0.6) if train_ratio is None else train_ratio
    train = round(size * ratio)
    vote = (size - train + 1) // 2
    if train < LEAST or size - train - vote < LEAST:
        raise UsageError(
            f"{len(x):,} samples for {n_learners} learners at a train ratio of {ratio:.2g}: "
            f"each has {train:,} for training, {vote:,} for votes and {size - train - vote:,} for tests",
            expected=f"at least {LEAST} for each",
            fix="fewer learners, another train ratio, or more data",
        )
    rng = np.random.default_rng(seed)
    labels = _binned(y) if values else np.unique(y, return_inverse=True)[1].reshape(-1)
    if alpha is None and not each_class:
        order = rng.permutation(len(x))
        dealt = [order[i * size : (i + 1) * size] for i in range(n_learners)]
    else:
        dealt = _deal_by_label(labels, n_learners, size, alpha, PARTS * each_class, rng)
    shares = []
    for mine in dealt:
        parts = _cut(mine, labels[mine], (train, vote, size - train - vote), each_class)
        shares.append(Share(*((x[p], y[p]) for p in parts)))
    return shares


def skew(shares: Sequence[Share], alpha: float | None, *, values: bool = False) -> str:
    """How the shares differ, to be put behind a sentence; empty if they were dealt at random."""
    if alpha is None:
        return ""
    targets = [np.concatenate([share.train[1], share.vote[1], share.test[1]]) for share in shares]
    text = f"; {len(targets[0]):,} for each, skewed by Dirichlet({alpha:g}): "
    if values:
        means = [float(np.mean(y)) for y in targets]
        return text + f"their mean targets go from {min(means):.2f} to {max(means):.2f}"
    most = [max(np.unique(y, return_counts=True)[1]) / len(y) for y in targets]
    return text + f"the commonest label is {min(most):.0%} to {max(most):.0%} of a share"


def _binned(y: Array) -> Array:
    inner = np.quantile(y, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.unique(np.searchsorted(inner, y, side="right"), return_inverse=True)[1].reshape(-1)


def _deal_by_label(
    labels: Array, n: int, size: int, alpha: float | None, least: int, rng: np.random.Generator
) -> list[Array]:
    """Rows for each learner, in random order: ``size`` for each, and at least ``least`` of each label."""
    counts = np.bincount(labels)
    if counts.min() < least * n or size < least * len(counts):
        raise DataError(
            f"{len(labels):,} samples, {counts.min():,} of the rarest label, for {n} learners",
            expected=f"at least {least} of each label for each learner, since their votes compare them",
            fix="fewer learners or more data",
        )
    wish = np.ones((n, len(counts))) if alpha is None else rng.dirichlet([alpha] * n, size=len(counts)).T
    table = least + _whole(wish, np.full(n, size - least * len(counts)), counts - least * n)
    dealt: list[list[Array]] = [[] for _ in range(n)]
    for label in range(len(counts)):
        rows = rng.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(table[:, label])
        for mine, piece in zip(dealt, np.split(rows, ends)[:n], strict=True):
            mine.append(piece)
    return [rng.permutation(np.concatenate(mine)) for mine in dealt]


def _whole(wish: Array, rows: Array, columns: Array) -> Array:
    """Whole numbers in about the proportions of ``wish``: rows sum to ``rows``, columns to ``columns`` at most."""
    table = np.maximum(wish, 1e-6)
    for _ in range(300):  # scaled in turn, it comes to fit both sums
        table = table * (columns * (rows.sum() / columns.sum()) / table.sum(axis=0))
        table = table * (rows / table.sum(axis=1))[:, None]
    # What the last bit of a sum says, which processors differ in, mustn't decide about a sample.
    whole = np.floor(table + 1e-6).astype(np.int64)
    whole = np.minimum(whole, columns)
    for column in range(len(columns)):
        over = int(whole[:, column].sum() - columns[column])
        while over > 0:
            whole[int(np.argmax(whole[:, column])), column] -= 1
            over -= 1
    left = columns - whole.sum(axis=0)
    for row in range(len(rows)):
        for _ in range(int(rows[row] - whole[row].sum())):
            missing = np.where(left > 0, np.round(table[row] - whole[row], 6), -math.inf)
            column = int(np.argmax(missing))
            whole[row, column] += 1
            left[column] -= 1
    return whole


def _cut(rows: Array, labels: Array, sizes: tuple[int, ...], each_class: int) -> list[Array]:
    """The rows, which are in random order, cut into parts, with as many of each label in each as are asked for."""
    part_of = np.full(len(rows), -1)
    if each_class:
        for label in np.unique(labels):
            first = np.flatnonzero(labels == label)[: each_class * len(sizes)]
            part_of[first] = np.repeat(np.arange(len(sizes)), each_class)
    free = np.flatnonzero(part_of < 0)
    room = [size - int((part_of == part).sum()) for part, size in enumerate(sizes)]
    if min(room) < 0:
        raise UsageError(
            f"parts of {', '.join(map(str, sizes))} samples",
            expected=f"room for {each_class} of each label in each",
            fix="fewer learners, another train ratio, or more data",
        )
    part_of[free] = np.repeat(np.arange(len(sizes)), room)
    return [rows[part_of == part] for part in range(len(sizes))]


def split_list_into_fractions(input_list: Any, fractions_list: Sequence[float], min_part_size: int = 1) -> list[Any]:
    """Consecutive parts of a list or array, each with its fraction of the entries, rounded down.

    Parameters
    ----------
    input_list: anything that has a length and can be sliced: a list, an array of data or of indices.
    fractions_list: a fraction per part. What is left over, by rounding or as they sum to less than 1, is in no part.
    min_part_size: the least number of entries that a part may have.

    Raises
    ------
    UsageError: a part would be smaller than that.
    """
    parts = []
    start, total = 0, len(input_list)
    for number, fraction in enumerate(fractions_list, 1):
        stop = min(start + int(total * fraction), total)
        if stop - start < min_part_size:
            raise UsageError(
                f"part {number} of {len(fractions_list)} would have {max(stop - start, 0)} of {total} entries",
                expected=f"at least {min_part_size}",
                fix="give more data, fewer parts or larger fractions",
            )
        parts.append(input_list[start:stop])
        start = stop
    return parts
