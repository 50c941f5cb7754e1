"""What Flower's ServerApps and ClientApps send each other: a ServerApp's first message, and the replies of a client."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import DataError, LearnerError, UsageError, how_to_install
from .flower_client import Config, Port, Tested, Trained, as_arrays, as_leaf, calling, numbers_of

try:
    from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
    from flwr.serverapp import Grid
except ModuleNotFoundError as error:
    raise UsageError(
        f"Flower apps need {error.name}, which is not installed",
        expected="Flower, and Python 3.11 or newer, which it asks for",
        fix=how_to_install("flower"),
    ) from error

__all__ = ["AppPort", "Asked", "ask", "context", "identify", "read_first", "with_trees"]

RUN, NODES, MOST_NODES = 1, 8, 1024
_SAMPLES = ("num-examples", "num_examples")
_GIVE_FIRST = (
    "or give the first weights, and the ServerApp isn't started: first=FILE.npz, and config={...} with what it tells"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A ServerApp's first message: its arrays by name, and what its records are called."""

    arrays: Mapping[str, Any]
    config: Mapping[str, Any]
    arrays_key: str = "arrays"
    config_key: str = "config"

    @property
    def legacy(self) -> bool:
        """Whether it is meant for a ``Client``'s ``fit``."""
        return self.arrays_key.startswith("fitins.")


class AppPort(Port):
    """A ClientApp: messages with records, in either of Flower's forms."""

    def __init__(
        self, app: Any, context: Any, asked: Asked, config: Config | None, evaluate_config: Config | None
    ) -> None:
        super().__init__(config, evaluate_config)
        self._app, self._context, self._asked = app, context, asked
        self.has_loss = asked.legacy

    def first(self) -> Any:
        return self._tree({name: as_leaf(array, name) for name, array in self._asked.arrays.items()})

    def train(self, weights: Any, round: int) -> Trained:
        config = {**self._asked.config, **self.config(round)}
        if "server-round" in self._asked.config:  # Flower's own strategies put it there, and count as rounds are here
            config["server-round"] = max(1, round)
        reply = self._reply("train", weights, config)
        records = [*reply.array_records.values()]
        if len(records) != 1:
            raise LearnerError(
                f"the Flower app's train replies with {len(records)} ArrayRecords: {_kinds(reply)}",
                expected="one, with the weights as arrays",
                fix="put the model's arrays into an ArrayRecord",
            )
        arrays = _read(records[0])
        if [*arrays] != [*self._asked.arrays]:
            raise LearnerError(
                f"the Flower app's train replies with the arrays {_some(arrays)}",
                expected=f"those of the first weights, in their order: {_some(self._asked.arrays)}",
                fix="send the same arrays as the ServerApp does",
            )
        return Trained(self._tree({name: as_leaf(array, name) for name, array in arrays.items()}), _samples(reply))

    def evaluate(self, weights: Any, round: int) -> Tested:
        config = {"server-round": max(1, round)} if "server-round" in self._asked.config else {}
        reply = self._reply("evaluate", weights, {**config, **self.evaluate_config(round)})
        metrics: dict[str, float] = {}
        told = [*reply.metric_records.items()]
        if self._asked.legacy:
            told += [(key, record) for key, record in reply.config_records.items() if key.endswith(".metrics")]
        for _, record in told:
            metrics |= numbers_of(record)
        samples = _samples(reply)
        for name in _SAMPLES:
            metrics.pop(name, None)
        if samples is None:
            raise LearnerError(
                f"the Flower app's evaluate doesn't tell how many samples it used: {_kinds(reply)}",
                expected="a MetricRecord with num-examples, as Flower's own strategies want it",
                fix="add it to the metrics",
            )
        return Tested(metrics, samples)

    def _reply(self, kind: str, weights: Any, config: Mapping[str, Any]) -> Any:
        arrays = dict(zip(self._asked.arrays, as_arrays(weights), strict=True))
        names = [self._asked.arrays_key, self._asked.config_key]
        if kind == "evaluate" and self._asked.legacy:
            names = [name.replace("fitins", "evaluateins") for name in names]
        record = ArrayRecord({name: Array(np.asarray(array, order="C")) for name, array in arrays.items()})
        content = RecordDict({names[0]: record, names[1]: ConfigRecord(dict(config))})
        with calling(f"{kind} function"):
            reply = self._app(Message(content, dst_node_id=self._context.node_id, message_type=kind), self._context)
        if not isinstance(reply, Message) or not reply.has_content():
            reason = getattr(getattr(reply, "error", None), "reason", "") if isinstance(reply, Message) else ""
            raise LearnerError(
                f"the Flower app's {kind} function gives "
                + (f"an error: {reason}" if reason else f"a {type(reply).__name__} without content"),
                expected="Message(RecordDict, reply_to=message)",
                fix="run the app under Flower to see where it fails",
            )
        return reply.content

    def _tree(self, leaves: dict[str, Any]) -> Any:
        """Arrays that are only numbered are a list, as ``NumPyClient``'s are."""
        numbered = [*leaves] == [str(i) for i in range(len(leaves))]
        return [*leaves.values()] if numbered else leaves


