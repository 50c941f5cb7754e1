"""Which IPFS daemons (Kubo) the store works with."""

from __future__ import annotations

__all__ = ["KUBO_MINIMUM"]

KUBO_MINIMUM = (0, 35)  # the first whose `add` takes max-file-links
