"""Contributions merged into one proposal: exact, the same bits everywhere. ``docs/merge.md`` is the specification."""

from ...lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
