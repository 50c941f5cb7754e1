"""The settings that TensorFlow's bytes depend on: set before it is imported, and said when that is too late."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from colearn_ledger.tasks import KERAS
from tests.kit.quick import few

NAMES = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
# Keras takes seconds to import and isn't what is tested, so that an empty module stands for it.
SCRIPT = f"""
import json, os, sys, types, warnings
sys.modules["keras"] = types.ModuleType("keras")
if sys.argv[1] == "late":
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import {KERAS.module}
print(json.dumps([[str(w.message) for w in caught], {{name: os.environ[name] for name in {NAMES}}}]))
"""


def imported(when: str, **settings: str) -> tuple[list[str], dict[str, str]]:
    env = {name: value for name, value in os.environ.items() if name not in NAMES} | settings
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, when], env=env, check=True, capture_output=True, text=True, timeout=60
    )
    said, found = json.loads(done.stdout)
    return said, found


def test_import__before_tensorflow__sets_what_is_not_set() -> None:
    said, found = imported("first", TF_NUM_INTRAOP_THREADS="2")
    assert not said
    assert found == {NAMES[0]: "0", NAMES[1]: "2", NAMES[2]: "1"}


@few(1, "missing", NAMES)
def test_import__after_tensorflow__warns_of_what_was_not_set(missing: str) -> None:
    said, _ = imported("late", **{name: "1" for name in NAMES if name != missing})
    assert len(said) == 1
    assert missing in said[0]
    assert not [name for name in NAMES if name != missing and name in said[0]]


def test_import__after_tensorflow_with_all_set__silent() -> None:
    assert imported("late", **dict.fromkeys(NAMES, "1"))[0] == []
