"""A fault injector: real nodes, a real chain and real stores, and what may happen to them, again and again.

``python -m tests.chaos --help`` tells how it is run. A fault is a function in :mod:`tests.chaos.faults`, registered by
its name; what has to hold after each is in :mod:`tests.chaos.invariants`.
"""
