"""A plan as TOML and as the bytes that are hashed: one form each, and everything else is refused in one message."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.errors import ConfigError
from colearn_ledger.plan.document import MOST_BYTES, Plan, Predecessor, Target, plan_beside, plan_of, read_plan

OLD = Predecessor(31337, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512", 7, b"\x07" * 32)
WHOLE = Plan(
    learner="my_model:make",
    version="1.2",
    options={"filters": [16, 32], "rate": 0.001, "deep": {"on": True}},
    own=("data_dir", "seed"),
    modules=("my_layers", "my_model"),
    code=b"\x01" * 32,
    base="ab" * 32,
    vote="paired:0.05",
    target=Target(0.95, "accuracy"),
    data={"classes": ["cat", "dög"], "features": "224 x 224 x 3", "preprocessing": {"mean": 0.5}},
    succeeds=OLD,
    text='as agreed in "Genève" \U0001f600',
)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        read_plan(path)
    return error.value


@pytest.mark.parametrize("plan", [WHOLE, Plan(), Plan(data="rows of 9"), Plan(succeeds=OLD)])
def test_plan__as_toml_and_as_canonical_json__is_the_same_plan(plan: Plan, tmp_path: Path) -> None:
    toml, canonical = written(tmp_path / "plan.toml", plan.to_toml()), written(tmp_path / "plan.json", plan.to_bytes())
    assert read_plan(toml) == read_plan(canonical) == plan_of(plan.to_bytes()) == plan
    assert read_plan(toml).sha256 == hashlib.sha256(canonical.read_bytes()).digest() == plan.sha256


def test_plan__canonical_form__is_these_bytes(tmp_path: Path) -> None:
    toml = written(
        tmp_path / "p.toml", 'text="é"\nformat="colearn-plan-1"\n[target]\nvalue=1\n[learner.options]\nb=2\na=[]'
    )
    data = '{"format":"colearn-plan-1","learner":{"options":{"a":[],"b":2}},"target":{"value":1.0},"text":"é"}'
    assert read_plan(toml).to_bytes() == data.encode()


def test_plan__comments_order_and_empty_fields__change_no_hash(tmp_path: Path) -> None:
    one = written(tmp_path / "one", 'format = "colearn-plan-1"\ntext = "x"\n[vote]\npolicy = "strict"')
    two = written(tmp_path / "two", '# why\nbase = ""\n[vote]\npolicy = "strict"'.replace('base = ""\n', ""))
    two.write_text('# why\ntext = "x"\nformat = "colearn-plan-1"\nvote = {policy = "strict"}\n[learner]\nown = []\n')
    assert read_plan(one).sha256 == read_plan(two).sha256 != Plan(text="y", vote="strict").sha256


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "colearn-plan-2"}, "format"),
        ({"format": None}, "format"),
        ({"lerner": {}}, "'lerner'"),
        ({"learner": {"factory": "f"}}, "learner.factory"),
        ({"learner": {"factory": 5}}, "learner.factory"),
        ({"learner": {"code": "AB" * 32}}, "learner.code"),
        ({"learner": {"own": ["a b"]}}, "learner.own"),
        ({"learner": {"own": ["a"], "options": {"a": 1}}}, "learner.own"),
        ({"learner": {"options": {"a": None}}}, "learner.options.a"),
        ({"learner": {"options": {"a": 1 << 63}}}, "learner.options.a"),
        ({"learner": {"options": []}}, "learner.options"),
        ({"base": "0x" + "ab" * 31}, "base"),
        ({"vote": "strict"}, "vote"),
        ({"target": {"metric": "accuracy"}}, "target.value"),
        ({"target": {"value": True}}, "target.value"),
        ({"target": {"value": "0.9"}}, "target.value"),
        ({"data": ["a"]}, "data"),
        ({"succeeds": {"chain_id": 1, "round": 1, "sha256": "ab" * 32}}, "succeeds.address"),
        ({"succeeds": {"chain_id": 1, "address": OLD.address.lower(), "round": 1, "sha256": "ab" * 32}}, "succeeds"),
        (
            {"succeeds": {"chain_id": True, "address": OLD.address, "round": 1, "sha256": "ab" * 32}},
            "succeeds.chain_id",
        ),
        ({"text": 5}, "text"),
    ],
)
def test_plan__a_value_that_cannot_be__is_named(change: dict[str, Any], where: str) -> None:
    values = {name: value for name, value in {"format": "colearn-plan-1", **change}.items() if value is not None}
    with pytest.raises(ConfigError) as error:
        plan_of(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())
    assert where in error.value.what and error.value.expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"format":"colearn-plan-1","text":"a","text":"b"}',
        b'{"format": "colearn-plan-1"}',
        b'{"format":"colearn-plan-1"}\n',
        b'{"format":"colearn-plan-1","text":"\\u0061"}',
        b'{"format":"colearn-plan-1","text":"\\ud800"}',
        b'{"format":"colearn-plan-1","target":{"value":NaN}}',
        b'{"format":"colearn-plan-1","target":{"value":1e999}}',
        b'{"format":"colearn-plan-1","target":{"value":1}}',
        b'{"format":"colearn-plan-1","text":""}',
        b'{"data":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b',"format":"colearn-plan-1"}',
        b'{"data":{"a":' + b"9" * 5000 + b'},"format":"colearn-plan-1"}',
        b" " * (MOST_BYTES + 1),
    ],
)
def test_plan_of__bytes_that_are_no_canonical_plan__one_message(data: bytes) -> None:
    with pytest.raises(ConfigError) as error:
        plan_of(data, "the plan of the members")
    assert "the plan of the members" in error.value.what and error.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "format = ",
        b"\xff",
        'format = "colearn-plan-1"\n[learner.options]\nday = 2026-11-27',
        'format = "colearn-plan-1"\n[learner.options]\nmany = 0x' + "f" * 9000,
        'format = "colearn-plan-1"\ndata = ' + "{a = " * 5000,
        'format = "colearn-plan-1"\n[data]\nx = inf',
        "# " + "x" * MOST_BYTES,
    ],
)
def test_read_plan__a_file_that_is_no_plan__one_message(text: str | bytes, tmp_path: Path) -> None:
    error = refused(written(tmp_path / "plan.toml", text))
    assert str(tmp_path / "plan.toml") in error.what and error.expected


def test_read_plan__no_file_or_a_folder__one_message(tmp_path: Path) -> None:
    assert "no file" in refused(tmp_path / "none.toml").what
    assert "can't be read" in refused(tmp_path).what


def test_to_bytes__larger_than_a_plan_may_be__is_refused() -> None:
    with pytest.raises(ConfigError, match="bytes"):
        Plan(text="é" * (MOST_BYTES // 2)).to_bytes()


def test_plan_beside__a_deployment_file__has_a_name_of_its_own() -> None:
    assert plan_beside(Path("there/deployment-2.json")) == Path("there/deployment-2.plan.json")
