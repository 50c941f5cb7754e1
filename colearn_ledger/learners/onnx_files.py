"""Models as ONNX, by their frameworks' own exporters: what these need, and how their failures are told."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..errors import ColearnError, LearnerError, UsageError, how_to_install
from .memory import first_words
from .saved import SavedFile

__all__ = ["ONNX_FILE", "exporting"]

ONNX_FILE = SavedFile(
    "model.onnx",
    'import onnxruntime; model = onnxruntime.InferenceSession("{path}")  # model.run(None, {name: inputs})',
)


@contextlib.contextmanager
def exporting(kind: str, path: Path, needs: tuple[str, ...]) -> Iterator[None]:
    """What an exporter runs in; ``needs``: the modules that it takes.

    Raises UsageError where one of them isn't installed, LearnerError where the exporter can't express the model, which
    is not to be used then, and OSError where the file can't be written.
    """
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"ONNX of a {kind} needs {' and '.join(missing)}, which is not installed",
            expected=", ".join(needs),
            fix=how_to_install("onnx"),
        )
    try:
        with warnings.catch_warnings(), _quiet("torch.onnx"), _quiet("tf2onnx"):
            warnings.simplefilter("ignore")  # what exporters say of their own insides is of no use to who calls this
            yield
    except (ColearnError, OSError):
        raise
    except Exception as error:  # the exporter's and the model's own code
        raise LearnerError(
            f"the model of a {kind} can't be written as ONNX: {first_words(error.__cause__ or error)}",
            expected="a model that its framework's exporter can express",
            fix="leave ONNX out: the framework's own form has the whole model",
        ) from error
    if not path.is_file():
        raise LearnerError(f"the exporter of a {kind} has written no {path.name}")


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