class _AskingGrid(Grid):  # type: ignore[misc]
    """What a ServerApp speaks to: the first client that is asked to train is none, and the app is ended."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.content: Any = None
        self._replies: dict[str, Any] = {}
        self._ids, self._nodes = itertools.count(1), NODES

    def set_run(self, run: Any) -> None:
        """Nothing: there is one run."""

    @property
    def run(self) -> Any:
        return SimpleNamespace(run_id=RUN)

    def create_message(
        self, content: Any, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Any:
        return Message(content, dst_node_id=dst_node_id, message_type=message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> Sequence[int]:
        if self.content is not None:
            raise SystemExit  # it ends threads without a word, and main functions whatever errors they catch
        self._nodes = min(2 * self._nodes, MOST_NODES)  # an app may wait for some
        return range(1, self._nodes + 1)

    def push_messages(self, messages: Iterable[Any]) -> Sequence[str]:
        replies = {str(next(self._ids)): reply for reply in self.send_and_receive(messages)}
        self._replies |= replies
        return [*replies]

    def pull_messages(self, message_ids: Iterable[str]) -> Sequence[Any]:
        return [self._replies[one] for one in message_ids]

    def send_and_receive(self, messages: Iterable[Any], *, timeout: float | None = None) -> Sequence[Any]:
        """Something else than a training is asked of the first member's own client."""
        first = next(iter(messages), None)
        if first is None:
            return []
        if first.metadata.message_type.partition(".")[0] == "train" and self.content is None:
            self.content = first.content
        if self.content is not None:  # Flower's older servers ask in threads, whose errors end nothing
            raise SystemExit
        with calling("ClientApp"):
            return [self._client(first)]


def identify() -> None:
    """Flower's messages ask the process which run it belongs to; it has no public name for saying so."""
    try:
        from flwr.supercore.task_identity import TaskIdentity
    except ModuleNotFoundError:  # another version, whose messages don't ask
        return
    try:
        TaskIdentity.run_id  # noqa: B018 - Flower itself runs here
    except RuntimeError:
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, RUN, 1


def ask(server_app: Any, client_app: Any, run_config: Mapping[str, Any], name: str) -> Asked:
    """What a ServerApp sends to the first client that it has train: nothing is trained, and it ends there."""
    grid = _AskingGrid(lambda message: client_app(message, context(0, 2, run_config)))
    log = logging.getLogger("flwr")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with calling("ServerApp", _GIVE_FIRST):
            server_app(grid, Context(RUN, 0, {}, RecordDict(), dict(run_config)))
    except SystemExit:
        if grid.content is None:  # the app itself has left
            raise
    finally:
        log.setLevel(level)
    if grid.content is None:
        raise LearnerError(
            f"the ServerApp of {name} has asked no client to train",
            expected="one that trains: it knows the first weights",
            fix=_GIVE_FIRST,
        )
    return _of_message(grid.content)


def context(index: int, of: int, run_config: Mapping[str, Any], node_config: Mapping[str, Any] | None = None) -> Any:
    """A client's, as a SuperNode gives it: for member ``index`` of ``of``."""
    nodes = {"partition-id": index, "num-partitions": of, **(node_config or {})}
    return Context(RUN, index + 1, nodes, RecordDict(), dict(run_config))


def _of_message(content: Any) -> Asked:
    if len(content.array_records) != 1 or len(content.config_records) > 1:
        raise LearnerError(
            f"the Flower app's weights aren't arrays: its ServerApp sends {_kinds(content)}",
            expected="one ArrayRecord, and at most one ConfigRecord",
            fix="apps whose models travel in another form can't run here",
        )
    ((key, record),) = content.array_records.items()
    config_key, config = next(iter(content.config_records.items()), ("config", {}))
    return Asked(_read(record), dict(config), key, config_key)


def read_first(path: Path) -> Asked:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"the first weights can't be read from {path}: {error}",
            expected="a file that numpy.savez has written",
            fix='numpy.savez("first.npz", *arrays), or by name: numpy.savez("first.npz", **arrays)',
        ) from error
    if [*arrays] == [f"arr_{i}" for i in range(len(arrays))]:
        arrays = {name.removeprefix("arr_"): array for name, array in arrays.items()}
    return Asked(arrays, {"server-round": 1})


def _read(record: Any) -> dict[str, Any]:
    """The arrays by name; a record that holds none (the legacy one of no parameters) is empty."""
    try:
        return {name: array.numpy() for name, array in record.items() if name != "_empty"}
    except (TypeError, ValueError, OSError) as error:
        raise LearnerError(
            f"the Flower app's weights aren't arrays: {error}",
            expected="arrays of numbers in an ArrayRecord",
            fix="apps whose models travel in another form can't run here",
        ) from error


def _samples(reply: Any) -> int | None:
    for record in reply.metric_records.values():
        for name in _SAMPLES:
            if isinstance(record.get(name), int | float):
                return int(record[name])
    return None


def _kinds(content: Any) -> str:
    return ", ".join(f"{name!r} (a {type(record).__name__})" for name, record in content.items()) or "nothing"


def _some(names: Iterable[str]) -> str:
    first = [*itertools.islice(names, 6)]
    return ", ".join(first[:5]) + (", …" if len(first) > 5 else "")


def with_trees(current: Any, trained: Any) -> Any:
    from flwr.serverapp.strategy.strategy_utils import aggregate_bagging

    return [aggregate_bagging(old, new) for old, new in zip(current, trained, strict=True)]
