"""What somebody else's code raised: in words, and as a plain error of the project's tree.

An error of a learner's own class can be told to nobody who hasn't its module, and its text may itself fail. So what
leaves the learner's process is one of the project's own errors, made of texts.
"""

from __future__ import annotations

from typing import Any

from .. import errors
from ..errors import ColearnError, LearnerError

__all__ = ["clean_text", "error_from_json", "error_to_json", "text_of", "told"]

_MOST_TEXT = 4000  # characters


def clean_text(text: object, most: int = _MOST_TEXT) -> str:
    """A text that can be written anywhere in UTF-8, of ``most`` characters; of what is no text, its type's name."""
    if not isinstance(text, str):
        return f"<{type(text).__name__}>"
    exact = str.__str__(text)
    cut = exact if len(exact) <= most else exact[: most - 1] + "…"
    return cut.encode("utf-8", "replace").decode("utf-8")


def text_of(error: BaseException) -> str:
    """An error's type and text on one line, such as ``ValueError: Input contains NaN``, whatever its class does."""
    kind = clean_text(type(error).__name__)
    try:
        text = str(error)
    except BaseException as e:  # the class is the learner's, and so is its __str__
        text = _own_text(error) or f"(its text can't be had: {clean_text(type(e).__name__)})"
    text = " ".join(text.split())
    return clean_text(f"{kind}: {text}" if text else kind)


def told(error: BaseException, who: str = "the learner") -> ColearnError:
    """The error as one of the project's own, exactly, with texts that are texts.

    A subclass of one becomes that one; what a program raises to leave becomes a LearnerError that says so; anything
    else a LearnerError with the error's type and text. ``who`` has raised it.
    """
    if isinstance(error, ColearnError):
        kind = next(k for k in type(error).__mro__ if vars(errors).get(k.__name__) is k)
        what, expected, fix = (_attribute(error, name) for name in ("what", "expected", "fix"))
        plain: ColearnError = kind(what or text_of(error), expected=expected, fix=fix)
        return plain
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
        why = f": {clean_text(error.code)}" if isinstance(error.code, str) else ""
        return LearnerError(
            f"{who} ended the process (code {code}){why}",
            expected="that it returns, or raises what is wrong",
            fix="raise an error that says what is missing",
        )
    return LearnerError(f"{who} failed: {text_of(error)}", fix="see the traceback above")


def error_to_json(error: ColearnError) -> dict[str, str]:
    """A JSON value, for another process; see :func:`told`, by which the error went before."""
    return {"kind": type(error).__name__, "what": error.what, "expected": error.expected, "fix": error.fix}


def error_from_json(value: Any) -> ColearnError:
    """The inverse of :func:`error_to_json`. Raises ValueError for what isn't its result."""
    if not isinstance(value, dict) or set(value) != {"kind", "what", "expected", "fix"}:
        raise ValueError("no error")
    if not all(isinstance(text, str) for text in value.values()):
        raise ValueError("an error that isn't made of texts")
    kind = vars(errors).get(value["kind"])
    if not (isinstance(kind, type) and issubclass(kind, ColearnError)):
        raise ValueError(f"no error of the tree: {value['kind'][:40]!r}")
    error: ColearnError = kind(value["what"], expected=value["expected"], fix=value["fix"])
    return error


def _own_text(error: BaseException) -> str:
    """What the error was made with, whatever its class makes of it."""
    try:
        return BaseException.__str__(error)
    except BaseException:  # so may what it was made with
        return ""


def _attribute(error: ColearnError, name: str) -> str:
    try:
        text = getattr(error, name)
    except BaseException:  # a subclass that doesn't call its base, or makes a property of it
        return ""
    return clean_text(text) if isinstance(text, str) else ""
