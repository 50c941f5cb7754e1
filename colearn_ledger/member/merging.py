"""A training's contributions pulled and merged: into files, so that memory doesn't grow with their number."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..core.merge.claim import LeftOut
from ..core.merge.contributions import Basis, Mergeable
from ..core.merge.merging import merge_to, merge_what_changes
from ..core.merge.rules import Rule
from ..core.protocol import WeightsRef
from ..core.weights import check_head, laid_out
from ..errors import InvalidWeights, StoreError, UnavailableWeights
from ..stores.base import Store
from .mapped import mapped

__all__ = ["MergedBytes", "Pulled", "merge_contributed", "pull_contributed"]

_AT_ONCE = 8  # pulls: one that nobody has keeps no other waiting


@dataclass(frozen=True, slots=True)
class MergedBytes:
    """What came of it.

    Attributes
    ----------
    data: the merge's canonical bytes, in a file without a name that lives as long as this; None where nothing could be
        merged.
    weights: their name, likewise.
    merged: the seats whose contributions were counted, each with what it contributed.
    left_out: the other seats that contributed, and why they don't count.
    why: of those that can't be had or are invalid, for people.
    """

    data: memoryview | None
    weights: WeightsRef | None
    merged: tuple[tuple[int, WeightsRef], ...]
    left_out: dict[int, LeftOut]
    why: dict[int, str]


@dataclass(frozen=True, slots=True)
class Pulled:
    """Contributions that were pulled: those that are ``good``, and why the others, by their seats, are not."""

    good: list[Mergeable]
    left_out: dict[int, LeftOut]
    why: dict[int, str]


def merge_contributed(
    store: Store,
    basis: Basis,
    rule: Rule,
    offered: Sequence[tuple[int, WeightsRef]],
    *,
    parent_size: int,
    parent: bytes | None = None,
    before: WeightsRef | None = None,
    deadline_s: float | None = None,
) -> MergedBytes:
    """Pull contributions, check each, and merge those that are good.

    Parameters
    ----------
    basis: their parent; ``parent_size``: of its bytes.
    offered: each by its seat, as the contract has them.
    parent: sha256 of the parent, to leave out what it takes for the merge to be another; None merges all that is good,
        whatever comes of it.
    before: what was accepted before the parent, for the rule that takes it; None if nothing was.
    deadline_s: seconds that pulling may take; what can't be had until then is left out.

    Raises
    ------
    UnavailableWeights: what was accepted before can't be had.
    StoreError: the store or the disk can't be used, which says nothing about anybody's contribution.
    """
    end = None if deadline_s is None else time.monotonic() + deadline_s
    with pull_contributed(store, basis, offered, parent_size=parent_size, deadline_s=deadline_s) as pulled:
        if not pulled.good:
            return MergedBytes(None, None, (), pulled.left_out, pulled.why)
        with _on_disk(), contextlib.ExitStack() as held, tempfile.TemporaryFile() as file:
            left_s = None if end is None else max(end - time.monotonic(), 0.0)
            earlier = None if before is None else held.enter_context(_earlier(store, basis, before, left_s))

            def merge(good: Sequence[Mergeable]) -> WeightsRef:
                file.seek(0)
                file.truncate()
                return merge_to(file.write, basis, rule, good, before=earlier)

            if parent is None:
                weights, counted = merge(pulled.good), tuple(pulled.good)
            else:
                weights, counted, cancelling = merge_what_changes(basis, pulled.good, parent, merge)
                pulled.left_out.update({one.seat: LeftOut.CANCELS for one in cancelling})
            file.flush()
            data = mapped(file, weights.size)
        return MergedBytes(data, weights, tuple((one.seat, one.ref) for one in counted), pulled.left_out, pulled.why)


@contextlib.contextmanager
def pull_contributed(
    store: Store,
    basis: Basis,
    offered: Sequence[tuple[int, WeightsRef]],
    *,
    parent_size: int,
    deadline_s: float | None = None,
) -> Iterator[Pulled]:
    """Contributions out of the store, those that are good in mapped files until the end; all as for the merge."""
    end = None if deadline_s is None else time.monotonic() + deadline_s
    found = Pulled([], {}, {})
    first: dict[bytes, int] = {}
    for seat, ref in sorted(offered):
        if first.setdefault(ref.sha256, seat) != seat:
            found.left_out[seat] = LeftOut.EQUAL
    with _folder() as folder:

        def pull(one: tuple[int, WeightsRef]) -> Mergeable:
            seat, ref = one
            basis.schema.check_size(ref.size, parent_size)
            path = Path(folder, str(seat))
            left_s = None if end is None else max(end - time.monotonic(), 0.0)
            check = partial(check_head, size=ref.size, schema=basis.schema)
            store.get_to(path, ref, deadline_s=left_s, check_head=check)
            return basis.check(seat, ref, _mapped(path, ref.size))

        wanted = [one for one in sorted(offered) if one[0] not in found.left_out]
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            pulls = [beside.submit(pull, one) for one in wanted]
            for (seat, _), pulled in zip(wanted, pulls, strict=True):
                try:
                    found.good.append(pulled.result())
                except UnavailableWeights as e:
                    found.left_out[seat], found.why[seat] = LeftOut.UNAVAILABLE, e.what
                except InvalidWeights as e:
                    found.left_out[seat], found.why[seat] = LeftOut.INVALID, e.what
                except StoreError:
                    raise
                except OSError as e:
                    raise _disk(e) from e
        yield found


@contextlib.contextmanager
def _earlier(store: Store, basis: Basis, ref: WeightsRef, deadline_s: float | None) -> Iterator[memoryview]:
    """Weights that were accepted, in a mapped file."""
    with _folder() as folder:
        path = Path(folder, "before")
        try:
            basis.schema.check_size(ref.size)
            check = partial(check_head, size=ref.size, schema=basis.schema)
            store.get_to(path, ref, deadline_s=deadline_s, check_head=check)
        except UnavailableWeights as e:
            e.what = f"the weights that were accepted before can't be had: {e.what}"
            raise
        mapped = _mapped(path, ref.size)
        laid_out(mapped, basis.schema)  # whoever has accepted them: nothing else is merged
        yield mapped


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """A temporary one. Raises StoreError where none can be made."""
    with _on_disk():
        made = tempfile.TemporaryDirectory(prefix="colearn-merge-")
    with made as folder:
        yield folder


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except StoreError:  # it has said what it is
        raise
    except OSError as e:
        raise _disk(e) from e


def _disk(error: OSError) -> StoreError:
    return StoreError(
        f"what is merged can't be written to {tempfile.gettempdir()}: {error.strerror or error}",
        expected="room for everybody's contributions, and the merge",
        fix="make room, or name another folder by TMPDIR",
    )


def _mapped(path: Path, size: int) -> memoryview:
    with open(path, "rb") as file:
        return mapped(file, size)
