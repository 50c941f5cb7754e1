"""The dashboard's server: what it answers, to whom, and that nothing can be changed by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.dashboard.server import FILES, read_page, serve
from colearn_ledger.dashboard.watch import Watch
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import ChainError, ConfigError
from colearn_ledger.founding.names import NO_NAMES, Names

from ..kit.collective import Collective, embedded, embedded_joint
from ..kit.dashboard import Client, ask, talk
from ..kit.ports import refusing_port


def watching(collective: Collective[EmbeddedChain], names: Names = NO_NAMES) -> Watch:
    watch = Watch(collective.contract.snapshot, deployed_block=collective.deployment.block, names=names)
    watch.look()
    while watch.gather():
        pass
    return watch


@pytest.fixture(scope="module")
def told() -> Collective[EmbeddedChain]:
    """Round 1 accepted, with scores; 2 rejected; 3 open, with one vote; a motion waits."""
    c = embedded(4)
    c.propose("one", b'{"samples": 200, "by": "<script>alert(1)</script>"}')
    c.vote(1, scores=(100_000, 200_000))
    c.vote(2, scores=(300_000, 400_000))
    c.propose("two", b"\xff<b>")
    c.vote(0, False)
    c.vote(2, False)
    c.propose("three")
    c.vote(0)
    c.sender(1).move_remove_member(c.address(3))
    return c


@pytest.fixture(scope="module")
def watch(told: Collective[EmbeddedChain]) -> Iterator[Watch]:
    return watching(told)


def test_state__open_votes__who_has_voted_how_and_what_waits(told: Collective[EmbeddedChain], watch: Watch) -> None:
    state = ask(watch, "/api/state").json
    assert (state["round"], state["phase"]) == (3, "voting")
    assert (state["approvals"], state["need"], state["voters"]) == (1, 2, 3)
    assert [seat["did"] for seat in state["seats"]] == ["approved", "awaited", "proposed", "awaited"]
    assert state["seats"][2] == {"seat": 2, "member": told.address(2), "did": "proposed", "proposer": True}
    assert state["counts"] == {"accepted": 1, "rejected": 1, "missed": 0}
    assert [motion["subject"] for motion in state["motions"]] == [f"remove {told.address(3)}"]
    assert state["until_clock"] - state["clock"] == state["seconds_left"] > 0
    assert state["accepted_round"] == 1 and state["reorg"] is None and state["trouble"] == ""
    assert state["events"] == {"from": 0, "to": 3, "settled": 3, "problem": ""} and state["nodes"] is False
    assert "more than 1/2 of the 3 others" in state["rules"][0]


@pytest.mark.slow
def test_state__secret_votes__who_has_voted_and_not_how() -> None:
    c = embedded(4, secret=True)
    c.propose("one")
    c.commit(1, True)
    c.commit(2, False)
    watch = watching(c)
    state = ask(watch, "/api/state").json
    assert [seat["did"] for seat in state["seats"]] == ["proposed", "committed", "committed", "awaited"]
    assert state["approvals"] is None
    assert ask(watch, "/api/rounds").json["rows"][0]["votes"] == "P??."
    c.commit(3, True)
    c.reveal(1, True)
    c.reveal(2, False)
    state = ask(watching(c), "/api/state").json
    assert (state["phase"], state["approvals"]) == ("revealing", 1)
    assert [seat["did"] for seat in state["seats"]] == ["proposed", "approved", "rejected", "awaited"]


def test_state__joint_rounds__who_has_contributed() -> None:
    c = embedded_joint(3)
    c.contribute(1)
    state = ask(watching(c), "/api/state").json
    assert state["phase"] == "training"
    assert [seat["did"] for seat in state["seats"]] == ["awaited", "contributed", "awaited"]


def test_names__of_the_deployment_file__beside_the_addresses(told: Collective[EmbeddedChain]) -> None:
    named = watching(told, Names({told.address(3): "<b>Clinic</b>"}))
    state = ask(named, "/api/state").json
    assert state["names"] == {told.address(3): "<b>Clinic</b>"}
    assert state["motions"][0]["subject"] == f"remove {told.address(3)} (<b>Clinic</b>)"
    assert ask(named, "/api/motions").json["motions"][0]["words"] == state["motions"][0]["subject"]


def test_names__said_on_chain_meanwhile__take_the_place_of_the_files() -> None:
    c = embedded()
    watch = watching(c, Names({c.address(0): "Lab"}))
    assert ask(watch, "/api/state").json["names"] == {c.address(0): "Lab"}
    c.sender(0).name_myself(b"<i>Clinic".ljust(32, b"\0"))
    c.sender(1).name_myself(b"\xff".ljust(32, b"\0"))
    watch.look()
    assert ask(watch, "/api/state").json["names"] == {c.address(0): "<i>Clinic"}


def test_rounds__filters_and_pages__made_here(told: Collective[EmbeddedChain], watch: Watch) -> None:
    page = ask(watch, "/api/rounds?size=2&page=1").json
    assert (page["total"], page["pages"], [one["round"] for one in page["rows"]]) == (4, 2, [1, 0])
    [rejected] = ask(watch, "/api/rounds?state=rejected").json["rows"]
    assert (rejected["round"], rejected["votes"], rejected["by_clock"]) == (2, "-P-.", False)
    [own] = ask(watch, f"/api/rounds?proposer={told.address(0)}").json["rows"]
    assert (own["round"], own["current_score"], own["proposed_score"]) == (1, 0.2, 0.3)
    assert own["gas"] > 100_000 and own["decided"].endswith("Z")


def test_round__all_about_it__lineage_votes_transactions_and_the_note_as_it_was_written(watch: Watch) -> None:
    one = ask(watch, "/api/rounds/1").json
    assert (one["state"], one["outcome"]) == ("accepted", "accepted by the votes: 2 of 3 voters approved, 2 needed")
    assert one["lineage"] == {"rounds": [0], "length": 1} and one["cid"].startswith("baf")
    assert one["note"] == {"samples": 200, "by": "<script>alert(1)</script>"}
    assert [vote["vote"] for vote in one["votes"]] == ["approved", "approved", "absent"]
    assert sum(sent["gas"] for sent in one["transactions"]) == one["gas"] and len(one["transactions"]) == 3
    assert ask(watch, "/api/rounds/2").json["note"] == "\\xff<b>"
    current = ask(watch, "/api/rounds/3").json
    assert current["state"] == "voting" and current["gas"] > 0, "the open one, too"


def test_round__joint__what_was_merged_of_what_was_contributed() -> None:
    c = embedded_joint(3)
    for index in range(3):
        c.contribute(index)
    c.merge()
    one = ask(watching(c), "/api/rounds/1").json
    assert (one["merged"], one["contributed"], one["rule"]) == (3, 3, "mean")
    assert [contribution["use"] for contribution in one["contributions"]] == ["merged"] * 3


def test_members__turns_and_balances(told: Collective[EmbeddedChain], watch: Watch) -> None:
    members = ask(watch, "/api/members").json["members"]
    assert [one["address"] for one in members] == [told.address(i) for i in range(4)]
    assert [(one["accepted"], one["rejected"]) for one in members] == [(1, 0), (0, 1), (0, 0), (0, 0)]
    assert all(one["since_round"] == 1 and float(one["balance"]) > 0 for one in members)


def test_motions__what_was_moved_in_words(told: Collective[EmbeddedChain], watch: Watch) -> None:
    [motion] = ask(watch, "/api/motions").json["motions"]
    assert motion["words"] == f"remove {told.address(3)}" and motion["waits"] is True
    assert (motion["approving_seats"], motion["mover"]) == ([1], told.address(1))
    assert "1 for, 0 against" in motion["standing"]


def test_curves__columns_of_one_length(told: Collective[EmbeddedChain], watch: Watch) -> None:
    found = ask(watch, "/api/curves?last=10").json
    assert found["rounds"] == [1, 2]
    assert (found["mean_accepted"], found["approvals_rejected"]) == ([0.3, None], [None, 0])
    assert [one["member"] for one in found["members"]] == sorted([told.address(1), told.address(2)])


@pytest.mark.parametrize(
    "path, status, word",
    [
        ("/api/rounds/9", 404, "no round 9"),
        ("/api/rounds/x", 404, ""),
        ("/api/rounds?state=won", 400, "expected"),
        ("/api/rounds?page=-1", 400, "page is '-1'"),
        ("/api/rounds?size=100000000000", 400, "size"),
        ("/api/curves?last=0", 400, "last is 0"),
        ("/api/else", 404, ""),
        ("/../watch.py", 404, ""),
    ],
)
def test_bad_questions__of_whatever_kind__an_error_in_words(watch: Watch, path: str, status: int, word: str) -> None:
    said = ask(watch, path)
    assert said.status == status and word in said.json["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_methods__that_would_change_something__are_refused(watch: Watch, method: str) -> None:
    assert ask(watch, "/api/state", method).status == 405


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1"]
)
def test_host__a_name_that_leads_here__gets_nothing(watch: Watch, host: str) -> None:
    said = ask(watch, "/api/state", headers={"Host": host})
    assert said.status == 421 and list(said.json) == ["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:9", "LOCALHOST", "[::1]:8700"])
def test_host__this_machine__is_answered(watch: Watch, host: str) -> None:
    assert ask(watch, "/api/state", headers={"Host": host}).status == 200


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/state", "/api/rounds/9", "/api/nodes"])
def test_headers__of_each_answer__nothing_from_elsewhere_and_nothing_inline(watch: Watch, path: str) -> None:
    page = dict.fromkeys(FILES, b"x")
    policy = ask(watch, path, page=page).headers
    parts = dict(part.strip().split(" ", 1) for part in policy["Content-Security-Policy"].split(";"))
    assert parts["default-src"] == "'none'" and parts["script-src"] == parts["style-src"] == "'self'"
    assert parts["frame-ancestors"] == parts["base-uri"] == "'none'"
    assert (policy["X-Content-Type-Options"], policy["Cache-Control"]) == ("nosniff", "no-store")


def test_page__its_files__with_their_types(watch: Watch) -> None:
    page = {name: name.encode() for name in FILES}
    said = [ask(watch, path, page=page) for path in ("/", "/app.js", "/app.css", "/icon.svg")]
    assert [one.text for one in said] == ["index.html", "app.js", "app.css", "icon.svg"]
    assert said[1].headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_events__something_happens__the_state_comes_at_once() -> None:
    c = embedded(3)
    watch = watching(c)

    async def listen(client: Client) -> tuple[dict[str, Any], dict[str, Any], str]:
        async def next_state(stream: Any) -> dict[str, Any]:
            lines = []
            while (line := (await stream.readline()).decode().rstrip("\n")) or not lines:
                lines.append(line)
            assert lines[0] == "event: state"
            found: dict[str, Any] = json.loads(lines[1].removeprefix("data: "))
            return found

        async with client.get("/api/events") as answer:
            first = await asyncio.wait_for(next_state(answer.content), 10)
            await asyncio.to_thread(c.propose, "one")
            watch.look()
            bell = next(value for key, value in client.app.items() if "bell" in str(key))
            bell.ring()
            second = await asyncio.wait_for(next_state(answer.content), 9)  # sooner than without a ring
            return first, second, answer.headers["Content-Type"]

    first, second, kind = talk(watch, listen)
    assert (first["phase"], second["phase"], kind) == ("proposing", "voting", "text/event-stream")
    assert second["version"] == first["version"] + 1


def test_answers__before_the_first_look__the_chain_is_being_read() -> None:
    c = embedded(3)
    said = ask(Watch(c.contract.snapshot), "/api/state")
    assert said.status == 503 and "for the first time" in said.json["error"]


def test_answers__the_chain_is_away__its_error_and_what_was_seen_before() -> None:
    c = embedded(3)
    c.accept_round()
    watch = watching(c)

    def away() -> Any:
        raise ChainError("nobody there")

    watch.snapshot = away
    watch.note_trouble(ChainError("nobody there"))
    assert ask(watch, "/api/members").json == {"error": "nobody there"}
    assert ask(watch, "/api/members").status == 503
    assert ask(watch, "/api/state").json["trouble"] == "nobody there"
    assert len(ask(watch, "/api/rounds").json["rows"]) == 3


def test_read_page__never_built__one_message_says_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="isn't built") as caught:
        read_page(tmp_path)
    assert "scripts/build_dashboard" in caught.value.fix


def test_serve__an_unknown_error_while_it_reads__ends_it_with_that_error() -> None:
    c = embedded(3)

    class Bug(Exception):
        pass

    def look() -> Any:
        raise Bug

    watch = Watch(c.contract.snapshot)
    watch.snapshot = look
    with pytest.raises(Bug):
        asyncio.run(asyncio.wait_for(serve(watch, (), dict.fromkeys(FILES, b""), port=0, say=print), 30))


def test_serve__a_taken_port__an_error_that_names_it() -> None:
    c = embedded(3)
    with refusing_port() as port, pytest.raises(ConfigError, match=f"--port is {port}"):
        asyncio.run(serve(Watch(c.contract.snapshot), (), dict.fromkeys(FILES, b""), port=port, say=print))
