"""The sets that a learner is given: training, vote and test set."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from .parts import count, in_parts, is_several

__all__ = ["Data", "checked_set"]

Data = tuple[Any, ...]  # inputs and targets; some learners take each sample's weight beside them


def checked_set(name: str, data: Any, *, who: str, several: bool, sample_weight: bool) -> Data:
    """The set as arrays; UsageError where it is none that the learner called ``who`` takes.

    ``several``, ``sample_weight``: whether it takes inputs and targets of several arrays, and each sample's weight.
    """
    if not isinstance(data, tuple | list) or not 2 <= len(data) <= (3 if sample_weight else 2):
        what = f"a {type(data).__name__}" + (f" of {len(data)}" if isinstance(data, tuple | list) else "")
        raise UsageError(
            f"the {name} set is {what}",
            expected="a pair of inputs and targets, arrays of one length"
            + (", or these and each sample's weight" if sample_weight else ""),
            fix="read it into arrays first (docs/learners.md says which learners take datasets and loaders)",
        )
    y = data[1]
    targets = count(y) if hasattr(y, "__len__") or hasattr(y, "shape") or is_several(y) else None
    parts = tuple(in_parts(part, targets) for part in data)
    if not several and any(isinstance(p, dict | tuple) and is_several(p) for p in parts[:2]):
        raise UsageError(
            f"the {name} set has inputs or targets of several parts",
            expected=f"one array of each: {who} takes no more",
            fix="put them side by side: numpy.concatenate([...], axis=1)",
        )
    counts = [count(part) for part in parts]
    if counts[0] <= 0 or len(set(counts)) > 1:
        inputs, rest = "differing numbers of" if counts[0] < 0 else counts[0], counts[1]
        raise UsageError(
            f"the {name} set has {inputs} inputs and {rest} targets"
            + (f" and {counts[2]} weights of samples" if len(counts) > 2 else ""),
            expected="as many of the one as of the other, and at least one",
            fix="check how the data was split",
        )
    return parts
