"""What holds for all tests: skips are errors in CI, seeds are known, long tests start first."""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from .kit.quick import is_quick, set_up_hypothesis

ROOT = Path(__file__).resolve().parents[1]
SEED = "COLEARN_TEST_SEED"
_GOODBYE_S = 30.0
_LIBRARIES = {"tqdm_monitor"}  # threads that libraries have once for a whole process
IN_CI = os.environ.get("CI") == "true"

# TensorFlow reads these when it is imported, and whichever test module comes first does that for the whole process: so
# they are set here, and every process trains in the same way and gives the same bytes. One thread is also cheaper.
for _name, _value in {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}.items():
    os.environ.setdefault(_name, _value)

# PyTorch's optimizers load Triton, which nothing here needs, and whose LLVM aborts a process that has TensorFlow's. In
# which order modules are imported and tests run is chance here; what the learner does about it is tested in processes.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]

# A shell that starts this in the background has it ignore Ctrl-C, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its option
def pytest_configure(config: pytest.Config) -> None:
    # In CI always the same, so that a change is tested and not the day's luck; elsewhere another one each time.
    # By the environment, so that xdist's processes have the same.
    seed = os.environ.setdefault(SEED, "1" if IN_CI else str(random.SystemRandom().randrange(2**32)))
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = seed
    set_up_hypothesis(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    from hypothesis import settings

    seed, hypothesis_seed = os.environ[SEED], config.getoption("hypothesis_seed", None)
    hypothesis = "fixed by its CI profile" if settings.default.derandomize else f"{hypothesis_seed} (--hypothesis-seed)"
    lines = [f"seeds: {SEED}={seed} for random, numpy; hypothesis {hypothesis}"]
    if is_quick(config):
        lines.append(
            "left out: what is slow, as all is that needs TensorFlow or PyTorch, and most examples (scripts/test --all)"
        )
    return lines


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # All of them are slow: a quick run would only import PyTorch, which it doesn't install, to deselect them.
    flower = collection_path.match("test_flower_apps*.py")
    of_all = flower or collection_path.match("test_torch_*.py")
    return True if (of_all and is_quick(config)) or (flower and sys.version_info < (3, 11)) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # What is collected, and the packages that are imported for it, stays till the end: millions of objects, which the
    # garbage collector would go through again and again, for a tenth of the run's time.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test starts from the run's seed, whichever ran before it in its process."""
    import numpy as np

    random.seed(int(os.environ[SEED]))
    np.random.seed(int(os.environ[SEED]) % 2**32)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """A thread that goes on works beside all tests after it: it takes their time, and what a process has for all."""

    def names(known: set[threading.Thread]) -> list[str]:
        return [one.name for one in threading.enumerate() if one not in known and one.name not in _LIBRARIES]

    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _GOODBYE_S
    while left := names(before):
        assert time.monotonic() < deadline, f"threads that go on after the test: {left}"
        time.sleep(0.01)


@pytest.hookimpl(tryfirst=True)  # before those that aren't asked for are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    nameless = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if nameless:  # an address is another one in each process, which are to agree on what there is
        raise pytest.UsageError(
            f"tests named by an object's address, so that they can't be distributed: {nameless[:3]}"
        )
    for item in items:
        if item.get_closest_marker("large") is not None and "COLEARN_LARGE" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="it takes gigabytes of memory and disk: COLEARN_LARGE=1 runs it"))
        if item.get_closest_marker("tensorflow") is not None:
            item.add_marker(pytest.mark.slow)  # the import alone takes a tenth of the quick run's time
    # With --dist worksteal a process starts at the top of its share, and idle ones take from the others' ends: what
    # imports TensorFlow, for seconds and half a gigabyte, stays with the first one.
    items.sort(
        key=lambda item: (item.get_closest_marker("long") is None, item.get_closest_marker("tensorflow") is None)
    )
    if find_spec("tensorflow") is None:
        for item in items:
            if item.get_closest_marker("tensorflow") is not None:
                item.add_marker(pytest.mark.skip(reason="TensorFlow is not installed"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as skipped, too; it isn't one.
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and _must_run(item):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if IN_CI and report.skipped:  # a whole module, by importorskip
        _fail(report)
    return report


def _must_run(item: pytest.Item) -> bool:
    """What needs a GPU is tried where there is one, and what needs gigabytes where these are given to it."""
    return all(item.get_closest_marker(name) is None for name in ("gpu", "large"))


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"skipped in CI, where everything must run: {reason}"


@pytest.fixture(scope="session")
def require_tool() -> Callable[..., Path]:
    """``require_tool("node")``: the program's path; skips the test (in CI: an error) where it can't be had.

    ``require_tool("node", "node_modules/solc")`` asks for files of this project, too.
    """

    def require(program: str, *files: str) -> Path:
        found = shutil.which(program)
        missing = [file for file in files if not (ROOT / file).exists()]
        if found is None or missing:
            pytest.skip(f"missing: {', '.join(missing) or program}; run scripts/test, which sets them up")
        return Path(found)

    return require
