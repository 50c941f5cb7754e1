"""How learners vote: the policies by name, and one of your own."""

from ...lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
