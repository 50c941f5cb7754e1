"""Flower's own quickstart apps, their code unchanged, here and under Flower's simulation: the same accuracy?

    python scripts/flower_quickstarts.py CHECKOUT --mnist FILE.npz [--app NAME ...]

CHECKOUT: of Flower's repository, with ``examples``. Their data sets are named as on a hub; here they are folders of
those names in a temporary working folder, from scikit-learn and the MNIST file (``x_train``, ``y_train``, ``x_test``,
``y_test``), which also stands in for CIFAR-10, as coloured digits. Needs the extra ``flower``, and beside it
``flwr[simulation]``, ``flwr-datasets``, ``torchvision``, and what the apps are made with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

MEMBERS, IMAGES = 5, 4000


@dataclass(frozen=True)
class App:
    """How an app is run: what votes are by, and what its run's configuration has instead of its own."""

    criterion: str
    higher_is_better: bool
    rounds: int
    packages: tuple[str, ...]
    run_config: dict[str, Any] = field(default_factory=dict)
    vote_policy: str = "margin:-0.01"


APPS = {
    "numpy": App("random_metric", True, 3, ("numpy",)),
    "sklearn": App("accuracy", True, 25, ("scikit-learn",), vote_policy="margin:-0.05"),
    "pytorch": App("eval_acc", True, 10, ("torch", "torchvision"), {"num-server-rounds": 10}, "margin:-0.05"),
    "tensorflow": App("eval_acc", True, 3, ("keras",), {"fraction-train": 1.0}),
    "pytorch-lightning": App("eval_loss", False, 3, ("pytorch-lightning",), {"max-epochs": 1}),
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
    x, y = (np.repeat(part, 10, axis=0) for part in load_iris(return_X_y=True))
    x = x + np.random.default_rng(1).normal(0, 0.1, x.shape)  # 150 flowers are too few to see a difference of 0.01
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    columns = {name: x[:, i].tolist() for i, name in enumerate(names)}
    put("hitorilabs/iris", train=datasets.Dataset.from_dict({**columns, "species": y.tolist()}))


def learners(name: str, folder: Path) -> list[Any]:
    from colearn_ledger.learners.flower_app import FlowerApp

    app = APPS[name]
    made = FlowerApp(folder, run_config=app.run_config)
    return [
        made.learner(
            i, MEMBERS, criterion=app.criterion, higher_is_better=app.higher_is_better, vote_policy=app.vote_policy
        )
        for i in range(MEMBERS)
    ]


def score(everyone: list[Any], weights: Any) -> float:
    """The mean of the app's own metric over its members, with the sign by which the app gives it."""
    from colearn_ledger import Weights

    found = [learner.mli_test_weights(Weights(weights)) for learner in everyone]
    return float(np.mean([one.evaluation_results[one.criterion] for one in found]))


def here(name: str, folder: Path) -> dict[str, Any]:
    from colearn_ledger import run

    everyone = learners(name, folder)
    before = score(everyone, everyone[0].mli_get_current_weights().weights)
    results = run(APPS[name].rounds, everyone, rounds="joint")
    accepted = sum(result.accepted for result in results.rounds)
    return {
        "before": before,
        "here": score(everyone, everyone[0].mli_get_current_weights().weights),
        "accepted": accepted,
        "rounds": len(results.rounds),
    }


def simulated(name: str, folder: Path) -> dict[str, Any]:
    """What Flower's simulation comes to: the weights that its server has evaluated last."""
    _without_triton()
    sys.path.insert(0, str(folder))
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    from colearn_ledger.learners.flower_app import FlowerApp

    made = FlowerApp(folder, run_config=APPS[name].run_config)
    last: list[Any] = []

    class Told(ClientApp):  # type: ignore[misc]
        """The app's client, told the configuration of its run, which a simulation from Python leaves empty."""

        def __call__(self, message: Any, context: Any) -> Any:
            _without_triton()
            told = replace(context, run_config=made.run_config)
            return FlowerApp(folder, run_config=APPS[name].run_config).component("clientapp")(message, told)

    class Recording:
        def __init__(self, grid: Any) -> None:
            self._grid = grid

        def __getattr__(self, name: str) -> Any:
            return getattr(self._grid, name)

        def send_and_receive(self, messages: Any, **options: Any) -> Any:
            messages = [*messages]
            if messages and messages[0].metadata.message_type == "evaluate":
                last[:] = next(iter(messages[0].content.array_records.values())).to_numpy_ndarrays()
            return self._grid.send_and_receive(messages, **options)

    server = ServerApp()

    @server.main()
    def main(grid: Any, context: Any) -> None:
        made.component("serverapp")(Recording(grid), replace(context, run_config=made.run_config))

    resources = {"client_resources": {"num_cpus": os.cpu_count() or 1, "num_gpus": 0}}
    run_simulation(server, Told(), MEMBERS, backend_config=resources)
    everyone = learners(name, folder)
    weights = everyone[0].mli_get_current_weights().weights
    tree = dict(zip(weights, last, strict=True)) if isinstance(weights, dict) else last
    return {"simulation": score(everyone, tree)}


def _without_triton() -> None:
    """PyTorch loads it where TensorFlow is loaded, too, and the two's LLVM abort a process."""
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--app", action="append", choices=APPS)
    parser.add_argument("--part", choices=("here", "simulated"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:  # each in a process of its own: an app's modules and frameworks, and Ray
        (name,) = options.app
        folder = options.checkout / "examples" / f"quickstart-{name}"
        print(json.dumps((here if options.part == "here" else simulated)(name, folder)))
        return 0
    worst = 0
    with tempfile.TemporaryDirectory(prefix="colearn-flower-") as work:
        write_data(Path(work), options.mnist)
        print(f"Flower {version('flwr')}, {MEMBERS} members, Python {sys.version.split()[0]}")
        print("| App | Made with | Votes by | Before | Here | Simulation | Accepted |\n|---|---|---|---|---|---|---|")
        for name in options.app or APPS:
            found: dict[str, Any] = {}
            for part in ("here", "simulated"):
                words = [str(options.checkout.absolute()), "--mnist", str(options.mnist.absolute())]
                started = time.monotonic()
                done = subprocess.run(
                    [
                        sys.executable,
                        "-W",
                        "ignore",
                        str(Path(__file__).absolute()),
                        *words,
                        "--app",
                        name,
                        "--part",
                        part,
                    ],
                    cwd=work,
                    env={**os.environ, "HF_HUB_OFFLINE": "1", "FLWR_TELEMETRY_ENABLED": "0", "RAY_DEDUP_LOGS": "0"},
                    capture_output=True,
                    text=True,
                )
                if done.returncode:
                    print(f"{name}, {part}: failed after {time.monotonic() - started:.0f} s\n{done.stderr[-3000:]}")
                    worst = 1
                    continue
                found |= json.loads(done.stdout.splitlines()[-1])
            cells = [f"{found[key]:.4f}" if key in found else "–" for key in ("before", "here", "simulation")]
            made_with = ", ".join(f"{package} {version(package)}" for package in APPS[name].packages)
            accepted = f"{found.get('accepted')} of {found.get('rounds')}"
            print(" | ".join([f"| {name}", made_with, APPS[name].criterion, *cells, f"{accepted} |"]), flush=True)
            if name != "numpy" and abs(found.get("here", np.inf) - found.get("simulation", np.inf)) > 0.01:
                worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
