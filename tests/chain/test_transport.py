"""Bytes over HTTP, against real servers that hang, drip, never end, or aren't there."""

from __future__ import annotations

import gzip
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest

from colearn_ledger.chain.transport import MOST_BYTES, Reply, TooLarge, Unanswered, http_post, proxy_for
from colearn_ledger.errors import UsageError

from ..kit.http import Handle, http_server
from ..kit.ports import refusing_port


def answering(body: bytes, status: int = 200, **headers: str) -> Handle:
    def handle(posted: bytes, to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        to.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(body)

    return handle


def test_post__an_answer__has_status_body_and_headers() -> None:
    posted: list[bytes] = []

    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        posted.append(body)
        assert to.headers["Content-Type"] == "application/json"
        answering(b"later", 429, Retry_After="7")(body, to)

    with http_server(handle) as url:
        post = http_post(url)
        reply = post(b"now", 30)
        assert (reply.status, reply.body, reply.wait_s) == (429, b"later", 7.0)
        assert post(b"again", 30).body == b"later" and posted == [b"now", b"again"]


def test_post__compressed__is_read() -> None:
    with http_server(answering(gzip.compress(b"plain" * 1000), Content_Encoding="gzip")) as url:
        assert http_post(url)(b"", 30).body == b"plain" * 1000


def test_post__a_body_that_hangs__costs_the_time_once() -> None:
    release = threading.Event()

    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "100")
        to.end_headers()
        to.wfile.write(b"half")
        to.wfile.flush()
        release.wait(60)

    with http_server(handle) as url:
        begun = time.monotonic()
        with pytest.raises(Unanswered, match="no answer in time") as raised:
            http_post(url)(b"", 0.5)
        assert 0.4 < time.monotonic() - begun < 10 and raised.value.worth == 0.0
        release.set()


def test_post__a_byte_now_and_then__costs_no_more() -> None:
    stop = threading.Event()

    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "100000")
        to.end_headers()
        while not stop.wait(0.05):
            to.wfile.write(b" ")
            to.wfile.flush()

    with http_server(handle) as url:
        begun = time.monotonic()
        with pytest.raises(Unanswered, match="no answer in time"):
            http_post(url)(b"", 0.5)
        assert time.monotonic() - begun < 10
        stop.set()


def test_post__a_body_cut_short__is_no_answer() -> None:
    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "100")
        to.end_headers()
        to.wfile.write(b"half")
        to.close_connection = True

    with http_server(handle) as url, pytest.raises(Unanswered, match="no connection"):
        http_post(url)(b"", 30)


def test_post__a_body_without_end__is_read_to_the_bound() -> None:
    sent = 0

    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        to.send_response(200)
        to.send_header("Connection", "close")
        to.end_headers()
        while True:
            sent += to.wfile.write(b" " * (1 << 20))

    with http_server(handle) as url, pytest.raises(TooLarge):
        http_post(url)(b"", 60)
    assert sent < MOST_BYTES + (16 << 20)


def test_post__a_small_body_that_becomes_large__is_read_to_the_bound() -> None:
    small = gzip.compress(bytes(MOST_BYTES + 1))
    with http_server(answering(small, Content_Encoding="gzip")) as url, pytest.raises(TooLarge):
        http_post(url)(b"", 60)


def test_post__nobody_listens__is_tried_again_and_said_without_the_url() -> None:
    with refusing_port() as port:
        begun = time.monotonic()
        with pytest.raises(Unanswered, match="no connection") as raised:
            http_post(f"http://user:s3cret@127.0.0.1:{port}/s3cret", retry_s=0.1)(b"", 30)
        # two pauses of at least half of retry_s; one alone is shorter
        assert time.monotonic() - begun >= 0.1 and "s3cret" not in str(raised.value)


def test_post__no_tls_at_the_other_end__says_so() -> None:
    with http_server(answering(b"")) as url, pytest.raises(Unanswered, match="the TLS connection failed"):
        http_post(url.replace("http://", "https://"), retry_s=0.01)(b"", 30)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "127.0.0.1:1", "http://", "http://x:y", "http://x:0", "ftp://x"])
def test_post__no_url_of_http__is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="isn't a URL of http or https"):
        http_post(url)


def test_post__connection_closed_while_idle__is_opened_again() -> None:
    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        answering(body)(body, to)
        to.close_connection = True  # and says nothing of it

    with http_server(handle) as url:
        post = http_post(url, retry_s=0.01)
        assert [post(bytes([i]), 30).body for i in range(5)] == [bytes([i]) for i in range(5)]


