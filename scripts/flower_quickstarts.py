"""Flower's own quickstart apps, their clients' code unchanged, here and under Flower's simulation: the same accuracy?

    python scripts/flower_quickstarts.py CHECKOUT --mnist FILE.npz [--app NAME ...] [--seed 0] [--set NAME=NUMBER]

CHECKOUT: of Flower's repository, with ``examples``. Their data sets are named as on a hub; here they are folders of
those names in a temporary working folder, from scikit-learn and the MNIST file (``x_train``, ``y_train``, ``x_test``,
``y_test``), which also stands in for CIFAR-10, as coloured digits. Needs the extra ``flower``, and beside it
``flwr[simulation]``, ``flwr-datasets``, ``torchvision``, and what the apps are made with. ``--set`` is for a number of
the app's run configuration, ``--rounding`` says what rounding alone comes to.

What learners do is the same on both sides: members, data, rounds, first weights and random numbers, everybody trains in
each round, and the weights are their mean. What is left is the vote: one that accepts all, and the default.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

# For all apps.
MEMBERS, ROUNDS, IMAGES = 3, 8, 2400
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
    "numpy": App("random_metric", True, ("numpy",)),
}


def write_data(folder: Path, mnist: Path) -> None:
    """The data sets as parquet files, each in a folder of the name by which the apps ask for it."""
    import datasets
    from PIL import Image
    from sklearn.datasets import load_iris

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


@dataclass(frozen=True, slots=True)
class Case:
    """An app's folder, the seed, and what its run configuration has instead of its own."""

    name: str
    folder: Path
    seed: int
    numbers: Mapping[str, float]

    def app(self) -> Any:
        from colearn_ledger.learners.flower_app import FlowerApp

        return FlowerApp(self.folder, run_config={"num-server-rounds": ROUNDS, **self.numbers}, seed=self.seed)


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
    """The simulation's last weights, and those of joint rounds by either vote, by one function."""
    from colearn_ledger import run
    from colearn_ledger.core.merge.rules import DEFAULT_ORDER, Rule
    from colearn_ledger.learners.flower_client import as_arrays

    first, last = simulated(case)
    found: dict[str, Any] = {}
    for vote, order in ((ALL_ACCEPTED, (Rule.MEAN,)), (DEFAULT, DEFAULT_ORDER)):
        everyone = learners(case, vote)
        weights = everyone[0].mli_get_current_weights().weights
        if vote == ALL_ACCEPTED:
            if not all(np.array_equal(*pair) for pair in zip(as_arrays(weights), first, strict=True)):
                raise SystemExit(f"{case.name}: the first weights are others than the simulation's")
            tree = dict(zip(weights, last, strict=True)) if isinstance(weights, dict) else last
            found |= {"before": score(everyone, weights), "simulation": score(everyone, tree)}
        results = run(ROUNDS, everyone, rounds="joint", merge_order=order)
        weights = everyone[0].mli_get_current_weights().weights
        found[vote] = score(everyone, weights)
        found[f"{vote} accepted"] = sum(result.accepted for result in results.rounds)
        if vote == ALL_ACCEPTED:
            pairs = zip(as_arrays(weights), last, strict=True)
            found["apart"] = max(float(np.abs(one - other).max()) for one, other in pairs)
    return found


def simulated(case: Case) -> tuple[list[Any], list[Any]]:
    """The first and the last weights of Flower's simulation."""
    _without_triton()
    sys.path.insert(0, str(case.folder))
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    from colearn_ledger.learners.randomness import seeded

    app, seen = case.app(), everyone_trains()

    class Told(ClientApp):  # type: ignore[misc]
        """The app's client: with its run's configuration, which a simulation from Python leaves empty, and with the
        random numbers that it has here."""

        def __call__(self, message: Any, context: Any) -> Any:
            _without_triton()
            client = case.app().component("clientapp")
            (config,) = message.content.config_records.values()
            with seeded(case.seed + int(context.node_config["partition-id"]), int(config["server-round"])):
                return client(message, replace(context, run_config=app.run_config))

    theirs = app.component("serverapp")
    server = ServerApp()

    @server.main()
    def main(grid: Any, context: Any) -> None:
        with seeded(case.seed, 0):
            theirs(grid, replace(context, run_config=app.run_config))

    resources = {"client_resources": {"num_cpus": os.cpu_count() or 1, "num_gpus": 0}}
    run_simulation(server, Told(), MEMBERS, backend_config=resources)
    return seen["first"], seen["last"]


