"""``colearn-ledger audit``: checks a collective's whole history, from endpoints, an address and a store alone."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AuditFailed, AuditIncomplete, ChainError, OutputError, UsageError
from ..formats.files import write_whole
from ..formats.urls import shown_url
from .across import add_across_options, read_across
from .export import learner_of
from .options import PLAN_S, add_collective_options, open_collective
from .progress import terminal_progress
from .scores import Scores
from .weights import add_store_options, lent, store_of, timeout_of

if TYPE_CHECKING:
    from ..audit.facts import Facts
    from ..audit.findings import Examination
    from ..chain.snapshot import Snapshot
    from ..core.protocol import WeightsRef
    from ..founding.names import Names
    from ..report.audit import Scored
    from ..report.audited_plans import AuditedPlan
    from ..stores.spec import StoreSpec
    from .progress import terminal_progress
from .options import Collective

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser, saved=True)
    add_store_options(parser, "endpoint, deployment, store and learner")
    add = parser.add_argument_group("what is checked").add_argument
    add("--records-only", action="store_true", help="the chain alone: no store is asked for weights")
    add("--rejected", action="store_true", help="rejected weights, too, which nobody has to keep")
    add("--learner", metavar="MODULE:FUNCTION", help="makes a learner that scores each accepted step on your own data")
    add("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the learner")
    add("--no-logs", action="store_true", help="storage alone, which a pruned node has, too; no events, so not all")
    add_across_options(add)
    add("--missing-ok", action="store_true", help="weights and events that can't be had don't make it incomplete")
    add = parser.add_argument_group("what is written").add_argument
    add("--state", type=Path, metavar="FILE", help="keeps what was verified, so that an audit goes on where it was")
    add("--json", action="store_true", help="the result as JSON on standard output, instead of text")
    add("--html", type=Path, metavar="FILE", help="a dossier to print, in one file")
    add("--facts", type=Path, metavar="FILE", help="write all that was read, for a verifier of your own")


def run(options: argparse.Namespace) -> int:
    """Exit code 0 only where all holds, and all could be had."""
    timeout_of(options)
    spec = learner_of(options)
    store = None if options.records_only else _store(options)
    if store is None and options.learner is not None:
        raise UsageError("--learner and --records-only together", expected="weights to score", fix="leave one out")
    where = open_collective(options)
    from ..audit.findings import Examination
    from ..report.audit import audit_page, audit_to_dict
    from ..report.audited_plans import read_plans

    exam, progress = Examination(), terminal_progress()
    facts = _read(options, where, progress)
    scores = Scores(spec) if spec is not None and store is not None else None
    _check(options, facts, exam, store, scores, progress)
    _compare(options, where, facts, exam, progress)
    if options.across is not None:
        _examine_link(options, where, exam)
    plans = read_plans(facts, where.find_plan_in(store, min(timeout_of(options), PLAN_S)), exam)
    progress("")
    scored = [] if scores is None else scores.scored
    names = where.read_names()
    if options.html is not None:
        _write_dossier(facts, exam, scored, names, plans, options.html)
    if options.json:
        json.dump(audit_to_dict(facts, exam, scored, names, plans), sys.stdout, indent=2, allow_nan=False)
        print()
    else:
        from ..report.terminal import printer

        show = printer()
        for line in audit_page(facts, exam, scored, names, plans):
            show(line)
    _judge(options, exam)
    return 0


def _read(options: argparse.Namespace, where: Collective, progress: Callable[[str], None]) -> Facts:
    from ..audit.read import read_facts

    def read(snapshot: Snapshot) -> Facts:
        return read_facts(
            snapshot,
            deployment=where.deployment,
            deployed_block=where.deployed_block,
            logs=not options.no_logs,
            progress=progress,
        )

    return where.read(read)


def _check(
    options: argparse.Namespace,
    facts: Facts,
    exam: Examination,
    store: StoreSpec | None,
    scores: Scores | None,
    progress: Callable[[str], None],
) -> None:
    from ..audit.examine import examine

    model = examine(facts, exam, progress)
    if store is not None:
        _weigh(options, facts, exam, store, {} if model is None else model.merged, scores, progress)
    if options.facts is not None:
        from ..audit.dump import write_facts

        write_facts(facts, options.facts)


def _compare(
    options: argparse.Namespace,
    where: Collective,
    facts: Facts,
    exam: Examination,
    progress: Callable[[str], None],
) -> None:
    """Where several endpoints are named: each of the others with what was read."""
    if len(where.urls) < 2:
        return
    from ..audit.compare import compare_facts
    from ..audit.read import read_facts
    from ..chain.contract import CollectiveContract
    from ..chain.endpoints import PATIENCE_S, connect

    for url in where.urls[1:]:
        name = shown_url(url)
        progress(name)
        try:
            web3 = connect([url], expected_chain_id=facts.chain_id, patience_s=PATIENCE_S / 4)
            contract = CollectiveContract(web3, facts.address)
            head = contract.fetch_head(facts.head.number)
            snapshot = contract.snapshot_at(head, facts.clock)
            logs = not options.no_logs
            other = read_facts(snapshot, deployed_block=where.deployed_block, logs=logs, receipts=False)
        except ChainError as e:
            exam.lacks("endpoints", None, f"what {name} shows", e.what)
        else:
            compare_facts(facts, other, name, exam)


def _examine_link(options: argparse.Namespace, where: Collective, exam: Examination) -> None:
    """Whether the collective goes on where the old one ended. The old one's own history is an audit of its own."""
    across = read_across(options, where)
    broken = across.link.broken()
    for one in broken:
        exam.wrong("succession", 0, one.field, one.what, one.expected, one.found)
    exam.checked["succession"] += not broken
    if across.missing:
        exam.lacks("succession", 0, "what the plan says of the old collective", across.missing)
    if across.link.named is None:
        why = "the old collective's members have agreed on none"
        exam.lacks("succession", None, "the old collective's word for its successor", why, allowed=True)


