"""The client."""

from typing import Any

import numpy as np
import xgboost
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from sklearn.datasets import load_digits

app = ClientApp()


def load(partition: int, partitions: int, held_out: bool) -> Any:
    """A client's own digits: four fifths to train on, or the rest."""
    x, y = load_digits(return_X_y=True)
    rows = np.arange(partition, len(x), partitions)
    rows = rows[np.arange(len(rows)) % 5 == 0] if held_out else rows[np.arange(len(rows)) % 5 > 0]
    return (x[rows] / 16).astype(np.float32), y[rows]


def prepared(context: Context, held_out: bool) -> Any:
    ids = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    x, y = load(*ids, held_out)
    config = context.run_config
    known = {name: config[f"params.{name.replace('_', '-')}"] for name in ("objective", "max_depth", "nthread")}
    return {**known, "base_score": 0.5}, xgboost.DMatrix(x, label=y % 2)


@app.train()
def train(msg: Message, context: Context) -> Message:
    parameters, data = prepared(context, False)
    rounds = int(context.run_config["local-rounds"])
    if msg.content["config"]["server-round"] == 1:
        booster = xgboost.train(parameters, data, num_boost_round=rounds)
    else:
        booster = xgboost.Booster(parameters)
        booster.load_model(bytearray(msg.content["arrays"]["0"].numpy().tobytes()))
        for _ in range(rounds):
            booster.update(data, booster.num_boosted_rounds())
        booster = booster[booster.num_boosted_rounds() - rounds : booster.num_boosted_rounds()]
    arrays = ArrayRecord([np.frombuffer(booster.save_raw("json"), dtype=np.uint8)])
    metrics = MetricRecord({"num-examples": data.num_row()})
    return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    parameters, data = prepared(context, True)
    booster = xgboost.Booster(parameters)
    booster.load_model(bytearray(msg.content["arrays"]["0"].numpy().tobytes()))
    right = (booster.predict(data) > 0.5) == data.get_label()
    metrics = {"num-examples": data.num_row(), "accuracy": float(right.mean()), "trees": booster.num_boosted_rounds()}
    return Message(RecordDict({"metrics": MetricRecord(metrics)}), reply_to=msg)
