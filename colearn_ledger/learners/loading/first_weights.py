"""A learner's first weights, made in a process of their own: a learner may load a framework, or fail in any way.

``python -m colearn_ledger.learners.loading.first_weights`` reads the learner's spec as JSON from standard input and
answers in files: the weights' bytes and their schema, or the error as JSON. What the learner prints goes to standard
error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from ... import errors
from ...core.schema import Schema
from ...errors import ColearnError, ConfigError, LearnerError
from .factory import LearnerSpec

__all__ = ["FirstWeights", "first_weights"]

_FAILED = 70  # the error is in the file


@dataclass(frozen=True, slots=True)
class FirstWeights:
    """Of a new learner: the canonical bytes of its weights, and their schema, with the roles that it declares."""

    data: bytes
    schema: Schema


def first_weights(spec: LearnerSpec) -> FirstWeights:
    """The weights that a new learner has.

    Raises
    ------
    ConfigError: there is no such factory, or it doesn't take these options.
    LearnerError: what it makes is no learner, or its own code fails.
    ColearnError: whatever else the learner raises of this project's errors, such as DataError for missing data.
    """
    try:
        request = json.dumps(asdict(spec.elsewhere()))
    except (TypeError, ValueError) as e:  # TOML has dates
        raise ConfigError(
            f"the options of {spec.factory} can't be handed over: {e}",
            expected="texts, numbers, truths, lists and tables",
            fix="write dates and times as texts",
        ) from None
    with tempfile.TemporaryDirectory(prefix="colearn-genesis-") as folder:
        path = Path(folder, "answer")
        done = subprocess.run(
            [sys.executable, "-m", "colearn_ledger.learners.loading.first_weights", str(path)],
            input=request.encode(),
            stdout=sys.stderr.fileno() if _has_file(sys.stderr) else subprocess.DEVNULL,
            check=False,
            start_new_session=True,  # a terminal's Ctrl-C is for whoever asked, who then ends this process
        )
        if done.returncode == 0:
            schema = Schema.from_json(json.loads(_schema_path(path).read_text(encoding="utf-8")))
            return FirstWeights(path.read_bytes(), schema)
        if done.returncode == _FAILED:
            raise _error(json.loads(path.read_text(encoding="utf-8")))
    how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"ended with code {done.returncode}"
    raise LearnerError(
        f"the process that makes the learner {spec.factory} {how}",
        expected="a learner",
        fix="try the factory out by itself; is there memory enough?",
    )


def _schema_path(answer: Path) -> Path:
    return answer.with_name("schema")


def _has_file(stream: object) -> bool:
    try:
        return stream.fileno() >= 0  # type: ignore[attr-defined,no-any-return]
    except (AttributeError, OSError, ValueError):  # replaced by something in memory, or closed
        return False


def _error(said: dict[str, str]) -> ColearnError:
    kind = getattr(errors, said["kind"], LearnerError)
    error: ColearnError = kind(said["what"], expected=said["expected"], fix=said["fix"])
    return error


def _where(error: BaseException) -> str:
    """Where in the learner's own code it came from: the innermost line that isn't a library's, if there is one."""
    libraries = ("<", str(Path(__file__).parents[2]), *sysconfig.get_paths().values())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(libraries)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""


def _make(spec: LearnerSpec) -> FirstWeights:
    from ...core.asking import ask_current
    from ...core.roles import roles_of
    from ...core.weights import encode

    try:
        learner = spec.make()
        tree = ask_current(learner, spec.factory).weights
        return FirstWeights(encode(tree), Schema.of(tree, roles_of(learner)))
    except ColearnError:
        raise
    except Exception as e:  # the learner's own code: whatever it raises is something to be told
        raise LearnerError(
            f"the learner {spec.factory} failed: {type(e).__name__}: {e}{_where(e)}",
            expected="a learner that shows its weights",
            fix="correct the learner; check_learner tries it out",
        ) from e


def main(answer: str) -> int:
    request = json.load(sys.stdin)
    sys.stdin.close()
    try:
        made = _make(LearnerSpec(**request))
    except ColearnError as e:
        said = {"kind": type(e).__name__, "what": e.what, "expected": e.expected, "fix": e.fix}
        Path(answer).write_text(json.dumps(said), encoding="utf-8")
        return _FAILED
    Path(answer).write_bytes(made.data)
    _schema_path(Path(answer)).write_text(json.dumps(made.schema.to_json()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a learner's threads don't keep it
