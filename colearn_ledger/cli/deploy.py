"""``colearn-ledger deploy``: found a collective on a chain that is there."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.limits import MOST_BYTES, MOST_SECONDS
from ..core.merge.rules import DEFAULT_ORDER, Rule, parse_order
from ..core.protocol import Rules
from ..core.threshold import parse_threshold
from ..core.wire import WIRES
from ..errors import ConfigError, UsageError
from ..formats.duration import parse_duration, shown_duration
from ..formats.files import write_whole
from ..formats.size import parse_size
from ..formats.urls import shown_url
from ..report.rules import PAUSE, TRAIN_WINDOW, WINDOWS
from ..stores.spec import StoreSpec
from .confirm import check_terminal, confirmed
from .founders import check_output, find_agreed, find_learner, find_members, paying_account
from .options import RPC_VARIABLE, fee_cap, rpc_urls
from .program import INTERRUPTED
from .succeeding import add_succeeds_options

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

    from ..core.schema import Schema
    from ..founding.establish import Founding
    from ..founding.names import Names
    from ..learners.loading.factory import LearnerSpec
    from ..network.described import RunningNetwork
    from ..plan.document import Plan
    from ..stores.base import Store
    from .succeeding import Old

__all__ = ["add_options", "run"]

_PULL_S = 60.0  # for the accepted weights of an old collective


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options, by what they are about."""
    add = parser.add_argument_group("the chain, and who pays").add_argument
    add("--rpc", action="append", metavar="URL", help="a JSON-RPC endpoint of the chain; may be given several times")
    add("--chain-id", type=int, metavar="N", help="refuse any other chain")
    add("--keystore", type=Path, metavar="FILE", help="the deployer's encrypted key; or COLEARN_KEY_FILE names a file")
    add("--password-file", type=Path, metavar="FILE", help="holds the keystore's password; without it you are asked")
    add("--fee-cap", type=float, metavar="GWEI", help="per unit of gas, never exceeded (default: none)")
    text = "a local network that runs (its folder; the only one by default): gives whatever isn't given of endpoint, "
    add("--network", nargs="?", const="", metavar="DIR", help=text + "key, members and IPFS daemon")

    add = parser.add_argument_group("who, and by which rules").add_argument
    text = "a member, and what it is called; in the order of their seats"
    add("--member", action="append", default=[], metavar="[NAME=]ADDRESS", help=text)
    add("--members", type=Path, metavar="FILE", help="members, one a line in the same form; # begins a comment")
    add("--threshold", default="1/2", help="share of voters that must be exceeded (default: %(default)s)")
    text = "seconds, or such as 90s, 10m, 2h, 1d (default: %(default)s)"
    usual = Rules()
    for window in WINDOWS:
        span = shown_duration(getattr(usual, window.name))
        add(window.flag, default=span, metavar="T", help=f"{window.use}: {text}")
    add(PAUSE.flag, default="0", metavar="T", help=f"{PAUSE.use} (default: %(default)s)")
    text = "all members train at the same time, the round's proposer merges, the others vote (default: solo rounds)"
    add("--joint", action="store_true", help=text)
    text = f"{TRAIN_WINDOW.use}: seconds, or such as 10m (default: 1h)"
    add(TRAIN_WINDOW.flag, metavar="T", help=text)
    usual_order = ",".join(rule.text for rule in DEFAULT_ORDER)
    text = f"rules to merge by, the next one after each rejection (default: {usual_order})"
    add("--merge-order", metavar="RULES", help=text)
    add("--secret", action="store_true", help="votes are committed, then revealed")
    add("--shuffled", action="store_true", help="the order of proposers is shuffled")
    text = "as what the weights travel: half the bytes, with fewer digits (default: as the learners hold them)"
    add("--wire", choices=sorted(WIRES), help=text)
    text = "largest weights, such as 100MB, for ever (default: four times the first ones; 64 times where they can grow)"
    add("--max-size", metavar="SIZE", help=text)

    add = parser.add_argument_group("what members agree on besides").add_argument
    text = "the plan (colearn-ledger plan new): its hash goes into the contract, the plan into the store"
    add("--plan", type=Path, metavar="FILE", help=text)
    add_succeeds_options(add)

    add = parser.add_argument_group("the first weights: of a learner, or out of a file").add_argument
    add("--learner", metavar="MODULE:FUNCTION", help="called with the options, makes a learner")
    add("--flower-app", type=Path, metavar="DIR", help="a Flower app whose client is the learner")
    add("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the learner")
    add("--learner-config", type=Path, metavar="FILE", help="take both from [learner] in a node's configuration")
    text = "weights in the canonical format; the learner then says which of their leaves are local or bounded"
    add("--weights", type=Path, metavar="FILE", help=text)

    add = parser.add_argument_group("the store that they go to").add_argument
    add("--ipfs", metavar="ADDRESS", help="RPC of an IPFS daemon on this machine, such as /ip4/127.0.0.1/tcp/5001")
    text = "holds what the IPFS RPC wants as authorization: user:password, or a bearer token"
    add("--ipfs-token-file", type=Path, metavar="FILE", help=text)
    add("--store-folder", type=Path, metavar="DIR", help="instead of IPFS: a folder that all members share")
    add("--allow-remote-ipfs", action="store_true", help="take an IPFS RPC that isn't on loopback")

    add = parser.add_argument_group("what is done").add_argument
    add("-o", "--output", type=Path, default=Path("deployment.json"), metavar="FILE", help="default: %(default)s")
    add("--force", action="store_true", help="replace a file of that name")
    add("--dry-run", action="store_true", help="say what would be done and what it would cost, and do nothing")
    add("-y", "--yes", action="store_true", help="don't ask")


