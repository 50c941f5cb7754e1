"""How long a merge takes on this machine: measured on copies of some weights, before anybody depends on it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from ..blocks import Buffer
from ..protocol import WeightsRef
from ..schema import Schema
from ..weights import laid_out, weights_ref
from .contributions import Basis
from .merging import merge_to
from .rules import Rule

__all__ = ["seconds_to_merge"]

_MOST = 64 << 20  # bytes that are merged to measure it
_SORTING = (Rule.MEDIAN, Rule.TRIMMED_MEAN)


def seconds_to_merge(
    schema: Schema,
    data: Buffer,
    members: int,
    order: Sequence[int],
    *,
    most: int = _MOST,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Seconds that checking and merging everybody's contributions takes, by the slowest of the rules.

    Pulling them is not in it. Where they would be more than ``most`` bytes fewer are merged, two at least, and the time
    is counted up, so it is about that.

    Parameters
    ----------
    data: canonical bytes of the schema, such as the first weights: their parent, and each contribution.
    members: all contribute.
    order: numbers of the rules; those that this version doesn't know are passed over.

    Raises UsageError where such weights can't be merged.
    """
    trained = _trained(schema, data)
    if trained is None:
        return 0.0  # some numbers by themselves
    count = max(2, min(members, most // len(data)))
    ref = weights_ref(trained)
    slowest = 0.0
    for number in order:
        if number not in set(Rule) - {Rule.SOLO}:
            continue
        rule, began = Rule(number), clock()
        basis = Basis.of(schema, data)
        # Equal contributions count once: each has a name of its own.
        named = [WeightsRef(bytes([seat]) * 32, ref.cid_digest, ref.size) for seat in range(count)]
        merge_to(lambda piece: None, basis, rule, [basis.check(i, name, trained) for i, name in enumerate(named)])
        slowest = max(slowest, (clock() - began) * _work(rule, members) / _work(rule, count))
    return slowest


def _trained(schema: Schema, data: Buffer) -> bytes | None:
    """The weights with one bit changed that a score depends on, as their equals are no contribution; None without."""
    roles, changed = dict(schema.roles), bytearray(data)
    for path, part in laid_out(changed, max_header=len(data), verified=True)[1].items():
        if path not in roles and isinstance(part, np.ndarray) and part.size:
            part.reshape(-1).view(np.uint8)[0] ^= 1  # the lowest one of a number, which stays finite
            return bytes(changed)
    return None


def _work(rule: Rule, count: int) -> float:
    """How the time goes with the number of contributions: sorting networks are a little larger than their inputs."""
    return count * (1 + math.log2(count)) ** 2 if rule in _SORTING else count
