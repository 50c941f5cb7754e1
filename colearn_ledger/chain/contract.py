"""The contract as seen from Python: calls, each pinned to one block, over any web3 provider.

Nothing here has a default block: who reads says at which block (``Head``), so that two reads never mix two states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from eth_abi.exceptions import DecodingError
from eth_utils.abi import get_abi_output_types
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.types import TxParams

from ..core.protocol import Rules
from ..errors import ChainError
from .artifact import Artifact, load_artifact
from .endpoint import is_behind
from .endpoints import begin_view, distrust
from .reach import REFUSALS, Refused, reaching
from .reverts import RevertDecoder
from .snapshot import Snapshot

__all__ = ["CollectiveContract", "Head", "checksummed"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Head:
    """The block that reads are pinned to. ``timestamp`` in seconds."""

    number: int
    hash: bytes
    timestamp: int


class CollectiveContract:
    """One deployed collective.

    Parameters
    ----------
    web3: a connected web3 instance (any provider).
    address: of the contract.
    pin_by_number: for chains that take no block hash in ``eth_call`` (eth-tester); such a chain must not re-org.
    """

    def __init__(
        self, web3: Web3, address: str, *, pin_by_number: bool = False, artifact: Artifact | None = None
    ) -> None:
        self.web3 = web3
        self.address = Web3.to_checksum_address(address)
        self.artifact = artifact or load_artifact()
        self.functions = web3.eth.contract(address=self.address, abi=self.artifact.abi).functions
        self.reverts = RevertDecoder(self.artifact.abi)
        self._pin_by_number = pin_by_number
        with reaching("read the chain id"):
            self.chain_id: int = web3.eth.chain_id

    # -------------------------------------------------------------------------------------------- head and clock

    def fetch_head(self, number: int | None = None) -> Head:
        """The newest block, or block ``number``. A view begins here: what is read at this head is read through one
        endpoint.
        """
        begin_view(self.web3)
        which = "latest" if number is None else number
        with reaching(f"read the block {which}"):
            block = self.web3.eth.get_block(which)  # type: ignore[arg-type]
        return Head(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))

    def fetch_clock(self, head: Head) -> int:
        """Block time now: what the next block's timestamp would be, as the chain says, never before ``head``'s.

        On chains that mine only when there is a transaction the head's time stands still while deadlines pass.
        """
        try:
            pending = self.web3.eth.get_block("pending")
        except REFUSALS:  # an endpoint without a pending block: its head is the only clock
            return head.timestamp
        return max(head.timestamp, int(pending["timestamp"]))

    def snapshot(self, number: int | None = None) -> Snapshot:
        """The newest block, or block ``number``, and block time now. A view begins here, as in :meth:`fetch_head`."""
        return self.snapshot_at(self.fetch_head(number))

    def snapshot_at(self, head: Head, clock: int | None = None) -> Snapshot:
        """A head that was fetched before, and this block time, or block time now."""
        return Snapshot(self, head, self.fetch_clock(head) if clock is None else clock)

    # -------------------------------------------------------------------------------------------- reads

    def pin(self, head: Head) -> Any:
        """How to name ``head`` when something is read: by its hash, as EIP-1898 has it, so that a re-org is noticed."""
        return head.number if self._pin_by_number else {"blockHash": Web3.to_hex(head.hash)}

    def call(self, function: Any, head: Head, doing: str, read: Callable[[Any], T]) -> T:
        """What ``read`` makes of what one of the contract's ``functions`` returns at ``head``.

        Parameters
        ----------
        doing: for people.
        read: gets structs as dicts by field name; raises ValueError for what the contract never says.

        Raises
        ------
        Refused: the endpoint won't answer this call, which may be too dear for it.
        ChainError: it can't be reached, or what it says is none of this contract's; then it is left for another one.
        """
        return self.decode(function, self._ask(self.encode(function), head, doing), read)

    def encode(self, function: Any) -> TxParams:
        """The call of one of the contract's ``functions``."""
        return {"to": self.address, "data": function._encode_transaction_data()}

    def decode(self, function: Any, answer: bytes, read: Callable[[Any], T]) -> T:
        """What ``read`` makes of the answer to such a call, as :meth:`call` has it."""
        try:
            [raw] = self.web3.codec.decode(get_abi_output_types(function.abi), answer)
            return read(_named(function.abi["outputs"][0], raw))
        except (DecodingError, ValueError, OverflowError) as e:
            distrust(self.web3)
            raise ChainError(
                f"what is at {self.address} on chain {self.chain_id} doesn't answer as this contract",
                expected="a deployed CollectiveLearning contract, and an endpoint that is synced past its deployment",
                fix="compare the address and the chain id with the deployment; look at the endpoint",
            ) from e

    def _ask(self, call: TxParams, head: Head, doing: str) -> bytes:
        # Not function.call(): that asks for the number of a block that is named by its hash, and reads at the number,
        # which after a re-org is another block.
        with reaching(doing):
            try:
                return bytes(self.web3.eth.call(call, self.pin(head)))
            except ContractLogicError as e:
                data = revert_data(e)
                if not data:
                    raise Refused(f"could not {doing}: {e.message}") from e
                # None of these reads is ever refused by the contract.
                distrust(self.web3)
                raise ChainError(
                    f"could not {doing}: {self.reverts.decode(data, doing).what}",
                    expected="an endpoint that answers as its chain does",
                    fix="look at the chain's node behind it; name another endpoint",
                ) from e
            except Web3RPCError as e:
                if is_behind(e.rpc_response):
                    raise
                raise Refused(f"could not {doing}: {e}", fix="check that the endpoint is reachable and synced") from e


def revert_data(error: Exception) -> bytes:
    """The bytes that a call reverted with, out of whatever web3 and the node wrapped around them."""
    for part in (getattr(error, "data", None), *error.args):
        if isinstance(part, Mapping):
            part = part.get("data")
        if isinstance(part, bytes):
            return part
        if isinstance(part, str) and part.startswith("0x"):
            try:
                return bytes.fromhex(part[2:])
            except ValueError:
                continue
    return b""


def rules_struct(rules: Rules) -> tuple[int, ...]:
    """The rules as the contract's struct."""
    return (
        rules.threshold_numerator,
        rules.threshold_denominator,
        rules.propose_window,
        rules.vote_window,
        rules.reveal_window,
        rules.motion_window,
        rules.train_window,
        rules.pause,
    )


def _named(abi: Mapping[str, Any], value: Any) -> Any:
    """ABI-decoded ``value`` with structs as dicts by field name, at every depth."""
    kind: str = abi["type"]
    if kind.endswith("[]"):
        inner = {**abi, "type": kind[:-2]}
        return [_named(inner, v) for v in value]
    if kind == "tuple":
        return {c["name"]: _named(c, v) for c, v in zip(abi["components"], value, strict=True)}
    if kind.startswith("bytes"):
        return bytes(value)
    return checksummed(value) if kind == "address" else value


@lru_cache(maxsize=256)  # the same few members again and again, and each costs a hash
def checksummed(address: str) -> str:
    """The address as it is written everywhere here."""
    return str(to_checksum_address(address))
