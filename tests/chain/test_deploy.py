"""Deployments that an endpoint refuses; what the contract refuses is in test_contract.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from web3 import Web3

from colearn_ledger.chain.deploy import Genesis, deploy, estimate_deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.errors import ChainError, InsufficientFunds, TransactionError

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.ports import refusing_port
from ..kit.proxy import Proxy, Refusal, proxy_of


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def proxy(chain: Anvil) -> Iterator[Proxy]:
    with proxy_of(chain.url) as running:
        yield running


def genesis(chain: Anvil) -> Genesis:
    return Genesis([account.address for account in chain.accounts[:3]], ref("genesis"))


def saying(text: str) -> Callable[..., Any]:
    def refuse(params: list[Any], ask: Callable[[list[Any]], Any]) -> Any:
        raise Refusal(text)

    return refuse


def test_estimate_deploy__of_an_account_with_funds__is_more_than_it_takes(chain: Anvil) -> None:
    web3, account = chain.web3, chain.accounts[0]
    cost = estimate_deploy(web3, account.address, genesis(chain))
    done = deploy(web3, account, genesis(chain))
    assert done.gas < cost.gas < 2 * done.gas
    assert cost.balance > cost.most == cost.gas * cost.price > 0


def test_estimate_deploy__the_endpoint_says_that_there_are_no_funds__is_that(chain: Anvil, proxy: Proxy) -> None:
    proxy.answers["eth_estimateGas"] = saying("Insufficient funds for gas * price + value")
    account = chain.accounts[0].address
    with pytest.raises(InsufficientFunds, match=f"{account} can't pay for the deployment") as raised:
        estimate_deploy(connect([proxy.url]), account, genesis(chain))
    assert raised.value.fix == f"send funds to {account}"


def test_estimate_deploy__the_endpoint_refuses_otherwise__in_its_own_words(chain: Anvil, proxy: Proxy) -> None:
    proxy.answers["eth_estimateGas"] = saying("invalid opcode: PUSH0")
    with pytest.raises(TransactionError) as raised:
        estimate_deploy(connect([proxy.url]), chain.accounts[0].address, genesis(chain))
    assert type(raised.value) is TransactionError
    assert raised.value.what == "the chain can't say what the deployment costs: invalid opcode: PUSH0"


def test_estimate_deploy__nobody_answers__is_the_endpoints_error(chain: Anvil) -> None:
    with refusing_port() as port:
        web3 = Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}"))
        with pytest.raises(TransactionError, match="can't say what the deployment costs"):
            estimate_deploy(web3, chain.accounts[0].address, genesis(chain))


def test_estimate_deploy__no_endpoint_is_left__says_which(chain: Anvil, proxy: Proxy) -> None:
    web3 = connect([proxy.url], retry_s=0.01)
    proxy.stop()
    with pytest.raises(ChainError) as raised:
        estimate_deploy(web3, chain.accounts[0].address, genesis(chain))
    assert type(raised.value) is ChainError and proxy.url in str(raised.value)


def test_deploy__another_transaction_came_before__says_so(chain: Anvil, proxy: Proxy) -> None:
    proxy.answers["eth_sendRawTransaction"] = saying("nonce too low")
    with pytest.raises(TransactionError, match="another transaction of the account came before the deployment"):
        deploy(connect([proxy.url]), chain.accounts[0], genesis(chain))
