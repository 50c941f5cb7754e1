"""JSON of strangers: what is nested deep never reaches the parser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from colearn_ledger.formats.json import TooDeep, parse_shallow_json


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_parse__nested_as_deep_as_may_be_and_one_deeper(opening: str, closing: str) -> None:
    each = opening.count("[") + opening.count("{")
    depth = 12 // each
    assert parse_shallow_json((opening * depth + "1" + closing * depth).encode(), max_depth=12)
    with pytest.raises(TooDeep, match="12"):
        parse_shallow_json(("[" + opening * depth + "1" + closing * depth + "]").encode(), max_depth=12)


@pytest.mark.parametrize(
    "text, value",
    [
        ('["[[[[", "]]", "\\"[[[", "\\\\"]', ["[[[[", "]]", '"[[[', "\\"]),
        ('{"[[": [1]}', {"[[": [1]}),
        ("[[1], [2], [3], [4]]", [[1], [2], [3], [4]]),
    ],
)
def test_parse__brackets_in_texts_and_side_by_side__are_no_nesting(text: str, value: object) -> None:
    assert parse_shallow_json(text.encode(), max_depth=2) == value


@pytest.mark.parametrize("data", [b"", b"[", b'"', b'"\\', b"]" * 300 + b"[" * 300, b"\xff", b"[1,]", b"nul"])
def test_parse__what_is_no_json__is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the parser's own words
        parse_shallow_json(data)
    assert not isinstance(error.value, TooDeep)


def test_parse__hooks__get_pairs_in_order_and_what_json_does_not_have() -> None:
    assert parse_shallow_json(b'{"a": 1, "a": 2}') == {"a": 2}
    assert parse_shallow_json(b'{"a": 1, "a": NaN}', pairs=tuple, constant=str.lower) == (("a", 1), ("a", "nan"))


def test_parse__very_deep_where_python_would_recurse__is_refused_and_nothing_ends() -> None:
    program = (
        "import sys; sys.setrecursionlimit(10**6)\n"
        "from colearn_ledger.formats.json import TooDeep, parse_shallow_json\n"
        "try: parse_shallow_json(b'[' * 10**6)\n"
        "except TooDeep: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
