"""A plan is known by its hash: whoever has the file, it counts only if it is that."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.errors import ConfigError, StoreError
from colearn_ledger.plan.document import Plan
from colearn_ledger.plan.finding import find_plan
from colearn_ledger.stores.base import Store
from colearn_ledger.stores.local import LocalStore

PLAN, OTHER = Plan(text="agreed"), Plan(text="another one")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "weights")


def never() -> Store:
    raise AssertionError("it is beside the deployment file")


def test_find_plan__in_a_file__no_store_is_asked(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(OTHER.to_bytes())
    (tmp_path / "plan.toml").write_text(PLAN.to_toml())
    files = (tmp_path / "none.json", tmp_path / "other.json", tmp_path / "plan.toml")
    assert find_plan(PLAN.sha256, files, never) == PLAN


def test_find_plan__in_the_store_by_the_hash_alone(tmp_path: Path, store: LocalStore) -> None:
    (tmp_path / "other.json").write_bytes(OTHER.to_bytes())
    store.put(PLAN.to_bytes())
    assert find_plan(PLAN.sha256, (tmp_path / "other.json",), lambda: store) == PLAN


def test_find_plan__nobody_has_it__says_what_each_has_instead(tmp_path: Path, store: LocalStore) -> None:
    lie, broken = tmp_path / "lie.json", tmp_path / "broken.json"
    lie.write_bytes(OTHER.to_bytes())
    broken.write_text("{")
    with pytest.raises(StoreError) as error:
        find_plan(PLAN.sha256, (lie, broken), lambda: store)
    for part in (str(lie), OTHER.sha256.hex(), str(broken), str(store.folder)):
        assert part in error.value.what
    assert PLAN.sha256.hex() in error.value.expected
    with pytest.raises(StoreError, match="no file and no store"):
        find_plan(PLAN.sha256, (), None)


def test_find_plan__the_store_holds_something_else_by_that_name__is_no_plan(store: LocalStore) -> None:
    ref = store.put(PLAN.to_bytes())
    (store.folder / ref.cid).write_bytes(OTHER.to_bytes())
    with pytest.raises(StoreError, match="something else"):
        find_plan(PLAN.sha256, (), lambda: store)


def test_find_plan__members_agreed_on_what_is_no_plan__only_they_mend_that(store: LocalStore) -> None:
    ref = store.put(b"\x00 not a plan")
    with pytest.raises(ConfigError, match="what the members agreed on"):
        find_plan(ref.sha256, (), lambda: store)
