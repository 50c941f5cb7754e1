"""What is agreed on by one word: each is read as what it was made of, and has no room for more."""

from __future__ import annotations

import pytest

from colearn_ledger.core.agreements import NONE, End, Successor


@pytest.mark.parametrize(("last_round", "last_second"), [(0, 0), (7, 0), (0, 9), ((1 << 32) - 1, (1 << 36) - 1)])
def test_end__as_a_word__is_read_as_what_it_was(last_round: int, last_second: int) -> None:
    word = End(last_round, last_second).to_bytes()
    assert len(word) == 32 and End.of(word) == End(last_round, last_second)
    assert int.from_bytes(word, "big") == last_round | last_second << 32


def test_successor__as_a_word__is_read_as_what_it_was() -> None:
    said = Successor(bytes(range(20)), 31337)
    assert Successor.of(said.to_bytes()) == said
    assert said.to_bytes()[-20:] == bytes(range(20)) and said.to_bytes()[:4] == bytes(4)


def test_none__is_no_end_and_nobody() -> None:
    assert End().to_bytes() == NONE and Successor(bytes(20), 0).to_bytes() == NONE


@pytest.mark.parametrize("numbers", [(1 << 32, 0), (0, 1 << 36), (-1, 0)])
def test_end__without_room__is_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no end"):
        End(*numbers)


@pytest.mark.parametrize("said", [(bytes(19), 1), (bytes(20), 1 << 64)])
def test_successor__without_room__is_refused(said: tuple[bytes, int]) -> None:
    with pytest.raises(ValueError, match="no successor"):
        Successor(*said)


def test_word__of_other_bits__says_nothing() -> None:
    with pytest.raises(ValueError, match="no end"):
        End.of(b"\xff" * 32)
    with pytest.raises(ValueError, match="no successor"):
        Successor.of(b"\xff" * 32)
