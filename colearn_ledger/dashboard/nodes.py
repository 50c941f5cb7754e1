"""How nodes are, by the pages that they serve themselves: alive, ready, where they stand."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families

from ..errors import UsageError
from ..formats.urls import shown_url

__all__ = ["NodeAddress", "ask_nodes", "parse_nodes"]

_PATIENCE_S = 3.0
_MOST_BYTES = 1 << 18  # of an answer; more than a node ever says
_NUMBERS = {
    "colearn_node_round": "round",
    "colearn_node_accepted_round": "accepted_round",
    "colearn_node_block": "block",
    "colearn_node_view_age_seconds": "seen_seconds_ago",
    "colearn_node_motions_to_vote": "motions_to_vote",
    "colearn_node_funds_rounds": "funds_rounds",
    "colearn_node_training_steps_done": "steps_done",
    "colearn_node_training_steps": "steps",
}


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node serves its health: ``url`` is without a path."""

    name: str
    url: str


def parse_nodes(words: Sequence[str]) -> tuple[NodeAddress, ...]:
    """Nodes of the form ``NAME=URL``. Raises UsageError for another form, and for a name that is given twice."""
    found: dict[str, NodeAddress] = {}
    for word in words:
        name, _, url = word.partition("=")
        name, url = name.strip(), url.strip().rstrip("/")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            good = good and parts.path == "" and parts.query == "" and parts.username is None
        except ValueError:
            good = False
        if not good or not name:
            raise UsageError(
                f"--node is {name[:40]!r} at {shown_url(url)}" if name else "--node has no name",
                expected="NAME=URL, where the node's metrics.listen is, without a path",
                fix="--node clinic-a=http://127.0.0.1:9464, for example",
            )
        if name in found:
            raise UsageError(f"--node {name[:40]!r} is given twice", fix="give each node a name of its own")
        found[name] = NodeAddress(name, url)
    return tuple(found.values())


async def ask_nodes(nodes: Sequence[NodeAddress], session: ClientSession) -> list[dict[str, Any]]:
    """What each says, all at the same time, within seconds. Raises nothing for a node that doesn't answer."""
    return list(await asyncio.gather(*(_ask(node, session) for node in nodes)))


async def _ask(node: NodeAddress, session: ClientSession) -> dict[str, Any]:
    said: dict[str, Any] = {"name": node.name, "url": shown_url(node.url), "alive": None, "ready": None, "why": ""}
    try:
        for path, key in (("/livez", "alive"), ("/readyz", "ready")):
            status, text = await _get(session, node.url + path)
            if status not in (200, 503):
                return said | {"why": f"{path} answers with status {status}"}
            said[key] = status == 200
            said["why"] = said["why"] or ("" if status == 200 else text.strip()[:500])
        status, text = await _get(session, node.url + "/metrics")
        return said | (_numbers(text) if status == 200 else {})
    except asyncio.TimeoutError:
        return said | {"why": f"no answer within {_PATIENCE_S:.0f} s"}
    except ClientConnectorError as e:
        return said | {"why": os.strerror(e.errno) if e.errno else str(e)[:500]}
    except (ClientError, OSError, ValueError) as e:
        return said | {"why": str(e)[:500] or type(e).__name__}


async def _get(session: ClientSession, url: str) -> tuple[int, str]:
    patience = ClientTimeout(total=_PATIENCE_S)
    async with session.get(url, timeout=patience, allow_redirects=False) as answer:
        data = await answer.content.read(_MOST_BYTES)
        while len(data) < _MOST_BYTES and (more := await answer.content.read(_MOST_BYTES - len(data))):
            data += more
        return answer.status, data.decode("utf-8", "replace")


def _numbers(text: str) -> dict[str, int]:
    """Of the metrics, what people want to see. Raises ValueError for what are none."""
    found: dict[str, int] = {}
    for family in text_string_to_metric_families(text):
        name = _NUMBERS.get(family.name)
        if name is not None and family.samples and math.isfinite(family.samples[0].value):
            found[name] = int(family.samples[0].value)
    return found
