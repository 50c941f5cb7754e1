"""A real browser for tests: Chromium, driven by Playwright; it tells what went wrong in a page and whom it asked."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .anvil import wait_until

__all__ = ["NARROW", "WIDE", "Tab", "browser", "save_picture"]

ROOT = Path(__file__).resolve().parents[2]
WIDE, NARROW = 1280, 360  # a laptop's window, and a phone's
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Tab:
    """A page of the browser.

    Attributes
    ----------
    page: Playwright's.
    wrong: what the page complained about: errors, warnings, requests that failed.
    asked: the addresses that it asked for.
    """

    page: Any
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        on = self.page.on
        on("console", lambda said: self.wrong.append(f"{said.type}: {said.text}") if said.type != "log" else None)
        on("pageerror", lambda error: self.wrong.append(str(error)))
        on("request", lambda request: self.asked.append(request.url))

    def violations(self) -> list[str]:
        """What axe finds against the rules of accessibility, all of its rules."""
        self.page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        return [
            f"{one['id']}: {node['html'][:200]}: {node['failureSummary']}" for one in found for node in one["nodes"]
        ]

    def wait(self, condition: str, deadline_s: float = 60) -> None:
        """Until this expression is true. Asked from outside: the page's policy forbids to evaluate texts inside."""
        wait_until(lambda: bool(self.page.evaluate(condition)), condition, deadline_s)

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


class Chromium:
    """Opens pages; ``tabs``: all that were opened."""

    def __init__(self, playwrights: Any) -> None:
        self._browser = playwrights
        self.tabs: list[Tab] = []

    def open(self, url: str, *, width: int = WIDE, dark: bool = False, height: int = 900) -> Tab:
        page = self._browser.new_page(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page.set_default_timeout(60_000)
        tab = Tab(page)
        self.tabs.append(tab)
        page.goto(url)
        return tab


@contextmanager
def browser() -> Iterator[Chromium]:
    """Chromium, or a visible skip where it, Playwright or axe is missing; in CI, a failure."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None  # type: ignore[assignment]
    if program is None or sync_playwright is None or not (ROOT / "node_modules" / "axe-core").exists():
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("Chromium, Playwright or axe is missing: scripts/test --all sets them up")
    with sync_playwright() as playwright:
        # Without its sandbox, which needs what containers don't give; it only ever sees this project's own page.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield Chromium(running)
        finally:
            running.close()


def save_picture(png: bytes, path: Path) -> None:
    """A screenshot with 256 colours, which is half of its bytes."""
    from PIL import Image

    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(path, optimize=True)
