"""The server: it tells clients their learning rate."""

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    FedAvg().start(
        grid=grid,
        initial_arrays=ArrayRecord([np.zeros(2), np.zeros(())]),
        train_config=ConfigRecord({"lr": context.run_config["learning-rate"]}),
        num_rounds=int(context.run_config["num-server-rounds"]),
    )
