"""The contract again, in Python: actions in; events, records and motions out. It shares no code with the contract.

It is put together as the contract is: what is stored, who sits where, what the clock makes of it, rounds, motions.
"""

from __future__ import annotations

from .motions import Model
from .state import Founding, Impossible, Told

__all__ = ["Founding", "Impossible", "Model", "Told"]
