"""What 100 MB of float32 cost to encode and name, against what it must cost at least.

    python -m benchmarks.weights           print the table
    python -m benchmarks.weights --check   and fail above the targets

The reference is safetensors' own write, one sha256 of its bytes, and a second sha256 pass (a CID hashes all bytes once
more). Both sides are measured in turn in one run, in CPU time of the process, and the medians compared: a busy machine
slows both.

Then the way that weights take through files, as a node's go: memory at most beyond the arrays, and how often all bytes
were read from files or written to them; what decoding copies is the learner's own.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.numpy import save

from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge_to
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, encode, encoded, is_encoding, laid_out, weights_ref
from colearn_ledger.member.mapped import spooled

from .peak import Cost, cost_of

__all__ = ["MOST_MEMORY", "TARGET", "measure", "measure_memory"]

TARGET = 1.30
MOST_MEMORY = 256_000_000  # bytes


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


def measure_memory(megabytes: int = 100) -> dict[str, Cost]:
    """What each step on the way through files costs; decoding less the arrays that it makes."""
    weights = model(megabytes)
    schema = Schema.of(weights)
    data, encoding = cost_of(lambda: spooled(encoded(weights, schema)))
    ref, naming = cost_of(lambda: weights_ref(data))
    _, looking = cost_of(lambda: laid_out(data, schema))
    tree, decoding = cost_of(lambda: decode(data, schema, verified=True))
    _, comparing = cost_of(lambda: is_encoding(data, tree, schema))
    basis = Basis.of(schema, data)
    changed = [spooled(encoded([array + np.float32(step) for array in weights], schema)) for step in (1, 2, 3)]
    good = [basis.check(seat, weights_ref(one), one) for seat, one in enumerate(changed)]
    with tempfile.TemporaryFile() as file:
        _, merging = cost_of(lambda: merge_to(file.write, basis, Rule.MEAN, good))
    decoding = replace(decoding, memory=decoding.memory - ref.size)
    found = {"encode": encoding, "name": naming, "check": looking, "decode": decoding}
    return found | {"compare": comparing, "merge of three": merging}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
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
    costs = measure_memory(options.megabytes)
    print("through files          memory, MB    files read and written, sets")
    for step, cost in costs.items():
        moved = cost.moved / (options.megabytes * 1_000_000)
        print(f"  {step:20}{max(cost.memory, 0) / 1e6:11.0f}{moved:32.1f}")
    most = max(cost.memory for cost in costs.values())
    print(f"at most {max(most, 0) / 1e6:.0f} MB (target: at most {MOST_MEMORY / 1e6:.0f})")
    return int(options.check and (found["ratio"] > TARGET or most > MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
