"""What all stores have in common."""

from __future__ import annotations

import pytest

from colearn_ledger.stores.base import patience_s


@pytest.mark.parametrize("megabytes", [0, 1, 100, 4000])
def test_patience__of_a_size__is_the_timeout_and_a_second_for_each_megabyte(megabytes: int) -> None:
    assert patience_s(60, megabytes * 1_000_000) == 60 + megabytes
