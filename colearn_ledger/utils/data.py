"""Cutting data into consecutive parts, by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from ..tasks.split import split_list_into_fractions

__all__ = ["split_list_into_fractions"]
