"""The few HTTP calls that bring a network up: JSON-RPC to a chain, and the RPC of an IPFS daemon. Loopback only."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ..errors import NetworkError

__all__ = ["call_ipfs", "call_rpc", "try_ipfs", "try_rpc"]

# A proxy from the environment must not be asked for what is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call_rpc(url: str, method: str, *params: Any, timeout_s: float = 10.0) -> Any:
    """The result of a JSON-RPC call.

    Raises
    ------
    NetworkError: nobody answers, or the answer is an error.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    answer = _send(request, timeout_s, method)
    if "error" in answer:
        raise NetworkError(f"the chain at {url} refused {method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]


def try_rpc(url: str, method: str, *params: Any) -> Any | None:
    """As :func:`call_rpc`, but None while nobody answers (a chain that is starting)."""
    try:
        return call_rpc(url, method, *params, timeout_s=2.0)
    except NetworkError:
        return None


def call_ipfs(port: int, command: str, timeout_s: float = 10.0, **arguments: str) -> dict[str, Any]:
    """The answer of an IPFS daemon's RPC to one command, such as ``swarm/connect``."""
    query = urllib.parse.urlencode(arguments)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v0/{command}?{query}", b"")
    return _send(request, timeout_s, command)


def try_ipfs(port: int, command: str, **arguments: str) -> dict[str, Any] | None:
    """As :func:`call_ipfs`, but None while nobody answers."""
    try:
        return call_ipfs(port, command, 2.0, **arguments)
    except NetworkError:
        return None


def _send(request: urllib.request.Request, timeout_s: float, what: str) -> dict[str, Any]:
    try:
        with _opener.open(request, timeout=timeout_s) as response:
            answer = json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as e:
        raise NetworkError(f"{request.host} refused {what}: {e.read(2000).decode('utf-8', 'replace')}") from e
    except (OSError, ValueError) as e:
        raise NetworkError(f"{request.host} doesn't answer {what}: {e}", fix="check that it runs") from e
    if not isinstance(answer, dict):
        raise NetworkError(f"{request.host} gave no object to {what}")
    return answer
