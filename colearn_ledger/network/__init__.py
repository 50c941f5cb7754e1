"""A local network for development and tests: a chain, and for each stakeholder a key and an IPFS daemon."""

from ..lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
