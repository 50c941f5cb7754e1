"""The merge once more, from ``docs/merge.md`` alone: in Python's integers and fractions, one number after the other.

It reads and writes the files by itself, knows nothing of numpy, and is slow. ``python -m tests.kit.merging`` writes the
test vectors anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

__all__ = ["RULES", "VECTORS", "TooLarge", "digest", "merged", "numbers", "vectors", "written"]

VECTORS = Path(__file__).resolve().parents[1] / "core" / "merge" / "vectors.json"
RULES = ("mean", "clipped-mean", "median", "trimmed-mean", "momentum")

# Significand with the hidden bit, the exponent of the smallest number, bytes.
FLOATS = {"F64": (53, -1074, 8), "F32": (24, -149, 4), "BF16": (8, -133, 2), "F16": (11, -24, 2)}
INTEGERS = {"U64": "Q", "I64": "q", "U32": "I", "I32": "i", "U16": "H", "I16": "h", "U8": "B", "I8": "b", "BOOL": "B"}
ORDER = ["U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "I8", "U8", "BOOL"]


class TooLarge(Exception):
    """A contribution has a number that can't be merged; the argument is its place."""


def number_of(bits: int, dtype: str) -> Fraction:
    precision, least, size = FLOATS[dtype]
    sign, bits = bits >> (8 * size - 1), bits & ((1 << (8 * size - 1)) - 1)
    field, rest = bits >> (precision - 1), bits & ((1 << (precision - 1)) - 1)
    value = Fraction(rest, 1) if field == 0 else Fraction(rest + (1 << (precision - 1)), 1)
    value *= Fraction(2) ** (least + max(field - 1, 0))
    return -value if sign else value


def bits_of(value: Fraction, dtype: str) -> int:
    """The nearest float's bits, half to even; past the largest, that one; never negative zero."""
    precision, least, size = FLOATS[dtype]
    if value == 0:
        return 0
    unit = max(exponent(value) - precision, least)
    whole = round(abs(value) / Fraction(2) ** unit)  # Python rounds half to even
    if whole == 0:
        return 0
    if whole == 1 << precision:
        whole, unit = whole >> 1, unit + 1
    field = unit - least + 1 if whole >> (precision - 1) else 0
    largest = (1 << (8 * size - 1)) - (1 << (precision - 1)) - 1
    bits = min((field << (precision - 1)) + (whole & ((1 << (precision - 1)) - 1)), largest)
    return bits | (1 << (8 * size - 1) if value < 0 else 0)


def exponent(value: Fraction) -> int:
    """e of 2**(e-1) <= |value| < 2**e; 0 of zero."""
    value = abs(value)
    if value == 0:
        return 0
    e = value.numerator.bit_length() - value.denominator.bit_length()
    while Fraction(2) ** e <= value:
        e += 1
    while Fraction(2) ** (e - 1) > value:
        e -= 1
    return e


class File:
    """Weights' bytes, taken apart: each leaf's values as a list, by its place."""

    def __init__(self, data: bytes) -> None:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        self.tree = json.loads(header.pop("__metadata__")["colearn-weights-1"])
        self.shapes: dict[str, tuple[str, list[int]]] = {}
        self.values: dict[str, list[Any]] = {}
        for place, entry in header.items():
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            dtype = entry["dtype"]
            kind = "QIH"[[8, 4, 2].index(FLOATS[dtype][2])] if dtype in FLOATS else INTEGERS[dtype]
            count = (end - begin) // struct.calcsize("<" + kind)
            self.shapes[place] = dtype, entry["shape"]
            self.values[place] = list(struct.unpack(f"<{count}{kind}", data[begin:end]))
        _walk(self.tree, "", self._scalar)

    def _scalar(self, place: str, value: Any) -> Any:
        if place not in self.shapes:
            self.values[place] = [value]
        return value

    def is_float(self, place: str) -> bool:
        return self.dtype(place) in FLOATS

    def dtype(self, place: str) -> str:
        if place in self.shapes:
            return self.shapes[place][0]
        return "F64" if type(self.values[place][0]) is float else type(self.values[place][0]).__name__

    def fractions(self, place: str) -> list[Fraction]:
        if place in self.shapes:
            return [number_of(bits, self.dtype(place)) for bits in self.values[place]]
        return [Fraction(value) for value in self.values[place]]


