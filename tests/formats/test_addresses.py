"""Addresses as people write them, and their slips."""

from __future__ import annotations

import pytest

from colearn_ledger.errors import ConfigError, UsageError
from colearn_ledger.formats.addresses import is_checksummed, parse_address

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.mark.parametrize("text", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_parse_address__with_its_checksum_or_without_one__gets_it(text: str) -> None:
    assert parse_address(text, "the member") == ADDRESS


@pytest.mark.parametrize(
    "text", ["", "0x", ADDRESS[:-1], ADDRESS + "0", ADDRESS[2:], ADDRESS[:-1] + "g", "0X" + ADDRESS[2:], "x" * 1000]
)
def test_parse_address__no_address__says_what_it_is_and_what_one_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"^the member is .*, which is not an address") as raised:
        parse_address(text, "the member")
    assert "40 hexadecimal digits" in raised.value.expected and len(raised.value.what) < 120


@pytest.mark.parametrize("text", [ADDRESS.replace("f39F", "F39F"), ADDRESS[:-1] + "7"])
def test_parse_address__a_slip__its_checksum_shows_it(text: str) -> None:
    with pytest.raises(ConfigError, match="wrong checksum"):
        parse_address(text, "member", error=ConfigError)


def test_is_checksummed__only_as_this_package_writes_them() -> None:
    assert is_checksummed(ADDRESS)
    assert not any(map(is_checksummed, (ADDRESS.lower(), ADDRESS[:-1] + "7", ADDRESS[2:], None, 5, b"")))
