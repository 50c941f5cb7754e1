"""Every field of a plan in which a member can differ is told by its name; what is each member's own isn't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.learners.loading.factory import FLOWER, LearnerSpec
from colearn_ledger.plan.code import code_hash, installed_version
from colearn_ledger.plan.comparing import Difference, differences
from colearn_ledger.plan.document import Plan

BASE = "ab" * 32


@pytest.fixture
def spec(tmp_path: Path) -> LearnerSpec:
    (tmp_path / "my_model.py").write_text("raise SystemExit('this ran')\n")
    options = {"filters": [16, 32], "rate": 0.5, "on": True, "data_dir": "/srv/mine"}
    return LearnerSpec("my_model:make", options, (tmp_path,))


@pytest.fixture
def plan(spec: LearnerSpec) -> Plan:
    return Plan(
        learner="my_model:make",
        options={"filters": [16, 32], "rate": 0.5, "on": True},
        own=("data_dir", "seed"),
        code=code_hash(["my_model"], spec.path),
        base=BASE,
        vote="paired:0.05",
    )


def told(plan: Plan, spec: LearnerSpec, base: str = BASE, policy: str = "paired:0.05") -> list[tuple[str, str, str]]:
    return [(one.field, one.agreed, one.mine) for one in differences(plan, spec, base, policy)]


def test_differences__all_as_agreed__none(plan: Plan, spec: LearnerSpec) -> None:
    assert told(plan, spec) == [] and told(plan, spec, policy="") == [] and told(Plan(), spec) == []


def test_differences__own_options__are_each_members_affair(plan: Plan, spec: LearnerSpec) -> None:
    assert told(plan, replace(spec, options={**spec.options, "data_dir": "/elsewhere", "seed": 3})) == []


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"rate": 0.25}, ("learner.options.rate", "0.5", "0.25")),
        ({"rate": None}, ("learner.options.rate", "0.5", "left out")),
        ({"filters": [16]}, ("learner.options.filters", "[16, 32]", "[16]")),
        ({"on": 1}, ("learner.options.on", "true", "1")),
        ({"depth": 3}, ("learner.options.depth", "left out", "3")),
    ],
)
def test_differences__an_option__is_named_with_both_values(
    plan: Plan, spec: LearnerSpec, options: dict[str, Any], difference: tuple[str, str, str]
) -> None:
    mine = {name: value for name, value in {**spec.options, **options}.items() if value is not None}
    assert told(plan, replace(spec, options=mine)) == [difference]


def test_differences__options_without_a_factory__count_all_the_same(plan: Plan, spec: LearnerSpec) -> None:
    unnamed = replace(plan, learner="")
    assert told(unnamed, spec) == []
    assert [name for name, _, _ in told(unnamed, replace(spec, options={"rate": 0.5}))] == [
        "learner.options.filters",
        "learner.options.on",
    ]


def test_differences__a_number_written_otherwise__is_none(plan: Plan, spec: LearnerSpec) -> None:
    agreed = replace(plan, options={**plan.options, "filters": [16.0, 32]})
    assert told(agreed, spec) == []


def test_differences__factory_base_and_policy__each_by_its_name(plan: Plan, spec: LearnerSpec) -> None:
    (Path(spec.folders[0]) / "other.py").write_text("")
    assert told(plan, replace(spec, factory="other:make")) == [("learner.factory", "my_model:make", "other:make")]
    assert told(plan, spec, base="") == [("base", BASE, "none")]
    assert told(plan, spec, policy="strict") == [("vote.policy", "paired:0.05", "strict")]


def test_differences__code__by_both_hashes_or_why_there_is_none(plan: Plan, spec: LearnerSpec) -> None:
    agreed = plan.code.hex()
    file = Path(spec.folders[0]) / "my_model.py"
    file.write_text("# other\n")
    [(name, was, mine)] = told(plan, spec)
    assert (name, was) == ("learner.code", agreed) and mine == code_hash(["my_model"], spec.path).hex()
    file.unlink()
    [(name, was, mine)] = told(plan, spec)
    assert name == "learner.code" and "no module my_model" in mine


def test_differences__another_modules_source__counts_where_the_plan_names_it(plan: Plan, spec: LearnerSpec) -> None:
    helper = Path(spec.folders[0]) / "my_layers.py"
    helper.write_text("x = 1\n")
    both = replace(plan, modules=("my_layers", "my_model"), code=code_hash(["my_layers", "my_model"], spec.path))
    assert told(both, spec) == []
    helper.write_text("x = 2\n")
    assert [name for name, _, _ in told(both, spec)] == ["learner.code"] and told(plan, spec) == []


def test_differences__a_flower_app__its_package_is_looked_for_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "app" / "my_app").mkdir(parents=True)
    file = tmp_path / "app" / "my_app" / "client_app.py"
    file.write_text("x = 1\n")
    spec = LearnerSpec(FLOWER, {"folder": str(tmp_path / "app")})
    code = code_hash(["my_app"], [str(tmp_path / "app")])
    plan = Plan(learner=FLOWER, own=("folder",), modules=("my_app",), code=code)
    assert told(plan, spec) == []
    file.write_text("x = 2\n")
    assert [name for name, _, _ in told(plan, spec)] == ["learner.code"]


def test_differences__version__of_what_is_installed(spec: LearnerSpec) -> None:
    installed = replace(spec, factory="numpy:make", options={})
    found = told(Plan(learner="numpy:make", version="0.1"), installed)
    assert found == [("learner.version", "0.1", installed_version("numpy"))]
    assert told(Plan(learner="my_model:make", version="0.1", own=tuple(spec.options)), spec) == [], "of no distribution"


def test_difference__as_text__says_what_to_do() -> None:
    assert str(Difference("base", "a", "b", "take it")) == "base is b, and the plan says a; take it"
