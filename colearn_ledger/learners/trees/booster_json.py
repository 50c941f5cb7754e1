"""XGBoost's JSON models from strangers: nothing but checked trees reaches XGBoost.

XGBoost loads and walks models in compiled code that trusts them. So a stranger's file is read here, each of its trees
is checked to be one, and the trees alone are put into a model of one's own. ``docs/learners.md`` says what is checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidWeights
from ...formats.json import parse_shallow_json

__all__ = ["BoosterShape", "Frame", "checked_trees", "frame_of", "model_of"]

_MAX_DEPTH = 16  # of the JSON; a model has 7 levels
_MAX_FLOAT32 = 3.4028235e38
_NO_PARENT = 2**31 - 1
_INTEGERS = ("default_left", "left_children", "right_children", "split_indices")
_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model says of itself besides its trees.

    Parameters
    ----------
    booster, objective: XGBoost's names of them.
    features, outputs: how many there are; a round has trees for each output.
    start: what predictions start from, each different base score once.
    """

    booster: str
    objective: str
    features: int
    outputs: int
    start: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BoosterShape:
    """What is the same for every booster of a collective.

    Parameters
    ----------
    frame: what every model must say of itself.
    parallel: how many trees a round has for each output.
    max_rounds: how many rounds there is room for.
    max_bytes: how large a model may be.
    """

    frame: Frame
    parallel: int
    max_rounds: int
    max_bytes: int

    @property
    def trees_per_round(self) -> int:
        return self.frame.outputs * self.parallel


def frame_of(learner: Mapping[str, Any]) -> Frame:
    """The frame of a parsed model's ``learner``. Raises the built-in errors where something is missing."""
    parameters = learner["learner_model_param"]
    outputs = max(1, int(parameters["num_class"])) * int(parameters.get("num_target", "1"))
    # "5E-1" up to XGBoost 3.0, "[5E-1,5E-1]" after it
    start = {float(part) for part in parameters["base_score"].strip("[]").split(",")}
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    return Frame(booster, objective, int(parameters["num_feature"]), outputs, tuple(sorted(start)))


def model_of(trees: list[dict[str, Any]], empty: bytes, shape: BoosterShape) -> bytes:
    """The model that is ``empty`` (JSON of a booster without trees, of one's own XGBoost), with these trees."""
    model = json.loads(empty)
    inner = model["learner"]["gradient_booster"]["model"]
    rounds = len(trees) // shape.trees_per_round
    inner["trees"] = trees
    inner["tree_info"] = _tree_info(rounds, shape)
    inner["iteration_indptr"] = [i * shape.trees_per_round for i in range(rounds + 1)]
    inner["gbtree_model_param"] |= {"num_trees": str(len(trees)), "num_parallel_tree": str(shape.parallel)}
    return json.dumps(model, separators=(",", ":"), allow_nan=False).encode()


def checked_trees(data: bytes, shape: BoosterShape) -> list[dict[str, Any]]:
    """The trees of a model in XGBoost's JSON, each made anew from what was checked.

    Raises InvalidWeights unless it is a model of that shape: objective, inputs, outputs, base score, number of trees.
    """
    if len(data) > shape.max_bytes:
        raise InvalidWeights(
            f"the XGBoost model has {len(data):,} bytes",
            expected=f"at most {shape.max_bytes:,}",
            fix="use fewer rounds or smaller trees, or let every learner have larger max_bytes",
        )
    try:
        model = parse_shallow_json(data, max_depth=_MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise InvalidWeights(f"the XGBoost model isn't JSON: {str(error)[:80]}", expected=_MODEL) from None
    try:
        learner = model["learner"]
        frame = frame_of(learner)
        if frame != shape.frame:
            raise InvalidWeights(
                f"the XGBoost model says of itself {str(frame)[:160]}",
                expected=str(shape.frame),
                fix="all learners must have the same parameters, and inputs of the same size",
            )
        inner = learner["gradient_booster"]["model"]
        trees, info = inner["trees"], inner["tree_info"]
        rounds, rest = divmod(len(_list(trees)), shape.trees_per_round)
        if rest or rounds > shape.max_rounds:
            raise InvalidWeights(
                f"the XGBoost model has {len(trees)} trees",
                expected=f"{shape.trees_per_round} a round, and at most {shape.max_rounds} rounds",
            )
        if info != _tree_info(rounds, shape):
            raise InvalidWeights("the XGBoost model's trees are of other outputs than they should be")
        return [_tree(tree, i, shape) for i, tree in enumerate(trees)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, InvalidWeights):
            raise
        raise InvalidWeights(f"the XGBoost model lacks what a model has: {str(error)[:80]}", expected=_MODEL) from None


_MODEL = "what Booster.save_raw('json') gives"


def _tree_info(rounds: int, shape: BoosterShape) -> list[int]:
    return [group for _ in range(rounds) for group in range(shape.frame.outputs) for _ in range(shape.parallel)]


def _tree(tree: Mapping[str, Any], number: int, shape: BoosterShape) -> dict[str, Any]:
    """The tree with nothing in it that wasn't looked at."""

    def wrong(what: str) -> InvalidWeights:
        return InvalidWeights(f"tree {number} of the XGBoost model {what}", expected=_MODEL)

    left = _list(tree["left_children"])
    n = len(left)
    integers = {name: _list(tree[name]) for name in _INTEGERS}
    floats = {name: _list(tree[name]) for name in _FLOATS}
    if n == 0 or any(len(values) != n for values in (*integers.values(), *floats.values())):
        raise wrong("has lists of different lengths")
    if not all(type(value) is int for values in integers.values() for value in values):
        raise wrong("has children or features that are no integers")
    if not all(_is_float(value) for values in floats.values() for value in values):
        raise wrong("has numbers that are not finite, or too large")
    if any(_list(tree[name]) for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes")):
        raise wrong("splits by categories")
    if any(kind != 0 for kind in _list(tree["split_type"])) or tree["tree_param"]["size_leaf_vector"] not in ("0", "1"):
        raise wrong("splits by categories, or has several values in a leaf")
    if not all(0 <= value < shape.frame.features for value in integers["split_indices"]):
        raise wrong("splits by an input that isn't there")
    if not all(value in (0, 1) for value in integers["default_left"]):
        raise wrong("sends missing values nowhere")
    parents = _parents(left, integers["right_children"])
    if parents is None:
        raise wrong("has children that make no tree")
    return {
        **integers,
        **floats,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "id": number,
        "parents": parents,
        "split_type": [0] * n,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(shape.frame.features),
            "num_nodes": str(n),
            "size_leaf_vector": tree["tree_param"]["size_leaf_vector"],
        },
    }


def _parents(left: list[int], right: list[int]) -> list[int] | None:
    """Each node's parent; None unless every node but the root is the child of one that stands before it."""
    n = len(left)
    parents = [_NO_PARENT] * n
    for node, children in enumerate(zip(left, right, strict=True)):
        if children == (-1, -1):
            continue
        for child in children:
            if not node < child < n or parents[child] != _NO_PARENT:
                return None
            parents[child] = node
    return parents if all(parent != _NO_PARENT for parent in parents[1:]) else None


def _is_float(value: object) -> bool:
    return (type(value) is float and math.isfinite(value) and abs(value) <= _MAX_FLOAT32) or (
        type(value) is int and abs(value) <= _MAX_FLOAT32
    )


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError("a list is something else")
    return value
