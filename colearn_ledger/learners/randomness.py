"""The random numbers of code that asks nobody where to take them from: the generators that a process has for all."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator

import numpy as np

__all__ = ["seeded"]


@contextlib.contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Python's, numpy's and the loaded frameworks' own generators start from these seeds; then they are as before.

    TensorFlow's can't be read, so they stay where this has left them.
    """
    seed = int(np.random.default_rng([*seeds]).integers(2**32 - 1))
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    before, numpys = random.getstate(), np.random.get_state()
    devices = [] if torch is None or not torch.cuda.is_available() else [*range(torch.cuda.device_count())]
    with contextlib.nullcontext() if torch is None else torch.random.fork_rng(devices):
        try:
            random.seed(seed)
            np.random.seed(seed)
            if torch is not None:
                torch.manual_seed(seed)
            if keras is not None:
                keras.utils.set_random_seed(seed)
            yield
        finally:
            random.setstate(before)
            np.random.set_state(numpys)
