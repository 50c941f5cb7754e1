"""``colearn-ledger audit``: checks a collective's whole history, from endpoints, an address and a store alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AuditFailed, AuditIncomplete, UsageError
from .options import add_collective_options, open_collective
from .weights import add_store_options, store_of, timeout_of

if TYPE_CHECKING:
    from ..audit.facts import Facts
    from ..audit.findings import Examination
    from ..chain.snapshot import Snapshot
    from ..stores.spec import StoreSpec
    from .options import Collective

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser)
    add_store_options(parser, "endpoint, deployment and store")
    add = parser.add_argument_group("what is checked").add_argument
    add("--records-only", action="store_true", help="the chain alone: no store is asked for weights")
    add("--no-logs", action="store_true", help="storage alone, which a pruned node has, too; no events, so not all")
    add("--missing-ok", action="store_true", help="weights and events that can't be had don't make it incomplete")
    add = parser.add_argument_group("what is written").add_argument
    add("--json", action="store_true", help="the result as JSON on standard output, instead of text")
    add("--facts", type=Path, metavar="FILE", help="write all that was read, for a verifier of your own")


def run(options: argparse.Namespace) -> int:
    """Exit code 0 only where all holds, and all could be had."""
    timeout_of(options)
    store = None if options.records_only else _store(options)
    where = open_collective(options)
    from ..audit.findings import Examination
    from ..report.audit import audit_page, audit_to_dict

    exam, progress = Examination(), _progress()
    facts = _read(options, where, progress)
    _check(options, where, facts, exam, store, progress)
    progress("")
    if options.json:
        json.dump(audit_to_dict(facts, exam), sys.stdout, indent=2, allow_nan=False)
        print()
    else:
        from ..report.terminal import printer

        show = printer()
        for line in audit_page(facts, exam):
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
    where: Collective,
    facts: Facts,
    exam: Examination,
    store: StoreSpec | None,
    progress: Callable[[str], None],
) -> None:
    from ..audit.examine import examine

    examine(facts, exam, progress)
    if options.facts is not None:
        from ..audit.dump import write_facts

        write_facts(facts, options.facts)


def _judge(options: argparse.Namespace, exam: Examination) -> None:
    if exam.findings:
        first = exam.findings[0]
        where = "" if first.round is None else f"round {first.round}, "
        raise AuditFailed(
            f"{len(exam.findings)} things don't hold; the first: {where}{first.field}: {first.what}",
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
    if options.ipfs is None and options.store_folder is None and options.config is None:
        raise UsageError(
            "no store is named that has the weights",
            expected="--ipfs ADDRESS, --store-folder DIR or --config FILE",
            fix="name one, or say --records-only: then the chain alone is checked",
        )
    return store_of(options)


def _progress() -> Callable[[str], None]:
    """Shows on a terminal what is done, on one line that is written again and again."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
