"""The page's source, and how it is built."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from colearn_ledger.dashboard.server import FILES, PAGE

from ..kit.dashboard import need_page

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"


def test_source__text_that_others_wrote__never_becomes_html() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (WEB / "src").rglob("*.ts*")]
    assert len(sources) > 5
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "document.write", "eval("):
        assert not any(sink in source for source in sources), sink


def test_page__nothing_inline_and_nothing_from_elsewhere() -> None:
    text = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|https?:|<script(?![^>]*src=)", text)
    assert set(re.findall(r'(?:src|href)="/([^"]+)"', text)) == set(FILES) - {"index.html"}


def test_built__what_is_inside__names_its_licences_and_asks_for_nothing_elsewhere() -> None:
    need_page()
    licences = (PAGE / "licences.txt").read_text(encoding="utf-8")
    assert re.search(r"^preact \d", licences, re.M) and re.search(r"^uplot \d", licences, re.M)
    assert licences.count("MIT") >= 2
    style = (PAGE / "app.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style


@pytest.mark.slow
def test_source__types__hold(require_tool: Callable[..., Path]) -> None:
    require_tool("node", "node_modules/.bin/tsc")
    done = subprocess.run(["node_modules/.bin/tsc", "-p", "web"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_make_page__built_once_and_again_when_something_has_changed(
    require_tool: Callable[..., Path], tmp_path: Path
) -> None:
    require_tool("node", "node_modules/esbuild")
    for folder in ("web", "scripts/lib"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "package-lock.json", tmp_path)
    (tmp_path / "colearn_ledger" / "dashboard").mkdir(parents=True)
    for name in (".venv", "node_modules"):
        (tmp_path / name).symlink_to((ROOT / name).resolve())

    def make() -> float:
        command = ". scripts/lib/setup.sh; . scripts/lib/node.sh; make_page"
        done = subprocess.run(["sh", "-euc", command], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "colearn_ledger" / "dashboard" / "page" / "app.js").stat().st_mtime_ns

    first = make()
    assert make() == first
    with (tmp_path / "web" / "src" / "style.css").open("a", encoding="utf-8") as style:
        style.write("p { margin: 1px; }\n")
    assert make() > first
    assert set(FILES) < {path.name for path in (tmp_path / "colearn_ledger" / "dashboard" / "page").iterdir()}
