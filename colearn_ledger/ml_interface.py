"""The learner interface by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from .core.learner import MachineLearningInterface, ProposedWeights, Weights
from .core.summaries import (
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
