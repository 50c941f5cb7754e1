"""The training options of ``demo`` and ``network-demo``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..tasks.training import Training

__all__ = ["add_training_options", "training_given"]


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """A flag for each; without it the task's own, or none."""
    from ..tasks.training import training_options

    for option in training_options():
        if option.is_flag:
            flags = [option.short] if option.short else []
            parser.add_argument(
                *flags,
                f"--{option.name}",
                type=option.kind,
                default=option.default,
                metavar=option.metavar,
                help=option.help + ("" if option.default is None else " (default: %(default)s)"),
            )


def training_given(options: argparse.Namespace, rounds: int, learners: int) -> Training:
    """The training that the flags give. A privacy budget lasts for a learner's turns in a run of so many rounds, unless
    they say otherwise.
    """
    from ..tasks.training import Training, training_options

    training = Training.of({o.name: getattr(options, o.name) for o in training_options() if o.is_flag})
    if training.epsilon is not None and training.proposals is None:
        training = replace(training, proposals=-(-rounds // learners))
    return training
