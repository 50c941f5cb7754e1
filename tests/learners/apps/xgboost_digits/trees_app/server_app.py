"""The server, which adds the clients' trees to the model's."""

import numpy as np
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedXgbBagging

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    nothing = ArrayRecord([np.frombuffer(b"", dtype=np.uint8)])
    FedXgbBagging().start(grid=grid, initial_arrays=nothing, num_rounds=int(context.run_config["num-server-rounds"]))
