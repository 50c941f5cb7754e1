"""What importing the package costs and loads, in fresh interpreters."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import colearn_ledger
from colearn_ledger import core

FRAMEWORKS = (
    "tensorflow",
    "keras",
    "torch",
    "sklearn",
    "web3",
    "eth_tester",
    "matplotlib",
    "pandas",
    "scipy",
    "requests",
)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after the statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_import__package__loads_no_framework() -> None:
    loaded = loaded_by("import colearn_ledger")
    assert "colearn_ledger" in loaded
    assert not loaded & {*FRAMEWORKS, "numpy"}


def test_import__task_names__load_no_framework() -> None:
    assert not loaded_by("from colearn_ledger.tasks import get_task; get_task('mnist')") & set(FRAMEWORKS)


def test_import__core__only_stdlib_and_numpy() -> None:
    bare = loaded_by("pass")
    names = [module.name for module in pkgutil.iter_modules(core.__path__, "colearn_ledger.core.")]
    assert "colearn_ledger.core.decide" in names
    foreign = loaded_by("import " + ", ".join(names)) - bare - set(sys.stdlib_module_names)
    # names with an underscore in front are helpers that numpy's build and the interpreter's site make
    assert {name for name in foreign if not name.startswith("_")} <= {"colearn_ledger", "numpy"}


def test_import__a_members_long_half__loads_no_chain_and_no_framework() -> None:
    assert not loaded_by("import colearn_ledger.member.prepare") & set(FRAMEWORKS)


@pytest.mark.parametrize("door", ["chain", "core", "founding", "learners", "network", "report", "stores"])
def test_import__door_of_a_package__loads_no_framework(door: str) -> None:
    assert not loaded_by(f"import colearn_ledger.{door}") & {*FRAMEWORKS, "numpy"}


def test_import__package__under_a_third_of_a_second_over_bare_python() -> None:
    script = "import time; start = time.perf_counter(); import colearn_ledger; print(time.perf_counter() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True) for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.3


@pytest.mark.parametrize("name", colearn_ledger.__all__)
def test_public_name__each__is_there(name: str) -> None:
    assert getattr(colearn_ledger, name) is not None
    assert name in dir(colearn_ledger)


def test_public_name__unknown__attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = colearn_ledger.no_such_thing


@pytest.mark.slow
@pytest.mark.parametrize("module, extra", [("keras", "keras"), ("sklearn", "sklearn"), ("xgboost", "xgboost")])
def test_import__learner_without_its_package__names_the_extra(module: str, extra: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from colearn_ledger.errors import UsageError\n"
        f"try: import colearn_ledger.learners.{module}\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "which is not installed" in done.stdout
    assert f'pip install ".[{extra}]"' in done.stdout


def test_import__forests_without_scikit_learn__names_the_extra() -> None:
    script = "import sys; sys.modules['sklearn'] = None; import colearn_ledger.learners.forest"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "UsageError" in done.stderr.splitlines()[-3]
    assert 'pip install ".[sklearn]"' in done.stderr


@pytest.mark.slow
def test_import__xgboost_learner__loads_no_other_framework() -> None:
    pytest.importorskip("xgboost", reason="XGBoost is not installed")
    assert not loaded_by("import colearn_ledger.learners.xgboost") & {"keras", "tensorflow", "torch", "web3"}
