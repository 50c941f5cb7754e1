"""What several benchmarks need: the machine's load, and nodes of a collective in which somebody else plays a member."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colearn_node.fleet import Fleet

__all__ = ["Nodes", "load", "polling", "prepare", "running"]

FREE = "benchmarks.free_learner:make"
START_S = 120.0


def load() -> str:
    """How busy the machine is: timings of a busy one say little, ratios say more."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def prepare() -> None:
    """Let node processes find the benchmarks' learners, and give each learner's framework one thread."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    here = str(Path(__file__).resolve().parent.parent)
    paths = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    if here not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([here, *paths])


def polling(config: Path, interval_s: float) -> Path:
    """Change a node's configuration: no WebSocket, a look so often."""
    lines = [line for line in config.read_text().splitlines() if not line.startswith(("ws =", "poll_interval ="))]
    config.write_text("\n".join([f"poll_interval = {interval_s}", *lines]) + "\n")
    return config


class Nodes:
    """Running nodes and what they have said, by name."""

    def __init__(self, fleet: Fleet, said: Mapping[str, list[dict[str, Any]]]) -> None:
        self.fleet, self._said = fleet, said
        self.error: Exception | None = None

    def events(self, name: str, event: str) -> list[dict[str, Any]]:
        return [line for line in tuple(self._said[name]) if line["event"] == event]

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Raises TimeoutError when it doesn't happen, and what the nodes ended with if they did."""
        end = time.monotonic() + START_S
        while not condition():
            if self.error is not None:
                raise self.error
            if time.monotonic() > end:
                raise TimeoutError(f"did not happen within {START_S:.0f} s: {what}")
            time.sleep(0.001)


@contextmanager
def running(configs: Mapping[str, Path]) -> Iterator[Nodes]:
    """These nodes, once all hold the accepted weights and rest."""
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in configs}
    with Fleet(configs, [], lambda text: None, record=lambda name, line: said[name].append(line)) as fleet:
        nodes = Nodes(fleet, said)

        def listen() -> None:
            try:
                fleet.wait()
            except Exception as e:  # for whoever waits for the nodes
                nodes.error = e

        threading.Thread(target=listen, daemon=True).start()
        for name in configs:
            nodes.wait_until(lambda name=name: bool(nodes.events(name, "wait")), f"{name} rests")  # type: ignore[misc]
        yield nodes
