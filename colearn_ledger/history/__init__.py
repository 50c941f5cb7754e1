"""A collective's history, read from the chain alone: no node, no store and no key is needed.

What the contract's storage shows is always there: who proposed what, who voted how, what was decided. What only events
have (transactions, times, gas, scores, notes) is joined where the endpoint still has them, and missed where it hasn't.
"""

from __future__ import annotations

from .accepted import mean_scores, read_accepted
from .export import CSV_COLUMNS, history_to_dict, round_to_dict, write_csv
from .follow import follow_history
from .members import Member, read_members
from .omissions import Omissions, omissions_of
from .read import read_history
from .types import Choice, Contributed, History, Round, Transaction, Use, Vote

__all__ = [
    "CSV_COLUMNS",
    "Choice",
    "Contributed",
    "History",
    "Member",
    "Omissions",
    "Round",
    "Transaction",
    "Use",
    "Vote",
    "follow_history",
    "history_to_dict",
    "mean_scores",
    "omissions_of",
    "read_accepted",
    "read_history",
    "read_members",
    "round_to_dict",
    "write_csv",
]
