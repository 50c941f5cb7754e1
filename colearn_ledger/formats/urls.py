"""URLs as they may be shown, and which of them are on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["is_loopback", "shown_url"]

_MULTIADDRESS = re.compile(r"/[a-z0-9]+/[^\s@]*")  # has protocols and addresses in it, and no secrets


def shown_url(url: str) -> str:
    """The URL without what may be a secret in it: user, password, path and query (many providers' keys are paths).

    Whatever isn't a URL is shown as its scheme alone, if it has one; a multiaddress (``/ip4/…``) as it is.
    Raises nothing.
    """
    if _MULTIADDRESS.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not host.isprintable():
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)", url)
        return f"{scheme[0].lower()}://…" if scheme else "…"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port is not None else ''}"


def is_loopback(host: str) -> bool:
    """Whether it is this machine, as far as the name tells."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