@dataclass(frozen=True)
class _Wanted:
    """The options, checked as far as they can be by themselves."""

    rpc: tuple[str, ...]
    chain_id: int | None
    members: tuple[str, ...]
    names: Names
    rules: Rules
    merge_order: tuple[Rule, ...]
    max_size: int | None
    fee_cap: int | None
    learner: LearnerSpec | None
    agreed: Plan | None
    old: Old | None
    store: StoreSpec
    network: RunningNetwork | None


def run(options: argparse.Namespace) -> int:
    """Look at everything, show it, ask, then do it."""
    wanted = _check(options)
    from ..chain.endpoints import PATIENCE_S, begin_view, connect, persist
    from ..core.merge.rehearsal import seconds_to_merge
    from ..founding.establish import on_wire, prepare, read_weights
    from ..learners.loading.first_weights import first_weights
    from ..report.founding import founding_in_words

    web3 = connect(wanted.rpc, expected_chain_id=wanted.chain_id, patience_s=PATIENCE_S)
    account = paying_account(options, wanted.network)
    # A folder would be made, and nothing is made before it is confirmed.
    store = None if wanted.store.folder is not None else wanted.store.open()
    first = None
    if wanted.learner is not None:
        print(f"making the first weights by {wanted.learner.factory} ...", file=sys.stderr, flush=True)
        first = first_weights(wanted.learner)
    if wanted.old is not None:  # not another byte than on the old chain
        weights = wanted.old.bytes_of(options.weights, wanted.store, _PULL_S)
        schema: Schema | None = wanted.old.schema
        schema = schema if first is None else first.schema.on_wire(wanted.old.schema.wire)
    else:
        weights = read_weights(options.weights, wanted.max_size) if first is None or options.weights else first.weights
        weights, schema = on_wire(weights, None if first is None else first.schema, options.wire)

    def look() -> Founding:
        begin_view(web3)
        return prepare(
            web3,
            account.address,
            wanted.members,
            weights,
            schema=schema,
            rules=wanted.rules,
            secret_votes=options.secret,
            shuffled=options.shuffled,
            max_size=wanted.max_size,
            merge_order=wanted.merge_order,
            why_unmergeable="" if first is None else first.why_unmergeable,
            agreed=b"" if wanted.agreed is None else wanted.agreed.to_bytes(),
            fee_cap=wanted.fee_cap,
        )

    founding = persist(web3, look)
    merge_s = None
    if wanted.merge_order:
        merge_s = seconds_to_merge(founding.schema, weights, len(wanted.members), wanted.merge_order)
    words = founding_in_words(founding, ", ".join(map(shown_url, wanted.rpc)), str(wanted.store), merge_s, wanted.names)
    print("\n".join(words), flush=True)
    for note in _differences(wanted, founding, "" if first is None else first.policy):
        print(note, flush=True)
    if options.dry_run:
        print("dry run: nothing was stored or sent")
        return 0
    if not options.yes and not confirmed("deploy this?"):
        print("nothing was stored or sent")
        return INTERRUPTED
    return _found(options, wanted, founding, web3, account, store or wanted.store.open())


def _found(
    options: argparse.Namespace, wanted: _Wanted, founding: Founding, web3: Web3, account: LocalAccount, store: Store
) -> int:
    """From here on something is done. The address is said as soon as it is known, so that no failure can lose it."""
    from ..founding.establish import establish
    from ..founding.record import save_deployment

    def sending(address: str) -> None:
        print(f"\nthe first weights are stored; sending the contract, whose address will be {address}", flush=True)

    record, gas = establish(
        founding, web3, account, store, rpc=wanted.rpc, names=wanted.names, fee_cap=wanted.fee_cap, on_sending=sending
    )
    print(f"deployed {record.address} on chain {record.chain_id}, block {record.block}, {gas:,} gas")
    print(f"transaction 0x{record.transaction.hex()}", flush=True)
    try:
        save_deployment(record, options.output)
    except ConfigError:
        print(f"what {options.output} should have had in it:\n{json.dumps(record.to_json())}", flush=True)
        raise
    print(f"wrote {options.output}: every member needs it; `colearn-node check` compares it with the chain")
    if wanted.agreed is not None:
        from ..plan.document import plan_beside

        beside = plan_beside(options.output)
        try:
            write_whole(beside, founding.agreed)
        except OSError as e:
            raise ConfigError(f"{beside} can't be written: {e.strerror or e}", fix="the store has it, too") from e
        print(f"wrote {beside}: the plan, which the store has, too")
    return 0


