"""A local network for development and tests: a chain, and for each stakeholder a key and an IPFS daemon."""

from __future__ import annotations

from .up import LocalNetwork, Stakeholder

__all__ = ["LocalNetwork", "Stakeholder"]
