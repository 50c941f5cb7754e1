"""``get_data`` as published examples call it: with a folder of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.errors import UsageError
from colearn_ledger.utils.data import get_data


def test_get_data__a_local_path__is_returned_as_it_is(tmp_path: Path) -> None:
    assert get_data(tmp_path) == tmp_path
    assert get_data(str(tmp_path), "/elsewhere") == str(tmp_path)
    assert get_data(f"file://{tmp_path}") == str(tmp_path)


def test_get_data__a_cloud_bucket__says_how_to_copy_it() -> None:
    with pytest.raises(UsageError, match="cloud bucket gs://somewhere/mnist") as error:
        get_data("gs://somewhere/mnist")
    assert "gcloud storage cp" in str(error.value)
