"""What the first bytes of weights say about the rest, before there is a rest."""

from __future__ import annotations

import numpy as np
import pytest

from colearn_ledger.core.cid import CHUNK
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import MAX_HEADER, check_head, encode
from colearn_ledger.errors import InvalidWeights, SchemaMismatch

TREE = {"w": np.zeros(1_000_000, np.float32), "b": np.zeros(3)}
DATA, SCHEMA = encode(TREE), Schema.of(TREE)


def test_check_head__good_weights__however_much_of_them_is_there() -> None:
    for length in (CHUNK, 1000, 400):
        check_head(DATA[:length], len(DATA), SCHEMA)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100])
def test_check_head__header_does_not_end_in_it__says_nothing_yet(length: int) -> None:
    check_head(DATA[:length], len(DATA), SCHEMA)


def test_check_head__zeros__are_refused_by_their_first_block() -> None:
    """1,024 links to one block of zeros are a GiB that costs whoever proposes it two blocks."""
    with pytest.raises(InvalidWeights, match="header"):
        check_head(bytes(CHUNK), 1024 * CHUNK)


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 1 << 30])
def test_check_head__another_size_than_its_arrays_have__is_refused(size: int) -> None:
    with pytest.raises(InvalidWeights, match="bytes"):
        check_head(DATA[:CHUNK], size, SCHEMA)


def test_check_head__another_model__is_a_mismatch() -> None:
    other = encode({"w": np.zeros(1_000_000, np.float32), "c": np.zeros(3)})
    with pytest.raises(SchemaMismatch, match="/b"):
        check_head(other[:CHUNK], len(other), SCHEMA)


def test_check_head__claims_a_header_that_is_too_long__is_refused_though_it_is_not_there() -> None:
    with pytest.raises(InvalidWeights, match="claims"):
        check_head((MAX_HEADER + 8).to_bytes(8, "little"), 1 << 30)
    with pytest.raises(InvalidWeights, match="claims"):
        check_head((1000).to_bytes(8, "little"), 900)
