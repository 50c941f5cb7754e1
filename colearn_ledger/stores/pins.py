"""What a store keeps on an IPFS daemon that others use, too: pins that are told apart by who wanted them.

A daemon has one pin for a CID, with one name, whoever asked for it: two collectives, or two nodes, that keep the same
content by that pin take it from each other. So each owner pins a small block of its own that says whose it is and links
to the content, which a recursive pin keeps with it. Nobody's pin is ever another's, and no memory is needed: the block
follows from the owner and the CID, and the pin's name has both for people (``ipfs pin ls --names -t recursive``).
"""

from __future__ import annotations

import base64
import hashlib
import re

__all__ = ["kept_cid", "pin_cid", "pin_name", "pinned_block"]

_CID_BYTES = 36  # version, codec, and a sha2-256 with its code and length
_MAX_OWNER = 180  # bytes; Kubo takes names of up to 255, and the CID comes behind


def pinned_block(owner: str, cid: str) -> bytes:
    """The block that keeps ``cid`` for ``owner``: ``{"owner": owner, "weights": link}`` as canonical DAG-CBOR."""
    name = owner.encode()
    if not 0 < len(name) <= _MAX_OWNER:
        raise ValueError(f"an owner's name has 1 to {_MAX_OWNER} bytes, not {len(name)}")
    link = b"\0" + _cid_bytes(cid)  # a CID within DAG-CBOR begins with a zero byte
    text = bytes([0x60 + len(name)]) if len(name) < 24 else bytes([0x78, len(name)])
    return b"\xa2\x65owner" + text + name + b"\x67weights\xd8\x2a\x58" + bytes([len(link)]) + link


def pin_cid(owner: str, cid: str) -> str:
    """The CID of that block, which is what is pinned."""
    digest = hashlib.sha256(pinned_block(owner, cid)).digest()
    return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode("ascii").rstrip("=").lower()


def pin_name(owner: str, cid: str) -> str:
    """What the pin is called."""
    return f"{owner}/{cid}"


def kept_cid(owner: str, pinned: str, name: str) -> str | None:
    """The CID that a pin keeps for ``owner``; None if it isn't one of its pins, whatever its name says."""
    cid = name.rpartition("/")[2]
    if name != pin_name(owner, cid) or not re.fullmatch(r"b[a-z2-7]{58}", cid):
        return None
    return cid if pin_cid(owner, cid) == pinned else None


def _cid_bytes(cid: str) -> bytes:
    data = base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))
    if len(data) != _CID_BYTES:
        raise ValueError(f"not a CID of version 1 with a sha2-256: {cid[:80]!r}")
    return data
