"""The dashboard in a real browser: of nodes that learn on Anvil and Kubo, of 64 members, of 10,000 rounds.

``COLEARN_PICTURES=docs/img`` has the first test write the pictures of the docs.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from colearn_node.demo import set_up
from colearn_node.fleet import Fleet

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import load_account
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.core.protocol import ZERO_ADDRESS, RoundState
from colearn_ledger.founding.record import load_deployment

from ..kit.anvil import anvil
from ..kit.browser import NARROW, WIDE, Tab, browser, save_picture
from ..kit.builders import ref
from ..kit.collective import JOINT_RULES, ORDER, RULES, Collective
from ..kit.dashboard import need_page
from ..kit.network import local_network, need
from ..kit.ports import quiet_ports
from ..kit.spoken import spoken

pytestmark = [pytest.mark.slow, pytest.mark.long]

VIEWS = ("", "rounds", "round/2", "members", "motions", "curves")
LOOKS = [(width, dark) for width in (WIDE, NARROW) for dark in (False, True)]
ODD_NAME = "<b>Ångström</b> עברית"
EVIL = "<img src=x onerror=\"document.title='taken over'\">"


@contextmanager
def dashboard(deployment: Path, *words: str) -> Iterator[str]:
    """Its address, while it runs."""
    need_page()
    where = ("--deployment", str(deployment), "--port", "0", *words)
    with spoken("dashboard", *where, cwd=deployment.parent) as said:
        said.wait_for("(Ctrl-C ends it)")
        found = re.search(r"http://\S+", said.text)
        assert found is not None
        yield found[0]
        assert said.process.poll() is None, said.text
        assert said.interrupt() == 130 and "Traceback" not in said.text, said.text


def call(deployment: Path, names: dict[str, str]) -> None:
    """Give members names, in the deployment file."""
    deployment.write_text(json.dumps({**json.loads(deployment.read_text(encoding="utf-8")), "names": names}))


def see(tab: Tab, text: str) -> None:
    """Wait until the page shows it."""
    tab.page.get_by_text(text).first.wait_for()


def round_shown(tab: Tab) -> int:
    return int(re.findall(r"\d+", tab.page.locator("h2#round").inner_text())[0])


def wait_for_round(tab: Tab, number: int) -> None:
    tab.wait(f"Number(document.querySelector('#round a')?.textContent) >= {number}", 240)


def check_looks(chromium: Any, url: str, views: tuple[str, ...]) -> None:
    """Each view, wide and narrow, light and dark: nothing for axe to find, nothing wider than the window."""
    for width, dark in LOOKS:
        tab = chromium.open(url, width=width, dark=dark)
        for view in views:
            tab.page.evaluate(f"window.location.hash = '#/{view}'")
            see_settled(tab)
            assert tab.violations() == [], (view, width, dark)
            assert tab.overflow() <= 0, (view, width, dark)
        tab.page.close()


def see_settled(tab: Tab) -> None:
    """Wait until what was asked for has come: nothing says that it is being read, and two frames were painted."""
    tab.wait("document.querySelector('h1') && !document.body.innerText.includes('reading …')")
    tab.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def check_nothing_wrong(chromium: Any, url: str) -> None:
    """No page complained, and none asked anybody else."""
    for tab in chromium.tabs:
        assert tab.wrong == []
        assert [asked for asked in tab.asked if not asked.startswith(url)] == []
        assert tab.page.is_closed() or "taken over" not in tab.page.title()


def test_dashboard__nodes_learn_on_anvil_and_kubo__live_then_a_re_org_and_nothing_wrong(tmp_path: Path) -> None:
    need("anvil", "kubo")
    with local_network("anvil", stakeholders=5) as network:
        task = {"task": "SKLEARN_DIGITS", "seed": 3}
        setup = set_up(network, "colearn_node.task_learner:task_learner", task, publish_scores=True)
        port = quiet_ports(5)
        nodes = []
        for at, (name, config) in enumerate(setup.configs.items()):
            config.write_text(f'{config.read_text()}\n[metrics]\nlisten = "127.0.0.1:{port + at}"\n')
            nodes += ["--node", f"{name}=http://127.0.0.1:{port + at}"]
        people = network.stakeholders
        call(setup.deployment, {person.address: f"Clinic {'ABCDE'[at]}" for at, person in enumerate(people)})
        with dashboard(setup.deployment, *nodes) as url, browser() as chromium:
            tab = chromium.open(url)
            wait_for_round(tab, 1)
            with Fleet(setup.configs, [], lambda text: None):
                wait_for_round(tab, 3)
                tab.page.get_by_role("link", name="Nodes").click()
                all_ready = "document.querySelectorAll('.node .tag.accepted').length === 5"
                tab.wait(all_ready, 90)
                tab.page.get_by_role("link", name="Now").click()
                wait_for_round(tab, 13)
            contract = CollectiveContract(connect([network.rpc_url]), load_deployment(setup.deployment).address)
            senders = {p.address: Sender(contract, load_account(p.keystore, p.password_file, False)) for p in people}
            by_hand(contract, senders)
            see(tab, "1 of the 3 needed")
            assert tab.page.locator(".seats bdi").all_inner_texts() == [f"Clinic {letter}" for letter in "ABCDE"]
            see(tab, "waits for 4 votes")
            assert tab.page.locator(".seats .approved").count() == tab.page.locator(".seats .rejected").count() == 1
            current = round_shown(tab)
            see_scores(tab)
            pictures(chromium, url, tmp_path)

            by_keyboard(tab)
            tab.page.evaluate(f"window.location.hash = '#/round/{current}'")
            see(tab, EVIL)
            tab.page.evaluate("window.location.hash = '#/'")

            check_looks(chromium, url, (*VIEWS, f"round/{current}", "nodes"))

            requests.post(network.rpc_url, json={"jsonrpc": "2.0", "id": 1, "method": "anvil_reorg", "params": [3, []]})
            see(tab, "The chain was reorganised:")
            see(tab, "0 of the 3 needed")
            assert tab.page.locator(".seats .approved, .seats .rejected").count() == 0
            tab.page.get_by_role("button", name="understood").click()
            tab.wait("!document.body.innerText.includes('reorganised')")
            check_nothing_wrong(chromium, url)


def by_hand(contract: CollectiveContract, senders: dict[str, Sender]) -> None:
    """What is open is decided, a proposal with a hostile note is made, two vote on it, one moves a motion."""

    def voters() -> list[str]:
        now = contract.snapshot().view(ZERO_ADDRESS)
        return [one for one in senders if one != now.proposer]

    view = contract.snapshot().view(ZERO_ADDRESS)
    while view.state is RoundState.VOTING:
        for address in voters():
            now = contract.snapshot().view(address)
            if now.round == view.round and not now.voted and now.proposal is not None:
                senders[address].vote(now.proposal.id, True)
        view = contract.snapshot().view(ZERO_ADDRESS)
    new = ref("by hand")
    sender = senders[view.proposer]
    sender.propose(view.round, view.accepted.sha256, new.sha256, new.cid_digest, new.size, EVIL.encode())
    proposal = contract.snapshot().view(ZERO_ADDRESS).proposal
    assert proposal is not None
    first, second, third, _ = voters()
    senders[first].vote(proposal.id, True, (900_000, 905_000))
    senders[second].vote(proposal.id, False, (900_000, 880_000))
    senders[third].move_add_member("0x" + "52" * 20)


def see_scores(tab: Tab) -> None:
    """Wait until the curve and the table have what the events tell."""
    tab.wait("document.querySelector('.chart canvas') !== null")
    rows = "[...document.querySelectorAll('tbody tr')].slice(1)"
    tab.wait(f"/ \\d{{2,3}},\\d{{3}}/.test({rows}[0]?.innerText.replace(/\\s/g, ' '))")  # gas; some have no score
    tab.wait(f"{rows}.filter(row => row.innerText.includes('0.')).length >= 4")


def pictures(chromium: Any, url: str, tmp_path: Path) -> None:
    """Of the present in light and of one round in dark colours."""
    folder = Path(os.environ.get("COLEARN_PICTURES", tmp_path))
    for name, view, dark, height in (("light", "", False, 1240), ("dark", "round/2", True, 1000)):
        tab = chromium.open(f"{url}#/{view}", dark=dark, height=height)
        see_scores(tab) if view == "" else see(tab, "Transactions")
        see_settled(tab)
        save_picture(tab.page.screenshot(), folder / f"dashboard-{name}.png")
        tab.page.close()
        assert 10_000 < (folder / f"dashboard-{name}.png").stat().st_size < 200_000


def by_keyboard(tab: Tab) -> None:
    """To the rounds, one of them, and back, without a mouse."""
    page = tab.page
    page.evaluate("document.activeElement?.blur()")
    focused = "document.activeElement?.innerText ?? ''"
    for wanted, heading in (("Rounds", "Rounds"), ("1", "Round 1")):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(focused).strip() == wanted:
                break
        assert page.evaluate(focused).strip() == wanted, "Tab leads there"
        page.keyboard.press("Enter")
        tab.wait(f"document.activeElement?.innerText === '{heading}'")
        see_settled(tab)
    page.go_back()
    page.go_back()
    wait_for_round(tab, 1)


def seats_shown(tab: Tab) -> list[str]:
    """What the page says of each member, by seat."""
    return [text.strip() for text in tab.page.locator(".seats small").all_inner_texts()]


def test_dashboard__joint_and_secret_rounds__who_contributed_committed_and_revealed_and_never_how_before(
    tmp_path: Path,
) -> None:
    with anvil(accounts=5) as chain, browser() as chromium:
        c = Collective.found(chain, 4, rules=JOINT_RULES, merge_order=ORDER, secret=True)
        with dashboard(c.save(tmp_path) / "deployment.json") as url:
            tab = chromium.open(url)
            see(tab, "training: all contribute")
            for index in (0, 2):
                c.contribute(index, note=EVIL.encode())
            tab.wait("document.querySelectorAll('.seats .contributed').length === 2")
            assert seats_shown(tab) == ["contributed", "waited for", "contributed", "waited for"]
            check_looks(chromium, url, ("", "rounds", "round/1"))
            c.contribute(3)
            chain.pass_time(JOINT_RULES.train_window + 1)
            see(tab, "its proposer merges what is there")
            c.merge(seats=0b0101, left_out={3: 2})
            see(tab, "the others test and vote")
            c.commit(1)
            c.commit(2, False)
            tab.wait("document.querySelectorAll('.seats .committed').length === 2")
            assert seats_shown(tab) == ["proposed", "voted, in secret", "voted, in secret", "waited for"]
            assert tab.page.locator(".seats .approved, .seats .rejected").count() == 0
            c.commit(3)
            see(tab, "votes are revealed")
            c.reveal(1, scores=(500_000, 750_000))
            tab.wait("document.querySelectorAll('.seats .approved').length === 1")
            assert tab.page.locator(".seats .rejected").count() == 0
            check_looks(chromium, url, ("", "round/1"))
            c.reveal(3)
            wait_for_round(tab, 2)
            tab.page.evaluate("window.location.hash = '#/round/1'")
            see(tab, "2 of 3 contributions, by mean")
            table = tab.page.get_by_role("region", name="Table of contributions")
            assert [row.split("\t")[2] for row in table.inner_text().splitlines() if row[:1].isdigit()] == [
                "merged",
                "merged",
                "invalid",
            ]
            votes = tab.page.get_by_role("region", name="Table of votes")
            assert "not revealed" in votes.inner_text() and "rejected" not in votes.inner_text()
            see(tab, EVIL)
            check_looks(chromium, url, ("", "rounds", "round/1", "curves"))
            picture(chromium, f"{url}#/round/1", tmp_path / "joint.png")
            check_nothing_wrong(chromium, url)


def picture(chromium: Any, address: str, path: Path) -> None:
    tab = chromium.open(address)
    see(tab, "Transactions")
    see_settled(tab)
    save_picture(tab.page.screenshot(full_page=True), path)
    assert path.stat().st_size > 10_000


def test_dashboard__64_members_and_10000_rounds__pages_filters_and_every_look(tmp_path: Path) -> None:
    with anvil(accounts=66) as chain:
        c = Collective.found(chain, 64)
        for _ in range(2):
            c.accept_round()
        chain.pass_time(RULES.propose_window * 10_000 + 1)
        c.propose("late")
        for index in range(3):
            c.vote(index, index != 1)
        current = c.view().round
        assert current > 10_000
        call(c.save(tmp_path) / "deployment.json", {c.address(0): ODD_NAME})
        with dashboard(tmp_path / "deployment.json") as url, browser() as chromium:
            tab = chromium.open(f"{url}#/rounds")
            see(tab, f"page 1 of {-(-(current + 1) // 50)}, {current + 1:,} rounds")
            assert tab.page.locator("tbody tr").count() == 50, "no more rows than a page has"
            tab.page.get_by_role("button", name="oldest").click()
            tab.page.get_by_role("link", name="0", exact=True).wait_for()
            tab.page.get_by_label("decision").select_option("accepted")
            see(tab, "page 1 of 1, 3 rounds")
            tab.page.go_back()
            see(tab, f"{current + 1:,} rounds")
            tab.page.get_by_label("go to round").fill("5000")
            tab.page.keyboard.press("Enter")
            see(tab, "missed:")
            tab.page.get_by_role("link", name="Members").click()
            see(tab, ODD_NAME)
            check_looks(chromium, url, ("", "rounds", f"round/{current}", "members", "curves"))
            check_nothing_wrong(chromium, url)
            chain.stop()
            see(tab, "the chain can't be read:")
            assert tab.violations() == []
