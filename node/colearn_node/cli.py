"""The program ``colearn-node``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from colearn_ledger.cli.program import Parser, run_program
from colearn_ledger.errors import UsageError

from .leaving import leaving_when_told
from .settings import SETTINGS, Config, load

__all__ = ["main", "make_parser"]


def make_parser() -> Parser:
    parser = Parser(prog="colearn-node", description="One stakeholder's node of a collective.")
    commands = parser.add_subparsers(metavar="COMMAND")
    run = commands.add_parser("run", help="follow the contract: train, test, vote")
    run.set_defaults(run=_run)
    run.add_argument("--dry-run", action="store_true", help="decide and say what would be done, send nothing")
    run.add_argument("--rounds", type=int, metavar="N", help="leave after N decided rounds")
    run.add_argument("--until-round", type=int, metavar="N", help="leave when round N has passed")
    _add_config(run)
    check = commands.add_parser("check", help="say what is right and what is wrong, and change nothing")
    check.set_defaults(run=_check)
    text = "have the learner train once, too, and say whether the windows are long enough for it"
    check.add_argument("--time", action="store_true", help=text)
    _add_config(check)
    evaluate = commands.add_parser("evaluate", help="the score of accepted weights on your own data")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("--round", type=int, metavar="N", help="of round N (default: of those accepted now)")
    evaluate.add_argument("--json", action="store_true", help="as JSON")
    _add_config(evaluate)
    text = "train and test once from the accepted weights, and try the store: times, scores; nothing is sent"
    trying = commands.add_parser("try", help=text, description=text)
    trying.set_defaults(run=_try)
    trying.add_argument("--json", action="store_true", help="as JSON")
    _add_config(trying)
    init = commands.add_parser("init", help="write a configuration with comments, filled in as far as it is known")
    init.set_defaults(run=_init)
    init.add_argument("path", nargs="?", type=Path, default=Path("node.toml"), help="default: %(default)s")
    text = "of a stakeholder of a local network that runs (its folder; the only one by default)"
    init.add_argument("--network", nargs="?", const="", metavar="DIR", help=text)
    init.add_argument("--stakeholder", type=int, metavar="N", help="which one, from 1")
    _add_settings(init)
    key = commands.add_parser("key", help="make a key").add_subparsers(metavar="ACTION", required=True)
    new = key.add_parser("new", help="make a key, and write it as an encrypted keystore")
    new.set_defaults(run=_key_new)
    new.add_argument("path", nargs="?", type=Path, default=Path("keystore.json"), help="default: %(default)s")
    text = "holds the password; made with a random one if it isn't there (default: ask)"
    new.add_argument("--password-file", type=Path, metavar="FILE", help=text)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the node's configuration (TOML)")
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    for setting in SETTINGS:
        if setting.flag is not None:
            flags = [setting.flag, "--learner"] if setting.key == "learner.factory" else [setting.flag]
            parser.add_argument(*flags, dest=f"setting:{setting.key}", metavar="VALUE", help=setting.help)
    text = "a Flower app whose client is the learner, in the place of a factory"
    parser.add_argument("--flower-app", type=Path, metavar="DIR", help=text)
    text = "of the learner, beside those of [learner.options]"
    parser.add_argument("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=text)


def _flags(options: argparse.Namespace) -> dict[str, object]:
    """The settings that were given as flags, by key."""
    given = {k.partition(":")[2]: v for k, v in vars(options).items() if k.startswith("setting:") and v is not None}
    if options.flower_app is None:
        return given
    if "learner.factory" in given:
        raise UsageError("--learner and --flower-app", expected="one of them", fix="leave the other out")
    from colearn_ledger.learners.loading.factory import FLOWER

    return {**given, "learner.factory": FLOWER}


def _learner_options(options: argparse.Namespace) -> dict[str, Any]:
    """The learner's options that were given as words."""
    from colearn_ledger.learners.loading.factory import flower_options
    from colearn_ledger.learners.loading.options import parse_options

    given = parse_options(options.options)
    return given if options.flower_app is None else flower_options(options.flower_app, given)


def _config(options: argparse.Namespace) -> Config:
    config = load(options.config, os.environ, _flags(options))
    return replace(config, learner_options={**config.learner_options, **_learner_options(options)})


def _run(options: argparse.Namespace) -> int:
    for flag, value in (("--rounds", options.rounds), ("--until-round", options.until_round)):
        if value is not None and value < 1:
            raise UsageError(f"{flag} is {value}", expected="1 or more", fix="leave it out to go on for ever")
    config = _config(options)
    goes_on: Config | None = config
    while goes_on is not None:
        goes_on = _run_one(goes_on, options)
    return 0


def _run_one(config: Config, options: argparse.Namespace) -> Config | None:
    """One collective's node; the configuration with which it goes on in a successor, if it does."""
    from .assemble import assembled
    from .following import in_successor
    from .start import Start, ToldToLeave

    start, follows = Start(), None
    with (
        contextlib.suppress(ToldToLeave),
        contextlib.ExitStack() as closed,
        leaving_when_told(start, closed),
        assembled(
            config, start, dry_run=options.dry_run, rounds=options.rounds, until_round=options.until_round
        ) as node,
    ):
        node.run()
        follows = None if node.agreed is None or start.told else node.agreed.follows
    return None if follows is None else in_successor(config, follows)


def _check(options: argparse.Namespace) -> int:
    config = _config(options)
    from .check import Line
    from .check_all import check_everything

    def tell(line: Line) -> None:
        mark = "WRONG" if line.error is not None else "note " if line.note else "ok   "
        print(f"{mark}  {line.name:<10}  {line.text}")
        if line.error is not None:
            for name, text in (("expected", line.error.expected), ("to fix", line.error.fix)):
                if text:
                    print(f"{'':<19}{name}: {text}")
        sys.stdout.flush()

    wrong = check_everything(config, tell, train=options.time)
    return 0 if wrong is None else wrong.exit_code


def _evaluate(options: argparse.Namespace) -> int:
    if options.round is not None and options.round < 0:
        raise UsageError(f"--round is {options.round}", expected="0 or more")
    config = _config(options)
    from .evaluate import evaluate

    found = evaluate(config, options.round)
    print(found.to_json() if options.json else "\n".join(found.lines()))
    return 0


def _try(options: argparse.Namespace) -> int:
    config = _config(options)
    from .trying import try_out

    found = try_out(config, lambda text: print(f"{text} ...", file=sys.stderr, flush=True))
    print(found.to_json() if options.json else "\n".join(found.lines()))
    return 0


def _init(options: argparse.Namespace) -> int:
    from .init import find_ws, missing, values_for, write_config

    given = values_for(_flags(options), _learner_options(options), options.network, options.stakeholder)
    if "ws" not in given and given.get("rpc"):
        found = find_ws(given["rpc"][0])
        given |= {} if found is None else {"ws": found}
    write_config(options.path, given)
    left = missing(given)
    todo = f"fill in {', '.join(left)}, then: " if left else ""
    print(f"wrote {options.path}: {todo}colearn-node check --config {options.path}")
    return 0


def _key_new(options: argparse.Namespace) -> int:
    from colearn_ledger.chain.keys import make_key

    address = make_key(options.path, options.password_file)
    print(f"wrote {options.path}: keep a copy of it and of its password, in two places; nobody else has them")
    print(f"address {address}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    return run_program(lambda words: make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
