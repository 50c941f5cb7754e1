"""The client."""

from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from sklearn.datasets import load_digits

from torch_app.model import make_model

app = ClientApp()


def load(partition: int, partitions: int, held_out: bool) -> Any:
    """A client's own digits: four fifths to train on, or the rest."""
    x, y = load_digits(return_X_y=True)
    rows = np.arange(partition, len(x), partitions)
    rows = rows[np.arange(len(rows)) % 5 == 0] if held_out else rows[np.arange(len(rows)) % 5 > 0]
    return (x[rows] / 16).astype(np.float32), y[rows]


def prepared(msg: Message, context: Context, held_out: bool) -> Any:
    model = make_model()
    model.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    ids = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    return model, *map(torch.from_numpy, load(*ids, held_out))


@app.train()
def train(msg: Message, context: Context) -> Message:
    model, x, y = prepared(msg, context, False)
    optimizer = torch.optim.SGD(model.parameters(), lr=msg.content["config"]["lr"], momentum=0.9)
    model.train()
    for rows in torch.randperm(len(x)).split(int(context.run_config["batch-size"])):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    content = {"arrays": ArrayRecord(model.state_dict()), "metrics": MetricRecord({"num-examples": len(y)})}
    return Message(RecordDict(content), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    model, x, y = prepared(msg, context, True)
    model.eval()
    with torch.no_grad():
        output = model(x)
    metrics = {
        "num-examples": len(y),
        "eval_loss": float(torch.nn.functional.cross_entropy(output, y)),
        "eval_acc": float((output.argmax(1) == y).float().mean()),
    }
    return Message(RecordDict({"metrics": MetricRecord(metrics)}), reply_to=msg)
