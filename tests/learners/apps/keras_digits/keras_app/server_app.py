"""The server."""

from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from keras_app.model import make_model

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    model = make_model(float(context.run_config["learning-rate"]))
    rounds = int(context.run_config["num-server-rounds"])
    FedAvg().start(grid=grid, initial_arrays=ArrayRecord(model.get_weights()), num_rounds=rounds)
