"""Addresses as people write them."""

from __future__ import annotations

from ..errors import ColearnError, UsageError

__all__ = ["is_checksummed", "parse_address", "short_address"]


def parse_address(text: str, what: str, *, error: type[ColearnError] = UsageError) -> str:
    """The address with its checksum, from one in lower case, in upper case, or with the right checksum.

    Raises ``error``, with ``what`` as its subject, for what is no address, and for one whose checksum is wrong.
    """
    from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address

    digits = text[2:]
    if not text.startswith("0x") or not is_hex_address(text):
        raise error(
            f"{what} is {text[:60]!r}, which is not an address",
            expected="0x and 40 hexadecimal digits",
            fix="correct the address",
        )
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(text):
        raise error(
            f"{what} is {text}, which has a wrong checksum: some of its letters or digits are mistaken",
            expected="the address as its owner's wallet shows it, or all in lower case",
            fix="copy it again",
        )
    return str(to_checksum_address(text))


def short_address(address: str) -> str:
    """An address, recognisable."""
    return f"{address[:6]}…{address[-4:]}"


def is_checksummed(value: object) -> bool:
    """Whether it is an address with its checksum, as this package writes them."""
    from eth_utils.address import is_checksum_address

    return isinstance(value, str) and is_checksum_address(value)
