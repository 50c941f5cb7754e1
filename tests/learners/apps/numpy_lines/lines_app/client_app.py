"""The client."""

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


def load(context: Context) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(int(context.node_config["partition-id"]))
    x = np.stack([rng.uniform(-1, 1, 400), np.ones(400)], axis=1)
    return x, x @ [2.0, 1.0] + rng.normal(0, 0.1, 400)


@app.train()
def train(msg: Message, context: Context) -> Message:
    w, steps = msg.content["arrays"].to_numpy_ndarrays()
    x, y = load(context)
    for rows in np.split(np.random.permutation(400), 10):
        w = w - msg.content["config"]["lr"] * 2 * x[rows].T @ (x[rows] @ w - y[rows]) / len(rows)
    metrics = MetricRecord({"num-examples": len(y), "round": msg.content["config"]["server-round"]})
    return Message(RecordDict({"arrays": ArrayRecord([w, np.asarray(steps + 1)]), "metrics": metrics}), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    w, _ = msg.content["arrays"].to_numpy_ndarrays()
    x, y = load(context)
    halves = [float(np.mean((x[half] @ w - y[half]) ** 2)) for half in (slice(200), slice(200, None))]
    metrics = MetricRecord({"num-examples": len(y), "squared_errors": halves})
    return Message(RecordDict({"metrics": metrics}), reply_to=msg)
