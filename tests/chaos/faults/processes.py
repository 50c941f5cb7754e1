"""Processes that are killed, stopped, and started again."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from colearn_ledger.core.protocol import RoundState

from ..endpoint import Cut
from ..registry import fault
from ..world import World

PHASES = (None, RoundState.PROPOSING, RoundState.VOTING, RoundState.REVEALING)
SHIM = Path(__file__).resolve().parents[1] / "shim"


def some(w: World, rng: random.Random) -> int:
    return rng.choice(sorted(w.live))


def await_some_phase(w: World, rng: random.Random) -> str:
    """Any phase, and any moment in it; says which."""
    phase = rng.choice(PHASES if w.options.secret else PHASES[:3])
    w.await_phase(phase)
    time.sleep(rng.uniform(0, 0.3))  # the moment is what varies
    return phase.name.lower() if phase is not None else "any phase"


def kill_again(w: World, index: int, when: str) -> str:
    w.end_member(index)
    w.run_member(index)
    return f"node {index}, {when}"


@fault("kill", weight=6)
def kill_node(w: World, rng: random.Random) -> str:
    """At any point."""
    return kill_again(w, some(w, rng), await_some_phase(w, rng))


@fault("kill", weight=3)
def kill_worker(w: World, rng: random.Random) -> str:
    index, when = some(w, rng), await_some_phase(w, rng)
    node = w.live[index]
    if not w.until(lambda: w.ready(index), 60):
        return f"worker of node {index} was not there"
    worker = psutil.Process(node.worker_pid)
    worker.kill()
    w.until(lambda: not w.ready(index), 10)
    return f"worker of node {index}, {when}"


@fault("kill", weight=2)
def kill_all(w: World, rng: random.Random) -> str:
    when = await_some_phase(w, rng)
    for index in sorted(w.live):
        w.end_member(index)
    for index in w.members:
        w.run_member(index)
    return f"all, {when}"


@fault("kill", weight=2)
def kill_while_starting(w: World, rng: random.Random) -> str:
    index, after = some(w, rng), rng.uniform(0, 2)
    w.end_member(index)
    w.run_member(index)
    time.sleep(after)
    return kill_again(w, index, f"{after:.1f} s after its start")


def _when_it_sends(w: World, index: int, after: bool) -> bool:
    """Kill a node when it hands in a transaction: ``after`` the chain had it, or before."""
    endpoint, hit = w.endpoints[index], []
    node = w.live[index]

    def raw(body: bytes, forward: Callable[[bytes], bytes]) -> tuple[int, bytes]:
        if hit or b"eth_sendRawTransaction" not in body:
            return 200, forward(body)
        hit.append(True)
        if after:
            forward(body)
        node.process.kill()
        raise Cut

    with endpoint.failing(raw):
        w.until(lambda: hit, 15)
    return bool(hit)


@fault("kill", weight=3)
def kill_before_receipt(w: World, rng: random.Random) -> str:
    """The chain has the transaction, and the node never learns that."""
    index, after = some(w, rng), rng.random() < 0.7
    hit = _when_it_sends(w, index, after)
    return kill_again(w, index, f"{'after' if after else 'before'} its transaction was handed in ({hit})")


@fault("kill", needs="secret", weight=4)
def kill_between_commit_and_reveal(w: World, rng: random.Random) -> str:
    index = some(w, rng)

    def committed() -> bool:
        view = w.view(index)
        return view.commitment is not None and any(view.commitment)

    hit = w.until(committed, 10)
    return kill_again(w, index, f"committed, not revealed ({hit})")


@fault("other")
def terminate_node(w: World, rng: random.Random) -> str:
    """As a service manager does: it leaves by itself, with code 0 or its signal's."""
    index = some(w, rng)
    code = w.end_member(index, signal.SIGTERM)
    if code not in (0, 143, -signal.SIGTERM):
        w.ended.append(f"node {index} has ended with {code} when asked to end")
    w.run_member(index)
    return f"node {index}, code {code}"


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).suspend()
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                psutil.Process(pid).resume()


@fault("other", weight=2)
def stop_node(w: World, rng: random.Random) -> str:
    index, seconds = some(w, rng), rng.uniform(0.3, 4)
    when = await_some_phase(w, rng)
    with stopped(w.live[index].process.pid):
        time.sleep(seconds)
    return f"node {index} for {seconds:.1f} s, {when}"


@fault("other")
def stop_worker(w: World, rng: random.Random) -> str:
    index, seconds = some(w, rng), rng.uniform(0.3, 4)
    if not w.until(lambda: w.ready(index), 60):
        return f"worker of node {index} was not there"
    with stopped(w.live[index].worker_pid):
        time.sleep(seconds)
    return f"worker of node {index} for {seconds:.1f} s"


@fault("other")
def stop_chain(w: World, rng: random.Random) -> str:
    seconds = rng.uniform(0.3, 4)
    with stopped(w.chain.process.pid):
        time.sleep(seconds)
    return f"the chain's process for {seconds:.1f} s"


@fault("other")
def clock_off(w: World, rng: random.Random) -> str:
    """A node whose machine has another date: block time counts, not the machine's."""
    index, hours = some(w, rng), rng.choice([-24 * 365, -24, -1, 1, 24, 24 * 365])
    w.end_member(index)
    path = ":".join([str(SHIM), str(SHIM.parents[2]), str(SHIM.parents[2] / "node")])
    w.run_member(index, PYTHONPATH=path, CHAOS_CLOCK_OFF=str(hours * 3600))
    w.until(lambda: w.ready(index), 60)
    return f"node {index} runs {hours} h off from now on"
