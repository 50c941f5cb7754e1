"""The hash of a learner's code is what coreutils give, and no code runs for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.errors import ConfigError
from colearn_ledger.plan.code import code_hash, installed_version, top_module

RAISES = "raise SystemExit('this ran')\n"


def by_hand(folder: Path, find: str) -> str:
    command = f"{find} | LC_ALL=C sort | xargs sha256sum | sha256sum"
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout[:64]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils are not there")
def test_code_hash__a_package__is_what_find_and_sha256sum_give(tmp_path: Path) -> None:
    package = tmp_path / "my_package"
    (package / "deep" / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "b.py", "a-b.py", "deep/z.py", "deep/__init__.py"):
        (package / name).write_text(f"{RAISES}# {name}\n")
    (package / "deep" / "__pycache__" / "z.pyc").write_bytes(b"\0")
    (package / "notes.txt").write_text("not code")
    assert code_hash(["my_package"], [str(tmp_path)]).hex() == by_hand(tmp_path, "find my_package -name '*.py'")
    (package / "deep" / "z.py").write_text(f"{RAISES}# other\n")
    assert code_hash(["my_package"], [str(tmp_path)]).hex() == by_hand(tmp_path, "find my_package -name '*.py'")


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils are not there")
def test_code_hash__modules_of_one_file__together_and_in_any_order(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(f"{RAISES}# {name}\n")
    path = [str(tmp_path)]
    assert code_hash(["one"], path).hex() == by_hand(tmp_path, "echo one.py")
    assert (
        code_hash(["two", "one"], path).hex() == by_hand(tmp_path, "ls two.py one.py") != code_hash(["one"], path).hex()
    )
    assert code_hash(["two", "one"], path) == code_hash(["one", "two", "one"], path)


def test_code_hash__the_same_name_twice_on_the_path__the_first_that_is_imported(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"{RAISES}# {folder}\n")
    first, second = (str(tmp_path / name) for name in ("first", "second"))
    assert code_hash(["mine"], [first, second]) == code_hash(["mine"], [first]) != code_hash(["mine"], [second])


def test_code_hash__a_package_of_this_checkout__is_found() -> None:
    assert len(code_hash(["colearn_ledger"], sys.path)) == 32


@pytest.mark.parametrize(
    ("module", "why"), [("no_such_module_here", "no module"), ("a/b", "no module"), ("sys", "source")]
)
def test_code_hash__what_has_no_source__one_message(module: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        code_hash([module], [str(tmp_path)])


def test_installed_version__of_a_distribution_and_of_none() -> None:
    assert installed_version("numpy") == np.__version__ and installed_version("yaml") == version("PyYAML")
    assert installed_version("no_such_module_here") == installed_version("") == ""


def test_installed_version__a_distribution_of_the_modules_name_without_it__is_another_ones(tmp_path: Path) -> None:
    for name, number, file in (("my-model", "1.0", "other.py"), ("our-models", "2.0", "my_model.py")):
        about = tmp_path / f"{name.replace('-', '_')}-{number}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        (about / "RECORD").write_text(f"{file},,\n")
    found = subprocess.run(
        [sys.executable, "-c", "from colearn_ledger.plan.code import *; print(installed_version('my_model'))"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "2.0"


def test_top_module__of_a_factory__is_its_packages() -> None:
    assert top_module("my_package.models.cnn:make") == "my_package"
