"""Odd or even, by XGBoost: the model is bytes, and a client sends its last trees alone."""
