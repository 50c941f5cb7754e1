"""Flower's own simulation of an app: everybody trains, with the random numbers that clients have here."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MEMBERS", "ROUNDS", "Case", "moved", "simulated"]

MEMBERS, ROUNDS = 3, 8


@dataclass(frozen=True, slots=True)
class Case:
    """An app's folder, the seed, and what its run configuration has instead of its own; whether the simulation merges
    as it is done here, and from how many starts everything is done."""

    name: str
    folder: Path
    seed: int
    numbers: Mapping[str, float]
    one_merge: bool
    starts: int

    def app(self) -> Any:
        from colearn_ledger.learners.flower_app import FlowerApp

        return FlowerApp(self.folder, run_config={"num-server-rounds": ROUNDS, **self.numbers}, seed=self.seed)


def simulated(case: Case) -> list[tuple[list[Any], list[Any]]]:
    """The first and the last weights of Flower's simulation, from each start."""
    _without_triton()
    sys.path.insert(0, str(case.folder))
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    from colearn_ledger.learners.randomness import seeded

    app, seen = case.app(), everyone_trains(case.one_merge)

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
        for seen.start in range(case.starts):
            with seeded(case.seed, 0):
                theirs(grid, replace(context, run_config=app.run_config))
        seen.start = 0  # learners ask the same ServerApp for the first weights

    resources = {"client_resources": {"num_cpus": os.cpu_count() or 1, "num_gpus": 0}}
    run_simulation(server, Told(), MEMBERS, backend_config=resources)
    return seen.weights


def moved(arrays: Sequence[Any], start: int) -> list[Any]:
    """The first weights of a start: from the second on each float is the next one above or below."""
    rng = np.random.default_rng(start)

    def near(array: Any) -> Any:
        if not start or array.dtype.kind != "f":
            return array
        return np.nextafter(array, np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype))

    return [near(array) for array in arrays]


@dataclass(slots=True)
class Seen:
    """Which start a ServerApp is at, and the first and last weights of those before it."""

    start: int = 0
    weights: list[tuple[list[Any], list[Any]]] = field(default_factory=list)


@functools.cache
def everyone_trains(one_merge: bool) -> Seen:
    """From now on all clients train in each round, where the apps' servers differ in how many they choose, and in this
    are the weights that a ServerApp has begun and ended with, each time. ``one_merge``: what they send is merged by the
    collective's rule."""
    from flwr.app import Array, ArrayRecord
    from flwr.serverapp import strategy

    seen = Seen()

    class Everyone(strategy.FedAvg):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            nodes = {"min_train_nodes": MEMBERS, "min_available_nodes": MEMBERS}
            super().__init__(**{**options, "fraction_train": 1.0, "fraction_evaluate": 0.0, **nodes})
            self._current: list[Any] = []

        def start(self, grid: Any, initial_arrays: Any, **options: Any) -> Any:
            first = self._current = moved(initial_arrays.to_numpy_ndarrays(), seen.start)
            result = super().start(grid, record(initial_arrays, first), **options)
            seen.weights.append((first, result.arrays.to_numpy_ndarrays()))
            return result

        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            replies = [*replies]
            arrays, metrics = super().aggregate_train(server_round, replies)
            if one_merge:
                trained = [next(iter(one.content.array_records.values())).to_numpy_ndarrays() for one in replies]
                arrays = record(arrays, mean(self._current, trained))
            self._current = arrays.to_numpy_ndarrays()
            return arrays, metrics

    def record(like: Any, arrays: Sequence[Any]) -> Any:
        return ArrayRecord({name: Array(np.asarray(one)) for name, one in zip(like, arrays, strict=True)})

    strategy.FedAvg = Everyone
    return seen


def mean(parent: Sequence[Any], trained: Sequence[Sequence[Any]]) -> Any:
    """By the collective's rule."""
    from colearn_ledger.core.merge.contributions import Basis
    from colearn_ledger.core.merge.merging import merge
    from colearn_ledger.core.merge.rules import Rule
    from colearn_ledger.core.schema import Schema
    from colearn_ledger.core.weights import decode, encode, weights_ref

    schema = Schema.of([*parent])
    basis = Basis.of(schema, encode([*parent], schema))
    files = [encode([*arrays], schema) for arrays in trained]
    contributions = [basis.check(seat, weights_ref(file), file) for seat, file in enumerate(files)]
    return decode(merge(basis, Rule.MEAN, contributions), schema)


def _without_triton() -> None:
    """PyTorch loads it where TensorFlow is loaded, too, and the two's LLVM abort a process."""
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]
