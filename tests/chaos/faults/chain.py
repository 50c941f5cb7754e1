"""The chain itself: re-orgs, roll-backs, lost transactions, fees, time, and chains that begin anew."""

from __future__ import annotations

import random
import time

from ..registry import fault
from ..world import World
from .processes import await_some_phase


def head(w: World) -> int:
    return int(w.chain.rpc("eth_blockNumber"), 16)


def depth_of(w: World, rng: random.Random) -> int:
    """Never below the deployment, that is another collective's chain, nor below what this process of it has."""
    depth = rng.randint(1, 10)
    w.until(lambda: head(w) - w.oldest > depth, 30)
    return depth


@fault("chain", rewinds=True, weight=10)
def reorg(w: World, rng: random.Random) -> str:
    """The newest blocks are replaced: by empty ones, or by ones with some of their transactions, in any order."""
    kind = rng.choice(["none", "same", "shuffled", "some"])
    depth, when = depth_of(w, rng), await_some_phase(w, rng)
    w.chain.rpc("evm_setAutomine", False)  # so that it is known which transactions are undone
    try:
        raw = []
        newest = head(w)
        for number in range(newest - depth + 1, newest + 1):
            for hash_ in w.chain.rpc("eth_getBlockByNumber", hex(number), False)["transactions"]:
                raw.append(w.chain.rpc("eth_getRawTransactionByHash", hash_))
        if kind == "none":
            raw = []
        elif kind == "shuffled":
            rng.shuffle(raw)
        elif kind == "some":
            raw = [r for r in raw if rng.random() < 0.5]
        pairs = [[r, 0 if kind == "same" else min(i, depth - 1)] for i, r in enumerate(raw)]
        try:
            w.chain.rpc("anvil_reorg", depth, pairs)
        except AssertionError:  # an order that can't be: nonces
            w.chain.rpc("anvil_reorg", depth, [])
            kind += ", refused, so none"
    finally:
        w.chain.rpc("evm_setAutomine", True)
    w.chain.mine()
    return f"{depth} blocks, {kind}, {len(raw)} transactions, {when}"


@fault("chain", rewinds=True, weight=3)
def rollback(w: World, rng: random.Random) -> str:
    """The height falls, and nobody but the nodes makes new blocks."""
    depth, when = depth_of(w, rng), await_some_phase(w, rng)
    w.chain.rpc("anvil_rollback", depth)
    return f"{depth} blocks, {when}"


@fault("chain", rewinds=True, weight=2)
def snapshot_reverted(w: World, rng: random.Random) -> str:
    """The chain goes back to where it was some seconds ago."""
    taken, before = w.chain.rpc("evm_snapshot"), head(w)
    time.sleep(rng.uniform(0.5, 3))
    depth = head(w) - before
    w.chain.rpc("evm_revert", taken)
    return f"by {depth} blocks"


@fault("chain", rewinds=True)
def chain_from_old_state(w: World, rng: random.Random) -> str:
    """It dies, and comes back at another port, behind the same addresses, with the state of some seconds ago."""
    state, before = w.chain.rpc("anvil_dumpState"), head(w)
    time.sleep(rng.uniform(0.5, 2))
    depth = head(w) - before
    w.chain.stop()
    time.sleep(rng.uniform(0, 1))
    new = w.start_chain()
    new.rpc("anvil_loadState", state)
    w.move_chain(new.port)
    w.follow(new)
    w.oldest = head(w)
    return f"{depth} blocks behind"


@fault("chain", rewinds=True, weight=2)
def chain_split(w: World, rng: random.Random) -> str:
    """Its signers are cut apart: each side goes on by itself, with some of the members; then the longer one is all."""
    state, begun = w.chain.rpc("anvil_dumpState"), head(w)
    one, other = w.chain, w.start_chain()
    other.rpc("anvil_loadState", state)
    away = rng.sample(list(w.members), rng.randint(1, len(w.members) - 1))
    w.move_chain(other.port, away)
    time.sleep(seconds := rng.uniform(0.5, 4))
    one_wins = head(w) > int(other.rpc("eth_blockNumber"), 16) or (head(w) == begun and rng.random() < 0.5)
    if not one_wins:
        w.follow(other)
        w.oldest = begun
    w.move_chain(w.chain.port)
    (other if one_wins else one).stop()
    return f"for {seconds:.1f} s, {len(away)} members on the side that {'lost' if one_wins else 'won'}"


@fault("other")
def chain_anew(w: World, rng: random.Random) -> str:
    """Behind all addresses is a chain that has just begun; then the right one is back."""
    right, seconds = w.chain.port, rng.uniform(1, 4)
    new = w.start_chain()
    w.move_chain(new.port)
    try:
        time.sleep(seconds)
    finally:
        w.move_chain(right)
        new.stop()
    return f"for {seconds:.1f} s"


@fault("other", weight=2)
def transaction_dropped(w: World, rng: random.Random) -> str:
    """What waits in the pool gets lost."""
    dropped = 0
    w.chain.rpc("evm_setAutomine", False)
    try:
        w.until(w.chain.pool, 5)
        for transaction in w.chain.pool():
            w.chain.rpc("anvil_dropTransaction", transaction["hash"])
            dropped += 1
    finally:
        w.chain.rpc("evm_setAutomine", True)
        w.chain.mine()
    return f"{dropped} transactions"


@fault("other", weight=2)
def nothing_is_mined(w: World, rng: random.Random) -> str:
    with w.chain.nothing_is_mined():
        time.sleep(seconds := rng.uniform(0.5, 5))
    return f"for {seconds:.1f} s"


@fault("other")
def blocks_by_the_clock(w: World, rng: random.Random) -> str:
    w.chain.rpc("evm_setAutomine", False)
    w.chain.rpc("evm_setIntervalMining", 1)
    time.sleep(seconds := rng.uniform(2, 5))
    w.chain.rpc("evm_setIntervalMining", 0)
    w.chain.rpc("evm_setAutomine", True)
    w.chain.mine()
    return f"a block a second for {seconds:.1f} s"


@fault("other", weight=2)
def base_fee(w: World, rng: random.Random) -> str:
    gwei = 10 ** rng.randint(1, 4)
    w.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(gwei * 10**9))
    w.chain.mine()
    time.sleep(rng.uniform(0.2, 2))
    w.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    w.chain.mine()
    return f"{gwei:,} gwei"


@fault("other", time_passes=True, weight=2)
def time_jumps(w: World, rng: random.Random) -> str:
    when, hours = await_some_phase(w, rng), rng.choice([0.2, 1, 5, 24])
    w.chain.pass_time(int(hours * 3600))
    return f"{hours:g} h, {when}"
