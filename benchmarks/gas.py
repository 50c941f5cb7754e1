"""What a round costs in gas, against the floor of a bare vote transaction measured in the same run.

    python -m benchmarks.gas            print the table, under the rules of Ethereum's Osaka fork
    python -m benchmarks.gas --update   and write gas.json, which a test compares, and the README's table
    python -m benchmarks.gas --geth     the same on geth in developer mode, which has later rules: gas-geth.json

Gas is exact: the same on every machine whose chain has the same rules.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3 import Web3

from colearn_ledger.chain.artifact import load_artifact
from colearn_ledger.chain.commitments import commitment_of
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.network import LocalNetwork

__all__ = ["FILE", "GETH_FILE", "TARGETS", "geth", "measure"]

FILE = Path(__file__).with_name("gas.json")
GETH_FILE = Path(__file__).with_name("gas-geth.json")
README = Path(__file__).parents[1] / "README.md"
SMALL, LARGE = 1_000, 10 << 20
MOST_GAS = 11_000_000  # of one transaction
POLL_S = 0.01
ROUNDS = 4

# The most that each figure may be (large weights, steady state). A vote's is a ratio to floor + event.
TARGETS = {
    "vote_ratio": 1.10,
    "vote_16_large": 32_200,
    "round_5_large": 215_000,
    "round_16_large": 420_000,
    "secret_round_4_large": 300_000,
    "contribution_small": 49_000,
    "contribution_large": 54_000,
    "joint_round_5_small": 460_000,
    "joint_round_5_large": 510_000,
    "joint_round_16_small": 1_150_000,
    "joint_round_16_large": 1_270_000,
}


def _floor_code() -> bytes:
    """Runtime code of the least that a vote can be: member read, slot read and written, one minimal event.

    Written by hand, so that no compiler's overhead makes the floor higher than it is: ::

        CALLER SLOAD POP              cold read of a word keyed by the caller
        x = CALLDATALOAD(4)           the vote's id names the slot
        SSTORE(x, SLOAD(x) + 1); POP
        MSTORE(0, CALLDATALOAD(36)); LOG1(0, 32, topic)
    """
    topic = keccak(text="VoteCast(bytes32,address,bool)").hex()
    run = "335450" + "600435" + "8054600101" + "8155" + "6024355f52" + "50" + "7f" + topic + "60205fa100"
    code = bytes.fromhex(run)
    size = len(code)
    # Constructor: slot 1 (the id) starts used, so that a vote changes a used word, as in the contract.
    init = bytes.fromhex("6001600155" + f"60{size:02x}" + "80600e5f395ff3")
    assert len(init) == 14, len(init)
    return init + code


class Ground(Protocol):
    """A chain to measure on, with so many funded accounts as were asked for."""

    web3: Web3
    accounts: tuple[LocalAccount, ...]


Grounds = Callable[[int], Ground]


@dataclass(frozen=True)
class _GethGround:
    web3: Web3
    accounts: tuple[LocalAccount, ...]


@contextlib.contextmanager
def geth() -> Iterator[Grounds]:
    """Geth in developer mode, one for all that is measured; found or built as everywhere (docs/network.md)."""
    with LocalNetwork("geth", 1, ipfs=False) as network:
        web3 = Web3(Web3.HTTPProvider(network.rpc_url))
        bank = web3.eth.accounts[0]  # the developer mode's own, unlocked
        accounts = tuple(Account.from_key(keccak(text=f"benchmarks.gas {i}")) for i in range(16))
        for account in accounts:
            paid = web3.eth.send_transaction({"from": bank, "to": account.address, "value": Web3.to_wei(100, "ether")})
            web3.eth.wait_for_transaction_receipt(paid)
        yield lambda count: _GethGround(web3, accounts[:count])


class _Bench:
    def __init__(
        self, ground: Grounds, members: int, *, secret: bool = False, joint: bool = False, size: int = LARGE
    ) -> None:
        self._stand_on(ground(members))
        self.size, self.secret, self.joint = size, secret, joint
        artifact = load_artifact()
        sha = hashlib.sha256(b"genesis").digest()
        genesis = (
            [a.address for a in self.accounts],
            (1, 2, 1000, 1000, 1000, 1000, 1000 if joint else 0, 0),
            secret,
            False,
            1 << 30,
            sha,
            sha,
            10,
            0x321 if joint else 0,
            bytes(32),
        )
        made = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(genesis)
        receipt = self.web3.eth.wait_for_transaction_receipt(self._send(0, made, MOST_GAS), poll_latency=POLL_S)
        self.deployment = receipt["gasUsed"]
        self.contract = self.web3.eth.contract(address=receipt["contractAddress"], abi=artifact.abi)
        self.parent = sha
        self.late: tuple[int, Any]

    def _stand_on(self, chain: Ground) -> None:
        self.web3, self.accounts = chain.web3, chain.accounts

    def _send(self, seat: int, call: Any, gas: int = 1_000_000) -> Any:
        account = self.accounts[seat]
        fields = call.build_transaction(
            {
                "from": account.address,
                "nonce": self.web3.eth.get_transaction_count(account.address),
                "gas": gas,
                "gasPrice": self.web3.eth.gas_price,
                "chainId": self.web3.eth.chain_id,
            }
        )
        return self.web3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)

    def gas(self, seat: int, call: Any) -> int:
        receipt = self.web3.eth.wait_for_transaction_receipt(self._send(seat, call), poll_latency=POLL_S)
        assert receipt["status"] == 1
        return int(receipt["gasUsed"])

    def play(self, number: int) -> list[int]:
        """Gas of each transaction of round ``number``, accepted at the earliest."""
        f, n = self.contract.functions, len(self.accounts)
        proposer = (number - 1) % n
        used = [self.gas(s, self._contribution(number, s)) for s in range(n)] if self.joint else []
        sha, cid = self._content(f"{number}")
        claim = hashlib.sha256(sha).digest()[:23] + bytes([0x51]) + ((1 << n) - 1).to_bytes(8, "big")
        note = claim + bytes(32) if self.joint else b""
        used.append(self.gas(proposer, f.propose(number, self.parent, sha, cid, self.size, note)))
        bound = keccak(cid + claim) if self.joint else cid
        id_ = f.proposalId(number, sha, bound, self.size).call()
        voters = [s for s in range(n) if s != proposer]
        need = (n - 1) // 2 + 1
        salt = b"\x5a" * 32
        if self.secret:
            for s in voters:
                commitment = commitment_of(
                    chain_id=self.web3.eth.chain_id,
                    contract=self.contract.address,
                    proposal_id=id_,
                    voter=self.accounts[s].address,
                    approve=True,
                    salt=salt,
                )
                used.append(self.gas(s, f.commit(id_, commitment)))
        for s in voters[:need]:
            used.append(self.gas(s, f.reveal(id_, True, salt) if self.secret else f.vote(id_, True)))
        assert f.viewFor(self.accounts[0].address, 0).call()[6] == number, "the round was not accepted"
        self.parent, self.late = sha, (voters[-1], f.vote(id_, True))
        return used

    def _content(self, name: str) -> tuple[bytes, bytes]:
        """Hash and root digest of weights of that name."""
        sha = hashlib.sha256(name.encode()).digest()
        return sha, sha if self.size <= 1 << 20 else hashlib.sha256(sha).digest()

    def _contribution(self, number: int, seat: int) -> Any:
        sha, cid = self._content(f"{number} of {seat}")
        return self.contract.functions.contribute(number, self.parent, sha, cid, self.size, b"")

    def late_vote(self) -> int:
        """Gas of a vote that is mined behind the one that decided the round played last: it reverts."""
        receipt = self.web3.eth.wait_for_transaction_receipt(self._send(*self.late), poll_latency=POLL_S)
        assert receipt["status"] == 0
        return int(receipt["gasUsed"])


def _measure_floor(ground: Grounds) -> int:
    bench = _Bench.__new__(_Bench)
    bench._stand_on(ground(1))
    code = _floor_code()
    web3 = bench.web3
    abi: Any = [
        {
            "type": "function",
            "name": "vote",
            "inputs": [{"type": "bytes32", "name": "id"}, {"type": "bool", "name": "approve"}],
            "outputs": [],
            "stateMutability": "nonpayable",
        }
    ]
    made = web3.eth.contract(abi=abi, bytecode=code).constructor()
    address = web3.eth.wait_for_transaction_receipt(bench._send(0, made))["contractAddress"]
    floor = web3.eth.contract(address=address, abi=abi)
    # An id of 32 full bytes costs what a real one costs in calldata; its slot is used by the first of the two votes.
    id_ = keccak(b"id")
    bench.gas(0, floor.functions.vote(id_, True))
    return bench.gas(0, floor.functions.vote(id_, True))


def measure(ground: Grounds = EmbeddedChain) -> dict[str, float]:
    """Every figure by name; ``ground``: where, the tester's chain under Osaka's rules if nothing else is said."""
    logging.getLogger("eth_tester").setLevel(logging.WARNING)
    figures: dict[str, float] = {"floor_with_event": _measure_floor(ground)}
    for label, size in (("large", LARGE), ("small", SMALL)):
        for members in (5, 16):
            bench = _Bench(ground, members, size=size)
            played = [bench.play(r) for r in range(1, ROUNDS + 1)]
            figures["deployment_" + str(members)] = bench.deployment
            for r, used in enumerate(played, 1):
                figures[f"round_{members}_{label}_number_{r}"] = sum(used)
            figures[f"round_{members}_{label}"] = sum(played[-1])
            figures[f"propose_{members}_{label}"] = played[-1][0]
            figures[f"vote_{members}_{label}"] = max(played[-1][2:-1])  # neither the first nor the deciding one
            figures[f"deciding_vote_{members}_{label}"] = played[-1][-1]
            figures[f"late_vote_{members}_{label}"] = bench.late_vote()
            bench = _Bench(ground, members, joint=True, size=size)
            played = [bench.play(r) for r in range(1, ROUNDS + 1)]
            figures[f"joint_round_{members}_{label}_number_1"] = sum(played[0])
            figures[f"joint_round_{members}_{label}"] = sum(played[-1])
            figures[f"propose_merge_{members}_{label}"] = played[-1][members]
            figures[f"joint_deciding_vote_{members}_{label}"] = played[-1][-1]
            if members == 5:
                figures[f"contribution_{label}_first"] = max(played[0][:5])
                figures[f"contribution_{label}"] = max(played[-1][:5])
        bench = _Bench(ground, 4, secret=True, size=size)
        played = [bench.play(r) for r in range(1, ROUNDS + 3)]
        figures[f"secret_round_4_{label}"] = sum(played[-1])
        figures[f"secret_round_4_{label}_before"] = sum(played[-2])
        figures[f"commit_4_{label}"] = played[-1][2]
        figures[f"reveal_4_{label}"] = played[-1][4]
    figures["vote_ratio"] = round(figures["vote_16_large"] / figures["floor_with_event"], 4)
    return figures


def rows(figures: dict[str, float], later: dict[str, float] | None = None) -> dict[str, str]:
    """The table's lines by the figure's name; the heading's under ``what``. ``later``: under geth's rules."""
    floor, later = figures["floor_with_event"], later or {}
    head = f"{'what':34} {'gas':>10} {'/ floor':>8} {'target':>10}"
    lines = {"what": f"{head} {'later rules':>12}" if later else head}
    for name, value in figures.items():
        target = f"{TARGETS[name]:>10,}" if name in TARGETS else ""
        ratio = f"{value / floor:8.2f}" if value > 100 else ""
        beside = f"{later[name]:>12,}" if name in later else ""
        lines[name] = f"{name:34} {value:>10,} {ratio:>8} {target:>10} {beside}".rstrip()
    return lines


def with_table(page: str, figures: dict[str, float], later: dict[str, float] | None = None) -> str:
    """The README with the lines of its table written anew; which figures it shows stays as it is."""
    before, mark, rest = page.partition("<!-- benchmarks.gas -->\n```\n")
    table, end, after = rest.partition("```\n")
    lines = rows(figures, later)
    return before + mark + "".join(lines[row.split()[0]] + "\n" for row in table.splitlines()) + end + after


def main() -> None:
    """Print the table; ``--update`` writes the files too."""
    parser = argparse.ArgumentParser(description="Gas of a round, and its ratio to the floor of one vote.")
    parser.add_argument("--update", action="store_true", help="write the record, and the table")
    parser.add_argument("--geth", action="store_true", help="on geth in developer mode, whose rules are later")
    options = parser.parse_args()
    with geth() if options.geth else contextlib.nullcontext(EmbeddedChain) as ground:
        figures = measure(ground)
    print("\n".join(rows(figures).values()))
    if options.update:
        file = GETH_FILE if options.geth else FILE
        file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        both = (json.loads(file.read_text(encoding="utf-8")) for file in (FILE, GETH_FILE))
        README.write_text(with_table(README.read_text(encoding="utf-8"), *both), encoding="utf-8")


if __name__ == "__main__":
    main()
