"""The plan by its hash: beside the deployment file, or in the store, whichever has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigError, InvalidWeights, StoreError
from ..stores.base import Store
from .document import Plan, plan_of, read_plan

__all__ = ["find_plan"]


def find_plan(
    sha256: bytes, files: tuple[Path, ...], store: Callable[[], Store] | None, *, deadline_s: float | None = None
) -> Plan:
    """The plan that the contract names.

    Parameters
    ----------
    files: where it may be; one that isn't there, or has another plan in it, is passed over.
    store: opens the store that it was published in; None where there is none to ask.

    Raises
    ------
    StoreError: none of them has it now.
    ConfigError: what has this hash is no plan.
    """
    why = []
    for path in files:
        if not path.exists():
            continue
        try:
            plan = read_plan(path)
        except ConfigError as e:
            why.append(e.what)
            continue
        if plan.sha256 == sha256:
            return plan
        why.append(f"{path} is another plan, whose sha256 is {plan.sha256.hex()}")
    if store is not None:
        try:
            data = store().get_small(sha256, deadline_s=deadline_s)
        except (StoreError, InvalidWeights) as e:
            why.append(e.what)
        else:
            return plan_of(data, f"what the members agreed on as their plan, sha256 {sha256.hex()},")
    raise StoreError(
        f"the plan that the members agreed on can't be had: {'; '.join(why) or 'no file and no store is named'}",
        expected=f"a plan whose sha256 is {sha256.hex()}, as on chain",
        fix="ask another member for the file, or to publish it (colearn-ledger plan publish)",
    )