def _walk(tree: Any, place: str, scalar: Callable[[str, Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {
            key: _walk(child, f"{place}/{key.replace('~', '~0').replace('/', '~1')}", scalar)
            for key, child in tree.items()
        }
    if isinstance(tree, list):
        if tree[0] in ("array", "scalar", "bytes"):
            scalar(place, None)
            return tree
        return [tree[0], *(_walk(child, f"{place}/{i}", scalar) for i, child in enumerate(tree[1:]))]
    return scalar(place, tree)


def written(tree: Any, shapes: dict[str, tuple[str, list[int]]], values: dict[str, list[Any]]) -> bytes:
    text = _walk(tree, "", lambda place, old: values[place][0] if place in values and place not in shapes else old)
    metadata = json.dumps(text, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    header: dict[str, Any] = {"__metadata__": {"colearn-weights-1": metadata}}
    data = b""
    for place in sorted(shapes, key=lambda p: (ORDER.index(shapes[p][0]), p)):
        dtype, shape = shapes[place]
        kind = "QIH"[[8, 4, 2].index(FLOATS[dtype][2])] if dtype in FLOATS else INTEGERS[dtype]
        part = struct.pack(f"<{len(values[place])}{kind}", *values[place])
        header[place] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    return len(encoded).to_bytes(8, "little") + encoded + data


def merged(
    rule: str, roles: dict[str, Any], contributions: Sequence[tuple[int, bytes]], parent: bytes, before: bytes | None
) -> bytes:
    """``roles``: as in a schema's JSON."""
    counted: dict[bytes, bytes] = {}
    for _, data in sorted(contributions):
        counted.setdefault(hashlib.sha256(data).digest(), data)
    files = [File(data) for data in counted.values()]
    base = File(parent)
    earlier = None if before is None else File(before)
    ks = {place: _k(base, place, roles.get(place)) for place in base.values if base.is_float(place)}
    for file in files:
        for place, k in ks.items():
            if place not in roles and any(abs(x) >= Fraction(2) ** (56 - k) for x in file.fractions(place)):
                raise TooLarge(place)
    if len(files) == 1:
        return next(iter(counted.values()))
    factors = _factors(files, base, {p: k for p, k in ks.items() if p not in roles})
    values = {}
    for place, was in base.values.items():
        role = roles.get(place)
        if role == "local" or was == [None]:
            values[place] = was
        elif place not in ks:
            columns = zip(*(file.values[place] for file in files), strict=True)
            values[place] = [sorted(column)[(len(files) - 1) // 2] for column in columns]
        else:
            values[place] = _floats(rule, role, place, ks[place], files, base, earlier, factors)
    return written(base.tree, base.shapes, values)


def _k(base: File, place: str, role: Any) -> int:
    e = exponent(max(map(abs, base.fractions(place)), default=Fraction(0)))
    if isinstance(role, dict):
        e = max(e, exponent(Fraction(role["bounded"])))
    return 40 - e


def numbers(values: Sequence[Fraction], k: int) -> list[int]:
    return [round(value * Fraction(2) ** k) for value in values]


def _factors(files: Sequence[File], base: File, scored: dict[str, int]) -> list[Fraction]:
    """What each step is multiplied by."""
    lengths = []
    for file in files:
        length = Fraction(0)
        for place, k in scored.items():
            now, was = numbers(file.fractions(place), k), numbers(base.fractions(place), k)
            steps = [a - b for a, b in zip(now, was, strict=True)]
            for start in range(0, len(steps), 8192):
                run = steps[start : start + 8192]
                shift = max(max(map(abs, run)).bit_length() - 20, 0)
                length += sum((step >> shift) ** 2 for step in run) * Fraction(4) ** (shift - k)
        lengths.append(length)
    middle = sorted(lengths)[(len(lengths) - 1) // 2]
    found = []
    for length in lengths:
        share = Fraction(1) if length <= middle else middle / length
        found.append(Fraction(math.isqrt(math.floor(share * (1 << 60))), 1 << 30))
    return found


def _floats(
    rule: str,
    role: Any,
    place: str,
    k: int,
    files: Sequence[File],
    base: File,
    earlier: File | None,
    factors: Sequence[Fraction],
) -> list[Any]:
    parent = base.fractions(place)
    ps = numbers(parent, k)
    rows = [numbers(file.fractions(place), k) for file in files]
    gs = ps if earlier is None else numbers(earlier.fractions(place), k)
    found: list[Any] = []
    for i, p in enumerate(ps):
        column = [row[i] for row in rows]
        n = len(column)
        if rule in ("median", "trimmed-mean"):
            cut = (n - 1) // 2 if rule == "median" else n // 4
            kept = sorted(column)[cut : n - cut]
            value = round(Fraction(sum(kept), len(kept)))
        elif rule == "clipped-mean" and role is None:
            steps = [
                x - p if f == 1 else math.floor((x - p) * f + Fraction(1, 2))
                for x, f in zip(column, factors, strict=True)
            ]
            value = p + round(Fraction(sum(steps), n))
        else:
            value = round(Fraction(sum(column), n))
            if rule == "momentum" and earlier is not None:
                value += round(Fraction(p - max(-(2**56), min(2**56, gs[i])), 2))
        bits = bits_of(value / Fraction(2) ** k, base.dtype(place))
        if role is not None:
            bits = _within(bits, parent[i], role["bounded"], base.dtype(place))
        found.append(bits if place in base.shapes else struct.unpack("<d", struct.pack("<Q", bits))[0])
    return found


def _within(bits: int, was: Fraction, rise: float, dtype: str) -> int:
    largest = number_of((1 << (8 * FLOATS[dtype][2] - 1)) - (1 << (FLOATS[dtype][0] - 1)) - 1, dtype)
    top = Fraction(float(was) + rise) if float(was) + rise < math.inf else largest
    top = number_of(bits_of(min(top, largest), dtype), dtype)
    return bits_of(min(max(number_of(bits, dtype), was), top), dtype)


def digest(merged: Sequence[tuple[int, str, int]]) -> str:
    """Of (seat, sha256, size): the first 188 bits, as 47 hexadecimal digits."""
    told = b"colearn merge 1"
    for seat, sha256, size in sorted(merged):
        told += bytes([seat]) + bytes.fromhex(sha256) + size.to_bytes(8, "big")
    return hashlib.sha256(told).hexdigest()[:47]


def _cases() -> list[dict[str, Any]]:
    """Inputs: seats, each with bits of the leaves of one small tree, and the parent's."""
    import random

    rng = random.Random(1)
    cases = []
    for number in range(12):
        dtypes = [list(FLOATS)[number % 4], "I16", "U64", "BOOL"]
        shapes = {f"/{d}": (d, [3]) for d in dtypes}
        tree = {d: ["array"] for d in dtypes} | {"x": 0.5, "n": 3}

        def some(spread: int, dtypes: list[str] = dtypes) -> dict[str, list[Any]]:
            values: dict[str, list[Any]] = {"/x": [rng.uniform(-1, 1)], "/n": [rng.randrange(-9, 9)]}
            for d in dtypes:
                if d in FLOATS:
                    near = [Fraction(rng.randrange(-(1 << 30), 1 << 30), 1 << (30 + spread)) for _ in range(3)]
                    values[f"/{d}"] = [bits_of(x, d) for x in near]
                else:
                    low, high = {"I16": (-(1 << 15), 1 << 15), "U64": (0, 1 << 64), "BOOL": (0, 2)}[d]
                    values[f"/{d}"] = [rng.randrange(low, high) for _ in range(3)]
            return values

        spread = [0, 0, 0, 0, 20, 120, 120, 12][number % 8]
        parent, before = (written(tree, shapes, some(spread)) for _ in range(2))
        seats = sorted(rng.sample(range(64), [1, 2, 3, 4, 5, 8][number % 6]))
        given = [(seat, written(tree, shapes, some(spread - 3 * (seat % 5 == 0)))) for seat in seats]
        if number % 3 == 2:
            given.append((next(s for s in range(64) if s not in seats), given[0][1]))
        cases.append({"contributions": given, "parent": parent, "before": before if number % 2 else None})
    return cases


def vectors() -> dict[str, Any]:
    cases = []
    for case in _cases():
        given, parent, before = case["contributions"], case["parent"], case["before"]
        told = [(seat, hashlib.sha256(data).hexdigest(), len(data)) for seat, data in given]
        first = {sha: seat for seat, sha, _ in sorted(told, reverse=True)}
        cases.append(
            {
                "parent": parent.hex(),
                "before": None if before is None else before.hex(),
                "contributions": {str(seat): data.hex() for seat, data in sorted(given)},
                "merged_seats": sorted(first.values()),
                "digest": digest([one for one in told if first[one[1]] == one[0]]),
                "sha256": {rule: hashlib.sha256(merged(rule, {}, given, parent, before)).hexdigest() for rule in RULES},
            }
        )
    return {"format": "colearn-merge-1", "cases": cases}


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{VECTORS}\n")
