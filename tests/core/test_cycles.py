"""Weights are gone with the last who holds them, and don't wait for the garbage collector: they may be gigabytes."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.held import Held
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.tensors import like, plain
from colearn_ledger.core.weights import check_head, decode, encode, is_encoding
from colearn_ledger.errors import InvalidWeights

from ..kit.learners import linear_learners


def tree() -> dict[str, Any]:
    return {"w": np.ones(1000), "l": [np.float32(2), (b"abc", 5, "x", None)], "o": OrderedDict(a=np.zeros(3, "i4"))}


DATA, SCHEMA = encode(plain(tree())), Schema.of(plain(tree()))


def refused() -> None:
    with contextlib.suppress(InvalidWeights):
        decode(DATA[:-8] + np.array([np.nan]).tobytes() + bytes(8), SCHEMA)
    with contextlib.suppress(InvalidWeights):
        encode({"w": np.full(5, np.inf)})


def played() -> None:
    from colearn_ledger import run

    run(3, linear_learners(3, seed=1))


USES: dict[str, Callable[[], Any]] = {
    "encode": lambda: encode(plain(tree())),
    "decode": lambda: decode(DATA),
    "decode of a copy": lambda: decode(bytes(bytearray(DATA)), SCHEMA),
    "decode, verified": lambda: decode(DATA, SCHEMA, verified=True),
    "check_head": lambda: check_head(bytes(bytearray(DATA)), len(DATA), SCHEMA),
    "is_encoding": lambda: is_encoding(DATA, plain(tree())),
    "plain": lambda: plain(tree()),
    "like": lambda: like(decode(DATA), tree()),
    "schema": lambda: Schema.of(plain(tree())).fit(plain(tree())),
    "sizes": SCHEMA.sizes,
    "held": lambda: Held(SCHEMA, DATA).are(tree()),
    "refused": refused,
    "rounds in process": played,
}


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.slow
@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("use", USES)
def test_weights__dropped__are_freed_at_once(use: str) -> None:
    """The collector, asked afterwards what it would have had to free, finds no array, no bytes and no view of any."""
    USES[use]()  # what is made once for all, as an import's, isn't meant
    gc.collect()
    USES[use]()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        found = [one for one in gc.garbage if not isinstance(one, type)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    parts = found
    for _ in range(3):  # the collector doesn't list what can't be in a cycle, as a dict of arrays
        parts = parts + gc.get_referents(*(p for p in parts if not isinstance(p, type | ModuleType)))
    held = [p for p in parts if isinstance(p, np.ndarray | memoryview) or (isinstance(p, bytes) and p is not DATA)]
    held = [p for p in held if memoryview(p).nbytes > 500]
    assert held == [], f"{len(found)} objects in cycles, by {sys.implementation.name}"
