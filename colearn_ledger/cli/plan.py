"""``colearn-ledger plan``: what members agree on besides the shape of weights, as a file; written, compared, shown."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, OutputError, UsageError
from ..formats.files import write_whole
from .export import learner_of
from .options import add_collective_options, open_collective
from .weights import add_store_options, store_of, timeout_of

if TYPE_CHECKING:
    from ..learners.loading.factory import LearnerSpec
    from ..plan.document import Plan

__all__ = ["add_options", "run"]

_HEAD = """\
# What the members of a collective agree on besides the shape of the weights. Complete it: the data contract (a text,
# data = "…", or a table, [data]), a target ([target] with metric and value), a text.
# Options named in learner.own are each member's own; all others have to be these, and there are no further ones.

"""


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    text = "write a plan from a learner: its options, its code's hash, its base model, how it votes"
    new = actions.add_parser("new", help=text, description=text)
    new.set_defaults(act=_new)
    _add_learner_options(new)
    add = new.add_argument
    text = "an option that each member sets for itself, such as where its data is; may be given several times"
    add("--own", action="append", default=[], metavar="NAME", help=text)
    text = "a top-level module whose source is hashed (default: the learner's); may be given several times"
    add("--module", action="append", default=[], metavar="NAME", help=text)
    add("--target", type=float, metavar="SCORE", help="mean of published scores at which the model is good enough")
    add("--metric", metavar="NAME", help="what the target is a value of, for people")
    add("-o", "--output", type=Path, default=Path("plan.toml"), metavar="FILE", help="default: %(default)s")
    add("--force", action="store_true", help="replace a file of that name")

    text = "compare your own learner with a plan, field by field"
    check = actions.add_parser("check", help=text, description=text)
    check.set_defaults(act=_check)
    _add_plan(check)
    _add_learner_options(check)

    text = "show a plan, and the hash by which the contract knows it: out of a file, or that of a collective"
    show = actions.add_parser("show", help=text, description=text)
    show.set_defaults(act=_show)
    _add_plan(show, nargs="?")
    add_collective_options(show)
    add_store_options(show, "endpoint, deployment and store")
    show.add_argument("--json", action="store_true", help="the canonical form: exactly the bytes that are hashed")

    text = "put a plan into the store, where anybody finds it by its hash"
    publish = actions.add_parser("publish", help=text, description=text)
    publish.set_defaults(act=_publish)
    _add_plan(publish)
    add_store_options(publish, "store")


def run(options: argparse.Namespace) -> int:
    act: Any = options.act
    return int(act(options))


def _add_plan(parser: argparse.ArgumentParser, **how: Any) -> None:
    text = "the plan, as TOML or in its canonical form"
    parser.add_argument("plan", type=Path, metavar="FILE", help=text, **how)


def _add_learner_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--learner", metavar="MODULE:FUNCTION", help="called with the options, makes a learner")
    add("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the learner")
    add("--config", type=Path, metavar="FILE", help="a node's configuration: take both from its [learner]")


def _learner(options: argparse.Namespace) -> LearnerSpec:
    spec = learner_of(options)
    if spec is None:
        raise UsageError(
            "no learner is named", expected="--learner MODULE:FUNCTION, or --config FILE", fix="--config node.toml"
        )
    return spec


def _new(options: argparse.Namespace) -> int:
    spec = _learner(options)
    if os.path.lexists(options.output) and not options.force:
        raise UsageError(
            f"there is a file {options.output} already", expected="a new name", fix="give another --output, or --force"
        )
    if options.metric is not None and options.target is None:
        raise UsageError("--metric without --target", expected="a value of it", fix="add --target, or leave it out")
    from ..learners.loading.first_weights import first_weights
    from ..plan.code import code_hash, installed_version, top_module
    from ..plan.comparing import source_path
    from ..plan.document import Plan, Target, parse_plan

    module = top_module(spec.factory)
    code = code_hash(options.module or [module], source_path(spec))
    print(f"making a learner by {spec.factory} ...", file=sys.stderr, flush=True)
    made = first_weights(spec)
    plan = Plan(
        learner=spec.factory,
        version=installed_version(module),
        options={name: value for name, value in spec.options.items() if name not in options.own},
        own=tuple(sorted(set(options.own))),
        modules=tuple(sorted(set(options.module))),
        code=code,
        base=made.schema.base,
        vote=made.policy,
        target=None if options.target is None else Target(options.target, options.metric or ""),
    )
    text = plan.to_toml()
    parse_plan(text.encode(), "the plan that would be written")
    try:
        write_whole(options.output, _HEAD + text)
    except OSError as e:
        raise OutputError(f"{options.output} can't be written: {e.strerror or e}", fix="check its folder") from e
    print(f"wrote {options.output}: complete it, and have every member compare its own learner with it:")
    print(f"  colearn-ledger plan check {options.output} --config node.toml")
    return 0


def _check(options: argparse.Namespace) -> int:
    plan, spec = _read(options), _learner(options)
    from ..learners.loading.first_weights import first_weights
    from ..plan.comparing import differences
    from ..report.plan import plan_rows
    from ..report.terminal import one_line

    print(f"making a learner by {spec.factory} ...", file=sys.stderr, flush=True)
    made = first_weights(spec)
    found = differences(plan, spec, made.schema.base, made.policy)
    for name, text in plan_rows(plan):
        if name == "data":
            print(f"for people  {text}")
    for one in found:
        print(f"differs  {one.field:<24}  {one_line(one.mine)}")
        print(f"{'':<35}agreed: {one_line(one.agreed)}")
        print(f"{'':<35}to do:  {one_line(one.fix)}")
    if found:
        raise ConfigError(
            f"{len(found)} field{' differs' if len(found) == 1 else 's differ'} from the plan",
            expected="what the members agreed on",
            fix="do what each line says, or have the plan changed by a motion",
        )
    print(f"nothing differs from the plan, sha256 {plan.sha256.hex()}")
    return 0


def _show(options: argparse.Namespace) -> int:
    plan = _of_collective(options) if options.plan is None else _read(options)
    if options.json:
        sys.stdout.write(plan.to_bytes().decode())
        return 0
    from ..report.plan import plan_page
    from ..report.terminal import printer

    show = printer()
    for line in plan_page(plan):
        show(line)
    return 0


def _of_collective(options: argparse.Namespace) -> Plan:
    """The plan whose hash is on chain: beside the deployment file, or out of the store, if one is named."""
    from ..core.protocol import MotionKind

    named = any(one is not None for one in (options.ipfs, options.store_folder, options.config))
    store = store_of(options) if named else None
    where = open_collective(options)
    sha256 = where.read(lambda snapshot: snapshot.agreement(MotionKind.SET_PLAN))
    if not any(sha256):
        raise UsageError(
            f"the members of {where.contract.address} have agreed on no plan",
            expected="a plan's hash on chain",
            fix="a motion sets one; to look at a file, name it",
        )
    return where.find_plan_in(store, timeout_of(options))(sha256)


def _publish(options: argparse.Namespace) -> int:
    plan = _read(options)
    store = store_of(options)
    ref = store.open().put(plan.to_bytes())
    print(f"published in {store}: CID {ref.cid}")
    print(f"sha256 {ref.sha256.hex()}")
    return 0


def _read(options: argparse.Namespace) -> Plan:
    from ..plan.document import read_plan

    return read_plan(options.plan)
