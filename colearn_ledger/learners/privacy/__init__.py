"""Training with differential privacy: what it costs, what was spent, and a step for each framework."""

from ...lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
