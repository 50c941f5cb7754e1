"""Joint rounds in the history: which contributions a round could merge, and what its proposal made of each."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from colearn_ledger.core.merge.claim import LeftOut
from colearn_ledger.core.protocol import Claim, RoundState
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.history import (
    Contributed,
    History,
    Round,
    Transaction,
    Use,
    history_to_dict,
    omissions_of,
    round_to_dict,
    write_csv,
)
from colearn_ledger.history.trainings import CLAIM_BYTES, Trainings, contributions_in
from colearn_ledger.report.round_page import round_page
from colearn_ledger.report.rounds import history_page

from ..kit.anvil import Anvil, anvil
from ..kit.builders import record, ref
from ..kit.collective import JOINT_RULES, ORDER, Collective, embedded, embedded_joint
from ..kit.proxy import proxy_of


def uses(round_: Round) -> dict[int | None, Use]:
    return {one.seat: one.use for one in round_.contributions}


def tell(story: Collective[Any]) -> int:
    """Of five, three contribute in time, one late: merged but for one that is invalid, and rejected; merged all, by the
    next rule, and accepted; round 3 is open, with one contribution. What the first four contributions cost in gas.
    """
    gas = sum(story.contribute(index, note=b'{"samples":%d}' % index).gas for index in (0, 1, 2))
    story.chain.pass_time(JOINT_RULES.train_window)
    gas += story.contribute(4).gas
    story.merge("first", seats=0b011, digest=(1 << 187) + 5, left_out={2: LeftOut.INVALID}, note=b"hello")
    for index in (1, 2):
        story.vote(index, approve=False)
    story.merge("second")
    for index in (0, 2, 3):
        story.vote(index)
    story.contribute(3)
    return int(gas)


@pytest.fixture(scope="module")
def told() -> tuple[Collective[EmbeddedChain], int]:
    story = embedded_joint(5)
    return story, tell(story)


@pytest.fixture(scope="module")
def history(told: tuple[Collective[EmbeddedChain], int]) -> History:
    return told[0].history(receipts=True)


@pytest.mark.slow
def test_read_history__joint__each_round_has_its_trainings_contributions(
    told: tuple[Collective[EmbeddedChain], int], history: History
) -> None:
    story, _ = told
    zero, one, two, three = history.rounds
    assert history.merge_order == ORDER and history.logs_problem == ""
    assert [r.training for r in history.rounds] == [None, 1, 1, 3] and zero.contributions == ()
    assert uses(one) == {0: Use.MERGED, 1: Use.MERGED, 2: Use.INVALID, 4: Use.LATE}
    assert uses(two) == {0: Use.MERGED, 1: Use.MERGED, 2: Use.MERGED, 4: Use.LATE}
    assert uses(three) == {3: Use.WAITING} and three.record.state is RoundState.PROPOSING
    assert (one.contributed, two.contributed, three.contributed, zero.contributed) == (3, 3, 1, None)
    first = one.contributions[0]
    assert first.member == story.address(0) and first.weights == ref("contribution of 0")
    assert first.note == b'{"samples":0}' and not first.late and one.contributions[3].late
    assert first.transaction.did == ("contributed",) and first.transaction.sender == story.address(0)
    assert one.note == b"hello" and two.note == b""


@pytest.mark.slow
def test_read_history__joint__contributions_cost_their_trainings_first_round(
    told: tuple[Collective[EmbeddedChain], int], history: History
) -> None:
    def of_others(round_: Round) -> int:
        return sum(t.gas or 0 for t in round_.transactions if "contributed" not in t.did)

    _, gas = told
    _, one, two, _ = history.rounds
    assert one.gas == of_others(one) + gas and two.gas == of_others(two) and gas > 150_000


def test_read_history__one_joint_round__is_what_it_is_in_the_whole(
    told: tuple[Collective[EmbeddedChain], int], history: History
) -> None:
    for number in range(4):
        part = told[0].history(first=number, last=number, receipts=True)
        assert part.rounds == (history.rounds[number],) and part.logs_problem == ""


def test_read_history__joint_without_events__has_what_storage_has(told: tuple[Collective[EmbeddedChain], int]) -> None:
    one = told[0].history(logs=False).rounds[1]
    assert one.training is None and one.contributions == () and one.contributed is None
    assert round_to_dict(one)["merged"] == 2 and round_to_dict(one)["rule"] == "mean"
    assert "2/?" in "\n".join(history_page(told[0].history(logs=False), 120))


def test_read_history__solo__nothing_of_joint_rounds() -> None:
    story = embedded(3)
    story.accept_round()
    history = story.history()
    assert history.merge_order == () and [r.training for r in history.rounds] == [None, None, None]
    assert round_to_dict(history.rounds[1])["rule"] is None
    page = list(history_page(history, 200))
    assert "merged" not in "\n".join(page) and "joint" not in "\n".join(page)


@pytest.mark.slow
def test_read_history__who_has_left_or_handed_over_its_seat__is_shown_so() -> None:
    story = Collective.found(EmbeddedChain(5), 4, rules=JOINT_RULES, merge_order=ORDER)
    for index in (0, 1, 2):
        story.contribute(index)
    story.chain.pass_time(JOINT_RULES.train_window)
    story.merge(seats=0b111)
    story.sender(2).replace_member(story.address(4))
    story.vote(1, approve=False)
    story.vote(2, approve=False)  # between two rounds one motion is carried out
    story.sender(0).leave()
    story.merge("second")
    story.vote(3, approve=False)
    story.vote(4, approve=False)
    story.merge("third")
    one, two, three = story.history().rounds[1:]
    assert uses(one) == uses(two) == {0: Use.MERGED, 1: Use.MERGED, 2: Use.MERGED}
    assert [one.contributions[2].member, two.contributions[2].member] == [story.address(2), story.address(4)]
    assert three.training == 1 and uses(three) == {1: Use.MERGED, 2: Use.MERGED, None: Use.VOID}
    assert "void: its member has left" in "\n".join(round_page(story.history(first=3)))


def test_read_history__missed_rounds__belong_to_the_training_and_list_no_contributions() -> None:
    story = embedded_joint()
    for index in range(3):
        story.contribute(index)
    story.chain.pass_time(3 * JOINT_RULES.propose_window)
    story.merge()
    *missed, last = story.history().rounds[1:]
    assert missed and {r.record.state for r in missed} == {RoundState.MISSED}
    assert {r.training for r in missed} == {1} and {r.contributions for r in missed} == {()}
    assert set(uses(last).values()) == {Use.MERGED}


@pytest.mark.slow
def test_read_history__a_training_that_the_clock_began__has_no_old_contributions() -> None:
    story = embedded_joint(merge_order=(1,))
    for index in range(3):
        story.contribute(index)
    story.merge()
    story.chain.pass_time(JOINT_RULES.vote_window + 1)  # the only rule is rejected, and nobody writes it down
    for history in (story.history(), story.history(first=2)):
        assert history.current == 2 and history.rounds[-1].training == 2
        assert history.rounds[-1].contributions == ()
    sent = story.contribute(0)  # it writes down in passing what the clock did
    one, two = story.history(receipts=True).rounds[1:]
    [contributed] = two.contributions
    assert contributed.transaction.did == ("decided", "opened", "contributed") and contributed.transaction.round == 2
    assert two.gas == sent.gas and one.decided == contributed.transaction and one.by_clock


def test_trainings__of_a_round_whose_training_is_not_known__is_none() -> None:
    trainings = Trainings((2, 9))
    assert trainings.of(record(8, RoundState.MISSED, parent_round=1)) == 2
    assert trainings.of(record(8, RoundState.MISSED, parent_round=2)) is None
    assert trainings.of(record(1, RoundState.MISSED)) is None
    assert trainings.of(record(9, RoundState.MISSED, parent_round=8)) == 9


def test_export__joint__json_and_csv_say_who_was_merged(
    told: tuple[Collective[EmbeddedChain], int], history: History
) -> None:
    one, two = history.rounds[1:3]
    values = round_to_dict(one)
    assert json.dumps(values) and history_to_dict(history)["merge_order"] == ["mean", "clipped-mean", "median"]
    assert (values["training"], values["rule"], values["merged"], values["contributed"]) == (1, "mean", 2, 3)
    assert values["merge_digest"] == "8" + "0" * 45 + "5" and round_to_dict(two)["rule"] == "clipped-mean"
    first = values["contributions"][0]
    assert (first["seat"], first["member"], first["use"], first["late"]) == (0, told[0].address(0), "merged", False)
    assert first["weights_sha256"] == ref("contribution of 0").sha256.hex() and first["size"] == 1000
    assert (
        first["note"] == {"samples": 0} and first["gas"] > 40_000 and first["time"] and first["transaction"][:2] == "0x"
    )
    assert [c["use"] for c in values["contributions"]] == ["merged", "merged", "invalid", "late"]
    file = io.StringIO()
    write_csv(history.rounds, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["contributions"] for row in rows] == ["", "mmi.l", "mmm.l", ""]
    assert [row["rule"] for row in rows] == ["", "mean", "clipped-mean", ""]
    assert rows[1]["note"] == '"hello"'


def test_export__joint__says_who_was_left_out_by_whom_and_why_round_by_round_and_summed(
    told: tuple[Collective[EmbeddedChain], int], history: History
) -> None:
    story, _ = told
    by_round = [round_to_dict(round_)["left_out"] for round_ in history.rounds]
    assert by_round == [None, [{"seat": 2, "member": story.address(2), "reason": "invalid"}], [], None]
    [summed] = history_to_dict(history)["omissions"]
    assert summed == {
        "proposer": history.rounds[1].record.proposer,
        "proposals": 1,
        "rounds": 1,
        "left_out": 1,
        "reasons": {"invalid": 1},
        "members": {story.address(2): 1},
    }
    file = io.StringIO()
    write_csv(history.rounds, file)
    assert [row["left_out"] for row in csv.DictReader(io.StringIO(file.getvalue()))] == ["", "seat 2: invalid", "", ""]
    page = list(history_page(history, 200))
    proposer = history.rounds[1].record.proposer
    said = f"{proposer[:6]}…{proposer[-4:]} 1 in 1 of its 1 proposals (1 invalid)"
    assert f"contributions left out by their proposers: {said}" in page


def left_out(number: int, proposer: str, uses: dict[int, Use]) -> Round:
    """A joint round of this proposer."""
    merged = sum(1 << seat for seat, use in uses.items() if use is Use.MERGED)
    base = record(number, RoundState.REJECTED, ref("w"), proposer=proposer, claim=Claim(merged, 1, 1))
    transaction = Transaction(b"t", 1, None, 1, ("contributed",))
    given = [
        Contributed(seat, f"0x{seat}", ref(str(seat)), use is Use.LATE, b"", use, transaction)
        for seat, use in uses.items()
    ]
    return Round(record=base, training=1, contributions=tuple(given))


def test_omissions_of__several_proposers__each_with_its_reasons_and_who_left_out_most_first() -> None:
    m, u, n, late, e = Use.MERGED, Use.UNAVAILABLE, Use.LEFT_OUT, Use.LATE, Use.EQUAL
    rounds = [
        left_out(1, "0xA", {0: m, 1: u, 2: m, 3: late}),
        left_out(2, "0xB", {0: n, 1: n, 2: m, 3: late}),
        left_out(3, "0xC", {0: m, 1: m, 2: m}),
        left_out(4, "0xA", {0: m, 1: u, 2: m}),
        left_out(5, "0xB", {0: n, 1: m, 2: e, 3: m}),
        dataclasses.replace(left_out(6, "0xC", {0: n, 1: m}), contributions=()),  # no events: nothing is known
    ]
    first, second = omissions_of(rounds)
    assert (first.proposer, first.proposals, first.rounds, first.total) == ("0xB", 2, 2, 4)
    assert first.left_out == {e: 1, n: 3} and first.members == {"0x0": 2, "0x1": 1, "0x2": 1}
    assert (second.proposer, second.proposals, second.rounds, second.left_out) == ("0xA", 2, 2, {u: 2})
    assert omissions_of(rounds[2:3]) == ()


def test_history_page__joint__says_merged_of_contributed_and_the_rule(history: History) -> None:
    page = list(history_page(history, 200))
    assert (
        page[2]
        == "rounds are joint: all train, one merges by mean, then by clipped-mean, then by median, the others vote"
    )
    header, _, one, two, _ = page[4:9]
    assert header.split()[:4] == ["round", "proposer", "merged", "rule"]
    assert one.split()[2:4] == ["2/3", "mean"] and two.split()[2:4] == ["3/3", "clipped-mean"]
    assert all(len(line) <= 80 for line in history_page(history, 80) if line.lstrip()[:1].isdigit())


def test_round_page__joint__says_who_was_merged_late_left_out_and_why(
    told: tuple[Collective[EmbeddedChain], int],
) -> None:
    page = "\n".join(round_page(told[0].history(first=1, last=1, receipts=True)))
    assert "merged      2 of 3 contributions, by mean" in page and "that began with round 1" in page
    table = page.split("contributed by")[1].split("\n\n")[0].splitlines()[1:]
    lines = {line.split()[0]: line for line in table}
    assert lines["0"].endswith("1,000  merged; samples 0")
    assert "left out: invalid" in lines["2"] and "none" in lines["3"] and lines["4"].endswith("late")


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def test_read_history__joint_on_anvil__and_an_endpoint_that_hides_contributions(chain: Anvil) -> None:
    story = Collective.found(chain, 5, rules=JOINT_RULES, merge_order=ORDER)
    tell(story)
    history = story.history(receipts=True)
    assert uses(history.rounds[1]) == {0: Use.MERGED, 1: Use.MERGED, 2: Use.INVALID, 4: Use.LATE}
    assert story.history(first=2, last=2, receipts=True).rounds == (history.rounds[2],)
    topic = "0x2c16f7905490c8c4757a9d78c97f48460c2e83603b8f0ba7f2f291223173e13b"

    def without(params: list[Any], ask: Any) -> Any:
        return [log for log in ask(params) if log["topics"][0] != topic]

    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getLogs"] = without
        poor = story.through(proxy.url).history()
    assert "left out events" in poor.logs_problem
    assert poor.rounds[1].contributed is None and poor.rounds[1].note == b"hello"


@pytest.mark.slow
def test_read_history__of_one_old_round__knows_the_training_it_belongs_to(chain: Anvil) -> None:
    story = Collective.found(
        chain, 3, rules=dataclasses.replace(JOINT_RULES, propose_window=100_000), merge_order=ORDER
    )
    for number in range(1, 4):
        for index in range(3):
            story.contribute(index, f"contribution to {number}")
        for _ in range(3):  # more than the newest range of blocks
            chain.rpc("anvil_mine", hex(200))
        story.merge(f"merge {number}")
        for index in range(3):
            if story.view().round == number and story.view().proposer != story.address(index):
                story.vote(index)
    whole = story.history().rounds
    assert [r.training for r in whole[1:]] == [1, 2, 3, 4]
    for number in (1, 3):
        assert story.history(first=number, last=number).rounds == (whole[number],)


def test_contributions_in__whatever_reason_its_proposer_gives__has_a_use_of_that_name_which_is_an_omission() -> None:
    seated = [f"0x{seat:040x}" for seat in range(4)]
    sent = [
        (
            {"member": who, "sha256Hash": b"s" * 32, "cidDigest": b"c" * 32, "size": 9, "late": False, "note": b""},
            Transaction(b"t" * 32, 1, None, 1, ("contributed",)),
        )
        for who in seated
    ]
    claimed = record(1, RoundState.VOTING, ref("merge"), claim=Claim(0b0001, 1, 1))
    uses = {}
    for reason in LeftOut:
        note = bytes(CLAIM_BYTES - 32) + (int(reason) << 4 * 2).to_bytes(32, "big")
        found = contributions_in(claimed, seated, sent, note, {})
        assert [one.use for one in found if one.seat != 2] == [Use.MERGED, Use.LEFT_OUT, Use.LEFT_OUT]
        uses[reason.name] = found[2].use
        assert found[2].use.is_omission
    assert uses == {reason.name: Use[reason.name] for reason in LeftOut}
