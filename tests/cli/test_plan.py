"""``colearn-ledger plan``: from a learner to the file, and what each member finds when it compares its own with it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.cid import cid_text
from colearn_ledger.errors import ConfigError, UsageError
from colearn_ledger.plan.document import Plan, Target, read_plan
from colearn_ledger.stores.local import LocalStore

CODE = "from tests.kit.node_learners import make\n"
NEW = ["plan", "new", "--learner", "my_model:make", "--options", "index=0"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(CODE)
    config = '[learner]\nfactory = "my_model:make"\n[learner.options]\nindex = 1\n'
    (tmp_path / "node.toml").write_text(config)
    return tmp_path


def said(capsys: Any, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(words) == code
    told = capsys.readouterr()
    return str(told.out + told.err)


def test_plan_new__of_a_learner__has_options_code_and_policy_and_every_member_compares(capsys: Any) -> None:
    page = said(capsys, *NEW, "--own", "index", "--target", "0.95", "--metric", "accuracy")
    assert "wrote plan.toml" in page and Path("plan.toml").read_text().startswith("# What the members")
    plan = read_plan(Path("plan.toml"))
    source = hashlib.sha256(CODE.encode()).hexdigest()
    assert plan.code == hashlib.sha256(f"{source}  my_model.py\n".encode()).digest()
    assert (plan.learner, plan.options, plan.own) == ("my_model:make", {}, ("index",))
    assert plan.target == Target(0.95, "accuracy") and plan.vote == plan.base == ""
    page = said(capsys, "plan", "check", "plan.toml", "--config", "node.toml")
    assert "nothing differs" in page and plan.sha256.hex() in page


def test_plan_check__a_data_contract__is_shown_for_people_and_compared_by_nobody(capsys: Any) -> None:
    plan = Plan(learner="my_model:make", own=("index",), data={"classes": ["x\x1b[31m"], "features": 3})
    Path("p.toml").write_text(plan.to_toml())
    page = said(capsys, "plan", "check", "p.toml", "--config", "node.toml")
    assert "for people  features = 3\n" in page and "for people  classes = " in page and "\x1b" not in page
    assert "nothing differs" in page


def test_plan_check__another_option_and_other_code__each_named_with_what_to_do(capsys: Any) -> None:
    said(capsys, *NEW)
    Path("my_model.py").write_text(CODE + "# mine\n")
    page = said(capsys, "plan", "check", "plan.toml", "--config", "node.toml", code=ConfigError.exit_code)
    assert page.count("differs  ") == 2 and "2 fields differ" in page
    for part in ("learner.code", "learner.options.index", "agreed: 0", "to do:  get the source"):
        assert part in page


def test_plan_show__in_words_and_as_the_bytes_that_are_hashed(capsys: Any) -> None:
    plan = Plan(text="\x1b[31mred", learner="a:b", options={"rate": 0.5}, data={"classes": ["x"]}, vote="strict")
    Path("p.toml").write_text(plan.to_toml())
    page = said(capsys, "plan", "show", "p.toml")
    assert "\x1b" not in page and "rate = 0.5" in page and 'classes = ["x"]' in page
    assert plan.sha256.hex() in page and cid_text(plan.sha256, 1) in page
    Path("p.json").write_text(said(capsys, "plan", "show", "p.toml", "--json"))
    assert hashlib.sha256(Path("p.json").read_bytes()).digest() == plan.sha256
    assert said(capsys, "plan", "show", "p.json") == page


def test_plan_publish__into_a_store__there_by_its_hash(capsys: Any) -> None:
    Path("p.toml").write_text(Plan(text="agreed").to_toml())
    page = said(capsys, "plan", "publish", "p.toml", "--store-folder", "weights")
    plan = read_plan(Path("p.toml"))
    assert plan.sha256.hex() in page
    assert LocalStore("weights").get_small(plan.sha256) == plan.to_bytes()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["new"], "no learner"),
        ([*NEW[1:], "--metric", "accuracy"], "--target"),
        ([*NEW[1:], "--module", "no_such_module"], "no module no_such_module"),
        ([*NEW[1:], "--own", "not a name"], "learner.own"),
        ([*NEW[1:], "--target", "nan"], "target.value"),
        (["check", "none.toml", "--config", "node.toml"], "no file none.toml"),
        (["show", "my_model.py"], "isn't TOML"),
        (["show", "huge.toml"], "bytes"),
        (["publish", "my_model.py", "--store-folder", "weights"], "isn't TOML"),
    ],
)
def test_plan__what_cannot_be__is_one_message_and_writes_nothing(words: list[str], why: str, capsys: Any) -> None:
    Path("huge.toml").write_bytes(b"#" * (1 << 20))
    assert main(["plan", *words]) in (UsageError.exit_code, ConfigError.exit_code)
    told = capsys.readouterr()
    assert told.err.count("error: ") == 1 and why in told.err
    assert not Path("plan.toml").exists() and not Path("weights").exists()


def test_plan_new__a_file_that_is_there__stays_unless_forced(capsys: Any) -> None:
    Path("plan.toml").write_text("mine")
    assert main(NEW) == UsageError.exit_code and Path("plan.toml").read_text() == "mine"
    assert main([*NEW, "--force"]) == 0 and read_plan(Path("plan.toml")).learner == "my_model:make"
