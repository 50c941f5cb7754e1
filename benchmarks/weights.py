"""What 100 MB of float32 cost to encode and name, against what it must cost at least.

    python -m benchmarks.weights           print the table
    python -m benchmarks.weights --check   and fail above the target

The reference is safetensors' own write, one sha256 of its bytes, and a second sha256 pass (a CID hashes all bytes once
more). Both sides are measured in turn in one run, in CPU time of the process, and the medians compared: a busy machine
slows both.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import save

from colearn_ledger.core.weights import decode, encode, weights_ref

__all__ = ["TARGET", "measure"]

TARGET = 1.30


def model(megabytes: int) -> list[np.ndarray]:
    """Arrays of random values, of unequal sizes, as a model has them."""
    rng = np.random.default_rng(1)
    total = megabytes * 1_000_000 // 4
    sizes = [total // 2, total // 4, total // 8, total - total // 2 - total // 4 - total // 8]
    return [rng.standard_normal(size, dtype=np.float32) for size in sizes]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def measure(megabytes: int = 100, repeats: int = 7) -> dict[str, float]:
    """Median seconds of each part, and the ratio of the two sums."""
    weights = model(megabytes)
    tensors = {f"/{i}": array for i, array in enumerate(weights)}
    parts: dict[str, list[float]] = {key: [] for key in ("save", "sha256", "sha256 again", "encode", "name", "decode")}
    sums: dict[str, list[float]] = {"reference": [], "ours": []}
    for _ in range(repeats):
        write, theirs = timed(lambda: save(tensors))
        first, _ = timed(lambda data=theirs: hashlib.sha256(data).digest())
        second, _ = timed(lambda data=theirs: hashlib.sha256(data).digest())
        del theirs
        coding, ours = timed(lambda: encode(weights))
        naming, _ = timed(lambda data=ours: weights_ref(data))
        reading, _ = timed(lambda data=ours: decode(data))
        del ours
        for key, seconds in zip(parts, (write, first, second, coding, naming, reading), strict=True):
            parts[key].append(seconds)
        sums["reference"].append(write + first + second)
        sums["ours"].append(coding + naming)
    medians = {key: statistics.median(values) for key, values in (parts | sums).items()}
    return medians | {"ratio": medians["ours"] / medians["reference"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--check", action="store_true", help=f"fail if the ratio is above {TARGET}")
    options = parser.parse_args()
    found = measure(options.megabytes, options.repeats)
    print(f"{options.megabytes} MB of float32, median of {options.repeats}, CPU milliseconds")
    for label, key in (
        ("safetensors' own write", "save"),
        ("sha256", "sha256"),
        ("one more sha256 pass", "sha256 again"),
        ("= reference", "reference"),
        ("encode (values checked)", "encode"),
        ("sha256 + CID", "name"),
        ("= ours", "ours"),
        ("(decode, values checked)", "decode"),
    ):
        print(f"  {label:28}{found[key] * 1000:8.0f}")
    print(f"ratio {found['ratio']:.2f} (target: at most {TARGET:.2f})")
    return int(options.check and found["ratio"] > TARGET)


if __name__ == "__main__":
    sys.exit(main())
