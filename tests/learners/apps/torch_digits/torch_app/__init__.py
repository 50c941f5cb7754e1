"""Digits by PyTorch: messages with a state_dict."""
