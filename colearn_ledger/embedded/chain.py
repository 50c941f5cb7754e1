"""The embedded chain: eth-tester in this process, no server, a funded key per member."""

from __future__ import annotations

import ast
import threading
from typing import Any, cast

from eth.abc import SignedTransactionAPI, StateAPI
from eth.vm.spoof import SpoofTransaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3

__all__ = ["EmbeddedChain"]

_FUNDS_WEI = 10**24
_SSTORE_STIPEND = 2300  # gas that must be left when storage is written, though it isn't used (EIP-2200)
# The keys hold play money of a chain that ends with the process.
_MNEMONIC = "test test test test test test test test test test test junk"


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
    """

    def __init__(self, accounts: int) -> None:
        backend = PyEVMBackend.from_mnemonic(
            _MNEMONIC, num_accounts=accounts, genesis_state_overrides={"balance": _FUNDS_WEI}
        )
        backend.chain.gas_estimator = _estimate_gas
        self.tester = EthereumTester(backend)
        self.web3 = Web3(_LockedProvider(self.tester))
        self.accounts: tuple[LocalAccount, ...] = tuple(
            Account.from_key(key.to_bytes()) for key in backend.account_keys
        )

    def pass_time(self, seconds: int) -> None:
        """Let block time pass, by one empty block."""
        now = int(self.web3.eth.get_block("latest")["timestamp"])
        self.tester.time_travel(now + seconds)
        self.tester.mine_block()
