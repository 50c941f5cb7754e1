"""What a vote is by where somebody else's code evaluates: one of its metrics, by the name that it gives."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import UsageError

__all__ = ["named_metric", "no_metric"]


def named_metric(
    name: str | None, higher_is_better: bool | None, metrics: Mapping[str, float], whose: str, loss: str | None = None
) -> tuple[str, int]:
    """The metric's name, and the sign by which higher is better.

    Parameters
    ----------
    name: None is the loss, if there is one.
    metrics: what an evaluation has given.
    whose: says for people whose evaluation it is, such as ``"the Flower client's"``.
    loss: the one of which less is better by what the framework says of it.

    Raises UsageError for a name that isn't among them, and a direction that nobody told.
    """
    if name is None and loss is not None and higher_is_better:
        raise UsageError(
            "higher_is_better without a criterion", expected="of the loss less is better", fix="name the criterion"
        )
    chosen = loss if name is None else name
    if chosen is None or chosen not in metrics:
        raise no_metric(chosen, metrics, whose)
    if chosen == loss and not higher_is_better:
        return chosen, -1
    if higher_is_better is None:
        raise UsageError(
            f"whether more of {chosen!r} is better isn't told",
            expected="higher_is_better=True or False: nobody guesses it from a name",
            fix=f"criterion={chosen!r}, higher_is_better=True if it is an accuracy, False if it is a loss",
        )
    return chosen, 1 if higher_is_better else -1


def no_metric(name: str | None, metrics: Mapping[str, float], whose: str) -> UsageError:
    """That an evaluation doesn't give what the vote is by."""
    told = ", ".join(sorted(metrics)) or "no metrics that are numbers"
    return UsageError(
        f"{whose} evaluation gives {told}"
        + (", and nobody has said which of them votes are by" if name is None else f", and the criterion is {name!r}"),
        expected="the name of one of them, and whether more of it is better",
        fix='such as criterion="accuracy", higher_is_better=True (on a command line: criterion=accuracy '
        "higher_is_better=true)",
    )
