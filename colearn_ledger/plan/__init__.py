"""What members agree on besides the shape of weights: a small file, whose hash the contract keeps."""

from ..lazy import names_of_stub

__getattr__, __dir__, __all__ = names_of_stub(__name__, __file__)
