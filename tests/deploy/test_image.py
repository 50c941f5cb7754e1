"""The node's image: its files are there, and what its build runs works, in folders of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
BUILD, FINAL = (LINES[: (second := LINES.index("FROM python:3.12-slim"))], LINES[second:])
IGNORE = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()


def arguments(stage: list[str], instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in stage if line.startswith(f"{instruction} ")]


def copied() -> list[tuple[str, str]]:
    """Sources in the checkout, and where they go."""
    lines = [line.split() for line in arguments(BUILD, "COPY")]
    return [(source, target) for *sources, target in lines for source in sources]


def test_context__is_what_is_copied_and_no_more() -> None:
    assert IGNORE[0] == "*"
    allowed = {line.removeprefix("!") for line in IGNORE if line.startswith("!")}
    assert allowed == {source for source, _ in copied()}
    assert all((ROOT / source).exists() for source in allowed)


def test_image__is_no_root_and_listens_to_itself_alone() -> None:
    [user] = arguments(FINAL, "USER")
    assert user.partition(":")[0].isdigit() and not user.startswith("0")
    [command] = arguments(FINAL, "CMD")
    assert json.loads(command)[-1] == "127.0.0.1:9464"
    [check] = arguments(FINAL, "HEALTHCHECK")
    assert "127.0.0.1:9464/livez" in json.loads(check[check.index("[") :])[-1]


@pytest.mark.slow
@pytest.mark.long
def test_build__run_in_folders__gives_a_program_that_needs_no_checkout(tmp_path: Path) -> None:
    source, opt, python = tmp_path / "src", tmp_path / "opt", tmp_path / "python"
    source.mkdir()
    for name, target in copied():
        place = source / name if target == "./" else source / target
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)
    python.mkdir()
    (python / "python").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "UV_PYTHON"))}
    env |= {"PATH": f"{python}{os.pathsep}{env['PATH']}"}
    env |= dict(line.split("=") for line in arguments(BUILD, "ARG"))
    for line in arguments(BUILD, "RUN"):
        script = re.sub(r"(?<![\w/])/opt/", f"{opt}/", line)
        done = subprocess.run(["sh", "-euc", script], cwd=source, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(source)
    [entry] = json.loads(arguments(FINAL, "ENTRYPOINT")[0])
    words = json.loads(arguments(FINAL, "CMD")[0])
    done = subprocess.run(
        [opt / "colearn" / "bin" / entry, *words], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 3 and "node.toml" in done.stderr, done.stderr
