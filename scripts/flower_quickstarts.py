"""Flower's own quickstart apps, their clients' code unchanged, here and under Flower's simulation: the same accuracy?

    python scripts/flower_quickstarts.py CHECKOUT --mnist FILE.npz [--app NAME ...] [--seed 0] [--set NAME=NUMBER]
                                         [--one-merge] [--starts 1]

CHECKOUT: of Flower's repository, with ``examples``. Their data sets are named as on a hub; here they are folders of
those names in a temporary working folder, from scikit-learn and the MNIST file (``x_train``, ``y_train``, ``x_test``,
``y_test``), which also stands in for CIFAR-10, as coloured digits. Needs the extra ``flower``, and beside it
``flwr[simulation]``, ``flwr-datasets``, ``torchvision``, and what the apps are made with. ``--set`` is for a number of
the app's run configuration. Two options are for what rounding comes to: with ``--one-merge`` the simulation's server
merges by the rule that is used here, which rounds otherwise than ``FedAvg``; with ``--starts N`` everything is done N
times on both sides, the first time from the app's own first weights, then from these with each number moved to the next
one above or below, and means are compared.

What learners do is the same on both sides: members, data, rounds, first weights and random numbers, everybody trains in
each round, and the weights are their mean. What is left is the vote: one that accepts all, and the default.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

LIB = str(Path(__file__).resolve().parent / "lib")
sys.path.insert(0, LIB)
from flower_simulation import MEMBERS, ROUNDS, Case, moved, simulated  # noqa: E402

IMAGES = 2400
ALL_ACCEPTED, DEFAULT = "margin:-1e9", "not-worse"
NEAR = 0.01


@dataclass(frozen=True, slots=True)
class App:
    """What its evaluate tells, and what it is made with."""

    criterion: str
    higher_is_better: bool
    packages: tuple[str, ...]


APPS = {
    "sklearn": App("accuracy", True, ("scikit-learn",)),
    "pytorch": App("eval_acc", True, ("torch", "torchvision")),
    "tensorflow": App("eval_acc", True, ("keras",)),
    "pytorch-lightning": App("eval_loss", False, ("pytorch-lightning",)),
    "jax": App("eval_acc", True, ("jax", "flax")),
    "fl-tabular": App("accuracy", True, ("torch", "scikit-learn")),
    "numpy": App("random_metric", True, ("numpy",)),
}


def write_data(folder: Path, mnist: Path) -> None:
    """The data sets as parquet files, each in a folder of the name by which the apps ask for it."""
    import datasets
    from PIL import Image
    from sklearn.datasets import load_breast_cancer, load_iris

    def put(name: str, **splits: Any) -> None:
        (folder / name).mkdir(parents=True)
        for split, data in splits.items():
            data.to_parquet(folder / name / f"{split}.parquet")

    def images(x: Any, y: Any, column: str) -> Any:
        kinds = datasets.Features({column: datasets.Image(), "label": datasets.ClassLabel(10)})
        rows = {column: [Image.fromarray(one) for one in x], "label": y.astype(int).tolist()}
        return datasets.Dataset.from_dict(rows, features=kinds)

    def coloured(x: Any) -> Any:
        return np.repeat(np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None], 3, axis=-1)

    with np.load(mnist) as file:
        rng = np.random.default_rng(1)
        rows = {split: rng.permutation(len(file[f"y_{split}"])) for split in ("train", "test")}
        train = [file[f"{part}_train"][rows["train"][:IMAGES]] for part in "xy"]
        test = [file[f"{part}_test"][rows["test"][:500]] for part in "xy"]
    put("ylecun/mnist", train=images(*train, "image"), test=images(*test, "image"))
    put(
        "uoft-cs/cifar10",
        train=images(coloured(train[0]), train[1], "img"),
        test=images(coloured(test[0]), test[1], "img"),
    )
    x, y = load_iris(return_X_y=True)
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    columns = {name: x[:, i].tolist() for i, name in enumerate(names)}
    put("hitorilabs/iris", train=datasets.Dataset.from_dict({**columns, "species": y.tolist()}))
    x, y = load_breast_cancer(return_X_y=True)
    table: dict[str, Any] = {f"number_{i}": x[:, i].tolist() for i in range(10)}
    for i in range(10, 14):  # the census has texts, too
        table[f"text_{i}"] = np.array(["low", "mid", "top"])[np.digitize(x[:, i], np.quantile(x[:, i], [1 / 3, 2 / 3]))]
    table["income"] = np.where(y == 1, ">50K", "<=50K")
    put("scikit-learn/adult-census-income", train=datasets.Dataset.from_dict(table))


def learners(case: Case, vote_policy: str) -> list[Any]:
    app, of = case.app(), APPS[case.name]
    options = {"criterion": of.criterion, "higher_is_better": of.higher_is_better, "vote_policy": vote_policy}
    return [app.learner(i, MEMBERS, **options) for i in range(MEMBERS)]


def score(everyone: Sequence[Any], weights: Any) -> float:
    """The mean of the app's own metric over its members, with the sign by which the app gives it."""
    from colearn_ledger import Weights

    found = [learner.mli_test_weights(Weights(weights)) for learner in everyone]
    return float(np.mean([one.evaluation_results[one.criterion] for one in found]))


