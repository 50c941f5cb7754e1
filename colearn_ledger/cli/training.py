"""The options of training and of its rounds that ``demo`` and ``network-demo`` share."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.merge.rules import DEFAULT_ORDER, Rule, parse_order
from ..errors import UsageError

if TYPE_CHECKING:
    from ..tasks import Task, Training

__all__ = ["add_joint_options", "add_training_options", "order_given", "training_given"]

_ORDER = ",".join(rule.text for rule in DEFAULT_ORDER)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """A flag for each; without it the task's own, or none."""
    from ..tasks.training import training_options

    for option in training_options():
        if option.is_flag:
            flags = [option.short] if option.short else []
            parser.add_argument(
                *flags,
                f"--{option.name.replace('_', '-')}",
                type=option.kind,
                default=option.default,
                metavar=option.metavar,
                help=option.help + ("" if option.default is None else " (default: %(default)s)"),
            )


def training_given(options: argparse.Namespace, task: Task, rounds: int, learners: int, *, joint: bool) -> Training:
    """The training that the flags give.

    Unless they say otherwise, a privacy budget lasts for a member's trainings in a run of so many rounds, and votes in
    joint rounds are by the task's policy for them.
    """
    from ..tasks.training import Training, training_options

    training = Training.of({o.name: getattr(options, o.name) for o in training_options() if o.is_flag})
    if training.epsilon is not None and training.proposals is None:
        training = replace(training, proposals=rounds if joint else -(-rounds // learners))
    if joint and training.vote_policy is None:
        training = replace(training, vote_policy=task.joint_vote)
    return training


def add_joint_options(parser: argparse.ArgumentParser) -> None:
    """Of which kind the rounds are."""
    add = parser.add_argument
    add("--joint", action="store_true", help="joint rounds: all train, the proposer merges, the others vote")
    add("--merge-order", metavar="RULES", help=f"by which rules joint rounds merge (default: {_ORDER})")


def order_given(options: argparse.Namespace, *, joint: bool) -> tuple[Rule, ...]:
    """By which rules joint rounds merge; none where there are none. Raises UsageError for what isn't an order."""
    order = parse_order(_ORDER if options.merge_order is None else options.merge_order)
    if options.merge_order is not None and not joint:
        raise UsageError("--merge-order without --joint", expected="joint rounds", fix="give --joint, too")
    return order if joint else ()
