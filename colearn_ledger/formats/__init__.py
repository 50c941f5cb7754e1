"""Texts and files: what a person or a stranger wrote, read with care; nothing here knows of rounds or learners."""