def by_rounding(case: Case) -> dict[str, float]:
    """Plain averaging, without Flower's server and without votes, in two types: nothing but the rounding differs."""
    from colearn_ledger import Weights

    _without_triton()
    found = {}
    for kind in (np.float64, np.float32):
        everyone = learners(case, ALL_ACCEPTED)
        for number in range(1, ROUNDS + 1):
            trained = []
            for learner in everyone:
                learner.mli_begin_round(number)
                trained.append(learner.mli_propose_weights().weights)
            named = isinstance(trained[0], dict)
            leaves = zip(*(tree.values() if named else tree for tree in trained), strict=True)
            means = [np.mean(leaf, axis=0, dtype=kind).astype(leaf[0].dtype) for leaf in leaves]
            for learner in everyone:
                learner.mli_accept_weights(Weights(dict(zip(trained[0], means, strict=True)) if named else means))
        found[kind.__name__] = score(everyone, everyone[0].mli_get_current_weights().weights)
    return found


@functools.cache
def everyone_trains() -> dict[str, list[Any]]:
    """From now on all clients train in each round, where the apps' servers differ in how many they choose, and in this
    are the weights that a ServerApp has begun and ended with."""
    from flwr.serverapp import strategy

    seen: dict[str, list[Any]] = {}

    class Everyone(strategy.FedAvg):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            nodes = {"min_train_nodes": MEMBERS, "min_available_nodes": MEMBERS}
            super().__init__(**{**options, "fraction_train": 1.0, "fraction_evaluate": 0.0, **nodes})

        def start(self, grid: Any, initial_arrays: Any, **options: Any) -> Any:
            first = initial_arrays.to_numpy_ndarrays()
            result = super().start(grid, initial_arrays, **options)
            seen.update(first=first, last=result.arrays.to_numpy_ndarrays())
            return result

    strategy.FedAvg = Everyone
    return seen


def _without_triton() -> None:
    """PyTorch loads it where TensorFlow is loaded, too, and the two's LLVM abort a process."""
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


def row(name: str, found: Mapping[str, Any]) -> str:
    """Of the page's table."""
    made_with = ", ".join(f"{package} {version(package)}" for package in APPS[name].packages)
    scores = [f"{found[key]:.4f}" for key in ("before", "simulation", ALL_ACCEPTED, DEFAULT)]
    accepted = [f"{found[f'{vote} accepted']} of {ROUNDS}" for vote in (ALL_ACCEPTED, DEFAULT)]
    cells = [name, made_with, APPS[name].criterion, *scores[:3], f"{found['apart']:.0e}", accepted[0], scores[3]]
    return f"| {' | '.join([*cells, accepted[1]])} |"


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
    parser.add_argument("--rounding", action="store_true", help="instead: plain averaging in float64 and in float32")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:  # in a process of its own: an app's modules and frameworks, and Ray
        (name,) = options.app
        folder = options.checkout / "examples" / f"quickstart-{name}"
        numbers = {key: json.loads(value) for key, _, value in (text.partition("=") for text in options.set)}
        case = Case(name, folder, options.seed, numbers)
        print(json.dumps(by_rounding(case) if options.rounding else measured(case)))
        return 0
    worst = 0
    alone = {"HF_HUB_OFFLINE": "1", "FLWR_TELEMETRY_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="colearn-flower-") as work:
        write_data(Path(work), options.mnist)
        print(f"Flower {version('flwr')}, {MEMBERS} members, {ROUNDS} rounds, seed {options.seed}", flush=True)
        print(HEAD, flush=True)
        for name in options.app or APPS:
            words = [str(options.checkout.absolute()), "--mnist", str(options.mnist.absolute())]
            words += ["--seed", str(options.seed), *(f"--set={text}" for text in options.set)]
            words += ["--rounding"] * options.rounding
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
            if options.rounding:
                print(f"{name}: {found}", flush=True)
                continue
            print(row(name, found), flush=True)
            print(f"{name}: {seconds}", file=sys.stderr, flush=True)
            if abs(found[ALL_ACCEPTED] - found["simulation"]) > NEAR:
                worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
