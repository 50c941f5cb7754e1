"""The contract over web3: connections, what it says, what is sent to it."""

from ..lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
