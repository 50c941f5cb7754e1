"""What scripts/mutate_python.py goes by: modules that get faults, tests that are to see them, faults that may live."""

from __future__ import annotations

__all__ = ["FOLDERS", "IMPORTED_ONCE", "IN_OTHER_PROCESSES", "MARKS", "MAY_LIVE", "TESTS"]

FOLDERS = (
    "colearn_ledger/core",
    "colearn_ledger/chain",
    "colearn_ledger/history",
    "colearn_ledger/member",
    "node/colearn_node",
)

# Tests beside tests/<room>/test_<module>.py. Those that need a chain or processes only where there are no others.
# What the published interface asks of the core is tested in tests/docs/test_moving_over.py.
TESTS: dict[str, tuple[str, ...]] = {
    "core/asking": ("tests/docs/test_moving_over.py",),
    "core/cid": ("tests/core/test_cid_nodes.py",),
    "core/driver": ("tests/docs/test_moving_over.py",),
    "core/learner": ("tests/core/test_asking.py", "tests/core/test_driver.py", "tests/docs/test_moving_over.py"),
    "core/protocol": ("tests/core/test_decide.py",),
    "core/results": ("tests/core/test_driver.py", "tests/docs/test_moving_over.py"),
    "core/schema": ("tests/core/test_weights.py", "tests/core/test_tensors.py"),
    "core/summaries": ("tests/core/test_asking.py", "tests/docs/test_moving_over.py"),
    "core/threshold": ("tests/docs/test_moving_over.py",),
    "core/training": ("tests/docs/test_moving_over.py",),
    "core/tree": ("tests/core/test_weights.py", "tests/core/test_tensors.py"),
}

# Other marks than "not slow".
MARKS: dict[str, str] = {}

# Modules that run in processes of their own, where nobody sees which lines a test runs.
IN_OTHER_PROCESSES = {"node/worker/main", "node/worker/process"}

# Packages without threads of their own: TensorFlow and PyTorch don't outlive a fork.
IMPORTED_ONCE = ("numpy", "pytest", "hypothesis", "web3", "eth_tester", "eth_account", "rich", "urllib3", "websockets")

# Faults that no test sees, and why they may live: "module: text" as the command prints it.
MAY_LIVE: dict[str, str] = {}
