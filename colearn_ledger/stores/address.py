"""Where an IPFS daemon's RPC is: its address as people write it, and as the client library takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from ..errors import UsageError

__all__ = ["ApiAddress", "parse_api", "shown_api"]

_URL = re.compile(r"(https?)://(?:([^/@]*)@)?(\[[0-9a-fA-F:]+\]|[^/:@\[\]]+)(?::(\d+))?(?:/|/api/v0/?)?")
_LOOPBACK = re.compile(r"/(ip4/127\.\d+\.\d+\.\d+|ip6/::1|dns[46]?/localhost|unix)/")


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """An RPC's address.

    Attributes
    ----------
    multiaddress: as IPFS writes it, such as ``/ip4/127.0.0.1/tcp/5001/http`` or ``/unix/run/ipfs.sock``. No secret.
    credentials: user and password that a URL had in it; None where there were none.
    """

    multiaddress: str
    credentials: tuple[str, str] | None = None

    @property
    def is_local(self) -> bool:
        """Whether nothing but this machine reaches it."""
        return bool(_LOOPBACK.match(self.multiaddress))

    @property
    def socket_path(self) -> str | None:
        """The path of a Unix domain socket; None for an address of a network."""
        return self.multiaddress[len("/unix") :] if self.multiaddress.startswith("/unix/") else None

    def __str__(self) -> str:
        return self.multiaddress


def parse_api(api: str) -> ApiAddress:
    """The address in a text: ``/ip4/127.0.0.1/tcp/5001``, ``http://127.0.0.1:5001``, ``/unix/run/ipfs.sock``, ...

    Raises UsageError for what is none, without any password that it may have had in it.
    """
    url = _URL.fullmatch(api)
    if url is None:
        found = api.rstrip("/")
        if not re.fullmatch(r"/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d+(/https?)?|/unix/.+", found):
            raise UsageError(
                f"{shown_api(api)!r} is no address of an IPFS RPC",
                expected="one such as /ip4/127.0.0.1/tcp/5001, http://127.0.0.1:5001 or /unix/run/ipfs.sock",
            )
        return ApiAddress(found)
    scheme, who, host, port = url.groups()
    kind = "ip6" if host.startswith("[") else "ip4" if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host) else "dns"
    multiaddress = f"/{kind}/{host.strip('[]')}/tcp/{port or {'http': 80, 'https': 443}[scheme]}/{scheme}"
    user, _, password = (who or "").partition(":")
    return ApiAddress(multiaddress, (unquote(user), unquote(password)) if who else None)


def shown_api(api: str) -> str:
    """The text without what stands before an ``@`` in a URL, which may be a password."""
    return re.sub(r"(?<=://).*@", "…@", api)
