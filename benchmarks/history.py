"""How long a long history takes to read: all of it, its newest rounds, one round.

    python -m benchmarks.history [--rounds N] [--keep DIR] [--check]

A collective of two on Anvil, a round a block; then the commands as a user runs them, each a process of its own, with
the time, the CPU time and the memory that it takes. The floor is ``history --no-logs --no-gas`` of all rounds, which
reads storage alone. With ``--keep`` the chain stays in a folder, and is read again the next time: making it takes
longer than all that is measured, since each block costs Anvil more than the one before.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colearn_ledger.chain.commitments import compute_proposal_id
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.deploy import Genesis, deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import load_account
from colearn_ledger.cli.options import RPC_VARIABLE
from colearn_ledger.core.protocol import Rules, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.founding.record import DeploymentRecord, load_deployment, save_deployment
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.http import call_rpc
from colearn_ledger.network.saver import SAVED

from .scene import load

__all__ = ["COMMANDS", "Taken", "grow", "long_history", "measure", "run"]

# Name: (words, at most so many seconds with 10,000 rounds).
COMMANDS: dict[str, tuple[tuple[str, ...], float]] = {
    "all, storage alone": (("history", "--no-logs", "--no-gas"), 30.0),
    "all": (("history",), 30.0),
    "the newest 100": (("history", "--last", "100"), 1.0),
    "the newest 10": (("history", "--last", "10"), 1.0),
    "one round": (("show", "{middle}"), 1.0),
    "how it stands": (("status",), 1.0),
}
_WINDOW = 1 << 24  # seconds: Anvil's clock runs ahead by one a block
_FIRST, _SECOND = 20 * 10**9, 10 * 10**9  # wei per gas: a block has the proposal before the vote on it


@dataclass(frozen=True)
class Taken:
    """``seconds`` by the clock, ``cpu`` of the process alone; ``memory``: the most that it had, in MB."""

    seconds: float
    cpu: float
    memory: float


@contextlib.contextmanager
def long_history(rounds: int, keep: Path | None = None) -> Iterator[tuple[LocalNetwork, Path]]:
    """A network with a collective that has decided so many rounds, and the folder with its deployment.json.

    ``keep``: where it is kept, or found from the last time. Raises RuntimeError where another one is there.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if keep is None else keep
        kept = None if keep is None else keep / "network"
        with LocalNetwork("anvil", 2, ipfs=False, folder=kept) as network:
            if not (folder / "deployment.json").exists():
                grow(network, rounds, folder)
                if kept is not None:
                    _wait_until_saved(network, kept / "chain" / SAVED)
            record = load_deployment(folder / "deployment.json")
            contract = CollectiveContract(connect([network.rpc_url]), record.address)
            if (there := contract.snapshot().current_round() - 1) != rounds:
                raise RuntimeError(f"{folder} has {there} rounds, and {rounds} are asked for: remove it")
            yield network, folder


def _wait_until_saved(network: LocalNetwork, state: Path) -> None:
    """Wait until the chain was saved while no blocks came: else the state may be of a block that is not there.

    Raises RuntimeError where it isn't saved in ten minutes.
    """
    deadline = time.monotonic() + 600
    for _ in range(2):  # the first may have begun before
        call_rpc(network.rpc_url, "evm_mine")
        began = time.time()
        while not state.exists() or state.stat().st_mtime <= began:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the network doesn't save its chain in {state}")
            time.sleep(0.5)


