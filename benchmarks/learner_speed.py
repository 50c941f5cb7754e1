"""Steps a second of the PyTorch learner, against a bare loop of PyTorch's on the same model, data and device.

    python -m benchmarks.learner_speed [--device cuda] [--precision bf16] [--steps N] [--repeat N]
    python -m benchmarks.learner_speed --check     and fail below the target
    python -m benchmarks.learner_speed --json FILE

The bare loop draws shuffled batches out of tensors that lie on the device, and waits for the device at its end. A
proposal of the learner is more than its steps: batch normalization is estimated anew on some thousand samples, and the
weights are copied out and back. So two things are told: the ratio of the steps alone, and what a proposal costs beyond
them. The target is for the whole proposal, in a round of the length in the table (the large model's is one pass over
60,000 samples). Where fewer steps are timed, as on the CPU, the whole is reckoned from the two.

Learner and loop take turns; ratios are medians of those of neighbours. On the CPU it is the process's time that counts,
so that others on the machine count less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    """A model, the samples of a batch, how many samples and steps are timed on the CPU and elsewhere, and how many
    steps a round has."""

    model: Callable[[], torch.nn.Module]
    batch_size: int
    samples: tuple[int, int]
    steps: tuple[int, int]
    round: int


CASES = {
    "small": Case(small, 32, (640, 20_000), (100, 600), 600),
    "large": Case(large, 128, (2560, 60_000), (3, 468), 468),
}


@dataclass(frozen=True)
class Speed:
    """What was measured: medians.

    Attributes
    ----------
    bare, learner: steps a second of the bare loop, and of whole proposals in rounds of ``round`` steps.
    ratio: of these two.
    step_ratio: of the steps alone.
    fixed_ms, fixed_steps: what a proposal takes beyond its steps, in milliseconds and in steps.
    parts_ms: what of it was found in which method.
    timed: how many steps a timed round had.
    """

    case: str
    device: str
    precision: str
    round: int
    bare: float
    learner: float
    ratio: float
    step_ratio: float
    fixed_ms: float
    fixed_steps: float
    parts_ms: dict[str, float]
    timed: int


@dataclass(frozen=True)
class Took:
    """Seconds of a step, and of what comes once in a round."""

    step: float
    fixed: float

    @classmethod
    def of(cls, start: float, first: float, last: float, end: float, steps: int) -> Took:
        """Out of the clock at the start, after the first and the last step, and at the end."""
        step = (last - first) / (steps - 1)
        return cls(step, end - start - steps * step)

    def round(self, steps: int) -> float:
        return self.fixed + steps * self.step


class Watched(TorchLearner):
    """A learner that tells what its methods take: ``spent``, seconds by their names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.spent: Counter[str] = Counter()
        self.place = options["device"]
        super().__init__(*args, **options)

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        wait(self.place)
        start = clock(self.place)
        yield
        wait(self.place)
        self.spent[name] += clock(self.place) - start

    def settle(self, rng: np.random.Generator) -> None:
        with self.watching("settle"):
            super().settle(rng)

    def read_weights(self) -> Any:
        with self.watching("read_weights"):
            return super().read_weights()

    def write_weights(self, weights: Any) -> None:
        with self.watching("write_weights"):
            super().write_weights(weights)


def digits(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 1, 28, 28), np.float32), rng.integers(0, 10, n)


def bare_loop(
    model: torch.nn.Module, data: tuple[Any, Any], device: str, precision: str, case: Case, steps: int
) -> Took:
    """That many steps; the data are on the device."""
    x, y = data
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    kind = torch.device(device).type
    scaler = torch.amp.GradScaler(kind, enabled=precision == "fp16")
    model.train()
    wait(device)
    start = first = clock(device)
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
            if done == 1:
                wait(device)
                first = clock(device)
    wait(device)
    last = clock(device)
    return Took.of(start, first, last, last, steps)


