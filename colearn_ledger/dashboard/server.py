"""The server of the page, on loopback: one page, and JSON that is read from the chain. Nothing can be changed by it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import ClientSession, web

from ..errors import ChainError, ConfigError, UsageError
from ..formats.urls import is_loopback
from ..history.follow import again_and_again
from .answers import members_answer, motions_answer, round_answer, state_answer
from .nodes import NodeAddress, ask_nodes
from .rows import curves, page_of
from .watch import Seen, Watch

__all__ = ["HOST", "PAGE", "make_app", "read_page", "serve"]

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
FILES = {
    "index.html": "text/html",
    "icon.svg": "image/svg+xml",
    "app.js": "text/javascript",
    "app.css": "text/css",
}
_RESYNC_S = 10.0  # between two messages, at most: each brings the chain's clock
_CURVES = (1, 100_000)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def read_page(folder: Path = PAGE) -> dict[str, bytes]:
    """The page's files by name. Raises ConfigError where they were never built."""
    try:
        return {name: (folder / name).read_bytes() for name in FILES}
    except FileNotFoundError as e:
        raise ConfigError(
            "the dashboard's page isn't built",
            expected=f"{', '.join(FILES)} in {folder}",
            fix="in a checkout: scripts/build_dashboard; a wheel that is built after that has the page in it",
        ) from e


@dataclass(slots=True)
class _Bell:
    """Rung from any thread, it wakes whoever waits in the loop."""

    loop: asyncio.AbstractEventLoop
    waiting: set[asyncio.Future[None]] = field(default_factory=set)

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for one in self.waiting:
            if not one.done():
                one.set_result(None)
        self.waiting.clear()

    async def wait(self, seconds: float) -> None:
        """Until it is rung, or so long."""
        rung: asyncio.Future[None] = self.loop.create_future()
        self.waiting.add(rung)
        try:
            await asyncio.wait([rung], timeout=seconds)
        finally:
            self.waiting.discard(rung)


WATCH: web.AppKey[Watch] = web.AppKey("watch", Watch)
BELL: web.AppKey[_Bell] = web.AppKey("bell", _Bell)
NODES: web.AppKey[Sequence[NodeAddress]] = web.AppKey("nodes", Sequence)
SESSION: web.AppKey[ClientSession] = web.AppKey("session", ClientSession)


def make_app(watch: Watch, nodes: Sequence[NodeAddress] = (), page: dict[str, bytes] | None = None) -> web.Application:
    """The whole server, for whoever runs it. ``page``: its files, where there are any."""
    app = web.Application(middlewares=[_guard])
    app[WATCH], app[NODES] = watch, tuple(nodes)
    app.cleanup_ctx.append(_with_tools)
    get = app.router.add_get
    for name, data in (page or {}).items():
        get("/" if name == "index.html" else f"/{name}", _file(data, FILES[name]))
    get("/api/state", _state)
    get("/api/events", _events)
    get("/api/rounds", _rounds)
    get(r"/api/rounds/{number:\d{1,9}}", _round)
    get("/api/members", _members)
    get("/api/motions", _motions)
    get("/api/curves", _curves)
    get("/api/nodes", _nodes)
    return app


