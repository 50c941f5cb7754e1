"""The learner interface by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from .core.interface import MachineLearningInterface, ProposedWeights, Weights
from .core.models import (
    ColearnModel,
    DiffPrivBudget,
    DiffPrivConfig,
    ErrorCodes,
    ModelFormat,
    Prediction,
    PredictionRequest,
    TrainingSummary,
)

__all__ = [
    "ColearnModel",
    "DiffPrivBudget",
    "DiffPrivConfig",
    "ErrorCodes",
    "MachineLearningInterface",
    "ModelFormat",
    "Prediction",
    "PredictionRequest",
    "ProposedWeights",
    "TrainingSummary",
    "Weights",
]
