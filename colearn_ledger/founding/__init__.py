"""Founding a collective: its plan, and the record that its members hand to each other."""
