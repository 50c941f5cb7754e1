"""How a chain fails, seen from web3: the one place where its exceptions become this package's.

What isn't listed here is no failure of a chain, and goes on as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from web3.exceptions import Web3Exception

from ..errors import ChainError, ColearnError

__all__ = ["FAILURES", "REFUSALS", "Refused", "reaching"]

# What an endpoint may answer where something is asked for that it doesn't have, or won't do. ValueError: also in
# answers that aren't what was asked for.
REFUSALS = (Web3Exception, ValueError)
# What may be raised when a chain is asked for anything: it refuses, or can't be reached (a ChainError is an OSError).
FAILURES = (*REFUSALS, OSError)


class Refused(ChainError):
    """The endpoint won't answer a call, which may be too dear for it; it said nothing that the contract says."""


@contextlib.contextmanager
def reaching(
    doing: str, *, fix: str = "check that the endpoint is reachable and synced", kind: type[ChainError] = ChainError
) -> Iterator[None]:
    """In this block a chain is asked for something, and its failures are raised as ``kind``.

    Parameters
    ----------
    doing: what can't be done then, for people: ``read the view``.
    fix: what they can do about it.
    kind: the class to raise.

    This package's own errors say better already what is wrong, and pass as they are.
    """
    try:
        yield
    except ColearnError:
        raise
    except FAILURES as e:
        raise kind(f"could not {doing}: {e}", fix=fix) from e
