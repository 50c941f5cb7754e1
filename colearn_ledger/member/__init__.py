"""One member's work in a round: the long half (train, pull, test) and the short one (send)."""
