"""Warnings point at the user's line."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from colearn_ledger import run
from colearn_ledger.core.telling import warn_of
from colearn_ledger.errors import LearnerWarning, UsageError
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.voting.policy import SmallVoteSet
from tests.kit.moved_learners import InPlaceLearner


def line_of(function: Any) -> tuple[str, int]:
    return inspect.getsourcefile(function) or "", inspect.getsourcelines(function)[1]


class Mine(SklearnLearner):
    """A subclass that makes its parent deep inside."""

    def __init__(self) -> None:
        self.made()

    def made(self) -> None:
        x, y = np.arange(8.0)[:, None], np.arange(8) % 2
        super().__init__(SGDClassifier(), (x, y), (x, y), (x, y))  # the line that is named


def test_warn__of_a_small_vote_set__names_the_line_that_makes_the_learner() -> None:
    with pytest.warns(SmallVoteSet) as caught:
        Mine()
    source, first = inspect.getsourcelines(Mine.made)
    wanted = first + next(i for i, line in enumerate(source) if "line that is named" in line)
    assert (caught[0].filename, caught[0].lineno) == (__file__, wanted)


def test_warn_of__a_training_that_changed_the_weights__names_the_learners_method() -> None:
    with pytest.warns(LearnerWarning, match="mli_propose_weights changed") as caught:
        run(1, [InPlaceLearner(i) for i in range(3)])
    found = [(one.filename, one.lineno) for one in caught if one.category is LearnerWarning]
    assert set(found) == {line_of(InPlaceLearner.mli_propose_weights)}


def test_warn_of__a_method_of_the_package__names_the_callers_line() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of(Mine, "mli_propose_weights", "words", LearnerWarning)
    assert caught[0].filename == __file__


def test_run__one_learner_several_times__is_told_how_that_used_to_count() -> None:
    with pytest.raises(UsageError, match="same learner object was given twice") as error:
        run(1, [InPlaceLearner(1)] * 3)
    assert "one model whose single vote counted as that of all the others" in str(error.value)