async def serve(
    watch: Watch,
    nodes: Sequence[NodeAddress],
    page: dict[str, bytes],
    *,
    port: int,
    say: Callable[[str], object],
    look_s: float = 1.0,
) -> None:
    """Serve until cancelled. ``say`` gets the page's address; ``look_s``: seconds between two looks at the chain.

    Raises ConfigError where the port is taken, and whatever else than a ChainError reading raises.
    """
    app = make_app(watch, nodes, page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as e:
            raise ConfigError(
                f"--port is {port}: {e.strerror or e}", fix="name a free port on this machine; 0 takes any"
            ) from e
        bell = app[BELL]
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        _forever(watch.look, watch.note_trouble, watch, bell, failed, look_s)
        _forever(watch.gather, watch.note_problem, watch, bell, failed, look_s)
        say(f"http://{HOST}:{runner.addresses[0][1]}/")
        await failed
    finally:
        await runner.cleanup()


def _forever(
    read: Callable[[], object],
    note: Callable[[ChainError], None],
    watch: Watch,
    bell: _Bell,
    failed: asyncio.Future[None],
    look_s: float,
) -> None:
    """Read again and again in a thread that nobody waits for at the end; an unknown error ends the server."""

    def look() -> object:
        if failed.done():
            raise asyncio.CancelledError  # the server has ended
        return read()

    def troubled(error: ChainError) -> None:
        note(error)
        bell.ring()

    def run() -> None:
        version = -1
        try:
            for _ in again_and_again(look, look_s=look_s, trouble=troubled):
                seen = watch.seen
                if seen is not None and seen.version != version:
                    version = seen.version
                    bell.ring()
        except BaseException as e:
            _end(failed, error=e)

    threading.Thread(target=run, daemon=True).start()


async def _with_tools(app: web.Application) -> AsyncIterator[None]:
    app[BELL] = _Bell(asyncio.get_running_loop())
    async with ClientSession(trust_env=False) as session:
        app[SESSION] = session
        yield


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only this machine's own names for itself are answered: a stranger's page whose name leads here gets nothing."""
    if not _is_own(request.headers.get("Host", "")):
        return _json({"error": "this server is for this machine alone: open it as 127.0.0.1 or localhost"}, 421)
    try:
        response = await handler(request)
    except web.HTTPException as e:
        response = _json({"error": e.reason}, e.status)
        if "Allow" in e.headers:
            response.headers["Allow"] = e.headers["Allow"]
    except UsageError as e:
        response = _json({"error": str(e)}, 400)
    except ChainError as e:
        response = _json({"error": e.what}, 503)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _is_own(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _json(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers=HEADERS, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _file(data: bytes, kind: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=data, content_type=kind, charset="utf-8")

    return answer


def _seen(request: web.Request) -> Seen:
    seen = request.app[WATCH].seen
    if seen is None:
        raise ChainError("the chain is being read for the first time")
    return seen


async def _state(request: web.Request) -> web.Response:
    return _json(state_answer(_seen(request), nodes=bool(request.app[NODES])))


async def _events(request: web.Request) -> web.StreamResponse:
    """The state as server-sent events: at once, whenever something changes, and every few seconds."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    watch, bell = request.app[WATCH], request.app[BELL]
    with contextlib.suppress(ConnectionResetError):
        while True:
            seen = watch.seen
            if seen is not None:
                text = _dumps(state_answer(seen, nodes=bool(request.app[NODES])))
                await response.write(f"event: state\ndata: {text}\n\n".encode())
            await bell.wait(_RESYNC_S)
    return response


async def _rounds(request: web.Request) -> web.Response:
    seen, query = _seen(request), request.query
    page = page_of(
        seen.records,
        seen.told,
        page=_number(query.get("page", "0"), "page"),
        size=_number(query.get("size", "50"), "size"),
        state=query.get("state", ""),
        proposer=query.get("proposer", ""),
    )
    return _json({"version": seen.version, **page})


async def _round(request: web.Request) -> web.Response:
    seen, watch, number = _seen(request), request.app[WATCH], int(request.match_info["number"])
    if number >= len(seen.records):
        raise web.HTTPNotFound(reason=f"there is no round {number} yet")
    return _json(
        await _in_thread(lambda: round_answer(watch.snapshot(), seen, number, watch.deployed_block)),
    )


async def _members(request: web.Request) -> web.Response:
    seen, watch = _seen(request), request.app[WATCH]
    return _json(await _in_thread(lambda: members_answer(watch.snapshot(), seen, watch.deployed_block)))


async def _motions(request: web.Request) -> web.Response:
    seen, watch = _seen(request), request.app[WATCH]
    return _json(await _in_thread(lambda: motions_answer(watch.snapshot(), seen, watch.deployed_block)))


async def _curves(request: web.Request) -> web.Response:
    seen, last = _seen(request), _number(request.query.get("last", "200"), "last")
    if not _CURVES[0] <= last <= _CURVES[1]:
        raise UsageError(f"last is {last}", expected=f"{_CURVES[0]} to {_CURVES[1]:,}")
    return _json({"version": seen.version, **curves(seen.records, seen.told, last)})


async def _nodes(request: web.Request) -> web.Response:
    return _json({"nodes": await ask_nodes(request.app[NODES], request.app[SESSION])})


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UsageError(f"{name} is {text[:40]!r}", expected="a whole number")
    return int(text)


async def _in_thread(read: Callable[[], T]) -> T:
    """In a thread that nobody waits for when the server ends, unlike those of the loop's own executor."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            found = read()
        except BaseException as e:
            _end(done, error=e)
        else:
            _end(done, found)

    threading.Thread(target=run, daemon=True).start()
    return await done


def _end(future: asyncio.Future[Any], result: object = None, error: BaseException | None = None) -> None:
    """Have the loop end what somebody may wait for there, from another thread."""

    def end() -> None:
        if future.done():  # cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        future.get_loop().call_soon_threadsafe(end)
