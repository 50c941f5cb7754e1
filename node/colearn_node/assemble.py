"""From settings to a node that is ready to run."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from colearn_ledger.chain.transactions import Sender
from colearn_ledger.ledger.submit import Submitter

from . import lock
from .check import Findings, look_up
from .crew import Crew
from .health import Health
from .log import Log
from .messages import Spec
from .narrator import Narrator
from .node import Node
from .settings import Config
from .tidy import Tidier
from .wake import News, Wake

if TYPE_CHECKING:
    from .metrics import Metrics

__all__ = ["assemble"]


def assemble(
    config: Config, *, dry_run: bool = False, rounds: int | None = None, until_round: int | None = None
) -> tuple[Node, IO[str] | None]:
    """A node that is ready to run, and the lock on its key, which must be kept as long as it runs.

    Raises the first thing that is wrong (ConfigError, KeyFileError, ChainError, ArtifactError, NotAMember, ...).
    """
    log = Log(as_json=config.log_format == "json", level=config.log_level)
    # First of all, so that a second node with the same key disturbs nothing.
    held = lock.hold(config.keystore) if config.keystore is not None and not dry_run else None
    found = look_up(config, dry_run=dry_run)
    submitter = _submitter(found)
    logging.getLogger("colearn_ledger").addHandler(_Forward(log))
    wake = Wake()
    log.info(
        "start",
        f"member {found.member} of {found.contract.address} on chain {found.contract.chain_id}"
        + ("" if submitter else ", dry run: nothing is sent"),
        member=found.member,
    )
    health = Health(config.poll_interval)
    metrics = _metrics(config, health, log)
    node = Node(
        found.contract,
        found.member,
        submitter,
        Crew(_spec(found), wake, log, grace_s=config.learner_grace),
        wake,
        Narrator(log, None if metrics is None else metrics.view),
        Tidier(found.contract, config.store_keep),
        health,
        news=None if config.ws is None else News(config.ws, wake, log),
        poll_interval=config.poll_interval,
        store_timeout=config.store_timeout,
        rounds=rounds,
        until_round=until_round,
    )
    return node, held


def _metrics(config: Config, health: Health, log: Log) -> Metrics | None:
    if config.metrics_listen is None:
        return None
    from .metrics import Metrics  # not loaded where it is off

    metrics = Metrics(config.metrics_listen, health)
    log.listener = metrics.event
    log.info("metrics", f"metrics on port {metrics.port}", port=metrics.port)
    return metrics


def _submitter(found: Findings) -> Submitter | None:
    if found.account is None or found.dry_run:
        return None
    cap = found.config.fee_cap
    return Submitter(Sender(found.contract, found.account, fee_cap=None if cap is None else int(cap * 10**9)))


def _spec(found: Findings) -> Spec:
    config = found.config
    assert config.learner_factory is not None
    return Spec(
        factory=config.learner_factory,
        options=config.learner_options,
        store_ipfs=config.store_ipfs,
        store_folder=config.store_folder,
        store_allow_remote=config.store_allow_remote,
        max_size=found.view.max_size,
        schema=found.deployment.schema,
        path=tuple(dict.fromkeys([str(config.folder), str(Path.cwd()), *sys.path])),
    )


class _Forward(logging.Handler):
    """What the library logs (a transaction that is stuck, funds that run low) becomes lines of the node's log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.warning("library", record.getMessage())
