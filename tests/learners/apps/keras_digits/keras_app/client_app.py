"""The client."""

from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from sklearn.datasets import load_digits

from keras_app.model import make_model

app = ClientApp()


def load(partition: int, partitions: int, held_out: bool) -> Any:
    """A client's own digits: four fifths to train on, or the rest."""
    x, y = load_digits(return_X_y=True)
    rows = np.arange(partition, len(x), partitions)
    rows = rows[np.arange(len(rows)) % 5 == 0] if held_out else rows[np.arange(len(rows)) % 5 > 0]
    return (x[rows] / 16).astype(np.float32), y[rows]


def prepared(msg: Message, context: Context, held_out: bool) -> Any:
    model = make_model(float(context.run_config["learning-rate"]))
    model.set_weights(msg.content["arrays"].to_numpy_ndarrays())
    ids = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    return model, *load(*ids, held_out)


@app.train()
def train(msg: Message, context: Context) -> Message:
    model, x, y = prepared(msg, context, False)
    model.fit(x, y, batch_size=32, epochs=1, verbose=0)
    content = {"arrays": ArrayRecord(model.get_weights()), "metrics": MetricRecord({"num-examples": len(y)})}
    return Message(RecordDict(content), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    model, x, y = prepared(msg, context, True)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    metrics = MetricRecord({"num-examples": len(y), "eval_loss": loss, "eval_acc": accuracy})
    return Message(RecordDict({"metrics": metrics}), reply_to=msg)
