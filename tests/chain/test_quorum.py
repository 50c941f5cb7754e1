"""A view on which several endpoints agree: one real chain, seen directly and through endpoints that lie or lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import begin_view, connect
from colearn_ledger.chain.quorum import Quorum
from colearn_ledger.core.protocol import View
from colearn_ledger.errors import ChainError, NoQuorum

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective
from ..kit.ports import refusing_port
from ..kit.proxy import Proxy, proxy_of


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def story(chain: Anvil) -> Collective[Anvil]:
    made = Collective.found(chain, 3, secret=True)
    made.propose()
    return made


@pytest.fixture
def liar(chain: Anvil) -> Iterator[Proxy]:
    with proxy_of(chain.url) as proxy:
        yield proxy


def quorum_of(story: Collective[Anvil], count: int, *urls: str, lag: float = 2) -> Quorum:
    web3 = connect(urls, retry_s=0.01, cool_down_s=0.0)
    return Quorum(CollectiveContract(web3, story.contract.address), count, lag=lag, answer_s=30)


def view_of(quorum: Quorum, member: str) -> View:
    return quorum.snapshot().view(member)


def changed(change: Callable[[Any], Any]) -> Callable[[list[Any], Callable[[list[Any]], Any]], Any]:
    return lambda params, ask: change(ask(params))


def flipped(data: str) -> str:
    """Another state of the collective: more approvals, as it happens, or another round."""
    return data[:70] + f"{int(data[70], 16) ^ 1:x}" + data[71:]


def in_block(**fields: Any) -> Callable[[Any], Any]:
    return lambda block: {**block, **{name: change(block[name]) for name, change in fields.items()}}


def more(by: int) -> Callable[[str], str]:
    """As long as it was, since a hash may begin with zeros."""
    return lambda quantity: f"0x{int(quantity, 16) + by:0{len(quantity) - 2}x}"


def test_view__two_that_agree__is_what_each_says(story: Collective[Anvil], liar: Proxy) -> None:
    quorum = quorum_of(story, 2, story.chain.url, liar.url)
    view = view_of(quorum, story.address(1))
    assert view == story.contract.snapshot_at(story.contract.fetch_head(), view.at).view(story.address(1))
    assert view.proposal is not None and liar.methods.count("eth_call") == 1


def test_view__of_the_block_that_was_agreed_on__whatever_is_mined_meanwhile(
    story: Collective[Anvil], liar: Proxy
) -> None:
    quorum = quorum_of(story, 2, story.chain.url, liar.url)
    asked: list[Any] = []

    def kept(params: list[Any], ask: Callable[[list[Any]], Any]) -> Any:
        asked.append(params[1])
        return ask(params)

    liar.answers["eth_call"] = kept
    snapshot = quorum.snapshot()
    story.chain.mine()
    view = snapshot.view(story.address(1))
    assert view.block_hash == snapshot.head.hash
    assert asked == [{"blockHash": "0x" + snapshot.head.hash.hex()}] == [snapshot.pin]


@pytest.mark.parametrize("method", ["eth_call"])
def test_view__one_of_two_shows_another_state__nothing_is_believed(
    story: Collective[Anvil], liar: Proxy, method: str
) -> None:
    quorum = quorum_of(story, 2, liar.url, story.chain.url)
    liar.answers[method] = changed(flipped)
    with pytest.raises(NoQuorum, match="disagree about what the contract's state is") as raised:
        view_of(quorum, story.address(1))
    assert liar.url in raised.value.what and story.chain.url in raised.value.what
    liar.answers.clear()
    assert view_of(quorum, story.address(1)).proposal is not None


def test_view__one_of_three_lies__the_others_are_believed_and_gone_on_with(
    story: Collective[Anvil], liar: Proxy
) -> None:
    with proxy_of(story.chain.url) as honest:
        quorum = quorum_of(story, 2, liar.url, honest.url, story.chain.url)
        true = view_of(quorum, story.address(1))
        liar.answers["eth_call"] = changed(flipped)
        asked = honest.methods.count("eth_gasPrice")
        assert view_of(quorum, story.address(1)).proposal == true.proposal
        assert quorum.contract.web3.eth.gas_price > 0 and honest.methods.count("eth_gasPrice") == asked + 1


@pytest.mark.parametrize(
    "lie", [in_block(hash=more(1)), in_block(timestamp=more(1))], ids=["another hash", "another time"]
)
def test_view__one_of_two_has_another_block__nothing_is_believed(
    story: Collective[Anvil], liar: Proxy, lie: Callable[[Any], Any]
) -> None:
    quorum = quorum_of(story, 2, story.chain.url, liar.url)
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: (
        ask(params) if params[0] == "pending" else lie(ask(params))
    )
    with pytest.raises(NoQuorum, match="disagree about which block is the newest"):
        quorum.snapshot()


def test_view__one_of_two_claims_that_the_chain_is_far_higher__nothing_is_believed(
    story: Collective[Anvil], liar: Proxy
) -> None:
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: (
        in_block(number=more(1000))(ask(params)) if params[0] == "latest" else ask(params)
    )
    with pytest.raises(NoQuorum, match="too few endpoints are up to date") as raised:
        quorum_of(story, 2, story.chain.url, liar.url).snapshot()
    assert f"{story.chain.url} is behind" in raised.value.what
    with proxy_of(story.chain.url) as honest:
        quorum = quorum_of(story, 2, story.chain.url, honest.url, liar.url)
        assert quorum.snapshot().head == story.contract.fetch_head(), "two of three know better"


def test_view__one_lags_a_little__is_of_the_block_that_both_have(story: Collective[Anvil], liar: Proxy) -> None:
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: (
        ask([hex(story.contract.fetch_head().number - 1), False]) if params[0] == "latest" else ask(params)
    )
    story.chain.mine()
    quorum = quorum_of(story, 2, story.chain.url, liar.url)
    head = story.contract.fetch_head()
    assert quorum.snapshot().head == story.contract.fetch_head(head.number - 1)
    assert view_of(quorum, story.address(1)).block_number == head.number - 1


def test_view__one_lags_and_the_other_does_not_have_that_block_any_more__nothing_is_believed(
    story: Collective[Anvil], liar: Proxy
) -> None:
    story.chain.mine()
    newest = story.contract.fetch_head().number
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: (
        ask([hex(newest - 1), False]) if params[0] == "latest" else ask(params)
    )
    with proxy_of(story.chain.url) as forgetful:
        forgetful.answers["eth_getBlockByNumber"] = lambda params, ask: (
            None if params[0] == hex(newest - 1) else ask(params)
        )
        quorum = quorum_of(story, 2, forgetful.url, liar.url)
        with pytest.raises(NoQuorum, match="too few endpoints answer"):
            quorum.snapshot()


@pytest.mark.parametrize("ahead", [10**6, -(10**6)])
def test_snapshot__one_of_two_has_another_clock__time_is_what_both_have_reached(
    story: Collective[Anvil], liar: Proxy, ahead: int
) -> None:
    """Else one endpoint could open the reveals, and have a secret vote given away."""
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: (
        in_block(timestamp=more(ahead))(ask(params)) if params[0] == "pending" else ask(params)
    )
    quorum = quorum_of(story, 2, liar.url, story.chain.url)
    head = story.contract.fetch_head()
    assert head.timestamp <= quorum.snapshot().clock <= story.contract.fetch_clock(head)


def test_snapshot__one_of_two_is_away__waits(story: Collective[Anvil], liar: Proxy) -> None:
    with refusing_port() as port:
        quorum = quorum_of(story, 2, story.chain.url, f"http://127.0.0.1:{port}")
        with pytest.raises(NoQuorum, match="1 of 2 endpoints answer") as raised:
            quorum.snapshot()
    assert isinstance(raised.value, ChainError) and raised.value.exit_code == ChainError.exit_code
    with refusing_port() as port:
        two_of_three = quorum_of(story, 2, f"http://127.0.0.1:{port}", liar.url, story.chain.url)
        assert two_of_three.snapshot().head == story.contract.fetch_head()
        begin_view(two_of_three.contract.web3)


@pytest.mark.parametrize("said", [None, {}, [], "0x", 5, {"hash": None}])
def test_snapshot__one_of_two_says_what_cannot_be__waits(story: Collective[Anvil], liar: Proxy, said: Any) -> None:
    quorum = quorum_of(story, 2, story.chain.url, liar.url)
    liar.answers["eth_getBlockByNumber"] = lambda params, ask: said
    with pytest.raises(NoQuorum, match="1 of 2 endpoints answer"):
        quorum.snapshot()
    del liar.answers["eth_getBlockByNumber"]
    liar.answers["eth_call"] = lambda params, ask: said
    if said != "0x":
        with pytest.raises(NoQuorum, match="too few endpoints answer"):
            view_of(quorum, story.address(1))
    else:
        with pytest.raises(NoQuorum, match="disagree"):
            view_of(quorum, story.address(1))
