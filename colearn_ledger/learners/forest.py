"""A learner around a scikit-learn forest, which grows by some trees in each proposal."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LearnerError, UsageError
from .saved import SavedFile
from .sets import Data
from .sklearn import Scorer, save_estimator
from .sklearn_checks import check_data, check_labels
from .sklearn_scores import evaluate_estimator, judge_of
from .sklearn_state import FIXED, check_fixed, digest, odd_labels
from .template import LearnerOptions, TemplateLearner
from .trees.tree_arrays import ForestShape, forest_arrays, forest_trees
from .voting.policy import Evaluation

if TYPE_CHECKING:
    from typing_extensions import Unpack

from sklearn.base import is_classifier
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.utils.class_weight import compute_sample_weight

__all__ = ["ForestLearner"]

Array = np.ndarray[Any, Any]
FORESTS = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
MOST_NODES = 1 << 16  # in a tree


class ForestLearner(TemplateLearner):
    """Trains, tests and votes with a RandomForest or ExtraTrees classifier or regressor.

    Each proposal adds ``steps_per_round`` trees, grown on the learner's own data, to the forest that is current. A full
    forest drops its oldest trees to make room. The weights are the trees as arrays of one shape, whatever number of
    trees there is (:mod:`~colearn_ledger.learners.trees.tree_arrays`), never a pickle.

    Parameters
    ----------
    estimator: with bounded trees (``max_leaf_nodes``, or a small ``max_depth``), since weights keep their shape; it is
        copied, and may be fitted or not. ``n_estimators``, ``warm_start``, ``oob_score``, ``random_state`` and
        ``n_jobs`` are set by the learner (one job, since several add up in any order).
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    classes: every label there is, the same for every learner; by default those in this learner's training set.
    steps_per_round: trees that a proposal adds.
    max_trees: how many trees there is room for.
    criterion, scorer, higher_is_better: what to vote by, as for
        :class:`~colearn_ledger.learners.sklearn.SklearnLearner`.
    options: see :class:`~colearn_ledger.learners.template.TemplateLearner`.
    """

    why_unmergeable = "the trees of two forests have nothing to do with each other"

    def __init__(
        self,
        estimator: Any,
        train: Data,
        vote: Data,
        test: Data,
        *,
        classes: Any = None,
        steps_per_round: int = 10,
        max_trees: int = 100,
        scorer: Scorer | None = None,
        criterion: Scorer | None = None,
        higher_is_better: bool | None = None,
        **options: Unpack[LearnerOptions],
    ) -> None:
        if not isinstance(estimator, FORESTS):
            raise LearnerError(
                f"{type(estimator).__name__} is no forest",
                expected=f"one of {', '.join(kind.__name__ for kind in FORESTS)}",
                fix="SklearnLearner takes estimators with partial_fit",
            )
        if not 1 <= steps_per_round <= max_trees:
            raise UsageError(
                f"steps_per_round is {steps_per_round}, max_trees is {max_trees}",
                expected="at least 1 tree a round, and room for as many",
                fix="give other numbers",
            )
        max_nodes = _most_nodes(estimator)
        super().__init__(train, vote, test, **options)
        check_data(estimator, train=self.train_set, vote=self.vote_set, test=self.test_set)
        x, y = (np.asarray(part) for part in self.train_set)
        self._classes = check_labels(classes, y) if is_classifier(estimator) else None
        odd = odd_labels(self._classes)
        self._fixed = digest(odd) if odd else None
        self._steps = steps_per_round
        self._judge = judge_of(estimator, criterion, scorer, higher_is_better)
        self._forest = copy.deepcopy(estimator)
        self._forest.set_params(warm_start=True, oob_score=False, n_jobs=1)
        if not hasattr(self._forest, "estimators_"):
            # the arrays exist only after a first fit; a few samples keep the start near an untrained model
            self._forest.set_params(n_estimators=1, random_state=self.seed)
            self._fit(x[:32], y[:32])
        self._like = self._forest.estimators_[0]
        tree = self._like.tree_
        self._shape = ForestShape(max_trees, max_nodes, tree.n_features, tree.n_outputs, tree.max_n_classes)
        if len(self._forest.estimators_) > max_trees or max(t.tree_.node_count for t in self._trees) > max_nodes:
            raise UsageError(
                f"the forest has {len(self._trees)} trees, or trees of other sizes than its options allow",
                expected=f"at most {max_trees} trees of {max_nodes} nodes",
                fix="give a larger max_trees, or a forest that isn't fitted",
            )
        self.start()

    @property
    def model(self) -> Any:
        """The forest with the current weights: the learner's own, so don't fit it, but a copy."""
        return self._forest

    def predict(self, x: Any) -> Array:
        """As the forest's ``predict`` does."""
        return np.asarray(self._forest.predict(x))

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """The forest by skops, where it is installed, and the arrays that it was made of."""
        return save_estimator(self._forest, self.read_weights(), folder)

    @property
    def steps(self) -> int:
        return self._steps

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        x, y = (np.asarray(part) for part in self.train_set)
        for _ in range(self.going_on(rng), self._steps):
            trees = self._trees[-(self._shape.max_trees - 1) :] if self._shape.max_trees > 1 else []
            self._hold(trees, room=1)
            # an own seed for each tree: the forest's would be used up by as many trees as it already has
            self._forest.set_params(random_state=int(rng.integers(2**31)))
            self._fit(x, y)
            yield len(x)

    def read_weights(self) -> dict[str, Array]:
        arrays = forest_arrays(self._trees, self._shape)
        return arrays if self._fixed is None else {**arrays, FIXED: self._fixed.copy()}

    def write_weights(self, weights: Any) -> None:
        check_fixed(weights, self._fixed)
        weights = {name: value for name, value in weights.items() if name != FIXED}
        self._hold(forest_trees(weights, self._shape, self._like))

    def hold(self) -> Callable[[], None]:
        return partial(self._hold, self._trees)

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        return evaluate_estimator(self._forest, data, self._judge, outcomes=outcomes)

    @property
    def _trees(self) -> list[Any]:
        return list(self._forest.estimators_)

    def _hold(self, trees: list[Any], room: int = 0) -> None:
        self._forest.estimators_ = list(trees)
        self._forest.set_params(n_estimators=len(trees) + room)

    def _fit(self, x: Array, y: Array) -> None:
        """Grow the trees that there is room for."""
        missing = np.empty(0) if self._classes is None else np.setdiff1d(self._classes, y)
        if not len(missing):
            with warnings.catch_warnings():  # every member balances its own data, in each tree anew
                warnings.filterwarnings("ignore", message="class_weight presets")
                self._forest.fit(x, y)
            return
        # Samples that weigh nothing, so that every learner's trees know the same classes; and no class's weight is made
        # of those that aren't there.
        wanted = getattr(self._forest, "class_weight", None)
        there = "balanced" if wanted == "balanced_subsample" else wanted
        if isinstance(there, dict):
            there = {label: weight for label, weight in there.items() if label not in missing}
        own = np.ones(len(y)) if there is None else compute_sample_weight(there, y)
        weight = np.concatenate([own, np.zeros(len(missing))])
        x, y = np.concatenate([x, np.repeat(x[:1], len(missing), axis=0)]), np.concatenate([y, missing])
        self._forest.set_params(class_weight=None)
        try:
            self._forest.fit(x, y, sample_weight=weight)
        finally:
            self._forest.set_params(class_weight=wanted)


def _most_nodes(estimator: Any) -> int:
    """How many nodes a tree of the forest may have at most."""
    leaves, depth = estimator.max_leaf_nodes, estimator.max_depth
    bounds: list[int] = [2 * leaves - 1] if leaves is not None else []
    if depth is not None and depth < MOST_NODES.bit_length():
        bounds.append(2 ** (depth + 1) - 1)
    if not bounds or min(bounds) > MOST_NODES:
        raise LearnerError(
            f"the trees of this {type(estimator).__name__} may grow without a bound",
            expected=f"trees of at most {MOST_NODES} nodes, since weights keep their shape",
            fix=f"{type(estimator).__name__}(max_leaf_nodes=64)",
        )
    return min(bounds)
