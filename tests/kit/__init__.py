"""Real node processes on a real chain."""
