"""Weights that a command needs once: pulled and checked without being kept, and a learner that adopts them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.learner import Learner
    from ..core.protocol import WeightsRef
    from ..core.schema import Schema
    from ..learners.loading.factory import LearnerSpec
    from ..stores.spec import StoreSpec

__all__ = ["adopting", "pulled"]

_OWNER = "colearn/once"  # of pins in a daemon, which are taken off at the end: whoever keeps the weights still does


def pulled(ref: WeightsRef, schema: Schema | None, store: StoreSpec, timeout_s: float) -> bytes:
    """The bytes, of the right size, sha256 and CID; that they fit the schema is seen before all of them have come.

    No mark is left in a folder, and no pin in a daemon. Raises as :meth:`.Store.get` and :meth:`.Schema.check_size`.
    """
    from ..core.weights import check_head
    from ..errors import UsageError
    from ..stores.base import ANYBODY

    if schema is not None:
        schema.check_size(ref.size)
    if store.folder is not None and not store.folder.is_dir():  # opening it would make it
        raise UsageError(f"there is no folder {store.folder}", expected="the members' store", fix="correct its path")
    spec = replace(store, owner=ANYBODY if store.folder is not None else _OWNER)
    opened = spec.open()
    try:
        return opened.get(ref, deadline_s=timeout_s, check_head=partial(check_head, size=ref.size, schema=schema))
    finally:
        if spec.owner == _OWNER:
            opened.discard(ref)


def adopting(spec: LearnerSpec, tree: Any) -> Learner:
    """A new learner, which has adopted the weights.

    Raises SchemaMismatch where it is another model's, LearnerError where its own code fails, and what
    :meth:`.LearnerSpec.make` raises.
    """
    from ..core.asking import ask_accept, ask_current
    from ..core.failures import told
    from ..core.learner import Weights
    from ..core.schema import Schema
    from ..errors import ColearnError

    try:
        learner = spec.make()
        Schema.of(ask_current(learner, spec.factory).weights).check(tree)
        ask_accept(learner, Weights(tree), spec.factory)
    except ColearnError:
        raise
    except Exception as e:  # the learner's own code: whatever it raises is something to be told
        raise told(e, f"the learner {spec.factory}") from e
    return learner
