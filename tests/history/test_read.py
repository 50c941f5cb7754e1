"""The history from a real chain (Anvil): storage and events joined, and what remains when events are missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.protocol import RoundState, Rules
from colearn_ledger.errors import ChainError, UsageError
from colearn_ledger.history import Choice, Round, read_history

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.collective import RULES, Collective
from ..kit.proxy import Answer, Refusal, proxy_of
from ..kit.recorded import Recorded
from ..kit.story import Told, tell


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """On a chain of its own: its last round is open, and time that other tests let pass would end it."""
    with anvil() as running:
        yield tell(running)


def choices(round_: Round) -> dict[int, Choice]:
    return {vote.seat: vote.choice for vote in round_.votes}


def test_history__all_rounds__storage_and_events_joined(told: Told) -> None:
    history = told.history(receipts=True)
    assert history.current == 7 and history.logs_problem == "" and history.logs_from == told.deployment.block
    genesis, one, two, three, *missed, seven = history.rounds
    assert [r.record.round for r in history.rounds] == list(range(8))
    assert [r.record.state for r in history.rounds] == [
        RoundState.ACCEPTED,
        RoundState.ACCEPTED,
        RoundState.REJECTED,
        RoundState.REJECTED,
        RoundState.MISSED,
        RoundState.MISSED,
        RoundState.MISSED,
        RoundState.VOTING,
    ]
    assert genesis.record.weights == ref("genesis")
    assert [t.did for t in genesis.transactions] == [("deployed",)] and genesis.gas == told.deployment.gas

    assert one.record.proposer == told.address(0) and one.note == b'{"samples":200}'
    assert choices(one) == {1: Choice.APPROVED, 2: Choice.REJECTED, 3: Choice.APPROVED}
    assert [v.member for v in one.votes] == [told.address(i) for i in (1, 2, 3)]
    assert one.votes[0].scores == (-1.5, 0.25) and one.votes[1].scores is None
    assert one.votes[0].transaction == told.receipts["vote 1.1"].transaction
    assert one.by_clock is False and one.opened is not None and one.opened.hash == told.deployment.transaction

    assert choices(two) == {0: Choice.REJECTED, 2: Choice.REJECTED, 3: Choice.ABSENT}
    assert two.opened is not None and two.opened.hash == told.receipts["vote 1.3"].transaction
    assert len(two.members) == 4

    assert choices(three)[0] is Choice.APPROVED and choices(three)[4] is Choice.ABSENT and three.by_clock is True
    assert three.members[4] == told.address(5) and three.record.need == 3
    assert three.decided is not None and three.decided.hash == told.receipts["propose 7"].transaction
    assert three.decided.round == 7
    assert {len(r.votes) + len(r.members) + len(r.transactions) for r in missed} == {0}

    assert seven.by_clock is None and seven.decided is None and seven.note == b"\xff\x00\x1b[31m"
    assert choices(seven)[4] is Choice.APPROVED and seven.record.parent == ref("one").sha256


def test_history__transactions__blocks_times_senders_and_gas_are_the_chains(told: Told) -> None:
    one = told.history(receipts=True).rounds[1]
    names = ["propose 1", "vote 1.1", "vote 1.2", "vote 1.3"]
    assert [t.hash for t in one.transactions] == [told.receipts[n].transaction for n in names]
    assert [t.gas for t in one.transactions] == [told.receipts[n].gas for n in names]
    assert one.gas == sum(told.receipts[n].gas for n in names)
    assert [t.did for t in one.transactions] == [("proposed",), ("voted",), ("voted",), ("voted", "decided", "opened")]
    for transaction, index in zip(one.transactions, (0, 1, 2, 3), strict=True):
        block = told.chain.web3.eth.get_block(transaction.block)
        assert transaction.time == block["timestamp"] and transaction.hash in [bytes(h) for h in block["transactions"]]
        assert transaction.sender == told.address(index) and (transaction.fee or 0) > 0


def test_history__the_transaction_that_ends_a_round_by_the_clock__counts_for_its_own_round(told: Told) -> None:
    three, seven = (told.history(receipts=True).rounds[i] for i in (3, 7))
    assert three.gas == sum(told.receipts[n].gas for n in ("propose 3", "vote 3.0"))
    assert seven.gas == sum(told.receipts[n].gas for n in ("propose 7", "vote 7.5"))
    assert len(three.transactions) == 3


def test_history__one_round__is_the_same_as_in_the_whole(told: Told) -> None:
    whole = told.history(receipts=True)
    for number in range(8):
        part = told.history(first=number, last=number, receipts=True)
        assert part.rounds == (whole.rounds[number],)
        assert part.current == 7


@pytest.mark.parametrize("number", [1, 3, 7])
def test_history__of_one_round_among_many__asks_for_receipts_of_its_own_transactions_alone(
    told: Told, number: int
) -> None:
    seen = Recorded(told.chain.url)
    contract = CollectiveContract(seen.connect(), told.contract.address)
    block = told.deployment.block
    part = read_history(contract.snapshot(), first=number, last=number, deployed_block=block, receipts=True, few=0)
    (one,) = part.rounds
    assert one == told.history(receipts=True).rounds[number]
    own = {t.hash for t in (*one.transactions, one.opened, one.proposed, one.decided) if t is not None}
    assert seen.asked.count("eth_getTransactionReceipt") == len(own)


def test_history__members_that_changed__are_each_rounds_own_however_they_are_read(told: Told) -> None:
    by_round, by_events = told.history(few=100), told.history(few=1)
    assert by_round.rounds == by_events.rounds
    assert {len(round_.members) for round_ in by_events.rounds if round_.record.weights is not None} >= {4, 5}


def test_history__progress__tells_of_rounds_events_and_receipts(told: Told) -> None:
    said: list[str] = []
    told.history(page=3, receipts=True, progress=said.append)
    assert said[:3] == ["round 0 of 7", "round 3 of 7", "round 6 of 7"]
    assert said[3].startswith("events of blocks 1 to ") and said[-1].startswith("receipts of ")


def test_history__pages__give_what_one_call_gives(told: Told) -> None:
    whole = told.history(logs=False)
    for page in (1, 3, 8):
        assert told.history(logs=False, page=page).rounds == whole.rounds
        part = told.history(logs=False, first=2, last=6, page=page).rounds
        assert [r.record.round for r in part] == [2, 3, 4, 5, 6]


def test_history__no_such_round__says_what_there_is(told: Told) -> None:
    with pytest.raises(UsageError, match="no round 8") as raised:
        told.history(first=8)
    assert "0 to 7" in raised.value.expected


def test_history__without_events__storage_still_has_who_what_and_how(told: Told) -> None:
    history = told.history(logs=False)
    one = history.rounds[1]
    assert history.logs_from is None and not one.logged and one.transactions == () and one.gas is None
    assert choices(one) == {1: Choice.APPROVED, 2: Choice.REJECTED, 3: Choice.APPROVED}
    assert one.record.weights == ref("one") and one.record.proposer == told.address(0)


@contextlib.contextmanager
def through(story: Collective[Anvil], answer: Answer) -> Iterator[Collective[Anvil]]:
    """The story, read through an endpoint that answers so when it is asked for events."""
    with proxy_of(story.chain.url) as proxy:
        proxy.answers["eth_getLogs"] = answer
        yield story.through(proxy.url)


def blocks(params: list[Any]) -> tuple[int, int]:
    """The first and the last block whose events are asked for."""
    return int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)


@pytest.mark.parametrize("most", [1, 3])
def test_history__endpoint_that_caps_ranges__is_read_in_smaller_ones(told: Told, most: int) -> None:
    whole, asked = told.history(), []

    def capped(params: list[Any], ask: Any) -> Any:
        first, last = blocks(params)
        asked.append(last - first + 1)
        if last - first + 1 > most:
            raise Refusal("block range is too large")
        return ask(params)

    with through(told, capped) as limited:
        # the clock goes on between the two, which changes nothing in what was decided
        assert replace(limited.history(), clock=whole.clock) == whole
    assert max(asked) > most and len([n for n in asked if n > most]) < len(asked)


def test_history__endpoint_without_a_receipt__senders_and_gas_of_that_round_are_not_known(told: Told) -> None:
    lost = told.receipts["vote 3.0"].transaction

    def pruned(params: list[Any], ask: Any) -> Any:
        if params[0] == "0x" + lost.hex():
            raise Refusal("pruned")
        return ask(params)

    with proxy_of(told.chain.url) as proxy:
        proxy.answers["eth_getTransactionReceipt"] = pruned
        rounds = told.through(proxy.url).history(receipts=True).rounds
    assert rounds[3].gas is None and rounds[1].gas
    assert [t.sender is None for t in rounds[3].transactions] == [t.hash == lost for t in rounds[3].transactions]


@pytest.mark.slow
def test_history__block_of_the_deployment_unknown__looks_no_further_back_than_to_it(chain: Anvil) -> None:
    chain.rpc("anvil_mine", hex(2100))
    story = Collective.found(chain, 2)
    story.propose("one")
    known = story.history()
    asked = []

    def watched(params: list[Any], ask: Any) -> Any:
        asked.append(blocks(params)[0])
        return ask(params)

    with through(story, watched) as seen:
        assert seen.history(deployed_block=0, few=0).rounds == known.rounds
    assert len(asked) == 1 and 0 < asked[0] < story.deployment.block


def test_history__endpoint_without_old_events__shows_the_storage_part_and_says_so(told: Told) -> None:
    whole = told.history()
    kept_from = told.receipts["propose 3"].block

    def pruned(params: list[Any], ask: Any) -> Any:
        if blocks(params)[0] < kept_from:
            raise Refusal("pruned history unavailable")
        return ask(params)

    with through(told, pruned) as forgetful:
        history = forgetful.history()
    assert history.logs_from == kept_from and "pruned history" in history.logs_problem
    assert not history.rounds[1].logged and choices(history.rounds[1]) == choices(whole.rounds[1])
    assert history.rounds[7] == whole.rounds[7]


def test_history__an_empty_answer_proves_nothing(told: Told) -> None:
    with through(told, lambda *_: []) as silent:
        history = silent.history()
    assert "left out events" in history.logs_problem and not history.rounds[1].logged
    assert history.rounds[1].record.weights == ref("one")


def test_history__reorg_while_reading__is_not_mixed(told: Told) -> None:
    snapshot = told.contract.snapshot()
    moved = replace(snapshot, head=replace(snapshot.head, number=snapshot.head.number - 1))
    with pytest.raises(ChainError, match="reorganised"):
        read_history(moved, deployed_block=told.deployment.block)


def test_history__secret_votes__hidden_until_revealed(chain: Anvil) -> None:
    story = Collective.found(chain, 4, secret=True)
    story.propose("secret")
    for index in (1, 2, 3):
        story.commit(index, approve=index != 2)
    [one] = story.history(first=1, last=1).rounds
    assert set(choices(one).values()) == {Choice.HIDDEN} and one.record.state is RoundState.REVEALING
    story.reveal(2, False)
    story.reveal(1, scores=(0, 1_000_000))
    [one] = story.history(first=1, last=1).rounds
    assert choices(one) == {1: Choice.APPROVED, 2: Choice.REJECTED, 3: Choice.HIDDEN}
    story.reveal(3)
    [one] = story.history(first=1, last=1).rounds
    assert choices(one)[3] is Choice.APPROVED and one.record.state is RoundState.ACCEPTED
    assert [t.did[0] for t in one.transactions] == ["proposed"] + 3 * ["committed"] + 3 * ["voted"]
    assert one.votes[0].scores == (0.0, 1.0)


def test_history__deadline_that_no_transaction_has_written_down__decided_all_the_same(chain: Anvil) -> None:
    story = Collective.found(chain)
    story.propose("nobody votes")
    assert story.history(first=1, last=1).rounds[0].by_clock is None
    chain.pass_time(RULES.vote_window + 10)
    [one] = story.history(first=1, last=1).rounds
    assert one.record.state is RoundState.REJECTED and one.by_clock is True and one.decided is None
    assert story.history(first=1, last=1, logs=False).rounds[0].by_clock is None


@pytest.mark.slow
def test_history__thousands_of_missed_rounds__are_read(chain: Anvil) -> None:
    """The contract walks back over them: more gas than a call has by itself."""
    rules = Rules(1, 2, propose_window=1, vote_window=10, reveal_window=10, motion_window=10)
    story = Collective.found(chain, 2, rules=rules)
    chain.rpc("evm_increaseTime", 20_000)
    for _ in range(20):  # whoever's second it is when the transaction is mined
        if story.send_proposal("late").outcome is Outcome.SENT:
            break
    last = story.contract.snapshot().current_round()
    [late] = story.history(first=last, last=last).rounds
    assert last > 20_000 and late.record.weights == ref("late") and late.record.parent == ref("genesis").sha256


@pytest.mark.slow
def test_history__of_the_newest_rounds__reads_no_event_before_them(chain: Anvil) -> None:
    story = Collective.found(chain, 2)
    for number in range(1, 11):
        story.propose(f"weights {number}")
        story.vote(number % 2)
        chain.rpc("anvil_mine", hex(300))
    asked: list[int] = []

    def watched(params: list[Any], ask: Any) -> Any:
        asked.append(blocks(params)[0])
        return ask(params)

    with through(story, watched) as seen:
        history = seen.history(first=9, few=1)
    opened = history.rounds[0].opened
    assert opened is not None and [len(r.transactions) for r in history.rounds] == [2, 2, 0]
    assert story.deployment.block < min(asked) <= opened.block and history.logs_from == min(asked)
    assert story.history(few=1).rounds[9:] == history.rounds


@pytest.mark.slow
def test_history__of_the_newest_round__has_its_opening_however_long_it_took_to_propose(chain: Anvil) -> None:
    story = Collective.found(chain, 2)
    for number in range(1, 4):
        chain.rpc("anvil_mine", hex(700))  # more than the newest range of blocks
        story.propose(f"weights {number}")
        story.vote(number % 2)
    assert story.history(first=3, few=0).rounds[0].opened is not None


def test_missed_votes__without_events__follow_from_the_counts(told: Told) -> None:
    with_events, without = told.history().rounds, told.history(logs=False).rounds
    assert [r.missed_votes for r in with_events] == [r.missed_votes for r in without]
    assert [r.record.round for r in without if r.missed_votes] == [3]
