"""Tables of text."""

from __future__ import annotations

from colearn_ledger.report.columns import Column, columns, row


def test_columns__cells_wider_than_names_and_not__are_aligned_without_trailing_spaces() -> None:
    known = [Column("n", right=True), Column("name"), Column("size", 6, right=True), Column("note")]
    rows = [("1", "a", "5", ""), ("10", "longer", "1,000,000", "x")]
    assert list(columns(known, rows)) == [
        " n  name         size  note",
        " 1  a               5",
        "10  longer  1,000,000  x",
    ]


def test_columns__no_rows__is_the_header() -> None:
    assert list(columns([Column("a"), Column("b", 3, right=True), Column("c")], [])) == ["a    b  c"]


def test_row__a_cell_too_wide__shifts_the_rest_and_loses_nothing() -> None:
    known = [Column("a", 2), Column("b", 2, right=True)]
    assert row(known, ["wide", "1"]) == "wide   1"


def test_columns__characters_of_two_columns_and_of_none__the_next_column_stays_in_line() -> None:
    lines = list(columns([Column("member"), Column("seat")], [["病院", "0"], ["cafe\u0301", "1"], ["clinic", "2"]]))
    assert lines[1:] == ["病院    0", "cafe\u0301    1", "clinic  2"]
