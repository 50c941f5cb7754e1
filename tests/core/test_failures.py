"""What others' code raised, as texts and as errors of the tree."""

from __future__ import annotations

import pytest

from colearn_ledger.core.failures import clean_text, error_from_json, error_to_json, text_of, told
from colearn_ledger.errors import ColearnError, DataError, LearnerError, SchemaMismatch


class Odd(ValueError):
    def __str__(self) -> str:
        raise SystemExit(1)


class Mine(DataError):
    def __init__(self) -> None:
        """Doesn't make what the base makes."""


class Moody(SchemaMismatch):
    @property
    def what(self) -> str:  # type: ignore[override]
        raise KeyError("what")

    @what.setter
    def what(self, text: str) -> None:
        pass


@pytest.mark.parametrize(
    "error, text",
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (ValueError(), "ValueError"),
        (Odd(), "Odd: (its text can't be had: SystemExit)"),
        (Odd("told"), "Odd: told"),
        (Odd(Odd()), "Odd: (its text can't be had: SystemExit)"),
        (ValueError("\ud800"), "ValueError: ?"),
    ],
)
def test_text_of__whatever_the_class_does__is_one_line(error: BaseException, text: str) -> None:
    assert text_of(error) == text


def test_clean_text__long_or_no_text__is_cut_or_named() -> None:
    assert clean_text("abcdef", 4) == "abc…" and clean_text(5) == "<int>"
    assert clean_text("abcd", 4) == "abcd"
    assert len(text_of(ValueError("x" * 10**6))) == 4000


@pytest.mark.parametrize(
    "error, kind, what",
    [
        (DataError("gone", expected="it", fix="mend"), DataError, "gone"),
        (Mine(), DataError, "Mine: (its text can't be had: AttributeError)"),
        (Moody("shapes"), SchemaMismatch, "Moody: shapes"),
        (ValueError("no"), LearnerError, "the learner failed: ValueError: no"),
        (SystemExit(), LearnerError, "the learner ended the process (code 0)"),
        (SystemExit(3), LearnerError, "the learner ended the process (code 3)"),
        (SystemExit("why"), LearnerError, "the learner ended the process (code 1): why"),
        (KeyboardInterrupt(), LearnerError, "the learner failed: KeyboardInterrupt"),
    ],
)
def test_told__any_error__is_exactly_one_of_the_tree_and_survives_json(
    error: BaseException, kind: type[ColearnError], what: str
) -> None:
    plain = told(error)
    assert type(plain) is kind and plain.what == what
    again = error_from_json(error_to_json(plain))
    assert type(again) is kind and str(again) == str(plain)


@pytest.mark.parametrize("value", [None, [], {}, {"kind": "DataError"}])
def test_error_from_json__anything_else__value_error(value: object) -> None:
    with pytest.raises(ValueError, match="error"):
        error_from_json(value)
