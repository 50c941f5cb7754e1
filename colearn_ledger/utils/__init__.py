"""Module names that other programs import; see ``docs/moving-over.md``."""
