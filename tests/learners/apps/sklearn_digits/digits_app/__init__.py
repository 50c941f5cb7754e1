"""Digits by scikit-learn: a NumPyClient, and a server that asks a client for the first weights."""
