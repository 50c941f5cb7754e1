"""What the chain's readers make of odd answers: every method with every odd body, and any one thing changed."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colearn_ledger.chain.bytecode import check_code
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.deploy import estimate_deploy
from colearn_ledger.chain.funds import fetch_funds
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.chain.transport import Reply
from colearn_ledger.errors import ChainError, ColearnError, TransactionError
from colearn_ledger.history import read_history, read_members
from colearn_ledger.history.motions import read_motions

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective
from ..kit.odd_bodies import ODD_BODIES
from ..kit.quick import examples, few
from ..kit.recorded import Recorded


@dataclass
class Told:
    """A collective with a round that was decided, one with votes, and a motion; nothing happens there any more."""

    story: Collective[Anvil]
    recorded: Recorded

    def doing(self) -> dict[str, Callable[[CollectiveContract], Any]]:
        """What programs ask of a chain."""
        me = self.story.account(1)
        return {
            "view": lambda c: c.snapshot().view(me.address),
            "rounds": lambda c: c.snapshot().rounds(0, 10),
            "members": lambda c: read_members(c.snapshot()),
            "motions": lambda c: read_motions(c.snapshot()),
            "code": lambda c: check_code(c.snapshot()),
            "history": lambda c: read_history(c.snapshot(), receipts=True),
            "funds": lambda c: fetch_funds(c, me.address, self.story.view(1)),
            "a vote that was given": lambda c: Sender(c, self.story.account(2)).vote(self.story.proposal, True),
            "what deploying costs": lambda c: estimate_deploy(c.web3, me.address, self.story.genesis),
        }

    def outcome(self, name: str) -> Any:
        """What comes of it: a value, or an error of this package; anything else is raised."""
        self.recorded.asked.clear()
        try:
            contract = CollectiveContract(self.recorded.connect(cool_down_s=0.0), self.story.contract.address)
            return self.doing()[name](contract)
        except ColearnError as error:
            return error


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with anvil() as chain:
        story = Collective.found(chain, 3)
        story.propose()
        story.vote(1, True, (500_000, 600_000))
        story.vote(2)
        story.sender(0).move_add_member(story.address(5))
        story.propose("more")
        story.vote(2)
        yield Told(story, Recorded(chain.url))


METHODS = {
    "view": ("eth_chainId", "eth_getBlockByNumber", "eth_call"),
    "rounds": ("eth_call",),
    "members": ("eth_call", "eth_getBalance"),
    "motions": ("eth_call",),
    "code": ("eth_getCode",),
    "history": ("eth_getLogs", "eth_getBlockByNumber", "batch"),
    "funds": ("eth_getBalance", "eth_gasPrice"),
    "a vote that was given": ("eth_estimateGas",),
    "what deploying costs": (
        "eth_estimateGas",
        "eth_getBlockByNumber",
        "eth_maxPriorityFeePerGas",
        "eth_getBalance",
        "eth_chainId",
    ),
}
CELLS = [(name, method) for name, methods in METHODS.items() for method in methods]
RESULTS = [
    None,
    {},
    [],
    "0x",
    "",
    "text",
    5,
    -1,
    1.5,
    True,
    "0x" + "f" * 64,
    "0x" + "0" * 64,
    [None],
    [{}],
    {"a": []},
    "0x" + "ab" * 32,
]


def is_the_endpoints_failure(outcome: Any) -> bool:
    return isinstance(outcome, ChainError) and outcome.exit_code in (ChainError.exit_code, TransactionError.exit_code)


@pytest.mark.parametrize("name", METHODS)
def test_reading__nothing_odd__asks_by_these_methods(told: Told, name: str) -> None:
    assert not isinstance(told.outcome(name), Exception)
    assert set(METHODS[name]) <= set(told.recorded.asked)


@pytest.mark.slow
@pytest.mark.parametrize("name, method", CELLS)
def test_reading__odd_body__is_that_endpoints_failure(told: Told, name: str, method: str) -> None:
    right = told.outcome(name)
    assert not isinstance(right, Exception), right
    for body in ODD_BODIES.values():
        told.recorded.instead[method] = lambda request, answer: Reply(200, body)  # noqa: B023
        outcome = told.outcome(name)
        same = outcome == right and method in ("batch", "eth_getLogs", "eth_maxPriorityFeePerGas")
        assert is_the_endpoints_failure(outcome) or same, (body[:60], outcome)
    told.recorded.instead.clear()
    assert told.outcome(name) == right


@pytest.mark.slow
@pytest.mark.parametrize("name, method", CELLS)
def test_reading__odd_result__is_that_endpoints_failure_or_makes_no_difference(
    told: Told, name: str, method: str
) -> None:
    right = told.outcome(name)
    for result in RESULTS:
        told.recorded.instead[method] = lambda request, answer: Reply(
            200,
            json.dumps({"jsonrpc": "2.0", "id": 0, "result": result}).encode(),  # noqa: B023
        )
        outcome = told.outcome(name)
        if not is_the_endpoints_failure(outcome):
            # A right type: nobody can know better, and it is no traceback.
            assert outcome == right or isinstance(result, str | list | None) or method == "batch", (result, outcome)
    told.recorded.instead.clear()


@few(3, "status", [429, 400, 401, 403, 404, 405, 413, 503, 500, 502, 504])
@pytest.mark.parametrize("name, method", CELLS)
def test_reading__http_status_instead__is_that_endpoints_failure_or_a_refusal(
    told: Told, name: str, method: str, status: int
) -> None:
    told.recorded.instead[method] = lambda request, answer: Reply(status, b"<html>")
    outcome = told.outcome(name)
    told.recorded.instead.clear()
    assert not isinstance(outcome, ColearnError) or is_the_endpoints_failure(outcome), outcome


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.integers(0, 2**260).map(hex)
    | st.binary(max_size=40).map(lambda data: "0x" + data.hex()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def with_change(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """``value`` with another thing at that place, or with what ``new`` makes of what is there."""
    if not path:
        return new(value) if callable(new) else new
    changed = copy.copy(value)
    changed[path[0]] = with_change(value[path[0]], path[1:], new)
    return changed


def flip(bit: int) -> Callable[[Any], Any]:
    def flipped(value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("0x") or len(value) < 3:
            return None
        at = 2 + bit // 4 % (len(value) - 2)
        return value[:at] + f"{int(value[at], 16) ^ (1 << bit % 4):x}" + value[at + 1 :]

    return flipped


@pytest.mark.slow
@settings(max_examples=examples(50), suppress_health_check=list(HealthCheck))
@given(cell=st.sampled_from(CELLS), data=st.data())
def test_reading__any_one_thing_of_an_answer_changed__a_value_or_a_chain_error(
    told: Told, cell: tuple[str, str], data: st.DataObject
) -> None:
    name, method = cell

    def instead(request: Any, answer: Any) -> Reply:
        path = data.draw(st.sampled_from(sorted(places(answer), key=str)), label="place")
        new = data.draw(JSON | st.integers(0, 20_000).map(flip), label="new")
        return Reply(200, json.dumps(with_change(answer, path, new)).encode())

    told.recorded.instead[method] = instead
    try:
        outcome = told.outcome(name)  # raises what is none of this package's errors
        if name == "view":
            assert not isinstance(outcome, ColearnError) or isinstance(outcome, ChainError)
    finally:
        told.recorded.instead.clear()


def test_reading__a_call_that_asks_to_fetch_a_url__fetches_none(told: Told) -> None:
    """EIP-3668: a stranger could have the node ask any server."""
    data = "0x556f1830" + "00" * 12 + told.story.contract.address[2:] + "00" * 160
    told.recorded.instead["eth_call"] = lambda request, answer: Reply(
        200, json.dumps({"id": 0, "error": {"code": 3, "message": "execution reverted", "data": data}}).encode()
    )
    outcome = told.outcome("view")
    told.recorded.instead.clear()
    assert is_the_endpoints_failure(outcome)


def test_recursion_limit__after_the_chains_libraries_are_loaded__is_no_danger() -> None:
    assert sys.getrecursionlimit() < 100_000
