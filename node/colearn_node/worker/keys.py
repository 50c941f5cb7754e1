"""Pieces of work, told apart: so a result is known to be what is wanted now; and how much is pulled for one."""

from __future__ import annotations

from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish

__all__ = ["Key", "bytes_to_pull", "key_of", "name_of"]

Key = tuple[object, ...]


def key_of(action: Action) -> Key:
    """What makes two actions the same piece of work: others' votes that come in while one tests change nothing."""
    if isinstance(action, Judge):
        return (Judge, action.proposal.id, action.unread)
    if isinstance(action, Propose):
        return (Propose, action.round, action.parent)
    if isinstance(action, Contribute):
        return (Contribute, action.training, action.parent)
    if isinstance(action, Merge):
        return (Merge, action.round, action.parent, action.rule, action.contributions)
    if isinstance(action, Adopt):
        return (Adopt, action.weights)
    if isinstance(action, Republish):
        return (Republish, action.round, action.weights)
    return (type(action),)


def bytes_to_pull(action: Action) -> int:
    """How many bytes the work may have to get out of the store; as many are on their way at the same time."""
    if isinstance(action, Adopt | Republish):
        return action.weights.size
    if isinstance(action, Judge):
        again = 0 if action.merge is None else bytes_to_pull(action.merge)
        return action.proposal.weights.size + 2 * again  # half of the time is for those
    if isinstance(action, Merge):
        return sum(one.weights.size for one in action.contributions) + (action.before.size if action.before else 0)
    return 0


def name_of(action: Action) -> str:
    """For people."""
    names = {
        Judge: "testing the proposal",
        Propose: "training",
        Contribute: "training",
        Merge: "merging",
        Adopt: "adopting",
        Republish: "publishing again",
    }
    return names.get(type(action), type(action).__name__.lower())
