"""What a learner hands back, as the plain values that may leave its process.

Scores and votes were made numbers when the learner was asked. The rest is its own: what isn't plain stays here, and is
told by a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from colearn_ledger.core.failures import clean_text, text_of
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.results import record_of
from colearn_ledger.core.summaries import VoteRecord
from colearn_ledger.member.work import Merged, Trained, Verdict, Work

__all__ = ["counted", "plain_work"]

_MOST_DEPTH = 8
_MOST_VALUES = 2000
_MOST_NOTES = 10
_MOST_SCORES = 100
_MOST_TEXT = 2000  # characters
_INT64 = 1 << 63
_MOST_STEPS = 10**15

T = TypeVar("T")


class _Unplain(Exception):
    """Something that can't be shown; the text says what it is."""


def plain_work(work: Work) -> tuple[Work, tuple[str, ...]]:
    """The work without its weights, which may be large, and of plain values alone; and notes on what was left out."""
    if isinstance(work, Trained | Merged) and work.own_test is not None:
        test, notes = _plain_test(work.own_test)
        return replace(work, own_test=test), notes
    if isinstance(work, Verdict) and work.test is not None:
        test, notes = _plain_test(work.test)
        return replace(work, test=test), notes
    return work, ()


def counted(done: Any, of: Any) -> tuple[int, int]:
    """Steps done and steps in all, whatever numbers a learner counts in. Raises TypeError and ValueError for none."""
    return min(int(done), _MOST_STEPS), min(int(of), _MOST_STEPS)


def _plain_test(test: ProposedWeights) -> tuple[ProposedWeights, tuple[str, ...]]:
    notes: list[str] = []
    plain = ProposedWeights(
        weights=Weights(None),
        vote_score=_score("vote_score", test.vote_score, test.vote_value, test.criterion, notes),
        test_score=_score("test_score", test.test_score, test.test_value, test.criterion, notes),
        vote=test.vote,
        criterion=None if test.criterion is None else clean_text(test.criterion, _MOST_TEXT),
        current_score=test.current_score,
        record=_shown("record", lambda: _record(test), notes),
        evaluation_results=_shown("evaluation_results", lambda: _results(test.evaluation_results, notes), notes),
    )
    return plain, tuple(notes)


def _shown(name: str, make: Callable[[], T], notes: list[str]) -> T | None:
    try:
        return make()
    except BaseException as e:  # the learner's objects, and whatever their methods do
        why = str(e) if isinstance(e, _Unplain) else text_of(e)
        notes.append(f"{name} can't be shown: {why}")
        return None


def _score(name: str, score: Any, value: float, criterion: str | None, notes: list[str]) -> float | Mapping[str, float]:
    if not isinstance(score, Mapping):
        return value
    numbers = {clean_text(criterion, _MOST_TEXT): value}
    for entry, number in list(score.items())[:_MOST_SCORES]:
        if entry != criterion:
            called = clean_text(entry, _MOST_TEXT)
            plain = _shown(f"{name}[{called!r}]", partial(float, number), notes)
            if plain is not None:
                numbers[called] = plain
    return numbers


def _record(test: ProposedWeights) -> VoteRecord | None:
    record = record_of(test)
    if record is None:
        return None
    return VoteRecord(
        policy=clean_text(record.policy, _MOST_TEXT),
        samples=int(record.samples),
        margin=float(record.margin),
        current_score=float(record.current_score),
        proposed_score=float(record.proposed_score),
        p_value=None if record.p_value is None else float(record.p_value),
    )


def _results(results: Any, notes: list[str]) -> Mapping[str, Any] | None:
    """Entry by entry, so that one that can't be shown takes no other with it."""
    if results is None:
        return None
    if not isinstance(results, Mapping):
        raise _Unplain(f"it is a {clean_text(type(results).__name__)} and no table")
    plain: dict[str, Any] = {}
    left = [_MOST_VALUES]
    for name, value in results.items():
        called = clean_text(name, 80)
        shown = _shown(f"evaluation_results[{called!r}]", partial(_entry, name, value, left), notes)
        if shown is not None:
            plain[shown[0]] = shown[1]
        if left[0] < 0 or len(notes) > _MOST_NOTES:
            notes.append("no more of evaluation_results is shown")
            break
    return plain


def _entry(name: Any, value: Any, left: list[int]) -> tuple[str, Any]:
    return _name(name, left), _plain(value, left, 0)


def _name(name: Any, left: list[int]) -> str:
    if not isinstance(name, str):
        raise _Unplain(f"its name is a {clean_text(type(name).__name__)} and no text")
    return _text(name, left)


def _text(text: str, left: list[int]) -> str:
    left[0] -= len(text) // 32  # long texts count as several values
    return clean_text(text, _MOST_TEXT)


def _plain(value: Any, left: list[int], depth: int) -> Any:
    """The value of Python's own plain types, and scalars of numpy and of frameworks as their numbers."""
    left[0] -= 1
    if left[0] < 0 or depth > _MOST_DEPTH:
        raise _Unplain(f"more than {_MOST_VALUES} values, or nested more than {_MOST_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, left)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {_name(name, left): _plain(inner, left, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, left, depth + 1) for inner in value]
    if callable(getattr(value, "item", None)) and getattr(value, "shape", None) == ():
        number = value.item()
        if type(number) in (bool, int, float, str):
            return _plain(number, left, depth)
    raise _Unplain(f"it is a {clean_text(type(value).__name__)}")


def _integer(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise _Unplain("it is an integer of more than 64 bits")
    return value
