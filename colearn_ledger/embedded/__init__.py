"""All of a collective in one process: the chain, the store and every member."""
