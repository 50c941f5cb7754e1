"""The members' plan as a node has it: from beside its deployment file, or out of its store."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from colearn_ledger.errors import StoreError
from colearn_ledger.plan.document import Plan, plan_beside
from colearn_ledger.plan.finding import find_plan
from colearn_ledger.stores.base import ANYBODY, Store

from .settings import Config

__all__ = ["members_plan"]


def members_plan(config: Config, sha256: bytes, *, keep: bool) -> Plan:
    """The plan with this hash; ``keep``: the store has it from then on, so that others find it by this member, too.

    Raises StoreError where it can't be had, ConfigError where it is none.
    """
    spec = replace(config.store, owner=ANYBODY)
    assert config.deployment is not None, "it is a setting that is needed"
    with contextlib.ExitStack() as stack:

        def opened() -> Store:
            store = spec.open()
            stack.callback(getattr(store, "close", lambda: None))
            return store

        plan = find_plan(sha256, (plan_beside(config.deployment),), opened, deadline_s=config.store_timeout)
        if keep:
            with contextlib.suppress(StoreError):  # it is there for this member all the same
                opened().put(plan.to_bytes())
    return plan