@pytest.mark.parametrize("to", ["gopher://x", "http://", "http://[::1"])
def test_post__sent_on_to_nowhere__is_no_answer(to: str) -> None:
    with http_server(answering(b"", 307, Location=to)) as url, pytest.raises(Unanswered):
        http_post(url, retry_s=0.01)(b"", 30)


def test_post__sent_on_without_end__is_no_answer() -> None:
    with http_server(answering(b"", 307, Location="/")) as url, pytest.raises(Unanswered):
        http_post(url)(b"", 30)


@pytest.mark.parametrize(
    "said, seconds",
    [("5", 5.0), ("0", 0.0), ("", 0.0), ("-5", 0.0), ("1e9", 0.0), ("soon", 0.0), ("99999999", 300.0), ("٣", 0.0)],
)
def test_reply__retry_after__is_seconds_within_reason(said: str, seconds: float) -> None:
    assert Reply(429, b"", {"Retry-After": said}).wait_s == seconds


def test_reply__retry_after_as_a_date__is_the_time_until_then() -> None:
    assert 50 < Reply(503, b"", {"Retry-After": formatdate(time.time() + 60, usegmt=True)}).wait_s <= 60
    assert Reply(503, b"", {"Retry-After": formatdate(time.time() - 60, usegmt=True)}).wait_s == 0.0


# ------------------------------------------------------------------------------------------------ proxies


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "socks_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_post__proxy_in_the_environment__is_asked_for_what_is_elsewhere(no_proxies: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def handle(body: bytes, to: BaseHTTPRequestHandler) -> None:
        asked.append(to.path)
        answering(b"by proxy")(body, to)

    with http_server(handle) as proxy, http_server(answering(b"itself")) as here:
        for name in ("HTTP_PROXY", "all_proxy"):
            no_proxies.setenv(name, proxy)
            assert http_post("http://chain.invalid/key")(b"", 30).body == b"by proxy"
            assert http_post(here)(b"", 30).body == b"itself"
            no_proxies.delenv(name)
    assert asked == ["http://chain.invalid/key"] * 2


def test_post__proxy_that_is_away__says_so_without_its_password(no_proxies: pytest.MonkeyPatch) -> None:
    with refusing_port() as port:
        no_proxies.setenv("http_proxy", f"http://user:s3cret@127.0.0.1:{port}")
        with pytest.raises(Unanswered, match="the proxy that the environment names") as raised:
            http_post("http://chain.invalid", retry_s=0.01)(b"", 30)
        assert "s3cret" not in str(raised.value)


def test_post__socks_proxy_without_its_package__says_what_to_install(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("all_proxy", "socks5://user:s3cret@127.0.0.1:1")
    with pytest.raises(Unanswered) as raised:
        http_post("http://chain.invalid", retry_s=0.01)(b"", 30)
    assert "s3cret" not in str(raised.value)
    assert 'pip install ".[socks]"' in str(raised.value) or has_socks()


def has_socks() -> bool:
    try:
        import socks  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    "url, environment, proxy",
    [
        ("http://a", {"HTTP_PROXY": "http://p"}, "http://p"),
        ("ws://a", {"HTTP_PROXY": "http://p"}, "http://p"),
        ("wss://a", {"HTTP_PROXY": "http://p"}, None),
        ("wss://a", {"HTTPS_PROXY": "http://p"}, "http://p"),
        ("wss://a", {"ALL_PROXY": "socks5h://p"}, "socks5h://p"),
        ("wss://a", {"https_proxy": "http://p", "no_proxy": "a,b"}, None),
        ("wss://a.b:8/c", {"https_proxy": "http://p", "NO_PROXY": ".b"}, None),
        ("ws://127.0.0.1:8545", {"http_proxy": "http://p", "all_proxy": "http://p"}, None),
        ("ws://localhost", {"http_proxy": "http://p"}, None),
        ("ws://[::1]:8546", {"http_proxy": "http://p"}, None),
        ("ws://[::1", {"http_proxy": "http://p"}, None),
        ("", {"http_proxy": "http://p"}, None),
    ],
)
def test_proxy_for__environment__holds_for_websockets_as_for_http(
    url: str, environment: dict[str, str], proxy: str | None, no_proxies: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        no_proxies.setenv(name, value)
    assert proxy_for(url) == proxy
