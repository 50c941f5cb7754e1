"""Learners for frameworks, and what a learner of one's own starts from."""

from ..lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