def _differences(wanted: _Wanted, founding: Founding, policy: str) -> list[str]:
    """What the deployer's own learner has otherwise than the plan."""
    if wanted.agreed is None or wanted.learner is None:
        return []
    from ..plan.comparing import differences

    found = differences(wanted.agreed, wanted.learner, founding.schema.base, policy)
    return [f"note: your learner differs from the plan: {one}" for one in found]


# ---------------------------------------------------------------------------------------- what the options say


def _check(options: argparse.Namespace) -> _Wanted:
    """Everything that can be told by the options and the files they name.

    Nothing is asked of chain or store yet, but for an old collective that this one succeeds.
    """
    rules, merge_order = _rules(options), _merge_order(options)
    agreed, old = find_agreed(options)
    if old is not None and options.wire not in (None, old.schema.wire):
        raise UsageError(
            f"--wire {options.wire} with --succeeds: the first weights would have other bytes than the accepted ones",
            expected=f"what the old collective has, {old.schema.wire or 'none'}",
            fix="leave it out",
        )
    max_size = None if options.max_size is None else parse_size(options.max_size, MOST_BYTES, "--max-size")
    cap = fee_cap(options)
    if options.chain_id is not None and options.chain_id < 1:
        raise UsageError(f"--chain-id is {options.chain_id}", expected="1 or more", fix="leave it out for any chain")
    learner = find_learner(options)
    if options.ipfs is not None and options.store_folder is not None:
        raise UsageError("--ipfs and --store-folder together", expected="one store", fix="leave one out")
    if not options.dry_run:
        check_output(options.output, options.force)
        if options.plan is not None or options.succeeds is not None:
            from ..plan.document import plan_beside

            check_output(plan_beside(options.output), options.force)
        if not options.yes:
            check_terminal("the deployment")
    network = None
    if options.network is not None:
        from ..network.described import find_network

        network = find_network(Path(options.network) if options.network else None)
    rpc = tuple(rpc_urls(options) if options.rpc or network is None else [network.rpc_url])
    if not rpc:
        raise UsageError(
            "no RPC endpoint is named", expected=f"--rpc URL, {RPC_VARIABLE}, or --network", fix="name the chain"
        )
    ipfs = options.ipfs
    if ipfs is None and options.store_folder is None:
        ipfs = network.stakeholders[0].ipfs_api if network else None
        if not ipfs:
            raise UsageError(
                "no store is named for the first weights",
                expected="--ipfs ADDRESS or --store-folder DIR",
                fix="--ipfs /ip4/127.0.0.1/tcp/5001 is the usual address of a Kubo daemon's RPC",
            )
    members, names = find_members(options, network, old)
    return _Wanted(
        rpc=rpc,
        chain_id=network.chain_id if network and options.chain_id is None else options.chain_id,
        members=members,
        names=names,
        rules=rules,
        merge_order=merge_order,
        max_size=max_size,
        fee_cap=cap,
        learner=learner,
        agreed=agreed,
        old=old,
        store=StoreSpec(ipfs, options.store_folder, options.allow_remote_ipfs, options.ipfs_token_file),
        network=network,
    )


def _rules(options: argparse.Namespace) -> Rules:
    threshold = parse_threshold(options.threshold)
    windows = {
        window.name: parse_duration(getattr(options, window.name), window.flag, most=MOST_SECONDS) for window in WINDOWS
    }
    windows[PAUSE.name] = parse_duration(options.pause, PAUSE.flag, most=MOST_SECONDS, least=0)
    if options.joint:
        windows["train_window"] = parse_duration(options.train_window or "1h", "--train-window", most=MOST_SECONDS)
    return Rules.of(threshold, **windows)


def _merge_order(options: argparse.Namespace) -> tuple[Rule, ...]:
    """By which rules joint rounds merge; none where rounds are solo."""
    if options.joint:
        return DEFAULT_ORDER if options.merge_order is None else parse_order(options.merge_order)
    given = {"--train-window": options.train_window, "--merge-order": options.merge_order}
    for flag, value in given.items():
        if value is not None:
            raise UsageError(f"{flag} without --joint", expected="joint rounds", fix="add --joint, or leave it out")
    return ()
