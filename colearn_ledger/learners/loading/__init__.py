"""Making a learner out of its name and options, in this process or one of its own."""

from .factory import FACTORY_FORM, LearnerSpec, is_factory, read_learner_spec
from .options import parse_options

__all__ = ["FACTORY_FORM", "LearnerSpec", "is_factory", "parse_options", "read_learner_spec"]
