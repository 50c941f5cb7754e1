"""The worker process, which owns the learner, and its supervisor in the node."""