def grow(
    network: LocalNetwork,
    rounds: int,
    folder: Path,
    *,
    weights: Callable[[int], WeightsRef] | None = None,
    schema: Schema | None = None,
) -> None:
    """Found a collective of the first two stakeholders, let it decide so many rounds, and write deployment.json.

    ``weights``: of each round, of this ``schema``; such as there are none where it isn't given.
    """
    weights = weights or _weights
    web3 = connect([network.rpc_url])
    accounts = [load_account(s.keystore, s.password_file, prompt=False) for s in network.stakeholders[:2]]
    rules = Rules(1, 2, _WINDOW, _WINDOW, _WINDOW, _WINDOW)
    made = deploy(web3, accounts[0], Genesis([a.address for a in accounts], weights(0), rules))
    schema, urls = schema or Schema.of(np.zeros(2)), (network.rpc_url,)
    genesis = DeploymentRecord(made.chain_id, made.address, made.block, made.transaction, weights(0), schema, urls)
    save_deployment(genesis, folder / "deployment.json")
    contract = CollectiveContract(web3, made.address)
    for account in accounts:
        call_rpc(network.rpc_url, "anvil_impersonateAccount", account.address)
    call_rpc(network.rpc_url, "evm_setAutomine", False)
    for number in range(1, rounds + 1):
        new, before = weights(number), weights(number - 1)
        propose = contract.functions.propose(number, before.sha256, new.sha256, new.cid_digest, new.size, b"")
        vote = contract.functions.vote(compute_proposal_id(number, new), True)
        for function, account, price in (
            (propose, accounts[(number - 1) % 2], _FIRST),
            (vote, accounts[number % 2], _SECOND),
        ):
            call = {**contract.encode(function), "from": account.address, "gas": hex(500_000), "gasPrice": hex(price)}
            call_rpc(network.rpc_url, "eth_sendTransaction", call)
        call_rpc(network.rpc_url, "evm_mine")
    call_rpc(network.rpc_url, "evm_setAutomine", True)
    if (current := contract.snapshot().current_round()) != rounds + 1:
        raise RuntimeError(f"round {current} is open after {rounds} rounds")


def _weights(number: int) -> WeightsRef:
    digest = hashlib.sha256(str(number).encode()).digest()
    return WeightsRef(digest, digest, 1_000)


def measure(rounds: int = 10_000, keep: Path | None = None) -> dict[str, Taken]:
    """What each command takes."""
    with long_history(rounds, keep) as (network, folder):
        return {
            name: run([word.format(middle=rounds // 2) for word in words], folder, network.rpc_url)
            for name, (words, _) in COMMANDS.items()
        }


# Runs its words, and tells what they took. The kernel counts for a process what its parent had when it began, which
# here may be a whole chain: so there is a small one between.
_MEASURED = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump([code, time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], sys.stdout)
"""


def run(words: list[str], folder: Path, url: str) -> Taken:
    """One command as a process, in the folder with its deployment.json, of the chain at that endpoint."""
    command = [sys.executable, "-I", "-S", "-c", _MEASURED, sys.executable, "-m", "colearn_ledger.cli.main", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), RPC_VARIABLE: url}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    code, *taken = json.loads(done.stdout)
    if code:
        raise RuntimeError(f"{' '.join(words)} ended with {code}")
    return Taken(*taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the chain is kept for the next time")
    parser.add_argument("--check", action="store_true", help="fail above the targets, which are for 10,000 rounds")
    options = parser.parse_args()
    if options.rounds < 200:
        parser.error("--rounds is at least 200")
    found = measure(options.rounds, options.keep)
    floor = found["all, storage alone"]
    print(f"{options.rounds:,} rounds of 2 members on Anvil ({load()})")
    print(f"  {'':<20}{'seconds':>9}{'at most':>9}{'CPU':>9}{'of the floor':>14}{'memory, MB':>12}")
    for name, taken in found.items():
        ratio, most = taken.seconds / floor.seconds, COMMANDS[name][1]
        print(f"  {name:<20}{taken.seconds:>9.2f}{most:>9.0f}{taken.cpu:>9.2f}{ratio:>14.2f}{taken.memory:>12.0f}")
    late = [name for name, taken in found.items() if taken.seconds > COMMANDS[name][1]]
    return int(options.check and bool(late))


if __name__ == "__main__":
    sys.exit(main())
