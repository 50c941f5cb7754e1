"""URLs as they are shown, and which are on this machine."""

from __future__ import annotations

import pytest

from colearn_ledger.formats.urls import is_loopback, shown_url


@pytest.mark.parametrize(
    "url, shown",
    [
        ("https://u:p@host:8/v3/key?x=1", "https://host:8"),
        ("http://[::1]:8545/a", "http://[::1]:8545"),
        ("wss://host/v3/s3cret#s3cret", "wss://host"),
        ("https://host", "https://host"),
        ("https://s3cret", "https://s3cret"),  # a host's name is no secret
        ("/ip4/127.0.0.1/tcp/5001/http", "/ip4/127.0.0.1/tcp/5001/http"),
        ("/unix/run/kubo.sock", "/unix/run/kubo.sock"),
        ("http://u:s3cret@[::1", "http://…"),
        ("http://u:s3cret@host:99999/", "http://…"),
        ("u:s3cret@host", "…"),
        ("/s3cret key", "…"),
        ("//u:s3cret@", "…"),
        ("http://a\x1b[2Jb/", "http://…"),
        ("", "…"),
    ],
)
def test_shown_url__any_text__hides_what_may_be_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("host", ["localhost", "node.localhost", "127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_is_loopback__this_machine__true(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "127.0.0.1.example", "10.0.0.1", "::", "128.0.0.1"])
def test_is_loopback__elsewhere__false(host: str) -> None:
    assert not is_loopback(host)
