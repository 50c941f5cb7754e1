"""Each alert asks for a metric that a node serves, for events that a node logs, and has its line in the runbook."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from colearn_node.health import Health
from colearn_node.metrics import Metrics
from colearn_node.settings import Config

from colearn_ledger.core.protocol import RoundState

ROOT = Path(__file__).resolve().parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NODE = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "node" / "colearn_node").rglob("*.py"))


def served() -> set[str]:
    with contextlib.closing(Metrics("127.0.0.1:0", Health(1.0))) as metrics:
        text = metrics.answer("/metrics")[2].decode()
    # Those with labels have no samples yet: their heads say what they are.
    counters = {f"{name}_total" for name in re.findall(r"^# TYPE (\w+?)(?:_total)? counter$", text, re.MULTILINE)}
    gauges = set(re.findall(r"^# TYPE (\w+) gauge$", text, re.MULTILINE))
    return counters | {name for name in gauges if not name.endswith("_created")}  # the client library's own


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert__its_metrics_and_labels__exist(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"colearn_node_\w+", rule["expr"]))
    assert named <= served()
    assert named or rule["expr"].startswith("up{")
    for event in re.findall(r'event=~?"([\w|]+)"', rule["expr"]):
        assert all(f'("{name}"' in NODE for name in event.split("|"))
    for outcome in re.findall(r'outcome="(\w+)"', rule["expr"]):
        assert outcome.upper() in RoundState.__members__
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info") and rule["annotations"]["summary"]


def test_alerts__each__has_a_line_in_the_runbook_and_no_line_is_without_one() -> None:
    lines = re.findall(r"^\| `([A-Z]\w+)` \|", RUNBOOK, re.MULTILINE)
    assert sorted(lines) == sorted(rule["alert"] for rule in RULES)


def test_metrics__each__is_in_the_table() -> None:
    assert served() == set(re.findall(r"`(colearn_node_\w+)(?:\{[\w,]+\})?`", RUNBOOK))


def test_endpoint_alert__is_as_far_as_a_node_lets_one_lag() -> None:
    [rule] = [rule for rule in RULES if rule["alert"] == "EndpointLags"]
    assert rule["expr"].endswith(f">= {Config().endpoint_lag:g}")
