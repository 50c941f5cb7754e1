"""The registry: our tasks, and those that other packages offer by an entry point."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.errors import UsageError
from colearn_ledger.tasks import get_task, list_tasks, task_names

ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "colearn_ledger" / "tasks"
PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")


class Packages:
    """A folder on the path into which packages are installed as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(self, package: str, module: str, source: str, **points: str) -> None:
        info = self.folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[colearn_ledger.tasks]\n{lines}")
        (self.folder / f"{module}.py").write_text(source)
        self.modules.append(module)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Packages(tmp_path)
    yield found
    for module in found.modules:
        sys.modules.pop(module, None)


def copied(name: str, source: str = "iris", **changes: str) -> str:
    """One of our tasks under another name, as a user copies it."""
    text = (TASKS / f"{source}.py").read_text()
    for old, new in {f'name="{source.upper()}"': f'name="{name}"', **changes}.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", ["IRIS", "iris", "digits", " Mnist "])
def test_get_task__name_or_alias__in_any_case(name: str) -> None:
    task = get_task(name)
    assert name.strip().upper() in {task.name, *task.aliases}


def test_tasks__ours__have_unique_names_and_say_what_they_are() -> None:
    tasks, _ = list_tasks()
    names = [name for task in tasks for name in (task.name, *task.aliases)]
    assert len(names) == len(set(names))
    assert [task.name for task in tasks] == task_names()
    for task in tasks:
        assert task.name == task.name.upper()
        assert task.description and task.data and task.metric
        assert task.learning_rate > 0 and (task.batch_size is None or task.batch_size >= 1)


@pytest.mark.slow
def test_get_task__copied_file_and_entry_point__runs_in_the_demo(
    packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.install("wild-flowers", "wild_flowers", copied("WILD_FLOWERS"), WILD_FLOWERS="wild_flowers:TASK")
    assert "WILD_FLOWERS" in task_names()
    words = ["-n", "3", "-p", "2", "--no-ledger", "-o"]
    assert main(["demo", "-t", "wild-flowers", *words, str(tmp_path / "mine")]) == 0
    mine = capsys.readouterr().out
    assert "WILD_FLOWERS: scikit-learn's iris" in mine
    assert main(["demo", "-t", "IRIS", *words, str(tmp_path / "theirs")]) == 0
    theirs = capsys.readouterr().out
    finals = {line for said in (mine, theirs) for line in said.splitlines() if line.startswith("final weights")}
    assert len(finals) == 1


def test_page__a_task_of_your_own__works_as_it_is_written(
    packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, point = (re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("python", "toml"))
    assert source and point
    group, line = point[1].splitlines()
    assert group == '[project.entry-points."colearn_ledger.tasks"]'
    name, target = line.split(" = ")
    packages.install("my-package", "wine", source[1], **{name: target.strip('"').replace("my_package.", "")})
    assert main(["demo", "-t", "wine", "-n", "3", "-p", "3", "--no-ledger", "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "WINE: scikit-learn's wines, 178 of them" in told
    assert "0 accepted" not in told


def test_page__list_of_tasks__is_what_the_demo_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--list-tasks"]) == 0
    assert f"<!-- demo --list-tasks -->\n```\n{capsys.readouterr().out}```\n" in PAGE
    for name in task_names():
        assert f"\n### {name}\n" in PAGE


def test_get_task__alias_of_another_package__found(packages: Packages) -> None:
    source = copied("WEEDS", **{'metric="accuracy"': 'metric="accuracy", aliases=("GRASS",)'})
    packages.install("weeds", "weeds", source, WEEDS="weeds:TASK")
    assert get_task("grass").name == "WEEDS"


def test_get_task__misspelt_name_of_another_package__suggested(packages: Packages) -> None:
    packages.install("weeds", "weeds", copied("WEEDS"), WEEDS="weeds:TASK")
    with pytest.raises(UsageError) as caught:
        get_task("WEDES")
    assert caught.value.fix == "did you mean WEEDS?"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("OTHER = 1", "has no attribute 'TASK'"),
        ("TASK = 1", "is a int"),
    ],
)
def test_get_task__broken_package__named_and_the_others_work(
    packages: Packages, source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.install("broken-pack", "broken_pack", source, BROKEN="broken_pack:TASK")
    packages.install("weeds", "weeds", copied("WEEDS"), WEEDS="weeds:TASK")
    with pytest.raises(UsageError) as caught:
        get_task("BROKEN")
    assert said in caught.value.what and "broken-pack" in caught.value.what
    assert main(["demo", "--list-tasks"]) == 0
    told = capsys.readouterr()
    assert "warning: the task BROKEN of broken-pack" in told.err
    assert "WEEDS" in told.out and "BROKEN" not in told.out
    assert get_task("IRIS").name == "IRIS"


def test_get_task__two_packages_of_one_name__neither_is_taken(packages: Packages) -> None:
    for name in ("one", "two"):
        packages.install(name, f"weeds_{name}", copied("WEEDS"), WEEDS=f"weeds_{name}:TASK")
    with pytest.raises(UsageError, match=r"more than one package offers a task WEEDS: one .*, two "):
        get_task("WEEDS")


def test_list_tasks__our_name_taken_by_another__ours_stays_and_it_is_said(packages: Packages) -> None:
    packages.install("thief", "thief", copied("IRIS"), IRIS="thief:TASK")
    assert get_task("IRIS").make.__module__ == "colearn_ledger.tasks.iris"
    assert task_names().count("IRIS") == 1
    assert any("IRIS of thief" in line for line in list_tasks()[1])


def test_list_tasks__command__shows_each_with_its_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--list-tasks"]) == 0
    text = capsys.readouterr().out
    for task in list_tasks()[0]:
        (line,) = (line for line in text.splitlines() if line.startswith(f"{task.name} "))
        assert line.split()[1:4] == [task.metric, f"{task.learning_rate:g}", str(task.batch_size or "-")]
        assert f"    data: {task.data}" in text
    assert "sklearn" not in text
    assert max(map(len, text.splitlines())) <= 120
