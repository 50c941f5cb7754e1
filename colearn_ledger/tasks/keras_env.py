"""Keras, imported with the settings under which the same seeds give the same bytes in every process.

TensorFlow reads them when it is imported: one thread each, because several learners share the cores and the sums then
come out in one order; oneDNN off, whose sums differ from one processor to another. A user's own values win.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

__all__ = ["SETTINGS", "keras"]

SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}
# Those that bytes depend on.
_BYTES = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def _set() -> None:
    late = [name for name in _BYTES if name not in os.environ] if "tensorflow" in sys.modules else []
    if late:
        warnings.warn(
            f"TensorFlow was imported before {', '.join(f'{name}={SETTINGS[name]}' for name in late)} could be set: "
            "other processes may train to other bytes; import colearn_ledger.tasks.keras_env first",
            RuntimeWarning,
            stacklevel=2,
        )
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


_set()

import keras  # noqa: E402

# Every learner has a model of its own, which is traced on its own; TensorFlow takes that for a mistake and warns.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
