"""What of its own contributions a member's store keeps, and what goes; the rest is tested with the Preparer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.weights import encode
from colearn_ledger.errors import StoreError
from colearn_ledger.member.keeping import tidy
from colearn_ledger.stores.local import LocalStore


class Stuck(LocalStore):
    """Can't discard contributions to one training."""

    stuck = 4

    def discard_contribution(self, training: int, cid: str) -> None:
        if training == self.stuck:
            raise StoreError("no")
        super().discard_contribution(training, cid)


def test_tidy__contributions__go_by_the_spans_in_which_their_trainings_began(tmp_path: Path) -> None:
    store = Stuck(tmp_path, owner="me")
    refs = {training: store.put(encode({"w": np.full(4, float(training))})) for training in (1, 4, 7, 10)}
    for training, ref in refs.items():
        store.keep_contribution(ref, training)
    tidy(store, None, [])
    assert store.kept() == frozenset() and len(store.contributions()) == 4, "nothing is said of them"
    with pytest.raises(StoreError):
        tidy(store, None, [], forgotten=[(0, 0), (2, 4), (9, 12)])
    assert {training for training, _ in store.contributions()} == {1, 4, 7}
    assert store.has(refs[7]) and not store.has(refs[10])
    store.stuck = 0
    tidy(store, None, [], forgotten=[(0, 0), (2, 4), (9, 12)])
    assert {training for training, _ in store.contributions()} == {1, 7}
    assert sorted(path.name for path in (tmp_path / ".kept").iterdir() if "contributed" in path.name) == [
        "me%2Fcontributed%2F1",
        "me%2Fcontributed%2F7",
    ]
