"""Collective learning on a ledger: several owners of data train one model by voting, without a central authority.

What is reachable through ``__all__`` is the public surface; the stub beside this file lists it. Names are loaded when
they are first used, so that ``import colearn_ledger`` is fast and loads no web3 and no machine-learning framework.
"""

from .lazy import names_of_stub

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
__all__ += ["__version__"]
