"""What members are called: in the deployment file, or on chain; nothing but people's eyes goes by it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..formats.addresses import short_address

__all__ = ["MOST_BYTES", "NO_NAMES", "Names", "why_no_name", "why_no_names"]

MOST_BYTES = 32
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # characters with a width and without ink, which count as printable
_SHOWN = 14  # characters in a table, with an ellipsis among them


def why_no_name(name: str) -> str:
    """Why a member can't be called so; empty if it can."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return f"the name {name!r} isn't Unicode"
    if not 1 <= size <= MOST_BYTES:
        return f"the name {name[:40]!r} has {size} bytes"
    unseen = not name.isprintable() or name != name.strip() or any(c in _BLANK for c in name)
    if unseen or unicodedata.category(name[0])[0] == "M":
        return f"the name {name!r} has characters that nobody sees"
    if name.lower().startswith("0x"):
        return f"the name {name!r} looks like an address"
    return ""


def why_no_names(names: Iterable[str]) -> str:
    """The same of all names of a collective, among which no two look alike."""
    seen: dict[str, str] = {}
    for name in names:
        if why := why_no_name(name):
            return why
        alike = _folded(name)
        if alike in seen:
            return f"the names {seen[alike]!r} and {name!r} are alike"
        seen[alike] = name
    return ""


def _folded(name: str) -> str:
    """The same for names that look alike."""
    return unicodedata.normalize("NFKC", name).casefold()


def _said(word: bytes) -> str:
    """What a member said, text and then zeros; nothing where that is no name."""
    try:
        name = word.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return ""
    return "" if why_no_name(name) else name


@dataclass(frozen=True, slots=True)
class Names:
    """Names by checksummed address.

    They are other people's text. All of it is printable, and it is always shown beside the address, as a name proves
    nothing: the file could call anybody anything, and members may call themselves as others are called.

    Raises ValueError for names that can't be (:func:`why_no_name`).
    """

    by_address: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.by_address.values():
            if why := why_no_name(name):
                raise ValueError(why)

    @classmethod
    def of_founders(cls, by_address: Mapping[str, str]) -> Names:
        """Names as a founding may have them. Raises ValueError also where two are alike (:func:`why_no_names`)."""
        if why := why_no_names(by_address.values()):
            raise ValueError(why)
        return cls(by_address)

    def but_for(self, said: Mapping[str, bytes]) -> Names:
        """These, but for members that said on chain how they are to be called: by address, text and then zeros.

        Who said nothing, or what can't be a name, has none from then on.
        """
        called = {**self.by_address, **{address: _said(word) for address, word in said.items()}}
        return Names({address: name for address, name in called.items() if name})

    def distinct(self) -> Names:
        """Without those that are alike."""
        alike = Counter(map(_folded, self.by_address.values()))
        return Names({address: name for address, name in self.by_address.items() if alike[_folded(name)] == 1})

    def of(self, address: str) -> str:
        """The name, or nothing."""
        return self.by_address.get(address, "")

    def brief(self, address: str) -> str:
        """The beginning of the name alone; of who has none, the address so that it can be recognised."""
        name = self.of(address)
        return (name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…") or short_address(address)

    def short(self, address: str) -> str:
        """For tables: the beginning of the name, and the address so that it can be recognised."""
        return f"{self.brief(address)} {short_address(address)}" if self.of(address) else short_address(address)

    def full(self, address: str) -> str:
        """The whole address, and the name."""
        name = self.of(address)
        return f"{address} ({name})" if name else address


NO_NAMES = Names()
