"""Training with differential privacy: what it costs, what was spent, and a step for each framework."""
