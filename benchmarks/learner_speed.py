"""Steps a second of the PyTorch learner, against a bare loop of PyTorch's on the same model, data and device.

    python -m benchmarks.learner_speed [--device cuda] [--precision bf16] [--steps N] [--repeat N]
    python -m benchmarks.learner_speed --check     and fail below the target
    python -m benchmarks.learner_speed --json FILE

The learner's time is that of a whole proposal: a new optimizer, the steps, estimating batch normalization anew, and
copying the weights out and back. The bare loop draws shuffled batches out of tensors that lie on the device, and waits
for the device at its end. The two take turns; the ratio is the median of those of neighbours. On the CPU it is the
process's time that counts, so that others on the machine count less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from colearn_ledger.learners.torch import TorchLearner

__all__ = ["CASES", "TARGET", "Speed", "measure"]

TARGET = 0.95


def small() -> torch.nn.Module:
    """Digits: two convolutions, 61 thousand weights."""
    nn = torch.nn
    layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 32), nn.ReLU(), nn.Linear(32, 10))


def large() -> torch.nn.Module:
    """Seven convolutions with batch normalization, 4.7 million weights."""
    nn, layers, before = torch.nn, [], 1
    for wide, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)):
        layers += [nn.Conv2d(before, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        before = wide
    return nn.Sequential(
        *layers, nn.Conv2d(512, 512, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
    )


@dataclass(frozen=True)
class Case:
    """A model, the samples of a batch, and how many steps are timed on the CPU and elsewhere."""

    model: Callable[[], torch.nn.Module]
    batch_size: int
    steps: tuple[int, int]


CASES = {"small": Case(small, 32, (100, 600)), "large": Case(large, 128, (3, 300))}


@dataclass(frozen=True)
class Speed:
    """What was measured: steps a second, medians, and the ratio of the learner's to the bare loop's."""

    case: str
    device: str
    precision: str
    bare: float
    learner: float
    ratio: float


def digits(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (n, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, n)


def bare_loop(
    model: torch.nn.Module, data: tuple[Any, Any], device: str, precision: str, case: Case, steps: int
) -> float:
    """Seconds of that many steps."""
    x, y = (torch.from_numpy(part).to(device) for part in data)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    kind = torch.device(device).type
    scaler = torch.amp.GradScaler(kind, enabled=precision == "fp16")
    model.train()
    wait(device)
    start = clock(device)
    optimizer = torch.optim.Adam(model.parameters())
    done = 0
    while done < steps:
        for rows in torch.randperm(len(x), device=device).split(case.batch_size)[: steps - done]:
            optimizer.zero_grad()
            with torch.autocast(kind, half, enabled=half is not None):
                loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            done += 1
    wait(device)
    return clock(device) - start


def clock(device: str) -> float:
    return time.process_time() if torch.device(device).type == "cpu" else time.perf_counter()


def wait(device: str) -> None:
    if torch.device(device).type != "cpu":
        torch.get_device_module(device).synchronize()


def measure(case: str, device: str, precision: str = "float32", *, steps: int | None = None, repeat: int = 5) -> Speed:
    """One case on one device, after one round of each that isn't timed."""
    wanted = CASES[case]
    steps = steps or wanted.steps[torch.device(device).type != "cpu"]
    data = digits(wanted.batch_size * 20)
    few = digits(256)
    options: Any = {"device": device, "precision": precision, "steps_per_round": steps}
    learner = TorchLearner(wanted.model(), data, few, few, batch_size=wanted.batch_size, **options)
    model = wanted.model().to(device)
    bare, ours = [], []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(repeat + 1):
            bare.append(bare_loop(model, data, device, precision, wanted, steps))
            start = clock(device)
            learner.mli_propose_weights()
            ours.append(clock(device) - start)
    finally:
        torch.set_num_threads(threads)
    del bare[0], ours[0]
    ratio = statistics.median(b / o for b, o in zip(bare, ours, strict=True))
    fast = [steps / statistics.median(seconds) for seconds in (bare, ours)]
    return Speed(case, device, precision, fast[0], fast[1], ratio)


def card(device: str) -> str:
    """What computes, for people."""
    if torch.device(device).type == "cuda":
        return f"{torch.cuda.get_device_name(torch.device(device))}, CUDA {torch.version.cuda}"
    return f"{platform.processor() or platform.machine()}, one thread of {os.cpu_count()}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Steps a second of the PyTorch learner, against a bare loop.")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or mps (default: %(default)s)")
    parser.add_argument("--precision", default="float32", choices=("float32", "bf16", "fp16"))
    parser.add_argument("--case", action="append", choices=tuple(CASES), help="only this model")
    parser.add_argument("--steps", type=int, help="a round has (default: by model and device)")
    parser.add_argument("--repeat", type=int, default=5, help="rounds of each (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help=f"fail below a ratio of {TARGET}")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    given = parser.parse_args(argv)
    name = card(given.device)
    print(f"steps a second of a PyTorch learner on {name}; PyTorch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    print(f"{'model':8}{'precision':>11}{'bare loop':>11}{'learner':>9}{'ratio':>7}  (target: at least {TARGET})")
    found = []
    for case in given.case or CASES:
        speed = measure(case, given.device, given.precision, steps=given.steps, repeat=given.repeat)
        found.append(speed)
        print(f"{case:8}{speed.precision:>11}{speed.bare:11.1f}{speed.learner:9.1f}{speed.ratio:7.3f}", flush=True)
    if given.json is not None:
        figures = {"card": name, "torch": torch.__version__, "speeds": [asdict(speed) for speed in found]}
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(given.check and any(speed.ratio < TARGET for speed in found))


if __name__ == "__main__":
    sys.exit(main())
