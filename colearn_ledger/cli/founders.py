"""What the options of ``deploy`` name: a learner, the plan, members, a key, the files that are written."""

from __future__ import annotations

import argparse
import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, UsageError
from .succeeding import read_old

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from ..founding.names import Names
    from ..learners.loading.factory import LearnerSpec
    from ..network.described import RunningNetwork
    from ..plan.document import Plan
    from .succeeding import Old

__all__ = ["check_output", "find_agreed", "find_learner", "find_members", "paying_account"]


def find_learner(options: argparse.Namespace) -> LearnerSpec | None:
    """Which learner makes the first weights, or says the roles of their leaves where they are in a file."""
    from ..learners.loading.factory import (
        FACTORY_FORM,
        FLOWER,
        LearnerSpec,
        flower_options,
        is_factory,
        read_learner_spec,
    )
    from ..learners.loading.options import parse_options

    learners = [one for one in (options.learner, options.flower_app, options.learner_config) if one is not None]
    if len(learners) > 1 or not (learners or options.weights or options.succeeds):
        raise UsageError(
            "the first weights come from several places" if learners else "the first weights come from nowhere",
            expected="one of --learner, --flower-app and --learner-config, or --weights or --succeeds (with one)",
            fix="--learner my_module:make_learner has your learner make them",
        )
    if options.options and options.learner is None and options.flower_app is None:
        raise UsageError("--options without --learner", fix="name the learner that they are for")
    if options.learner_config is not None:
        return read_learner_spec(options.learner_config)
    if options.flower_app is not None:
        return LearnerSpec(FLOWER, flower_options(options.flower_app, parse_options(options.options)))
    if options.learner is None:
        return None
    if not is_factory(options.learner):
        raise UsageError(f"--learner is {options.learner!r}", expected=FACTORY_FORM, fix="correct it")
    return LearnerSpec(options.learner, parse_options(options.options))


def find_agreed(options: argparse.Namespace) -> tuple[Plan | None, Old | None]:
    """The plan, and the old collective that the new one succeeds, which stands in it."""
    from ..plan.document import Plan, read_plan

    agreed = None if options.plan is None else read_plan(options.plan)
    if options.succeeds is None:
        if options.succeeds_rpc:
            raise UsageError("--succeeds-rpc without --succeeds", fix="name the old collective, or leave it out")
        if agreed is not None and agreed.succeeds is not None:
            raise UsageError(
                f"the plan {options.plan} is a successor's",
                expected="--succeeds with the old collective's deployment file, to compare its weights",
                fix="add it, or take `succeeds` out of the plan: it is put in by that",
            )
        return agreed, None
    old = read_old(options)
    agreed = agreed or Plan()
    if agreed.succeeds not in (None, old.predecessor):
        raise UsageError(
            f"the plan {options.plan} names other weights of an old collective than are accepted there now",
            expected=f"round {old.predecessor.round}, sha256 {old.predecessor.sha256.hex()}",
            fix="take `succeeds` out of the plan: it is put in by --succeeds",
        )
    return replace(agreed, succeeds=old.predecessor), old


def find_members(
    options: argparse.Namespace, network: RunningNetwork | None, old: Old | None
) -> tuple[tuple[str, ...], Names]:
    """The members by seat, and what they are called."""
    from ..formats.members import read_members, split_member
    from ..founding.establish import check_membership
    from ..founding.names import MOST_BYTES, Names

    named = [*(read_members(options.members) if options.members else ()), *map(split_member, options.member)]
    if not named and old is not None:
        named = [(old.names.of(address), address) for address in old.members]
    if not named and network is not None:
        named = [(person.name, person.address) for person in network.stakeholders]
    if not named:
        raise UsageError("no members are named", expected="--member ADDRESS, --members FILE, --network, or --succeeds")
    members = check_membership([address for _, address in named])
    try:
        called = {member: name for member, (name, _) in zip(members, named, strict=True) if name}
        return members, Names.of_founders(called)
    except ValueError as e:
        raise UsageError(
            str(e), expected=f"printable names of at most {MOST_BYTES} bytes, no two alike", fix="correct it"
        ) from None


def paying_account(options: argparse.Namespace, network: RunningNetwork | None) -> LocalAccount:
    from ..chain.keys import KEY_FILE_VARIABLE, find_account, load_account

    account = find_account(options.keystore, options.password_file, prompt=True)
    if account is None and network is not None:
        first = network.stakeholders[0]
        account = load_account(first.keystore, first.password_file, prompt=False)
    if account is None:
        raise UsageError(
            "no key is named that pays for the deployment",
            expected=f"--keystore FILE, or a key file named in {KEY_FILE_VARIABLE}",
            fix="colearn-node key new makes a keystore",
        )
    return account


def check_output(path: Path, force: bool) -> None:
    """What would go wrong after the deployment is better found out before."""
    if os.path.lexists(path) and not force:
        raise UsageError(
            f"there is a file {path} already, of another deployment perhaps",
            expected="a new name",
            fix="give another --output, or --force to replace it",
        )
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with tempfile.TemporaryFile(dir=path.absolute().parent):
            pass
    except OSError as e:
        raise ConfigError(
            f"{path} can't be written: {e.strerror or e}", expected="a file in a folder that is there", fix="--output"
        ) from e
