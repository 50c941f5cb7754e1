"""A scikit-learn forest as arrays of one shape, and back. No pickle: what comes in is checked number by number.

scikit-learn walks trees in compiled code that trusts them, so a stranger's tree whose children point outside of it
would read memory that isn't the tree's. Nothing is built before everything is checked.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidWeights

__all__ = ["ForestShape", "forest_arrays", "forest_trees"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ForestShape:
    """What is the same for every forest of a collective.

    Parameters
    ----------
    max_trees, max_nodes: how many trees there is room for, and how many nodes in each.
    features: number of inputs.
    outputs, classes: shape of a node's value; one class for a regression.
    """

    max_trees: int
    max_nodes: int
    features: int
    outputs: int
    classes: int


def forest_arrays(trees: Sequence[Any], shape: ForestShape) -> dict[str, Array]:
    """The arrays of fitted tree estimators; what no tree uses is zero.

    ``nodes`` (max_trees,) int32 says how many nodes each tree has, 0 where there is none. Per tree and node: ``left``
    and ``right`` (children, -1 in a leaf), ``feature`` (int32), ``threshold`` (float64), ``missing_left`` (uint8: where
    a missing value goes) of shape (max_trees, max_nodes), ``value`` (max_trees, max_nodes, outputs, classes) float64.
    """
    at = (shape.max_trees, shape.max_nodes)
    arrays: dict[str, Array] = {
        "nodes": np.zeros(at[0], np.int32),
        "left": np.zeros(at, np.int32),
        "right": np.zeros(at, np.int32),
        "feature": np.zeros(at, np.int32),
        "threshold": np.zeros(at),
        "missing_left": np.zeros(at, np.uint8),
        "value": np.zeros((*at, shape.outputs, shape.classes)),
    }
    for i, tree in enumerate(trees):
        state = tree.tree_.__getstate__()
        nodes, count = state["nodes"], state["node_count"]
        arrays["nodes"][i] = count
        for name, field in _FIELDS.items():
            if field in nodes.dtype.names:
                arrays[name][i, :count] = nodes[field]
        # "every value there is goes left" is an infinite threshold; weights are finite, and no input is as large
        np.clip(arrays["threshold"][i], -_LARGEST, _LARGEST, out=arrays["threshold"][i])
        arrays["value"][i, :count] = state["values"]
    return arrays


def forest_trees(arrays: dict[str, Array], shape: ForestShape, like: Any) -> list[Any]:
    """The tree estimators of the arrays, as copies of the fitted tree estimator ``like`` with other trees inside.

    They predict exactly what the ones did that the arrays were made of. What training counted (impurities, samples in a
    node) isn't carried: importances of features can't be had from them.

    Raises InvalidWeights unless every tree is one.
    """
    counts = arrays["nodes"]
    n_trees = int((counts > 0).sum())
    if n_trees == 0 or (counts < 0).any() or (counts > shape.max_nodes).any() or (counts[n_trees:] != 0).any():
        raise InvalidWeights(
            "the forest's numbers of nodes are out of range",
            expected=f"1 to {shape.max_nodes} for each tree, then zeros",
        )
    unused = np.arange(shape.max_nodes) >= counts[:, None]
    if any(array[unused].any() for name, array in arrays.items() if name != "nodes"):
        raise InvalidWeights("the forest has numbers where it has no node", expected="zeros")
    if shape.classes > 1:  # larger ones would outvote all trees to come, and the score need not show it
        shares = arrays["value"][~unused]
        if (shares < 0).any() or (np.abs(shares.sum(axis=-1) - 1) > 1e-6).any():
            raise InvalidWeights(
                "the forest has nodes whose classes have no shares", expected="shares that add up to 1"
            )
    return [_tree(arrays, i, int(counts[i]), shape, like) for i in range(n_trees)]


_LARGEST = np.finfo(np.float64).max
_FIELDS = {
    "left": "left_child",
    "right": "right_child",
    "feature": "feature",
    "threshold": "threshold",
    "missing_left": "missing_go_to_left",
}


def _tree(arrays: dict[str, Array], i: int, count: int, shape: ForestShape, like: Any) -> Any:
    left, right, feature = (arrays[name][i, :count] for name in ("left", "right", "feature"))
    leaf = left == -1
    inner = np.flatnonzero(~leaf)
    children = np.concatenate([left[inner], right[inner]])
    good = (
        np.array_equal(leaf, right == -1)
        and (arrays["missing_left"][i, :count] <= 1).all()
        and (feature[inner] >= 0).all()
        and (feature[inner] < shape.features).all()
        # every node but the root is the child of one node, which stands before it: so it is a tree, without a cycle
        and np.array_equal(np.sort(children), np.arange(1, count))
        and (left[inner] > inner).all()
        and (right[inner] > inner).all()
    )
    if not good:
        raise InvalidWeights(
            f"tree {i} of the forest isn't a tree",
            expected=f"children inside of it that follow their parents, features from 0 to {shape.features - 1}",
        )
    depth = np.zeros(count, np.int64)
    for node in inner:
        depth[[left[node], right[node]]] = depth[node] + 1
    kind, arguments, state = like.tree_.__reduce__()
    nodes = np.zeros(count, state["nodes"].dtype)
    for name, field in _FIELDS.items():
        if field in nodes.dtype.names:
            nodes[field] = arrays[name][i, :count]
    tree = kind(*arguments)
    values = np.ascontiguousarray(arrays["value"][i, :count])
    tree.__setstate__({**state, "max_depth": int(depth.max()), "node_count": count, "nodes": nodes, "values": values})
    estimator = copy.copy(like)
    estimator.tree_ = tree
    return estimator
