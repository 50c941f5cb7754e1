"""The benchmarks of the node work, and say whether their targets are met. Timings are for runs by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import idle, kept, latency, overhead, transfer
from benchmarks.idle import Idle
from benchmarks.kept import Growth
from tests.kit.network import need

slow = pytest.mark.slow


@slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="it reads Linux's /proc")
def test_idle__each_way_of_waking__cpu_and_memory_of_both_processes() -> None:
    need("anvil", "kubo")
    found = idle.measure(seconds=0.5)
    assert len(found) == 3 and [name.partition(" ")[0] for name in found] == ["polls", "polls", "WebSocket,"]
    for row in found.values():
        assert 0 <= row.cpu < 2
        assert row.watcher_rss > 20 and row.worker_rss > 20
        assert max(row.watcher_rss, row.worker_rss) / 4 < row.pss < row.watcher_rss + row.worker_rss


@slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it reads Linux's /proc")
def test_kept__few_rounds__time_and_cpu_with_and_without_a_state() -> None:
    need("anvil")
    found = kept.measure(rounds=7, edge=3)
    assert list(found) == ["not kept", "kept"]
    assert all(row.first_ms > 0 and row.last_ms > 0 and row.last_cpu_ms > 0 for row in found.values())
    assert found["kept"].saved > 0 == found["not kept"].saved


@slow
def test_latency__websocket_and_polling__seconds_of_each_proposal() -> None:
    need("anvil")
    found = latency.measure(repeats=2, intervals=(0.0, 0.05))
    assert list(found) == [0.0, 0.05]
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in found.values())


@slow
def test_overhead__few_rounds__seconds_of_each_but_the_first() -> None:
    need("anvil", "kubo")
    seconds = overhead.measure(rounds=3)
    assert len(seconds) == 2 and min(seconds) > 0


@slow
def test_overhead__joint_and_a_member_that_is_never_there__its_turns_count_and_only_they_take_long() -> None:
    need("anvil", "kubo")
    seconds = overhead.measure(rounds=7, joint=True, away=1)
    assert len(seconds) == 6, "round 5 is missed, and a round all the same"
    window = overhead.WINDOW_S
    assert seconds[3] >= window - 1 and all(0 < s < window for i, s in enumerate(seconds) if i != 3)


@slow
def test_overhead__keras_learner__trains_on_as_many_samples_as_it_is_told() -> None:
    from benchmarks.keras_round import BATCH, make

    learner = make(0, 5, samples=2 * BATCH)
    proposed = learner.mli_propose_weights()
    assert proposed.training_summary is not None and proposed.training_summary.samples == 2 * BATCH
    assert sum(w.size for w in proposed.weights) == 34_826, "the network of Keras's own MNIST example"
    first, other = (member.mli_get_current_weights().weights for member in (learner, make(1, 5)))
    assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True)), "all start from the same weights"


FAST, BIG = Idle(0.001, 80.0, 50.0, 100.0), Idle(0.001, 80.0, 50.0, 121.0)
EVEN, STEEP = Growth(100, 120, 10, 12, 0.0), Growth(100, 160, 10, 16, 1.0)
WORK = [f"{what} {cost}" for what in ("proposed", "judged", "adopted") for cost in ("memory", "moved")]
STEPS = [
    part + kind for part in ("add", "pin", "plain", "publish", "verify", "adopt", "ours") for kind in transfer.KINDS
]
PARTS = dict.fromkeys((*STEPS, *WORK), 1.0)
GOOD = {**PARTS, "ratio": 0.61}


@pytest.mark.parametrize(
    "module, good, bad, says",
    [
        (idle, {"polls": FAST}, {"polls": BIG}, "121 MB (targets: at most 1%, 120 MB)"),
        (idle, {"polls": FAST}, {"polls": Idle(0.011, 80.0, 50.0, 100.0)}, "1.10% of a core"),
        (kept, {"not kept": EVEN, "kept": EVEN}, {"not kept": EVEN, "kept": STEEP}, "1.33 times as much"),
        (latency, {0.0: [0.01, 0.02], 0.5: [0.2, 0.3]}, {0.0: [0.01, 0.02], 0.5: [0.2, 0.9]}, "polling every 0.5 s"),
        (overhead, [0.2, 0.2, 0.3], [0.2, 0.4, 0.4], "a learner that costs nothing"),
        (transfer, {**PARTS, "ratio": 0.61}, {**PARTS, "ratio": 0.59}, "speed 0.59 of plain (target: at least 0.60)"),
        (transfer, GOOD, {**GOOD, "judged memory": 257e6}, "at most 257 MB (target: at most 256)"),
    ],
    ids=["memory", "cpu", "kept", "latency", "overhead", "transfer", "transfer memory"],
)
def test_check__beyond_the_target__fails(
    module: ModuleType,
    good: Any,
    bad: Any,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--no-keras"] if module is overhead else []
    for found, check, code in ((good, True, 0), (bad, False, 0), (bad, True, 1)):
        monkeypatch.setattr(module, "measure", lambda *_, found=found, **__: found)
        monkeypatch.setattr(sys, "argv", ["benchmark", *flags, *(["--check"] if check else [])])
        assert module.main() == code
    assert says in capsys.readouterr().out


def test_overhead__joint_and_slower_with_a_member_away__fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--check", "--joint", "--no-keras"])
    for gone, code in ((0.53, 0), (0.56, 1)):
        asked: list[dict[str, Any]] = []
        answers = [[0.5, 0.4], [gone, gone, 9.0], [gone, 0.1], [0.5, 0.6]]
        monkeypatch.setattr(overhead, "measure", lambda *_, a=answers, q=asked, **how: q.append(how) or a.pop(0))
        assert overhead.main() == code
        assert asked == [{"joint": True, "away": away} for away in (0, 1, 1, 0)]
    assert "1.12 times as long in the median (target: at most 1.1;" in capsys.readouterr().out


def test_overhead__share_of_a_keras_round_above_the_target__fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--check"])
    for keras, code in ((4.1, 0), (3.9, 1)):
        answers = [[0.2, 0.2], [keras, keras]]
        monkeypatch.setattr(overhead, "measure", lambda *_, answers=answers, **__: answers.pop(0))
        assert overhead.main() == code
    assert "share of a Keras round: 5.1% (target: at most 5%" in capsys.readouterr().out