def _weigh(
    options: argparse.Namespace,
    facts: Facts,
    exam: Examination,
    store: StoreSpec,
    merged: Mapping[int, Sequence[tuple[int, WeightsRef]]],
    scores: Scores | None,
    progress: Callable[[str], None],
) -> None:
    from ..audit.verified import Verified
    from ..audit.weights import Weighing

    schema = "" if facts.deployment is None else json.dumps(facts.deployment.schema.to_json(), sort_keys=True)
    digest = hashlib.sha256(schema.encode()).hexdigest()[:16]
    verified = Verified(options.state, chain_id=facts.chain_id, address=facts.address, schema=digest)
    opened, forget = lent(store)
    weighing = Weighing(
        facts,
        exam,
        opened,
        timeout_s=options.timeout,
        verified=verified,
        forget=forget,
        everything=options.rejected,
        progress=progress,
        tested=None if scores is None else scores.add,
    )
    try:
        weighing.weigh(merged)
    finally:  # also after Ctrl-C
        verified.save()


def _write_dossier(
    facts: Facts,
    exam: Examination,
    scored: Sequence[Scored],
    names: Names,
    plans: Sequence[AuditedPlan],
    path: Path,
) -> None:
    from .. import __version__
    from ..report.dossier import dossier

    try:
        write_whole(path, "\n".join(dossier(facts, exam, scored, names=names, plans=plans, version=__version__)) + "\n")
    except OSError as e:
        raise OutputError(f"{path} can't be written: {e.strerror or e}", fix="check the folder and its disk") from e


def _judge(options: argparse.Namespace, exam: Examination) -> None:
    from ..report.audit import verdict

    if exam.findings:
        first = exam.findings[0]
        where = "" if first.round is None else f"round {first.round}, "
        raise AuditFailed(
            f"{verdict(exam)}; the first: {where}{first.field}: {first.what}",
            expected=first.expected,
            fix="ask other endpoints, and the members; the report lists all of them",
        )
    lacking = [one for one in exam.missing if not one.allowed]
    if lacking and not options.missing_ok:
        raise AuditIncomplete(
            f"all that could be checked holds, and {len(lacking)} things could not be had",
            expected=f"{lacking[0].what} ({lacking[0].why})",
            fix="name an endpoint or a store that has them, or say --missing-ok",
        )


def _store(options: argparse.Namespace) -> StoreSpec:
    if not any((options.ipfs, options.store_folder, options.config, options.run_folder)):
        raise UsageError(
            "no store is named that has the weights",
            expected="--ipfs ADDRESS, --store-folder DIR or --config FILE",
            fix="name one, or say --records-only: then the chain alone is checked",
        )
    return store_of(options)
