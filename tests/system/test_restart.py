"""A node that is killed, or whose worker dies, carries on from chain and store alone, and does nothing twice."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import RoundState

from ..kit.anvil import wait_until
from ..kit.enduring import make_enduring
from ..kit.learners import linear_learners
from ..kit.nodes import NodeCollective, NodeProcess, node_collective

GATED = {"learner__factory": "tests.kit.node_learners:make_gated"}


def gated(made: NodeCollective, index: int, *flags: str, **changes: object) -> NodeProcess:
    options = {"index": index, "folder": str(made.folder)}
    return made.start(index, *flags, learner__options=options, **GATED, **changes)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def seen(folder: Path, what: str, index: int) -> bool:
    return any(folder.glob(f"{what}-{index}-*"))


def sent_twice(made: NodeCollective) -> list[object]:
    """Transactions of one member that do the same thing (the same call about the same round or proposal)."""
    eth = made.contract.web3.eth
    done: Counter[object] = Counter()
    for number in range(2, eth.block_number + 1):
        for transaction in eth.get_block(number, full_transactions=True)["transactions"]:
            done[transaction["from"], bytes(transaction["input"])[: 4 + 32]] += 1  # type: ignore[index]
    return [what for what, times in done.items() if times > 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "secret, members, kinds",
    [
        pytest.param(False, 3, ["propose", "vote", "adopt"], id="open"),
        pytest.param(True, 3, ["commit", "reveal"], id="secret"),
        pytest.param(True, 2, ["commit"], id="secret, of two"),
    ],
)
def test_kill__after_each_kind_of_action__goes_on_and_nothing_is_done_twice(
    tmp_path: Path, secret: bool, members: int, kinds: list[str]
) -> None:
    rounds = members - 1 + len(kinds)
    expected = run(rounds, linear_learners(members, 1), 0.5)
    with node_collective(tmp_path, members, secret=secret) as made:
        (tmp_path / "hold-train-0").touch()
        nodes = [gated(made, i, "--until-round", str(rounds)) for i in range(members)]

        def kill(index: int) -> None:
            worker = nodes[index].worker_pid
            nodes[index].kill()
            wait_until(lambda: not alive(worker), "the worker of a killed node ends")
            nodes[index] = gated(made, index, "--until-round", str(rounds))

        wait_until(lambda: seen(tmp_path, "train", 0), "training begins")
        (tmp_path / "hold-train-0").unlink()
        kill(0)  # in the middle of a training
        for kind in kinds:
            known = [len(node.events(kind)) for node in nodes]

            def fresh(kind: str = kind, known: list[int] = known) -> list[int]:
                return [i for i, node in enumerate(nodes) if len(node.events(kind)) > known[i]]

            wait_until(lambda fresh=fresh: bool(fresh()), f"somebody does: {kind}")  # type: ignore[misc]
            kill(fresh()[0])
        assert [node.wait() for node in nodes] == [0] * members
        assert made.accepted_sha256() == expected.final_sha256
        for record, result in zip(made.records(), expected.rounds, strict=False):
            assert record.weights is not None and record.weights.sha256.hex() == result.weights_sha256
            assert (record.state is RoundState.ACCEPTED) == result.accepted
        assert not sent_twice(made)


@pytest.mark.slow
def test_worker__that_dies_again_and_again__is_replaced_more_and_more_rarely_until_it_works(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        (tmp_path / "die-test-1").touch()
        nodes = [gated(made, i, "--until-round", "1") for i in range(2)]
        wait_until(lambda: len(nodes[1].events("worker_died")) >= 2, "the worker dies twice")
        first, second = nodes[1].events("worker_died")[:2]
        assert "signal 9" in first["text"] and "testing the proposal" in first["text"]
        pauses = [float(died["text"].rpartition("a new one in ")[2].split()[0]) for died in (first, second)]
        assert 0.5 <= pauses[0] <= 1 and 0.5 <= pauses[1] <= 2
        assert nodes[1].process.poll() is None
        (tmp_path / "die-test-1").unlink()
        assert [node.wait() for node in nodes] == [0, 0]
        assert len(nodes[1].events("vote")) == 1


@pytest.mark.slow
def test_worker__busy_for_ever_with_what_is_stale__is_replaced(tmp_path: Path) -> None:
    with node_collective(tmp_path, 4) as made:
        held = [tmp_path / f"hold-test-{index}" for index in (1, 2, 3)]
        for file in held:
            file.touch()
        nodes = [gated(made, i, learner__grace=0.5) for i in range(4)]
        # The others' two votes would decide the first round: none of them comes before the fourth is at its test.
        wait_until(lambda: seen(tmp_path, "test", 3), "the fourth tests the first proposal")
        worker = nodes[3].worker_pid
        for file in held[:2]:
            file.unlink()
        wait_until(lambda: any(e["level"] == "warning" for e in nodes[3].events("stale")), "the worker is replaced")
        wait_until(lambda: not alive(worker), "the old worker is gone")
        wait_until(lambda: len(nodes[3].events("adopt")) >= 2, "the new one adopts")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process isn't told of its parent's death")
def test_kill__while_the_learner_lets_no_other_thread_run__the_worker_ends_all_the_same(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        options = {"index": 0, "folder": str(tmp_path)}
        node = made.start(0, learner__factory="tests.kit.node_learners:make_stubborn", learner__options=options)
        wait_until(lambda: seen(tmp_path, "train", 0), "training begins")
        worker = node.worker_pid
        try:
            node.kill()
            wait_until(lambda: not alive(worker), "the worker ends")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal__in_the_middle_of_a_training__leaves_within_ten_seconds(tmp_path: Path, number: signal.Signals) -> None:
    with node_collective(tmp_path, 2) as made:
        (tmp_path / "hold-train-0").touch()
        node = gated(made, 0)
        wait_until(lambda: seen(tmp_path, "train", 0), "training begins")
        worker, start = node.worker_pid, time.monotonic()
        node.process.send_signal(number)
        assert node.wait(10) == 0, node.text
        assert time.monotonic() - start < 10
        assert not alive(worker)
        assert made.nonce(0) == 0


@pytest.mark.slow
def test_sigterm__while_a_transaction_is_not_mined__leaves_within_ten_seconds(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        made.chain.rpc("evm_setAutomine", False)
        node = made.start(0)
        wait_until(lambda: bool(made.chain.pool()), "the proposal waits to be mined")
        node.process.terminate()
        assert node.wait(10) == 0, node.text


def steps_of(folder: Path, index: int) -> list[tuple[int, int]]:
    """Process and number of each step of training that was done."""
    path = folder / f"steps-{index}"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), int(step)) for pid, step in (line.split() for line in lines)]


@pytest.mark.slow
def test_kill__in_the_midst_of_a_training_with_checkpoints__goes_on_from_there_to_the_bytes_of_one_without_a_break(
    tmp_path: Path,
) -> None:
    options = {"folder": str(tmp_path), "steps_per_round": 60, "early_stop": 4}
    alone = tmp_path / "alone"
    alone.mkdir()
    expected = run(1, [make_enduring(i, **{**options, "folder": str(alone)}) for i in range(2)])
    with node_collective(tmp_path, 2) as made:

        def start(index: int) -> NodeProcess:
            learner = {"factory": "tests.kit.enduring:make_enduring", "options": {"index": index, **options}}
            changes = {f"learner__{name}": value for name, value in (learner | {"checkpoint": 0.001}).items()}
            return made.start(index, "--until-round", "1", **changes)

        (tmp_path / "hold-0").write_text("40")
        nodes = [start(0), start(1)]
        wait_until(lambda: len(steps_of(tmp_path, 0)) == 39, "the training stands still in its fortieth step")
        [kept] = (tmp_path / "checkpoints").glob("*")
        first = nodes[0].worker_pid
        nodes[0].kill()
        (tmp_path / "hold-0").unlink()
        nodes[0] = start(0)
        assert [node.wait() for node in nodes] == [0, 0]
        assert made.accepted_sha256() == expected.final_sha256 == expected.rounds[0].weights_sha256
        again = [step for pid, step in steps_of(tmp_path, 0) if pid != first]
        assert again[0] > 1 and again[-1] == 60, "the steps before its checkpoint aren't done again"
        [line] = nodes[0].events("checkpoint")[:1]
        assert line["text"] == "the training goes on from its checkpoint"
        assert not kept.exists() and list((tmp_path / "checkpoints").iterdir()) == []
