"""The folder of a model that is taken home: there as a whole, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.blocks import Buffer, pieces
from ..core.cid import CHUNK
from ..core.failures import text_of
from ..errors import LearnerWarning, OutputError, UsageError
from ..formats.files import whole_file, write_whole
from ..learners.saved import SavedFile, named_parts, write_safetensors
from ..learners.template import TemplateLearner
from .model_card import card_text

__all__ = ["check_folder", "write_model"]

_ADAPTER = "adapter_config.json"
_CARD, _PAGE, _WEIGHTS = "model-card.json", "MODEL_CARD.md", "weights.safetensors"


def check_folder(folder: Path, force: bool) -> None:
    """Raise UsageError unless the folder can be made, or with ``force`` replaced: only what an export made is."""
    if not os.path.lexists(folder):
        return
    if not force:
        raise UsageError(f"{folder} is there already", expected="a new folder", fix="give another --out, or --force")
    if not (folder / _CARD).is_file():
        raise UsageError(
            f"{folder} was not made by an export",
            expected=f"a folder with a {_CARD}, or a new one",
            fix="another --out",
        )


def write_model(
    folder: Path,
    data: Buffer,
    tree: Any,
    card: Mapping[str, Any],
    learner: Any = None,
    *,
    force: bool = False,
    peft: bool = False,
    onnx: bool = False,
) -> tuple[SavedFile, ...]:
    """Write weights, model and card into a folder, and return its files, the most useful first.

    Parameters
    ----------
    data, tree: the weights' canonical bytes, and what they decode to.
    card: all of it but the files.
    learner: has adopted them; without one, or with one that can't save its model, there are only arrays by name.
    peft: there must be an adapter, as Hugging Face's peft opens it.
    onnx: there must be the model as ONNX, too, by its framework's own exporter.

    Raises UsageError where there is no adapter or no ONNX though there must be, LearnerError where the exporter can't
    express the model, and OutputError where it can't be written; then nothing is left of it.
    """
    with _whole_folder(folder, force) as making:
        files = _saved(learner, making) if isinstance(learner, TemplateLearner) else ()
        if peft and _ADAPTER not in {file.name for file in files}:
            raise UsageError(
                f"the model of a {type(learner).__name__} is no adapter that peft opens",
                expected="a PeftLearner",
                fix="name another learner, or leave out --peft",
            )
        exported = (_onnx_of(learner, making),) if onnx else ()
        if not files:
            write_safetensors(making / "model.safetensors", *named_parts(tree))
            opens = 'from safetensors.numpy import load_file; arrays = load_file("{path}")'
            files = (SavedFile("model.safetensors", opens),)
        with whole_file(making / _WEIGHTS) as file:
            for piece in pieces(data, CHUNK):
                file.write(piece)
        loads = 'from colearn_ledger import load_weights; tree = load_weights("{path}")'
        files = (*exported, *files, SavedFile(_WEIGHTS, loads))
        listed = [
            {"name": f.name, "sha256": _sha256(making / f.name), "opens": f.opens.replace("{path}", f.name)}
            for f in files
        ]
        whole = {**card, "files": listed}
        write_whole(making / _CARD, json.dumps(whole, indent=2, allow_nan=False) + "\n")
        write_whole(making / _PAGE, card_text(whole))
    return files


def _onnx_of(learner: Any, folder: Path) -> SavedFile:
    if isinstance(learner, TemplateLearner):
        return learner.save_onnx(folder)
    raise UsageError(
        f"the model of a {type(learner).__name__} has no ONNX form",
        expected="a learner whose framework writes ONNX itself, as Keras and PyTorch do",
        fix="name another learner, or leave out --onnx",
    )


def _saved(learner: TemplateLearner, folder: Path) -> tuple[SavedFile, ...]:
    """What the learner writes; nothing, and a warning, where its framework can't, as with some custom layers."""
    try:
        return learner.save(folder)
    except OSError:
        raise
    except Exception as e:  # the framework's and the model's own code
        warnings.warn(f"the model can't be saved in its framework's form: {text_of(e)}", LearnerWarning, stacklevel=2)
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()
    return ()


@contextlib.contextmanager
def _whole_folder(folder: Path, force: bool) -> Iterator[Path]:
    """A folder beside it, which gets its name at the end, unless an error ends it before."""
    making = folder.absolute().with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    old = making.with_name(making.name + ".old")
    try:
        making.mkdir(parents=True)
        yield making
        check_folder(folder, force)  # somebody else may have made it meanwhile
        if os.path.lexists(folder):
            os.rename(folder, old)
        os.rename(making, folder)
    except OSError as e:
        raise OutputError(
            f"the model can't be written to {folder}: {e.strerror or e}",
            expected="a folder that this user may write to, with room on its disk",
            fix="make room, or give another --out",
        ) from e
    finally:
        for left in (making, old):
            shutil.rmtree(left, ignore_errors=True)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            found.update(piece)
    return found.hexdigest()
