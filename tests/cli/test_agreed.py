"""What was agreed on, from its founding through all that shows it; and a successor, read across both collectives."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.cli.main import main
from colearn_ledger.core.protocol import MotionKind, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import AuditFailed, ConfigError, InvalidWeights, StoreError, UsageError
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.plan.document import Plan, Predecessor, Target, plan_beside, read_plan
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil, anvil
from ..kit.collective import PASSWORD, Collective
from ..kit.learners import linear_learners

FIRST = linear_learners(1)[0].mli_get_current_weights().weights
SECOND = {name: value + 1 for name, value in FIRST.items()} if isinstance(FIRST, dict) else FIRST + 1
PLAN = Plan(text="as agreed | <b>", target=Target(0.9, "accuracy"), learner="a:b", data={"classes": ["x"]})


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@dataclasses.dataclass
class Old:
    """A collective of three with a plan: round 1 was accepted, with published scores whose mean is 0.95."""

    folder: Path
    told: Collective[Anvil]
    refs: tuple[WeightsRef, WeightsRef]

    def run(self, capsys: Any, *words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(words) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return str(said.out if code == 0 else said.err)

    def found(self, capsys: Any, *words: str, code: int = 0) -> str:
        """Found a successor."""
        given = ["--rpc", self.told.chain.url, "--keystore", "key-0.json", "--password-file", "password.txt"]
        there = ["--store-folder", "weights", "--succeeds", "deployment.json", "-o", "new.json", "--yes"]
        return self.run(capsys, "deploy", *given, *there, *words, code=code)


@pytest.fixture
def old(chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Old:
    monkeypatch.chdir(tmp_path)
    for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT", "COLEARN_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    store = LocalStore("weights")
    refs = store.put(encode(FIRST)), store.put(encode(SECOND))
    told = Collective.found(chain, 3, weights=refs[0], plan=PLAN.sha256)
    told.propose(refs[1])
    told.vote(1, scores=(500_000, 930_000))
    told.vote(2, scores=(500_000, 970_000))
    told.save(tmp_path, keys=1, schema=Schema.of(FIRST))
    plan_beside(Path("deployment.json")).write_bytes(PLAN.to_bytes())
    return Old(tmp_path, told, refs)


def test_deploy__with_a_plan__its_hash_on_chain_the_plan_in_the_store_and_beside_the_record(
    chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_keystore(chain.accounts[9], tmp_path / "key.json", PASSWORD, iterations=2)
    Path("password").write_text(PASSWORD)
    plan = dataclasses.replace(PLAN, options={"index": 1}, learner="tests.kit.node_learners:make")
    Path("plan.toml").write_text(plan.to_toml())
    members = [word for account in chain.accounts[:2] for word in ("--member", account.address)]
    words = ["--rpc", chain.url, "--keystore", "key.json", "--password-file", "password", *members]
    words += ["--learner", "tests.kit.node_learners:make", "--options", "index=0", "--plan", "plan.toml"]
    assert main(["deploy", *words, "--store-folder", "weights", "--yes"]) == 0
    said = capsys.readouterr().out
    assert f"sha256 {plan.sha256.hex()}" in said and "wrote deployment.plan.json" in said
    assert "note: your learner differs from the plan: learner.options.index is 0" in said
    assert Path("deployment.plan.json").read_bytes() == plan.to_bytes()
    assert LocalStore("weights").get_small(plan.sha256) == plan.to_bytes()
    Path("deployment.plan.json").unlink()
    assert main(["plan", "show", "--store-folder", "weights", "--json"]) == 0
    assert capsys.readouterr().out.encode() == plan.to_bytes()
    assert main(["plan", "show"]) == StoreError.exit_code and "can't be had" in capsys.readouterr().err


def test_info_status_history_export__show_the_plan_and_that_its_target_is_reached(old: Old, capsys: Any) -> None:
    for command in ("info", "status"):
        page = old.run(capsys, command)
        for part in (PLAN.sha256.hex(), "target: accuracy 0.9", "learner: a:b", "0.95", "its target is reached"):
            assert part in page, (command, part)
        told = json.loads(old.run(capsys, command, "--json"))
        assert told["plan"] == PLAN.to_values() and told["plan_sha256"] == PLAN.sha256.hex()
        assert told["target_reached"] is True and told["published_mean"] == pytest.approx(0.95)
        assert told["successor"] is None
    page = old.run(capsys, "history")
    assert f"the plan has sha256 {PLAN.sha256.hex()}: a:b, until accuracy 0.9" in page
    assert json.loads(old.run(capsys, "history", "--json"))["plan"] == PLAN.to_values()
    old.run(capsys, "export", "--store-folder", "weights", "-o", "home")
    card = json.loads(Path("home/model-card.json").read_text())
    assert card["agreed"]["plan"] == PLAN.to_values()
    page = Path("home/MODEL_CARD.md").read_text()
    assert (
        f"| plan | sha256 `{PLAN.sha256.hex()}` |" in page and "| target | 0.9, reached |" in page and "<b>" not in page
    )


def test_info__the_file_beside_is_another_plan__says_so_and_shows_none(old: Old, capsys: Any) -> None:
    plan_beside(Path("deployment.json")).write_bytes(Plan(text="a lie").to_bytes())
    page = old.run(capsys, "info")
    assert PLAN.sha256.hex() in page and "is another plan" in page and "a lie" not in page
    told = json.loads(old.run(capsys, "info", "--json"))
    assert told["plan"] is None and told["plan_sha256"] == PLAN.sha256.hex()


def test_audit__a_plan_that_was_changed__shows_both_since_when_and_what_could_not_be_had(old: Old, capsys: Any) -> None:
    new = Plan(text="<script>", data="as\x1b[31m agreed")
    old.told.sender(0).move_to_agree_on(MotionKind.SET_PLAN, new.sha256)
    old.told.vote_motion(1)
    words = ["audit", "--store-folder", "weights", "--html", "dossier.html"]
    told = json.loads(old.run(capsys, *words, "--json"))
    [first, second] = told["plans"]
    assert first == {
        "sha256": PLAN.sha256.hex(),
        "first_round": 0,
        "motion": None,
        "in_force": False,
        "plan": PLAN.to_values(),
    }
    assert (second["sha256"], second["motion"], second["in_force"]) == (new.sha256.hex(), 0, True)
    assert second["first_round"] > 1 and second["plan"] is None
    [missing] = [one for one in told["missing"] if one["topic"] == "plan"]
    assert new.sha256.hex() in missing["what"] and missing["allowed"] and told["complete"]
    page = Path("dossier.html").read_text()
    assert "could not be had" in page and "as agreed | &lt;b&gt;" in page and "<b>" not in page

    LocalStore("weights").put(new.to_bytes())
    said = old.run(capsys, *words)
    assert f"plan from round {second['first_round']}, by motion 0: sha256 {new.sha256.hex()} (in force)" in said
    assert f"plan from round 0, by the founding: sha256 {PLAN.sha256.hex()}\n    learner: a:b\n" in said
    assert "    text: <script>" in said and "\x1b" not in said and "not had" not in said
    page = Path("dossier.html").read_text()
    assert "&lt;script&gt;" in page and "<script>" not in page and "\x1b" not in page

    said = old.run(capsys, *words, "--no-logs", "--missing-ok")
    assert f"plan from a round that events would tell, by motion 0: sha256 {new.sha256.hex()} (in force)" in said


def test_deploy_succeeds__begins_with_the_old_ones_accepted_weights_and_says_so(old: Old, capsys: Any) -> None:
    for member, name in ((0, b"Nord"), (1, b"Lab"), (2, b"lab")):  # no two of a founding may be alike
        old.told.sender(member).name_myself(name.ljust(32, b"\0"))
    said = old.found(capsys)
    record, plan = load_deployment(Path("new.json")), read_plan(Path("new.plan.json"))
    assert record.names.by_address == {old.told.address(0): "Nord"}
    assert record.genesis == old.refs[1] and record.schema == Schema.of(FIRST)
    deployed = old.told.contract
    assert plan == Plan(succeeds=Predecessor(31337, deployed.address, 1, old.refs[1].sha256))
    assert all(old.told.address(i) in said for i in range(3)), "its members are those of the old one"
    page = old.run(capsys, "info", "--deployment", "new.json")
    assert f"succeeds: {deployed.address} on chain 31337, by the weights of its round 1" in page


def test_history_and_audit_across__show_both_and_that_they_go_together(old: Old, capsys: Any) -> None:
    old.found(capsys)
    new = load_deployment(Path("new.json"))
    page = old.run(capsys, "history", "--deployment", "new.json", "--across", "deployment.json")
    first, second = page.index(old.told.contract.address), page.index(f"collective {new.address}")
    assert first < page.index("began with the weights of round 1") < second
    assert "which its members have not agreed on" in page
    told = json.loads(old.run(capsys, "history", "--deployment", "new.json", "--across", "deployment.json", "--json"))
    assert told["continues_round"] == 1 and told["predecessor"]["address"] == old.told.contract.address
    words = ["audit", "--deployment", "new.json", "--across", "deployment.json", "--store-folder", "weights"]
    page = old.run(capsys, *words)
    assert "succession  ok" in page and "all holds" in page


def test_history_and_audit_across__another_old_collective__do_not_hold(old: Old, capsys: Any) -> None:
    old.found(capsys)
    Path("other").mkdir()
    other = Collective.found(old.told.chain, 3, weights=WeightsRef(b"\x05" * 32, b"\x05" * 32, 9))
    other.save(Path("other"), schema=Schema.of(FIRST))
    words = ["--deployment", "new.json", "--across", "other/deployment.json"]
    said = old.run(capsys, "history", *words, code=AuditFailed.exit_code)
    assert "did not begin with weights that the old one accepted" in said
    assert main(["audit", *words, "--store-folder", "weights"]) == AuditFailed.exit_code
    page = capsys.readouterr().out
    assert "genesis: the new collective did not begin" in page and "plan.succeeds: the plan names another" in page


def test_deploy_succeeds__weights_out_of_a_file__only_the_accepted_ones(old: Old, capsys: Any) -> None:
    Path("right").write_bytes(encode(SECOND))
    Path("wrong").write_bytes(encode(FIRST))
    said = old.found(capsys, "--weights", "wrong", code=InvalidWeights.exit_code)
    assert "isn't the accepted weights of the old collective" in said and not Path("new.json").exists()
    (Path("weights") / old.refs[1].cid).unlink()
    assert "aren't in the store" in old.found(capsys, code=StoreError.exit_code)
    old.found(capsys, "--weights", "right")
    assert load_deployment(Path("new.json")).genesis == old.refs[1]


def test_deploy__a_plan_that_does_not_go_with_it__is_one_message(old: Old, capsys: Any) -> None:
    stale = Plan(succeeds=Predecessor(31337, old.told.contract.address, 0, old.refs[0].sha256))
    Path("stale.toml").write_text(stale.to_toml())
    said = old.found(capsys, "--plan", "stale.toml", code=UsageError.exit_code)
    assert "names other weights" in said and "round 1" in said
    given = ["--rpc", old.told.chain.url, "--store-folder", "weights", "--weights", "x", "--yes", "-o", "d.json"]
    member = ["--member", old.told.address(0), "--member", old.told.address(1)]
    said = old.run(capsys, "deploy", *given, *member, "--plan", "stale.toml", code=UsageError.exit_code)
    assert "is a successor's" in said
    said = old.run(capsys, "deploy", *given, *member, "--plan", "none.toml", code=ConfigError.exit_code)
    assert "no file none.toml" in said
