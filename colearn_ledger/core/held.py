"""What a learner holds: the weights that it was last given to adopt, as bytes that are known without asking it.

A learner whose arrays are its model's can change its current weights while it trains or tests, and whatever else was
remembered of them with it. The bytes that it adopted can't be changed by it: they say what its weights should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidWeights
from .blocks import Buffer
from .lineage import with_parent
from .schema import Schema
from .tensors import plain
from .weights import decode, is_encoding

__all__ = ["Held"]


@dataclass(slots=True)
class Held:
    """The current weights of one learner.

    Attributes
    ----------
    schema: their form, which a learner may spell in its own way (lists for tuples, numpy's scalars for Python's).
    data: their canonical bytes; None before the learner was given any to adopt.
    exact: whether the learner gives back what it adopts. The interface asks for that, but not every library serialises
        the same model to the same bytes twice. False once it was seen not to: then only the learner itself can say,
        before it trains or tests, what its weights are.
    """

    schema: Schema
    data: Buffer | None = None
    exact: bool = True

    @property
    def known(self) -> bool:
        """Whether the bytes say what the learner's weights are."""
        return self.data is not None and self.exact

    def are(self, own: Any) -> bool:
        """Whether ``own``, as the learner gives its current weights, are the ones that it adopted.

        Its local leaves are its own, whatever they are.
        """
        assert self.data is not None
        try:
            tree = with_parent(self.schema, self.schema.fit(plain(own)), self.data)
            return is_encoding(self.data, tree, self.schema)
        except InvalidWeights:  # whatever they are by now, they were weights of the schema when they were adopted
            return False

    def tree(self) -> Any:
        """The adopted weights, decoded anew: arrays that nobody else has."""
        assert self.data is not None
        return decode(self.data, self.schema, verified=True)
