"""Data in folders and in consecutive parts, by the names that were published; see ``docs/moving-over.md``."""

from __future__ import annotations

from ..tasks.local_data import get_data
from ..tasks.split import split_list_into_fractions

__all__ = ["get_data", "split_list_into_fractions"]
