"""A learner by name: where its module is looked for, here and in another process, and what is told when it isn't."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from colearn_ledger.errors import ConfigError, LearnerError
from colearn_ledger.learners.loading.factory import LearnerSpec

MODULE = "a_learner_of_this_test"
CODE = """
from tests.kit.node_learners import make as make_other
def make(**options):
    return make_other(**options)
def none():
    return 5
def broken():
    raise TypeError("inside")
VALUE = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the module, which isn't in this process's path and won't be."""
    (tmp_path / f"{MODULE}.py").write_text(CODE)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop(MODULE, None)


def test_make__module_in_a_folder_of_the_spec__is_found_there_alone(folder: Path) -> None:
    with pytest.raises(ConfigError, match="there is no module"):
        LearnerSpec(f"{MODULE}:make", {"index": 0}).make()
    assert LearnerSpec(f"{MODULE}:make", {"index": 0}, (folder,)).make().mli_get_current_weights()


def test_path__goes_through_folders_working_folder_and_what_is_installed(folder: Path) -> None:
    path = LearnerSpec("m:f", folders=(folder,)).path
    assert path[:2] == (str(folder), str(Path.cwd())) and set(sys.path) <= set(path)
    assert len(path) == len(set(path))
    LearnerSpec("m:f", folders=(folder,)).importable()
    assert sys.path == list(path) == list(LearnerSpec("m:f", folders=(folder,)).path)


def test_elsewhere__a_process_in_another_folder__finds_the_same_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    spec = LearnerSpec(f"{MODULE}:make", {"index": 0}, (folder,)).elsewhere()
    (tmp_path / "other").mkdir()
    program = (
        "import json, sys\n"
        f"sys.path.append({str(Path(__file__).resolve().parents[3])!r})\n"
        "from colearn_ledger.learners.loading.factory import LearnerSpec\n"
        "spec = LearnerSpec(**json.load(sys.stdin))\n"
        "spec.make()\n"
        "print(json.dumps(sys.path))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(asdict(spec)),
        cwd=tmp_path / "other",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[: len(spec.path)] == list(spec.path)


@pytest.mark.parametrize(
    "factory, options, error, said",
    [
        ("nowhere_at_all:make", {}, ConfigError, "there is no module nowhere_at_all"),
        (f"{MODULE}:absent", {}, ConfigError, "has no function absent"),
        (f"{MODULE}:VALUE", {}, ConfigError, "has no function VALUE"),
        (f"{MODULE}:none", {"wrong": 1}, ConfigError, r"can't be called with the options \['wrong'\]"),
        (f"{MODULE}:none", {}, LearnerError, f"{MODULE}:none"),
        (f"{MODULE}:broken", {}, TypeError, "inside"),
    ],
)
def test_make__what_cannot_be__is_told(
    folder: Path, factory: str, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        LearnerSpec(factory, options, (folder,)).make()
