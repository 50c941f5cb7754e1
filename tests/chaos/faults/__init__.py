"""The faults. A new one is a function with ``@fault(group)`` in one of these modules."""

from . import chain, endpoints, members, processes, stores

__all__ = ["chain", "endpoints", "members", "processes", "stores"]
