"""The embedded chain: eth-tester in this process, no server, a funded key per member."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

import rlp
from eth.abc import SignedTransactionAPI, StateAPI
from eth.exceptions import TransactionNotFound
from eth.vm.spoof import SpoofTransaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.backends.pyevm.serializers import serialize_transaction_receipt
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3

__all__ = ["EmbeddedChain"]

_FUNDS_WEI = 10**24
_SSTORE_STIPEND = 2300  # gas that must be left when storage is written, though it isn't used (EIP-2200)
# The keys hold play money of a chain that ends with the process.
_MNEMONIC = "test test test test test test test test test test test junk"


class _Backend(PyEVMBackend):  # type: ignore[misc]
    """Finds receipts by the chain's index: eth-tester looks for each through all blocks, minutes for long runs."""

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        try:
            number, index = self.chain.get_canonical_transaction_index(transaction_hash)
        except TransactionNotFound:  # it may be pending
            return super().get_transaction_receipt(transaction_hash)
        block = self.chain.get_canonical_block_by_number(number)
        receipts = block.get_receipts(self.chain.chaindb)
        vm = self.chain.get_vm()
        return serialize_transaction_receipt(block, receipts, block.transactions[index], index, False, vm)


class _LockedProvider(EthereumTesterProvider):
    """eth-tester isn't thread-safe; one lock makes it so."""

    def __init__(self, tester: EthereumTester) -> None:
        super().__init__(tester)
        self._lock = threading.Lock()

    def make_request(self, method: Any, params: Any) -> Any:
        try:
            with self._lock:
                return super().make_request(method, params)
        except TransactionFailed as e:
            # As a server would say it, so that web3 and the adapter see the same on every chain.
            error = {"code": 3, "message": "execution reverted", "data": "0x" + _reverted_with(e).hex()}
            return {"jsonrpc": "2.0", "id": 0, "error": error}


def _reverted_with(error: TransactionFailed) -> bytes:
    """eth-tester gives the revert's bytes only as the text of a Python literal at the end of its message."""
    _, _, literal = str(error.args[0]).partition("execution reverted: ")
    try:
        data = ast.literal_eval(literal)
    except (SyntaxError, ValueError):
        return b""
    return data if isinstance(data, bytes) else b""


def _estimate_gas(state: StateAPI, transaction: SignedTransactionAPI) -> int:
    """Gas with which the transaction succeeds, found in one run of it; raises what it fails with.

    py-evm's own estimate runs it about ten times, in search of the least gas, which took a third of a whole run's time.
    What is used before refunds is enough for a contract that calls no other one.
    """
    snapshot = state.snapshot()
    try:
        attempt = SpoofTransaction(transaction, gas=state.gas_limit, gas_price=0)
        computation = state.apply_transaction(cast(SignedTransactionAPI, attempt))
    finally:
        state.revert(snapshot)
    if computation.is_error:
        raise computation.error
    return int(transaction.intrinsic_gas + computation.get_gas_used()) + _SSTORE_STIPEND


class EmbeddedChain:
    """A chain in this process.

    Parameters
    ----------
    accounts: how many funded accounts; ``accounts[0]`` deploys, as any of them may.
    genesis_time: of its first block, in seconds; now if None.
    """

    def __init__(self, accounts: int, *, genesis_time: int | None = None) -> None:
        parameters = None
        if genesis_time is not None:
            parameters = PyEVMBackend.generate_genesis_params(overrides={"timestamp": genesis_time})
        backend = _Backend.from_mnemonic(
            _MNEMONIC,
            num_accounts=accounts,
            genesis_state_overrides={"balance": _FUNDS_WEI},
            genesis_parameters=parameters,
        )
        backend.chain.gas_estimator = _estimate_gas
        self.tester = EthereumTester(backend)
        self.web3 = Web3(_LockedProvider(self.tester))
        self.accounts: tuple[LocalAccount, ...] = tuple(
            Account.from_key(key.to_bytes()) for key in backend.account_keys
        )

    def blocks(self) -> Iterator[bytes]:
        """Its blocks from the first one on, as RLP; :meth:`again` makes the chain of them."""
        chain = self.tester.backend.chain
        for number in range(chain.get_canonical_head().block_number + 1):
            yield rlp.encode(chain.get_canonical_block_by_number(number))

    @classmethod
    def again(cls, accounts: int, blocks: Sequence[bytes]) -> EmbeddedChain:
        """A chain with so many accounts and these blocks, each of which is run again.

        Raises ValueError where a block isn't one, or doesn't come to the state that it names.
        """
        number = 0
        try:
            kind = cls(1).tester.backend.chain.get_vm_class_for_block_number(0).get_block_class()
            first = rlp.decode(blocks[0], kind)
            made = cls(accounts, genesis_time=first.header.timestamp)
            chain = made.tester.backend.chain
            if chain.get_canonical_block_by_number(0).hash != first.hash:
                raise ValueError("it is another chain's")
            for number in range(1, len(blocks)):
                chain.import_block(rlp.decode(blocks[number], kind))
        except Exception as e:  # of a file: whatever py-evm raises, these are no blocks of this chain
            raise ValueError(f"block {number}: {type(e).__name__}: {e}") from e
        return made

    def pass_time(self, seconds: int) -> None:
        """Let block time pass, by one empty block."""
        now = int(self.web3.eth.get_block("latest")["timestamp"])
        self.tester.time_travel(now + seconds)
        self.tester.mine_block()
