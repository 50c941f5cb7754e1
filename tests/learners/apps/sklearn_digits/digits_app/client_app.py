"""The client."""

from typing import Any

import numpy as np
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss


def load(partition: int, partitions: int, held_out: bool) -> Any:
    """A client's own digits: four fifths to train on, or the rest."""
    x, y = load_digits(return_X_y=True)
    rows = np.arange(partition, len(x), partitions)
    rows = rows[np.arange(len(rows)) % 5 == 0] if held_out else rows[np.arange(len(rows)) % 5 > 0]
    return x[rows] / 16, y[rows]


class DigitsClient(NumPyClient):
    def __init__(self, context: Any) -> None:
        ids = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
        self.train, self.held_out = load(*ids, False), load(*ids, True)
        self.epochs = context.run_config["local.epochs"]
        self.model = SGDClassifier(loss="log_loss", penalty=context.run_config["penalty"])
        self.model.classes_, self.model.coef_, self.model.intercept_ = np.arange(10), np.zeros((10, 64)), np.zeros(10)

    def get_parameters(self, config: dict[str, Any]) -> list[Any]:
        return [self.model.coef_, self.model.intercept_]

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        self.model.coef_, self.model.intercept_ = (array.copy() for array in parameters)
        for _ in range(self.epochs):
            self.model.partial_fit(*self.train, classes=np.arange(10))
        return self.get_parameters({}), len(self.train[1]), {}

    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> Any:
        self.model.coef_, self.model.intercept_ = (array.copy() for array in parameters)
        loss = float(log_loss(self.held_out[1], self.model.predict_proba(self.held_out[0]), labels=np.arange(10)))
        return loss, len(self.held_out[1]), {"accuracy": float(self.model.score(*self.held_out))}


def client_fn(context: Any) -> Any:
    return DigitsClient(context).to_client()


app = ClientApp(client_fn=client_fn)
