"""Nodes' health, asked of the pages that real nodes serve, and of what only looks like them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from colearn_node.health import Health
from colearn_node.metrics import Metrics
from colearn_node.worker.steps import Steps

from colearn_ledger.dashboard.nodes import NodeAddress, ask_nodes, parse_nodes
from colearn_ledger.errors import UsageError

from ..kit.builders import view
from ..kit.fakes import Clock
from ..kit.ports import refusing_port


def asked(*urls: str) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        async with ClientSession() as session:
            return await ask_nodes([NodeAddress(f"node {i}", url) for i, url in enumerate(urls)], session)

    return asyncio.run(run())


def asked_of(handler: Any) -> dict[str, Any]:
    """What is made of a server that answers every path so."""

    async def run() -> dict[str, Any]:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with ClientSession() as session:
                [said] = await ask_nodes([NodeAddress("it", f"http://127.0.0.1:{runner.addresses[0][1]}")], session)
                return said
        finally:
            await runner.cleanup()

    return asyncio.run(run())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Iterator[Metrics]:
    made = Metrics("127.0.0.1:0", Health(1.0, clock))
    with contextlib.closing(made):
        yield made


def test_ask__a_node_that_looks_round__alive_why_not_ready_and_where_it_stands(metrics: Metrics, clock: Clock) -> None:
    metrics.looked(view(round=7, accepted_round=3, block_number=5))
    metrics.funds(0.5, 120)
    metrics.trains(Steps(4, 120, 1000, None, (1, 0.0)))
    with refusing_port() as port:
        said, gone = asked(f"http://127.0.0.1:{metrics.port}", f"http://127.0.0.1:{port}")
    assert (said["name"], said["alive"], said["round"], said["block"]) == ("node 0", True, 7, 5)
    assert (said["funds_rounds"], said["motions_to_vote"]) == (120, 0)
    assert (said["steps_done"], said["steps"]) == (120, 1000)
    assert said["ready"] is False and said["why"], "it has never seen the chain"
    assert (gone["alive"], gone["ready"], gone["why"]) == (None, None, "Connection refused")
    clock.now += 400
    [stuck] = asked(f"http://127.0.0.1:{metrics.port}")
    assert (stuck["alive"], stuck["why"]) == (False, "the loop stands still since 400 s")


def test_ask__something_else_answers__no_node() -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(status=404)

    said = asked_of(other)
    assert (said["alive"], said["why"]) == (None, "/livez answers with status 404")


def test_ask__a_redirect__is_not_followed() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    assert asked_of(elsewhere)["why"] == "/livez answers with status 302"


@pytest.mark.parametrize("text", ["colearn_node_round", "{", "colearn_node_round{ 1\n", "# TYPE x y\n\x00"])
def test_ask__numbers_that_are_none__said_and_nothing_breaks(text: str) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text=text if request.path == "/metrics" else "ok\n")

    said = asked_of(odd)
    assert (said["alive"], said["ready"]) == (True, True) and "round" not in said


def test_parse_nodes__names_and_urls() -> None:
    found = parse_nodes(["clinic-a=http://127.0.0.1:9464/", "b = https://node.example:1"])
    assert found == (NodeAddress("clinic-a", "http://127.0.0.1:9464"), NodeAddress("b", "https://node.example:1"))


@pytest.mark.parametrize(
    "words",
    [
        ["http://127.0.0.1:9464"],
        ["=http://127.0.0.1:9464"],
        ["a="],
        ["a=127.0.0.1:9464"],
        ["a=ftp://127.0.0.1"],
        ["a=http://u:p@127.0.0.1"],
        ["a=http://127.0.0.1/metrics"],
        ["a=http://127.0.0.1:99999"],
        ["a=http://[::1"],
        ["a=http://127.0.0.1:1", "a=http://127.0.0.1:2"],
    ],
)
def test_parse_nodes__another_form__is_refused_without_showing_a_password(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_nodes(words)
    assert "u:p" not in str(caught.value)
