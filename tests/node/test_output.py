"""Lines for a reader that may stand still, or leave."""

from __future__ import annotations

import io
import os
import threading
import time

import pytest
from colearn_node.output import PatientLines


def lost(count: int) -> str:
    return f"{count} lost\n"


def test_lines__a_reader_that_stands_still__holds_nobody_up_and_is_told_what_it_lost() -> None:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as reader, open(writing, "w", encoding="utf-8") as writer:
        stream = PatientLines(writer, lost, most=100)
        start = time.monotonic()
        for number in range(20_000):
            stream.write(f"{number} {'x' * 100}\n")
        assert time.monotonic() - start < 10
        heard: list[str] = []

        def read() -> None:
            heard.extend(reader)

        thread = threading.Thread(target=read)
        thread.start()
        stream.close()
        writer.close()
        thread.join(10)
        assert not thread.is_alive()
    said = [line for line in heard if not line.endswith("lost\n")]
    missing = sum(int(line.split()[0]) for line in heard if line.endswith("lost\n"))
    assert missing > 10_000 and len(said) + missing == 20_000
    numbers = [int(line.split()[0]) for line in said]
    assert numbers == sorted(numbers) and all(line.endswith("x" * 100 + "\n") for line in said)


def test_close__nobody_reads__gives_up_soon() -> None:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8"), open(writing, "w", encoding="utf-8") as writer:
        start = time.monotonic()
        with PatientLines(writer, lost, most=10, close_s=0.1) as stream:
            for _ in range(5_000):
                stream.write("x" * 100 + "\n")
        assert time.monotonic() - start < 10


def test_close__waits_for_what_was_not_written_yet() -> None:
    to = io.StringIO()
    with PatientLines(to, lost) as stream:
        for number in range(1000):
            stream.write(f"{number}\n")
    assert to.getvalue().splitlines() == [str(number) for number in range(1000)]


def test_lines__an_encoding_that_lacks_a_character__has_it_escaped() -> None:
    raw = io.BytesIO()
    to = io.TextIOWrapper(raw, encoding="latin-1", newline="")
    with PatientLines(to, lost) as stream:
        stream.write("waiting… for José\n")
    assert raw.getvalue() == b"waiting\\u2026 for Jos\xe9\n"


@pytest.mark.parametrize("path", ["/dev/full", None])
def test_lines__that_cannot_be_written__are_lost_and_nothing_else(path: str | None) -> None:
    if path is None:
        reading, writing = os.pipe()
        os.close(reading)
        to = open(writing, "w", encoding="utf-8")  # noqa: SIM115
    else:
        to = open(path, "w", encoding="utf-8")  # noqa: SIM115
    with to:
        for _ in range(2):
            with PatientLines(to, lost) as stream:
                stream.write("nobody hears\n")
