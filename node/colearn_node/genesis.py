"""A learner's first weights, made in a process of their own, since a learner may load a framework.

``python -m colearn_node.genesis FACTORY OPTIONS FILE`` writes the weights' bytes to FILE, OPTIONS being JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from colearn_ledger.errors import ColearnError, LearnerError

__all__ = ["first_weights"]


def first_weights(factory: str, options: dict[str, Any]) -> tuple[bytes, Any]:
    """The bytes of the weights that a new learner has, and the tree that they decode to.

    Raises LearnerError with what the process said when there are none.
    """
    from colearn_ledger.core.weights import decode

    with tempfile.TemporaryDirectory(prefix="colearn-genesis-") as folder:
        path = Path(folder, "weights")
        command = [sys.executable, "-m", "colearn_node.genesis", factory, json.dumps(options), str(path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise LearnerError(
                f"{factory} makes no learner with the options {options}: {done.stderr.strip()}",
                fix="correct the learner's factory and options",
            )
        data = path.read_bytes()
    return data, decode(data)


def main(factory: str, options: str, path: str) -> int:
    """Write the file; a mistake is said on standard error, by a non-zero code."""
    from colearn_ledger.core.learner import ask_current
    from colearn_ledger.core.weights import encode

    from .worker import make_learner

    try:
        Path(path).write_bytes(encode(ask_current(make_learner(factory, json.loads(options))).weights))
    except ColearnError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
