"""The dashboard's server for tests, asked by a real client."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from aiohttp.test_utils import TestClient, TestServer

from colearn_ledger.dashboard.nodes import NodeAddress
from colearn_ledger.dashboard.server import PAGE, make_app
from colearn_ledger.dashboard.watch import Watch

__all__ = ["Said", "ask", "need_page", "talk"]

T = TypeVar("T")
Client = TestClient[Any, Any]


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def talk(
    watch: Watch,
    what: Callable[[Client], Awaitable[T]],
    nodes: Sequence[NodeAddress] = (),
    page: dict[str, bytes] | None = None,
) -> T:
    """What comes of talking with a server that knows what ``watch`` has seen."""

    async def run() -> T:
        async with TestClient(TestServer(make_app(watch, nodes, page))) as client:
            return await what(client)

    return asyncio.run(run())


def ask(watch: Watch, path: str, method: str = "GET", headers: dict[str, str] | None = None, **options: Any) -> Said:
    """One answer."""

    async def once(client: Client) -> Said:
        async with client.request(method, path, headers=headers) as answer:
            return Said(answer.status, dict(answer.headers), await answer.text())

    return talk(watch, once, **options)


def need_page() -> None:
    """Have the page that ``scripts/test`` builds, or skip; in CI, or fail."""
    if not (PAGE / "app.js").exists():
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("the dashboard's page isn't built: scripts/build_dashboard does that")