def measured(case: Case) -> dict[str, Any]:
    """The simulation's last weights, and those of joint rounds by either vote, by one function; a figure a start."""
    from colearn_ledger import Weights, run
    from colearn_ledger.core.merge.rules import DEFAULT_ORDER, Rule
    from colearn_ledger.learners.flower_client import as_arrays

    found: dict[str, Any] = {key: [] for key in ("before", "simulation", "apart", ALL_ACCEPTED, DEFAULT)}
    accepted = found["accepted"] = {ALL_ACCEPTED: 0, DEFAULT: 0}
    for number, (first, last) in enumerate(simulated(case)):
        for vote, order in ((ALL_ACCEPTED, (Rule.MEAN,)), (DEFAULT, DEFAULT_ORDER)):
            if vote == DEFAULT and number:
                continue
            everyone = learners(case, vote)
            weights = everyone[0].mli_get_current_weights().weights
            own = moved(as_arrays(weights), number)
            if not all(np.array_equal(*pair) for pair in zip(own, first, strict=True)):
                raise SystemExit(f"{case.name}: the first weights are others than the simulation's")
            start, end = (
                dict(zip(weights, one, strict=True)) if isinstance(weights, dict) else one for one in (own, last)
            )
            if vote == ALL_ACCEPTED:
                found["before"].append(score(everyone, start))
                found["simulation"].append(score(everyone, end))
            for learner in everyone:
                learner.mli_accept_weights(Weights(start))
            results = run(ROUNDS, everyone, rounds="joint", merge_order=order)
            weights = everyone[0].mli_get_current_weights().weights
            found[vote].append(score(everyone, weights))
            accepted[vote] += sum(result.accepted for result in results.rounds)
            if vote == ALL_ACCEPTED:
                pairs = zip(as_arrays(weights), last, strict=True)
                found["apart"].append(max(float(np.abs(one - other).max()) for one, other in pairs))
    return found


def row(name: str, found: Mapping[str, Any]) -> str:
    """Of the page's table."""
    made_with = ", ".join(f"{package} {version(package)}" for package in APPS[name].packages)
    scores = [_figure(found[key]) for key in ("before", "simulation", ALL_ACCEPTED, DEFAULT)]
    starts = len(found["simulation"])
    accepted = [
        f"{found['accepted'][vote]} of {ROUNDS * count}" for vote, count in ((ALL_ACCEPTED, starts), (DEFAULT, 1))
    ]
    cells = [name, made_with, APPS[name].criterion, *scores[:3], f"{max(found['apart']):.0e}", accepted[0], scores[3]]
    return f"| {' | '.join([*cells, accepted[1]])} |"


def difference(found: Mapping[str, Any]) -> tuple[float, float]:
    """By how much the two sides' means differ, and the standard error of that; 0 of one start alone."""
    here, there = (np.array(found[key]) for key in (ALL_ACCEPTED, "simulation"))
    return float(here.mean() - there.mean()), float(np.hypot(_error(here), _error(there)))


def _figure(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f}" + (f" ± {_error(np.array(values)):.4f}" if len(values) > 1 else "")


def _error(values: Any) -> float:
    """The standard error of a mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


HEAD = (
    "| App | Made with | By | Before | Simulation | Here | Weights apart | Accepted | Here, default vote | Accepted |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--app", action="append", choices=APPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--one-merge", action="store_true", help="the simulation merges by the rule that is used here")
    parser.add_argument("--starts", type=int, default=1, help="from so many first weights, a last digit apart")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:  # in a process of its own: an app's modules and frameworks, and Ray
        (name,) = options.app
        examples = options.checkout / "examples"
        folder = examples / name if (examples / name).is_dir() else examples / f"quickstart-{name}"
        numbers = {key: json.loads(value) for key, _, value in (text.partition("=") for text in options.set)}
        print(json.dumps(measured(Case(name, folder, options.seed, numbers, options.one_merge, options.starts))))
        return 0
    worst = 0
    alone = {"HF_HUB_OFFLINE": "1", "FLWR_TELEMETRY_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    alone["PYTHONPATH"] = os.pathsep.join(
        [LIB, *filter(None, [os.environ.get("PYTHONPATH")])]
    )  # also for Ray's workers
    with tempfile.TemporaryDirectory(prefix="colearn-flower-") as work:
        write_data(Path(work), options.mnist)
        print(f"Flower {version('flwr')}, {MEMBERS} members, {ROUNDS} rounds, seed {options.seed}", flush=True)
        print(HEAD, flush=True)
        for name in options.app or APPS:
            words = [str(options.checkout.absolute()), "--mnist", str(options.mnist.absolute())]
            words += ["--seed", str(options.seed), *(f"--set={text}" for text in options.set)]
            words += ["--one-merge"] * options.one_merge + ["--starts", str(options.starts)]
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-W", "ignore", str(Path(__file__).absolute()), *words, "--app", name, "--alone"],
                cwd=work,
                env={**os.environ, **alone},
                capture_output=True,
                text=True,
            )
            seconds = f"{time.monotonic() - started:.0f} s"
            if done.returncode:
                print(f"{name}: failed after {seconds}\n{done.stderr[-3000:]}", flush=True)
                worst = 1
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            print(row(name, found), flush=True)
            print(f"{name}: {seconds}", file=sys.stderr, flush=True)
            apart, error = difference(found)
            if options.starts > 1:
                for side, key in (("simulation", "simulation"), ("here", ALL_ACCEPTED)):
                    print(f"{name}, {side}: {', '.join(f'{value:.4f}' for value in sorted(found[key]))}", flush=True)
                print(f"{name}: the means differ by {apart:.4f}, with a standard error of {error:.4f}", flush=True)
            if abs(apart) > max(NEAR, 2 * error):
                worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
