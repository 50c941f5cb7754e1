"""From settings to a node that is ready to run."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator

from colearn_ledger.chain.quorum import Quorum
from colearn_ledger.chain.transactions import Sender, Sending, Starter
from colearn_ledger.founding.names import Names
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.member.submit import Submitter
from colearn_ledger.plan.comparing import differences

from . import lock
from .agreed import Agreed, Compared
from .agreements import ChainAgreements
from .beside import Beside
from .check import Findings
from .funds import FundsWatch, RoundFunds
from .heads import HeadSubscription
from .health import Health
from .ledger import ChainLedger
from .log import Log, columns_of
from .node import Node
from .output import PatientLines
from .reporter import Reporter
from .retention import Retention
from .settings import Config
from .start import Start, say_funds, wait_for_chain
from .wakeup import Wake
from .worker.messages import CheckpointSpec, Spec
from .worker.supervisor import WorkerSupervisor

__all__ = ["assembled"]

_FIRST_NAMES_S = 5.0  # a start doesn't wait longer for them, however long the history is


@contextlib.contextmanager
def assembled(
    config: Config,
    start: Start | None = None,
    *,
    dry_run: bool = False,
    rounds: int | None = None,
    until_round: int | None = None,
    names_s: float = 60.0,
) -> Iterator[Node]:
    """A node that is ready to run. While it is there, its key is locked.

    ``start``: told to leave, the node is; also while it is waited for the chain. ``names_s``: seconds between two looks
    whether members are called otherwise.

    Raises the first thing that only a person can mend (ConfigError, KeyFileError, WrongChain, ArtifactError,
    NotAMember), and ToldToLeave.
    """
    start = start or Start()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(patient_log(config))
        stack.enter_context(_forwarded(log))
        wake, health = start.wake, Health(config.poll_interval)
        metrics = None
        if config.metrics_listen is not None:
            from .metrics import Metrics  # not loaded where it is off

            metrics = stack.enter_context(contextlib.closing(Metrics(config.metrics_listen, health)))
            log.listener = metrics.line
            log.info("metrics", f"metrics on port {metrics.port}", port=metrics.port)
        findings = Findings(config, dry_run)
        findings.read_deployment()
        findings.open_key()
        log.who = findings.who
        if findings.account is not None and not dry_run:
            # Before anything else is done with it, so that a second node with the same key disturbs nothing.
            stack.enter_context(
                lock.hold(findings.account.address, config.keystore, collective=findings.deployment.identity)
            )
        if readable := findings.readable_by_others():
            log.warning("key", readable)
        wait_for_chain(findings, start, log, health, poll_interval=config.poll_interval)
        say_funds(findings, log)
        if metrics is not None and findings.account is not None:
            funds = RoundFunds(findings.contract, findings.account.address, findings.deployment.block)
            stack.enter_context(contextlib.closing(FundsWatch(funds.fetch, metrics.funds)))
        ledger = ChainLedger(findings.contract, findings.member, _submitter(findings), quorum=_quorum(findings))
        reporter = Reporter(log, metrics, findings.names)
        named = stack.enter_context(contextlib.closing(_names_watch(findings, log, reporter, names_s)))
        named.wait_first(_FIRST_NAMES_S)
        who, contract = findings.names.full(findings.member), findings.contract
        log.info(
            "start",
            f"member {who} of {contract.address} on chain {contract.chain_id}"
            + ("" if ledger.sends else ", dry run: nothing is sent"),
            member=findings.member,
        )
        heads = None
        if config.ws is not None:
            heads = stack.enter_context(contextlib.closing(HeadSubscription(config.ws, wake, log)))
        node = Node(
            ledger,
            WorkerSupervisor(_spec(findings), wake, log, grace_s=config.learner_grace, hang_s=config.learner_hang),
            wake,
            reporter,
            Retention(
                ledger, config.store_keep, config.store_limit_bytes, contributions=config.store_keep_contributions
            ),
            health,
            heads=heads,
            poll_interval=config.poll_interval,
            store_timeout=config.store_timeout,
            endpoint_lag=config.endpoint_lag,
            verify_merge=config.verify_merge,
            rounds=rounds,
            until_round=until_round,
            agreed=_agreed(findings, reporter, wake),
        )
        start.becomes(node)
        yield node


def _submitter(findings: Findings) -> Submitter[Sending] | None:
    if findings.account is None or findings.dry_run:
        return None
    cap = findings.config.fee_cap
    sender = Sender(findings.contract, findings.account, fee_cap=None if cap is None else int(cap * 10**9))
    return Submitter(Starter(sender), publish_scores=findings.config.publish_scores)


def _names_watch(findings: Findings, log: Log, reporter: Reporter, every_s: float) -> Beside[Names]:
    on_chain = findings.names_on_chain

    def tell(names: Names) -> None:
        findings.names = names
        log.who = findings.who
        reporter.named(names, on_chain.problem)

    return Beside(lambda: on_chain.read(findings.contract.snapshot()), tell, every_s=every_s)


def _quorum(findings: Findings) -> Quorum | None:
    config = findings.config
    return Quorum(findings.contract, config.quorum, lag=config.endpoint_lag) if config.quorum > 1 else None


def _agreed(findings: Findings, reporter: Reporter, wake: Wake) -> Agreed:
    config, schema = findings.config, findings.deployment.schema

    def compare(sha256: bytes) -> Compared:
        plan = findings.find_plan(sha256)
        return Compared(plan, differences(plan, config.learner, schema.base))

    return Agreed(
        ChainAgreements(findings.contract, findings.deployment.block),
        compare,
        reporter,
        wake,
        strict=config.plan == "refuse",
        follow=None if config.follow is None else load_deployment(config.follow),
    )


def _spec(findings: Findings) -> Spec:
    return Spec(
        learner=findings.config.learner.elsewhere(),
        store=findings.store,
        max_size=findings.view.max_size,
        schema=findings.deployment.schema,
        keep_contributions=findings.config.store_keep_contributions,
        checkpoints=_checkpoints(findings),
    )


def _checkpoints(findings: Findings) -> CheckpointSpec | None:
    """A file for each member and collective: several nodes may share a folder."""
    every_s, who = findings.config.learner_checkpoint, f"{findings.member.lower()} {findings.deployment.identity}"
    if not every_s:
        return None
    name = hashlib.sha256(who.encode()).hexdigest()[:16]
    return CheckpointSpec(findings.config.folder / "checkpoints" / f"{name}.training", every_s)


@contextlib.contextmanager
def patient_log(config: Config) -> Iterator[Log]:
    """The node's log on standard error, which waits for no reader; what was not written by its end is."""
    shape = Log(as_json=config.log_format == "json")

    def lost(count: int) -> str:
        text = f"{count} lines of the log were lost: nobody read them in time"
        return shape.line("warning", "lost", text, {"lines": count})

    with PatientLines(sys.stderr, lost) as stream:
        as_json = config.log_format == "json"
        yield Log(as_json=as_json, level=config.log_level, to=stream, columns=lambda: columns_of(sys.stderr))


class _Forward(logging.Handler):
    """What libraries log and warn of (a transaction that is stuck, funds that run low) becomes lines of the log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._log.warning("library", record.getMessage())
        except Exception:  # a format that doesn't fit its arguments is no reason to fail where something is logged
            self._log.warning("library", str(record.msg))


@contextlib.contextmanager
def _forwarded(log: Log) -> Iterator[None]:
    """Whatever a library says goes through the log, so that each line of it is one; also when a thread dies."""

    def warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        log.warning("library", f"{category.__name__}: {message}")

    def died(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            lines = traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)
            log.error("trace", "".join(lines).rstrip())

    logger, handler, before = logging.getLogger(), _Forward(log), threading.excepthook
    logger.addHandler(handler)
    threading.excepthook = died
    with warnings.catch_warnings():
        warnings.showwarning = warn
        try:
            yield
        finally:
            threading.excepthook = before
            logger.removeHandler(handler)
