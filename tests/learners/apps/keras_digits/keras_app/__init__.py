"""Digits by Keras: messages with the list that get_weights gives."""
