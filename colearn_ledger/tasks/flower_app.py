"""A Flower app as a task: its clients, each with its own partition of the app's data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colearn_ledger.tasks import Framework, Options, Prepared, Task

from ..errors import UsageError

__all__ = ["flower_task"]

FLOWER = Framework("Flower", "flwr", "colearn-ledger[flower]")


def flower_task(folder: Path, options: Mapping[str, Any]) -> Task:
    """The task of the app in a folder. ``options`` are those of an app and of its learners, but for the seed's.

    Raises UsageError for a seed or a vote policy among them, which have options of their own, and where Flower isn't
    installed; ConfigError as :class:`~colearn_ledger.learners.flower_app.FlowerApp` does, and for an unknown option.
    """
    FLOWER.load()
    from ..learners.flower_app import FlowerApp, split_options

    for name in ("seed", "vote_policy"):
        if name in options:
            raise UsageError(f"{name} among the options", expected=f"--{name.replace('_', '-')}", fix="give that flag")
    for_app, for_learner = split_options(options)
    name = FlowerApp(folder, **for_app).name  # what is wrong with it is said before anything is made

    def make(given: Options) -> Prepared:
        given.say(f"starting the Flower app {name}")
        app = FlowerApp(folder, seed=given.seed, **for_app)
        learners = [
            app.learner(i, given.n_learners, vote_policy=given.vote_policy, **for_learner)
            for i in range(given.n_learners)
        ]
        criterion = learners[0].criterion
        return Prepared([*learners], f"each client has its partition of the app's data; votes are by {criterion}")

    return Task(
        name=name,
        description="a Flower app",
        framework=FLOWER,
        data="the app's own",
        metric=str(for_learner.get("criterion", "the loss")),
        learning_rate=0.0,
        batch_size=None,
        paired=False,
        labels=False,
        folder="can't",
        make=make,
    )
