"""A local network for development and tests: a chain, and for each stakeholder a key and an IPFS daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .up import LocalNetwork, Stakeholder

__all__ = ["LocalNetwork", "Stakeholder"]


def __getattr__(name: str) -> Any:  # so that `python -m colearn_ledger.network.tools` is what loads that module
    if name in __all__:
        from . import up

        return getattr(up, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
