"""Training with differential privacy: what it costs, what was spent, and a step for each framework."""

from .accountant import Privacy, compute_epsilon, compute_noise
from .ledger import PrivacyLedger, Spending

__all__ = ["Privacy", "PrivacyLedger", "Spending", "compute_epsilon", "compute_noise"]
