"""Transactions on a real chain (Anvil): stuck, replaced, dropped, overtaken, unpaid, and sent through what breaks."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from eth_account import Account

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.delivery import Delivery
from colearn_ledger.chain.deploy import Genesis, deploy, estimate_deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.fees import Fees
from colearn_ledger.chain.transactions import Outcome, Receipt, Sender, Starter
from colearn_ledger.core.limits import MOST_TIME
from colearn_ledger.core.protocol import MotionState, RoundState
from colearn_ledger.errors import ContractError, InsufficientFunds, NotAMember, TransactionError

from ..kit.anvil import Anvil, anvil, wait_until
from ..kit.builders import ref
from ..kit.collective import RULES, Collective
from ..kit.proxy import Proxy, proxy_of

GWEI = 10**9


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def collective(chain: Anvil) -> Collective[Anvil]:
    return Collective.found(chain, 4)


def impatient(c: Collective[Anvil], index: int, **options: Any) -> Sender:
    """A member's sender that doesn't wait long for a transaction to be mined."""
    return c.sender(index, **{"replace_after_s": 0.2, "timeout_s": 90, **options})


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def waiting(c: Collective[Anvil], sender: Sender) -> dict[str, Any]:
    """The sender's transaction, once it waits in the node's pool."""
    mine: list[dict[str, Any]] = []

    def there() -> bool:
        mine[:] = [t for t in c.chain.pool() if t["from"] == sender.account.address.lower()]
        return bool(mine)

    wait_until(there, "a transaction waits")
    return mine[0]


def price_of(transaction: dict[str, Any]) -> int:
    return int(transaction["maxFeePerGas"], 16)


def test_send__not_mined__is_replaced_at_the_same_nonce_with_raised_fees(
    collective: Collective[Anvil], pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    sender = impatient(c, 1)
    nonce = c.nonce(1)
    with c.chain.nothing_is_mined():
        sending: Future[Receipt] = pool.submit(sender.vote, proposal, True)
        first = waiting(c, sender)
        wait_until(lambda: price_of(waiting(c, sender)) > price_of(first) * 5 // 4, "it was replaced twice")
        last = waiting(c, sender)
        assert int(last["nonce"], 16) == int(first["nonce"], 16) == nonce
        assert int(last["maxPriorityFeePerGas"], 16) > int(first["maxPriorityFeePerGas"], 16)
        assert not sending.done()
    receipt = sending.result(90)
    assert receipt.outcome is Outcome.SENT and receipt.gas > 20_000 and receipt.block > 0
    assert c.nonce(1) == nonce + 1
    assert c.view(1).voted and receipt.transaction.hex() != first["hash"][2:]


def test_send__never_mined__is_an_error_in_time(collective: Collective[Anvil]) -> None:
    proposal = collective.propose()
    with collective.chain.nothing_is_mined(), pytest.raises(TransactionError, match="not mined within 1 s") as raised:
        impatient(collective, 1, timeout_s=0.6).vote(proposal, True)
    assert raised.value.exit_code == 42


def test_send__stuck_transaction_from_before_a_crash__is_replaced(collective: Collective[Anvil]) -> None:
    c, proposal = collective, collective.propose()
    with c.chain.nothing_is_mined():
        with pytest.raises(TransactionError):
            impatient(c, 1, timeout_s=0.05).vote(proposal, False)
        stuck = waiting(c, impatient(c, 1))
        with pytest.raises(TransactionError):
            impatient(c, 1, timeout_s=0.05).vote(proposal, True)
        [replacing] = [t for t in c.chain.pool() if t["from"] == stuck["from"]]
        assert replacing["nonce"] == stuck["nonce"] and price_of(replacing) > price_of(stuck)
    assert c.view().proposal.approvals == 0b10


def test_send__dropped_by_the_node__is_sent_again(collective: Collective[Anvil], pool: ThreadPoolExecutor) -> None:
    c, proposal = collective, collective.propose()
    sender = impatient(c, 1)
    with c.chain.nothing_is_mined():
        sending = pool.submit(sender.vote, proposal, True)
        c.chain.rpc("anvil_dropTransaction", waiting(c, sender)["hash"])
        waiting(c, sender)
    assert sending.result(90).outcome is Outcome.SENT


def test_poll__dropped_by_the_node__is_sent_again_long_before_it_would_be_replaced(
    collective: Collective[Anvil],
) -> None:
    c, proposal = collective, collective.propose()
    sending = Starter(c.sender(1)).vote(proposal, True)
    with c.chain.nothing_is_mined():
        assert sending.poll() is None
        [mine] = c.chain.pool()
        c.chain.rpc("anvil_dropTransaction", mine["hash"])
        wait_until(lambda: sending.poll() is None and bool(c.chain.pool()), "it is sent again", deadline_s=8)
        assert [t["hash"] for t in c.chain.pool()] == [mine["hash"]], "as it was"
    receipts: list[Receipt | None] = []
    wait_until(lambda: receipts.append(sending.poll()) or receipts[-1] is not None, "it is mined")  # type: ignore[func-returns-value]
    assert receipts[-1] is not None and receipts[-1].outcome is Outcome.SENT and c.view(1).voted


def test_poll__an_earlier_transaction_is_undone_with_its_block__takes_the_place_that_is_free(
    collective: Collective[Anvil],
) -> None:
    c = collective
    c.sender(1).move_add_member(c.address(7))
    proposal = c.propose()
    sending = Starter(c.sender(1)).vote(proposal, True)
    c.chain.rpc("evm_setAutomine", False)
    try:
        assert sending.poll() is None
        [mine] = c.chain.pool()
        c.chain.rpc("anvil_reorg", 2, [])  # undoes both, and puts neither into the pool again
        nonce = c.nonce(1)
        assert int(mine["nonce"], 16) == nonce + 1, "a gap"
        wait_until(lambda: sending.poll() is not None, "the contract is asked again, and there is no proposal", 8)
    finally:
        c.chain.rpc("evm_setAutomine", True)


def test_send__another_program_took_the_nonce__asks_again_and_sends(
    collective: Collective[Anvil], pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    sender = impatient(c, 1)
    with c.chain.nothing_is_mined():
        sending = pool.submit(sender.vote, proposal, True)
        first = waiting(c, sender)
        other = {"to": sender.account.address, "value": 0, "gas": 21_000, "gasPrice": 10**6 * GWEI, "chainId": 31337}
        signed = sender.account.sign_transaction({**other, "nonce": int(first["nonce"], 16)})
        c.chain.web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = sending.result(90)
    assert receipt.outcome is Outcome.SENT and c.view(1).voted
    mined = c.chain.web3.eth.get_transaction(receipt.transaction)  # type: ignore[arg-type]
    assert mined["nonce"] == int(first["nonce"], 16) + 1


def test_send__the_round_was_decided_meanwhile__is_given_up(
    collective: Collective[Anvil], pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    with c.chain.nothing_is_mined():
        others = [pool.submit(impatient(c, seat, replace_after_s=60).vote, proposal, True) for seat in (1, 2)]
        wait_until(lambda: len(c.chain.pool()) == 2, "the others' votes wait")
        late = impatient(c, 3, replace_after_s=1)
        sending = pool.submit(late.vote, proposal, True)
        c.chain.rpc("anvil_dropTransaction", waiting(c, late)["hash"])
        c.chain.mine()
        assert {o.result(90).outcome for o in others} == {Outcome.SENT}
        assert sending.result(90).outcome is Outcome.TOO_LATE
        assert c.chain.pool() == []


def test_send__mined_and_reverted_because_others_came_first__is_too_late(
    collective: Collective[Anvil], pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    with c.chain.nothing_is_mined():
        # Simulated while the round was open, and mined after the two that decide it, because they pay more.
        late = impatient(c, 3, replace_after_s=60)
        sending = pool.submit(late.vote, proposal, True)
        waiting(c, late)
        for seat in (1, 2):
            call = c.contract.functions.vote(proposal, True).build_transaction(
                {
                    "from": c.address(seat),
                    "gas": 400_000,
                    "gasPrice": 900 * GWEI,
                    "nonce": c.nonce(seat),
                    "chainId": 31337,
                }
            )
            c.chain.web3.eth.send_raw_transaction(c.account(seat).sign_transaction(call).raw_transaction)
        c.chain.mine()
        assert sending.result(90).outcome is Outcome.TOO_LATE
    assert c.view().round == 2


def test_send__it_turns_out_to_decide_the_round_and_enact_a_motion__has_gas_for_it(
    collective: Collective[Anvil],
) -> None:
    c = collective
    proposal = c.propose()
    impatient(c, 1).move_remove_member(c.address(0))
    c.vote_motion(2)
    limits: list[int] = []

    class Held(Delivery):
        def begin(self, content: dict[str, Any], *rest: Any) -> Any:
            limits.append(content["gas"])
            impatient(c, 2).vote(proposal, True)  # comes between the simulation and the block
            return super().begin(content, *rest)

    sender = impatient(c, 1, delivery=Held(c.chain.web3, c.account(1), 31337))
    receipt = sender.vote(proposal, True)
    assert receipt.outcome is Outcome.SENT and c.view().round == 2 and c.view().member_count == 3
    assert c.motions()[0].state is MotionState.ENACTED
    assert 120_000 < receipt.gas < limits[0] - 100_000  # with room for other compilers and larger collectives


def test_send__no_member__is_named(collective: Collective[Anvil]) -> None:
    proposal = collective.propose()
    with pytest.raises(NotAMember, match="not a member") as raised:
        impatient(collective, 8).vote(proposal, True)
    assert raised.value.exit_code == 17 and isinstance(raised.value, ContractError)


def test_send__no_funds__says_what_is_missing(collective: Collective[Anvil]) -> None:
    c, proposal = collective, collective.propose()
    address = c.address(1)
    before = c.chain.rpc("eth_getBalance", address, "latest")
    c.chain.rpc("anvil_setBalance", address, "0x1")
    try:
        with pytest.raises(InsufficientFunds, match=f"(?s){address}.*send funds") as raised:
            impatient(c, 1).vote(proposal, True)
        assert raised.value.exit_code == 43
    finally:
        c.chain.rpc("anvil_setBalance", address, before)
    assert not c.view(1).voted


def test_deploy__no_funds__nothing_is_sent(chain: Anvil) -> None:
    poor = Account.from_key("0x" + "77" * 32)
    web3 = connect([chain.url])
    genesis = Genesis([chain.account(i).address for i in range(2)], ref("g"))
    with pytest.raises(InsufficientFunds, match="0 wei"):
        deploy(web3, poor, genesis)
    cost = estimate_deploy(web3, chain.account(0).address, genesis)
    assert 2_000_000 < cost.gas < 6_000_000 and cost.most == cost.gas * cost.price < cost.balance


def test_fee_cap__above_what_gas_costs__is_what_is_offered(
    collective: Collective[Anvil], pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    base = int(c.chain.web3.eth.get_block("latest")["baseFeePerGas"])
    sender = impatient(c, 1, fee_cap=base + 5)
    with c.chain.nothing_is_mined():
        sending = pool.submit(sender.vote, proposal, True)
        offered = waiting(c, sender)
        assert price_of(offered) == base + 5 and int(offered["maxPriorityFeePerGas"], 16) <= base + 5
        # Nothing can be raised, so it is sent as it was when the node has dropped it.
        c.chain.rpc("anvil_dropTransaction", offered["hash"])
        assert waiting(c, sender)["hash"] == offered["hash"]
    assert sending.result(90).outcome is Outcome.SENT


def test_fee_cap__below_what_gas_costs__nothing_is_sent(collective: Collective[Anvil]) -> None:
    proposal = collective.propose()
    with pytest.raises(TransactionError, match=r"gas costs .* gwei now"):
        impatient(collective, 1, fee_cap=1).vote(proposal, True)
    assert collective.chain.pool() == []


@pytest.mark.parametrize(
    "old, now, cap, new",
    [
        (Fees(800, 80), Fees(500, 80), None, Fees(901, 91)),
        (Fees(800, 80), Fees(5000, 400), None, Fees(5000, 400)),
        (Fees(800, 80), Fees(500, 80), 1000, Fees(901, 91)),
        (Fees(800, 80), Fees(5000, 400), 1000, Fees(1000, 400)),
        (Fees(800, 80), Fees(5000, 400), 850, None),
        (Fees(800, None), Fees(500, None), None, Fees(901, None)),
        (Fees(0, 0), Fees(0, 0), None, None),
        (Fees(7, 0), Fees(7, 0), None, Fees(8, 1)),
    ],
)
def test_fees_raised__by_an_eighth_within_the_cap(old: Fees, now: Fees, cap: int | None, new: Fees | None) -> None:
    assert old.raised(now, cap) == new


def test_chain_without_base_fee__pays_a_gas_price_and_is_replaced_too(pool: ThreadPoolExecutor) -> None:
    with anvil("--hardfork", "berlin", "--no-mining") as old:
        web3, account = connect([old.url]), old.account(0)
        assert "baseFeePerGas" not in web3.eth.get_block("latest")
        delivery = Delivery(web3, account, 31337, replace_after_s=0.2)
        content = {"to": old.account(1).address, "data": b"", "gas": 21_000}
        sending = pool.submit(delivery.deliver, content, "test")
        wait_until(lambda: bool(old.pool()), "it waits")
        price = int(old.pool()[0]["gasPrice"], 16)
        wait_until(lambda: int(old.pool()[0]["gasPrice"], 16) > price, "it was replaced")
        old.mine()
        wait_until(lambda: sending.done() or not old.mine(), "it was mined")
        assert sending.result(90)["status"] == 1


@pytest.fixture
def proxy(chain: Anvil) -> Iterator[Proxy]:
    with proxy_of(chain.url) as running:
        yield running


def test_send__the_same_transaction_again__is_known_and_waited_for(
    collective: Collective[Anvil], proxy: Proxy, pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    cut_off = c.through(proxy.url)
    with c.chain.nothing_is_mined():
        with pytest.raises(TransactionError):
            impatient(c, 1, timeout_s=0.05).vote(proposal, True)
        [before] = c.chain.pool()
        sending = pool.submit(impatient(cut_off, 1, replace_after_s=60).vote, proposal, True)
        wait_until(lambda: "eth_getTransactionReceipt" in proxy.methods, "it was sent")
        assert [t["hash"] for t in c.chain.pool()] == [before["hash"]]  # signatures are deterministic
    receipt = sending.result(90)
    assert receipt.outcome is Outcome.SENT and "0x" + receipt.transaction.hex() == before["hash"]


@pytest.mark.parametrize("method", ["eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_estimateGas"])
def test_send__the_answer_is_lost__the_vote_counts_once(
    collective: Collective[Anvil], proxy: Proxy, method: str
) -> None:
    c, proposal = collective, collective.propose()
    cut_off = c.through(proxy.url)
    proxy.swallow.add(method)
    sender = impatient(cut_off, 1)
    nonce = c.nonce(1)
    assert sender.vote(proposal, True).outcome is Outcome.SENT
    assert not proxy.swallow and c.nonce(1) == nonce + 1


def test_receipt__could_not_be_read_and_it_was_dropped__is_there_later(
    collective: Collective[Anvil], proxy: Proxy
) -> None:
    c, proposal = collective, collective.propose()
    proxy.answers["eth_getTransactionReceipt"] = lambda params, ask: None
    sending = Starter(c.through(proxy.url).sender(1)).vote(proposal, True)
    assert sending.fetch_receipt() is None
    assert sending.poll() is None
    wait_until(lambda: c.view(1).voted, "it counts")
    assert sending.poll() is None and sending.fetch_receipt() is None
    del proxy.answers["eth_getTransactionReceipt"]
    receipt = sending.fetch_receipt()
    assert receipt is not None and receipt.outcome is Outcome.SENT and receipt.block > 0


def test_poll__the_endpoint_answers_nothing__asks_for_one_thing_alone(
    collective: Collective[Anvil], proxy: Proxy
) -> None:
    c, proposal, silent = collective, collective.propose(), threading.Event()
    through = dataclasses.replace(
        c, contract=CollectiveContract(connect([proxy.url], timeout_s=2.5), c.contract.address)
    )
    sending = Starter(through.sender(1, replace_after_s=0.01)).vote(proposal, True)

    def says_nothing(method: str) -> None:
        silent.wait(60)

    with c.chain.nothing_is_mined():
        assert sending.poll() is None
        proxy.methods.clear()
        proxy.replies = says_nothing
        assert sending.poll() is None
        assert proxy.methods == ["eth_getTransactionReceipt", "eth_chainId"], "and the loop looks at other things"
        silent.set()
    while (receipt := sending.poll()) is None:
        pass
    assert receipt.outcome is Outcome.SENT


def test_send__the_endpoint_dies_while_waiting__the_other_one_has_the_receipt(
    collective: Collective[Anvil], proxy: Proxy, pool: ThreadPoolExecutor
) -> None:
    c, proposal = collective, collective.propose()
    cut_off = c.through(proxy.url, c.chain.url)
    sender = impatient(cut_off, 1, replace_after_s=60)
    with c.chain.nothing_is_mined():
        sending = pool.submit(sender.vote, proposal, True)
        waiting(c, sender)
        proxy.stop()
    assert sending.result(90).outcome is Outcome.SENT


def test_send__takes_few_calls(collective: Collective[Anvil], proxy: Proxy) -> None:
    c, proposal = collective, collective.propose()
    sender = impatient(c.through(proxy.url), 1)
    sender.vote(proposal, True)  # also asks for the tip and the balance, which it does now and then
    proxy.methods.clear()
    sender.move_add_member(c.address(7))
    calls = [m for m in proxy.methods if m != "eth_getTransactionReceipt"]
    assert calls == [
        "eth_estimateGas",
        "eth_getTransactionCount",
        "eth_getBlockByNumber",
        "eth_sendRawTransaction",
    ]


def test_clock__mined_on_demand__the_next_proposer_can_propose_without_a_block(chain: Anvil) -> None:
    """The newest block's time stands still there, and the simulation must not be of that time."""
    c = Collective.found(chain, 3)
    chain.rpc("evm_increaseTime", RULES.propose_window + 5)
    view = c.view()
    assert (view.round, view.state) == (2, RoundState.PROPOSING)
    c.propose()
    assert c.view().state is RoundState.VOTING


@pytest.mark.slow
def test_deploy__chain_that_counts_milliseconds__is_refused_with_the_reason() -> None:
    with anvil("--timestamp", "1800000000000") as chain, pytest.raises(ContractError) as raised:
        Collective.found(chain, 2)
    assert raised.value.name == "BlockTimeNotInSeconds" and "counts seconds" in raised.value.fix
    assert str(MOST_TIME) in raised.value.expected
