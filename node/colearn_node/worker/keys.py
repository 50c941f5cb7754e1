"""Pieces of work, told apart: so a result is known to be what is wanted now."""

from __future__ import annotations

from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish

__all__ = ["Key", "key_of", "name_of"]

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