def proposal(learner: TorchLearner, device: str, steps: int) -> Took:
    """A whole proposal of the learner's."""
    done, marks = 0, []

    def after_each(*_: int) -> bool:
        nonlocal done
        done += 1
        if done in (1, steps):
            wait(device)
            marks.append(clock(device))
        return True

    learner.mli_set_pause(after_each)
    wait(device)
    start = clock(device)
    learner.mli_propose_weights()
    wait(device)
    return Took.of(start, marks[0], marks[1], clock(device), steps)


def clock(device: str) -> float:
    return time.process_time() if torch.device(device).type == "cpu" else time.perf_counter()


def wait(device: str) -> None:
    if torch.device(device).type != "cpu":
        torch.get_device_module(device).synchronize()


def measure(case: str, device: str, precision: str = "float32", *, steps: int | None = None, repeat: int = 5) -> Speed:
    """One case on one device, after one round of each that isn't timed. ``steps`` are timed, 2 or more."""
    wanted = CASES[case]
    elsewhere = torch.device(device).type != "cpu"
    steps = steps or wanted.steps[elsewhere]
    data = digits(wanted.samples[elsewhere])
    few = digits(256)
    options: Any = {"device": device, "precision": precision, "steps_per_round": steps}
    learner = Watched(wanted.model(), data, few, few, batch_size=wanted.batch_size, **options)
    model = wanted.model().to(device)
    x, y = (torch.from_numpy(part).to(device) for part in data)
    pairs = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for i in range(repeat + 1):
            if i == 1:
                learner.spent.clear()
                pairs.clear()
            pairs.append((bare_loop(model, (x, y), device, precision, wanted, steps), proposal(learner, device, steps)))
    finally:
        torch.set_num_threads(threads)
    bare, ours = ([took.round(wanted.round) for took in side] for side in zip(*pairs, strict=True))
    fixed = statistics.median(o.fixed for _, o in pairs)
    return Speed(
        *(case, device, precision, wanted.round),
        bare=wanted.round / statistics.median(bare),
        learner=wanted.round / statistics.median(ours),
        ratio=statistics.median(b / o for b, o in zip(bare, ours, strict=True)),
        step_ratio=statistics.median(b.step / o.step for b, o in pairs),
        fixed_ms=1000 * fixed,
        fixed_steps=fixed / statistics.median(b.step for b, _ in pairs),
        parts_ms={name: 1000 * seconds / repeat for name, seconds in learner.spent.items()},
        timed=steps,
    )


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
    parser.add_argument("--steps", type=int, help="how many are timed (default: by model and device)")
    parser.add_argument("--repeat", type=int, default=5, help="rounds of each (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help=f"fail below a ratio of {TARGET}")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    given = parser.parse_args(argv)
    name = card(given.device)
    print(f"steps a second of a PyTorch learner on {name}; PyTorch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':26}{'whole proposals':>29}{'steps':>8}{'beyond the steps':>20}")
    heads = f"{'model':8}{'precision':>10}{'round':>8}{'bare loop':>12}{'learner':>9}{'ratio':>8}"
    print(f"{heads}{'ratio':>8}{'ms':>10}{'steps':>10}  (target: a ratio of whole proposals of at least {TARGET})")
    found = []
    for case in given.case or CASES:
        speed = measure(case, given.device, given.precision, steps=given.steps, repeat=given.repeat)
        found.append(speed)
        whole = f"{speed.round:8}{speed.bare:12.1f}{speed.learner:9.1f}{speed.ratio:8.3f}"
        parts = ", ".join(f"{name} {took:.1f} ms" for name, took in speed.parts_ms.items())
        beyond = f"{speed.fixed_ms:10.1f}{speed.fixed_steps:10.1f}"
        print(f"{case:8}{speed.precision:>10}{whole}{speed.step_ratio:8.3f}{beyond}  ({parts})", flush=True)
    if given.json is not None:
        figures = {"card": name, "torch": torch.__version__, "speeds": [asdict(speed) for speed in found]}
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(given.check and any(speed.ratio < TARGET for speed in found))


if __name__ == "__main__":
    sys.exit(main())
