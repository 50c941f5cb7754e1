"""A learner made in a process of its own, for its first weights or to look at: it may load a framework, fail in any
way, or leave.

``python -m colearn_ledger.learners.loading.first_weights FOLDER`` reads what is asked in ``request.toml`` there, and
answers in ``weights`` and ``said.json``. What the learner prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import traceback
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.failures import error_from_json, error_to_json, told
from ...core.schema import Schema
from ...errors import ColearnError, ConfigError, LearnerError, UsageError
from ...formats.toml import read_toml, toml_text
from .factory import LearnerSpec

if TYPE_CHECKING:
    from .trial import Trial

__all__ = ["MadeLearner", "first_weights", "try_learner"]

_FAILED = 70  # the error is in the file


@dataclass(frozen=True, slots=True)
class MadeLearner:
    """A learner's first weights (their canonical bytes), and their schema with the roles that it declares.

    ``why_unmergeable``: why such weights are for solo rounds alone, or empty. ``trial``: what came of trying it out, if
    that was asked for. ``policy``: by which it votes, by name; empty where it doesn't say.
    """

    weights: bytes
    schema: Schema
    why_unmergeable: str = ""
    trial: Trial | None = None
    policy: str = ""


def first_weights(spec: LearnerSpec) -> MadeLearner:
    """The weights that a new learner has.

    Raises
    ------
    ConfigError: there is no such factory, or it doesn't take these options.
    LearnerError: what it makes is no learner, or its own code fails, or ends the process.
    ColearnError: whatever else the learner raises of this project's errors, such as DataError for missing data.
    """
    return _made(spec, look=False)


def try_learner(spec: LearnerSpec, *, train: bool = False) -> MadeLearner:
    """A new learner's weights, and what can be seen of it by having it test them, and ``train`` once if that is wanted.

    Raises as :func:`first_weights`.
    """
    return _made(spec, look=True, train=train)


def _made(spec: LearnerSpec, *, look: bool, train: bool = False) -> MadeLearner:
    away = spec.elsewhere()
    request = {
        "look": look,
        "train": train,
        "factory": away.factory,
        "folders": [*map(str, away.folders)],
        "options": away.options,
    }
    with tempfile.TemporaryDirectory(prefix="colearn-learner-") as name:
        folder = Path(name)
        try:
            (folder / "request.toml").write_bytes(toml_text(request).encode())
        except (UsageError, UnicodeEncodeError) as e:
            raise ConfigError(
                f"the options of {spec.factory} can't be handed over: {e}",
                expected="texts, numbers, truths, dates, lists and tables",
            ) from None
        code = _run(folder)
        if code == _FAILED and (said := _read(folder)) is not None:
            raise error_from_json(said)
        if code == 0 and (said := _read(folder)) is not None:
            schema = Schema.from_json(said["schema"])
            trial = None
            if said["trial"] is not None:
                from .trial import Trial

                trial = Trial(**{**said["trial"], "notes": tuple(said["trial"]["notes"])})
            return MadeLearner((folder / "weights").read_bytes(), schema, said["unmergeable"], trial, said["policy"])
    how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    raise LearnerError(
        f"the process that makes the learner {spec.factory} {how}",
        expected="a learner",
        fix="try the factory out by itself; is there memory enough?",
    )


def _run(folder: Path) -> int:
    """The process's exit code. What the learner has started ends with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "colearn_ledger.learners.loading.first_weights", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if _has_file(sys.stderr) else subprocess.DEVNULL,
        start_new_session=True,  # a terminal's Ctrl-C is for whoever asked, who then ends this process
    )
    try:
        return process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(folder: Path) -> Any:
    try:
        return json.loads((folder / "said.json").read_text(encoding="utf-8"))
    except FileNotFoundError:  # the learner ended the process, with a code that is ours
        return None


def _has_file(stream: object) -> bool:
    try:
        return stream.fileno() >= 0  # type: ignore[attr-defined,no-any-return]
    except (AttributeError, OSError, ValueError):  # replaced by something in memory, or closed
        return False


# ------------------------------------------------------------------------------------------- in the other process


def _where(error: BaseException) -> str:
    """Where in the learner's own code it came from: the innermost line that isn't a library's, if there is one."""
    libraries = ("<", str(Path(__file__).parents[2]), *sysconfig.get_paths().values())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(libraries)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""


def _make(spec: LearnerSpec, look: bool, train: bool) -> MadeLearner:
    from ...core.asking import ask_current
    from ...core.merge.contributions import why_unmergeable
    from ...core.roles import roles_of
    from ...core.weights import encode
    from ..voting.policy import OneClassVoteSet, SmallVoteSet, policy_name
    from .trial import try_out

    with warnings.catch_warnings():
        if look:
            for kind in (SmallVoteSet, OneClassVoteSet):  # they are among the notes
                warnings.simplefilter("ignore", kind)
        learner = spec.make()
        tree = ask_current(learner, spec.factory).weights
        data = encode(tree)
        schema = Schema.of(tree, roles_of(learner))
        why = why_unmergeable(schema, learner)
        trial = try_out(learner, data, schema, train=train) if look else None
        return MadeLearner(data, schema, why, trial, policy_name(learner))


def main(folder: Path) -> int:
    request = read_toml(folder / "request.toml", "a request", "")
    spec = LearnerSpec(request["factory"], request.get("options", {}), tuple(request["folders"]))
    said: dict[str, Any]
    try:
        made = _make(spec, request["look"], request["train"])
    except BaseException as e:  # the learner's own code: whatever it raises, also to leave, is something to be told
        error = told(e, f"the learner {spec.factory}")
        if not isinstance(e, ColearnError):
            error = LearnerError(
                error.what + _where(e),
                expected="a learner that shows its weights",
                fix="correct the learner; check_learner tries it out",
            )
        said, code = error_to_json(error), _FAILED
    else:
        (folder / "weights").write_bytes(made.weights)
        trial = None if made.trial is None else asdict(made.trial)
        said = {"trial": trial, "schema": made.schema.to_json(), "unmergeable": made.why_unmergeable}
        said, code = {**said, "policy": made.policy}, 0
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")
    return code


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    with contextlib.suppress(Exception):  # the learner may have put anything in their place
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # a learner's threads don't keep it
