"""Founding a collective: what is to be deployed, and the record that its members hand to each other."""

from ..lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
