"""A whole collective on this machine: chain, IPFS daemons, contract, a node process per member: ``network-demo``.

Everything a deployment has, except for the machines: nothing here is simulated, and nothing is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colearn_ledger.cli.program import Parser, run_program, signals_interrupt
from colearn_ledger.cli.training import add_joint_options, add_training_options, order_given, training_given
from colearn_ledger.core.limits import LEAST_MEMBERS, MOST_MEMBERS
from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.wire import WIRES, Wire
from colearn_ledger.errors import UsageError
from colearn_ledger.formats.files import write_whole
from colearn_ledger.formats.toml import toml_text

from .fleet import Fleet
from .log import columns_of, wrapped

if TYPE_CHECKING:
    from colearn_ledger.history import History
    from colearn_ledger.tasks import Training

__all__ = ["Setup", "main", "set_up"]

_ROUNDS = 10
_HOW_MANY = f"{LEAST_MEMBERS} to {MOST_MEMBERS}"
# Several learners share the cores; each by default takes all of them, which is slower, and rounds differently.
_THREADS = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Setup:
    """A deployed collective, and its members' configurations by name."""

    deployment: Path
    configs: dict[str, Path]


def set_up(
    network: Any,
    factory: str,
    options: dict[str, Any],
    *,
    own: Callable[[Path], dict[str, Any]] = lambda folder: {},
    secret: bool = False,
    shuffled: bool = False,
    merge_order: Sequence[int] = (),
    rules: Rules | None = None,
    wire: Wire | None = None,
    **node: Any,
) -> Setup:
    """Deploy a collective of the network's stakeholders, and write a configuration for each.

    Parameters
    ----------
    network: a running :class:`~colearn_ledger.network.LocalNetwork`.
    factory, options: of the learners; each member's options also have its ``index`` and ``of``.
    own: further options of one member's learner, given the folder of its key.
    secret, shuffled, merge_order: as :class:`~colearn_ledger.chain.deploy.Genesis` has them.
    rules: of the collective; by default the usual ones, with an hour to train in joint rounds.
    wire: as what the weights travel; None: as the learners hold them.
    node: further settings for every node.
    """
    from colearn_ledger.chain.endpoints import connect
    from colearn_ledger.chain.keys import load_account
    from colearn_ledger.founding.establish import establish, on_wire, prepare
    from colearn_ledger.founding.names import Names
    from colearn_ledger.founding.record import save_deployment
    from colearn_ledger.learners.loading.factory import LearnerSpec
    from colearn_ledger.learners.loading.first_weights import first_weights
    from colearn_ledger.stores.spec import StoreSpec

    people = network.stakeholders
    learners = [
        {**options, **own(person.keystore.parent), "index": i, "of": len(people)} for i, person in enumerate(people)
    ]
    first = first_weights(LearnerSpec(factory, learners[0]))
    weights, schema = on_wire(first.weights, first.schema, wire)
    web3 = connect([network.rpc_url], expected_chain_id=network.chain_id)
    account = load_account(people[0].keystore, people[0].password_file, False)
    api = people[0].ipfs_api
    store = StoreSpec(api or None, None if api else network.folder / "weights").open()
    founding = prepare(
        web3,
        account.address,
        [p.address for p in people],
        weights,
        schema=schema,
        rules=rules or Rules(train_window=Rules().propose_window if merge_order else 0),
        merge_order=merge_order,
        why_unmergeable=first.why_unmergeable,
        secret_votes=secret,
        shuffled=shuffled,
    )
    names = Names({person.address: person.name for person in people})
    record, _ = establish(founding, web3, account, store, rpc=[network.rpc_url], names=names)
    path: Path = network.folder / "deployment.json"
    save_deployment(record, path)
    configs = {}
    for person, learner in zip(people, learners, strict=True):
        settings = {
            "rpc": [network.rpc_url],
            "ws": network.ws_url,
            "deployment": str(path),
            "keystore": str(person.keystore),
            "password_file": str(person.password_file),
            **node,
            "store": {"ipfs": person.ipfs_api} if person.ipfs_api else {"folder": str(network.folder / "weights")},
            "learner": {"factory": factory, "options": learner},
        }
        configs[person.name] = person.keystore.with_name("node.toml")
        write_whole(configs[person.name], toml_text(settings))
    return Setup(path, configs)


def _parser() -> Parser:
    parser = Parser(
        prog="network-demo",
        description="A chain, an IPFS daemon and a node process for each stakeholder: they train one model by voting.",
    )
    add = parser.add_argument
    add("-t", "--task", default="KERAS_MNIST", help="default: %(default)s")
    text = f"{_HOW_MANY} (default: the task's, mostly 5)"
    add("-n", "--stakeholders", type=int, metavar="N", help=text)
    add("-p", "--rounds", type=int, metavar="N", help=f"default: {_ROUNDS}, or the task's own where it has fewer")
    add("-c", "--chain", default="anvil", help="anvil, hardhat or geth (default: %(default)s)")
    add("-s", "--seed", type=int, default=0)
    add("-d", "--data-dir", help="folder with the data")
    add_training_options(parser)
    add_joint_options(parser)
    add("--secret", action="store_true", help="votes are committed, then revealed")
    add("--shuffled", action="store_true", help="the order of proposers is shuffled")
    add("--wire", choices=sorted(WIRES), help="as what the weights travel: half the bytes (default: as they are)")
    add("--folder-store", action="store_true", help="a shared folder in the place of IPFS")
    text = "folder for the results, where nothing is yet (default: a new one in colearn-network-demo)"
    add("-o", "--output", type=Path, help=text)
    parser.set_defaults(run=_run)
    return parser


def _check(options: argparse.Namespace) -> Training:
    """The training; UsageError for the first option that is wrong."""
    from colearn_ledger.tasks import get_task

    task = get_task(options.task)
    task.check_folder(options.data_dir)
    options.stakeholders = task.learners if options.stakeholders is None else options.stakeholders
    options.joint = options.joint or task.joint
    options.rounds = min(_ROUNDS, task.rounds) if options.rounds is None else options.rounds
    if not LEAST_MEMBERS <= options.stakeholders <= MOST_MEMBERS:
        raise UsageError(f"--stakeholders is {options.stakeholders}", expected=_HOW_MANY)
    if options.rounds < 1:
        raise UsageError(f"--rounds is {options.rounds}", expected="1 or more")
    if options.output is not None and os.path.lexists(options.output):
        raise UsageError(f"{options.output} is there already", expected="a new folder", fix="give another --output")
    order_given(options, joint=options.joint)
    return training_given(options, task, options.rounds, options.stakeholders, joint=options.joint)


def _show(text: str) -> None:
    print(wrapped(f"{time.strftime('%H:%M:%S')}  {text}", columns_of(sys.stdout)), flush=True)


def _run(options: argparse.Namespace) -> int:
    from colearn_ledger.network import LocalNetwork

    training = _check(options)
    for name, value in _THREADS.items():
        os.environ.setdefault(name, value)
    learner: dict[str, Any] = {"task": options.task, "seed": options.seed}
    if options.data_dir is not None:
        learner["data_dir"] = str(Path(options.data_dir).absolute())
    learner |= training.given()
    _show(f"starting {options.chain} and {'no' if options.folder_store else options.stakeholders} IPFS daemons")
    with (
        signals_interrupt(),
        LocalNetwork(options.chain, options.stakeholders, ipfs=not options.folder_store, say=_show) as network,
    ):
        _show(f"chain {network.chain_id} at {network.rpc_url}")
        _show(f"deploying the collective, with the first weights of a {options.task} learner")
        setup = set_up(
            network,
            "colearn_node.task_learner:task_learner",
            learner,
            # what is spent on a member's data is remembered beside its key
            own=lambda folder: {"privacy_ledger": str(folder / "privacy.jsonl")} if training.epsilon else {},
            secret=options.secret,
            shuffled=options.shuffled,
            merge_order=order_given(options, joint=options.joint),
            wire=options.wire,
            log={"level": "info"},
            publish_scores=True,
        )
        _show(f"starting {options.stakeholders} nodes")
        with Fleet(setup.configs, ["--until-round", str(options.rounds)], _show) as fleet:
            fleet.wait()
        print("\nthe history, read from the chain:\n", flush=True)
        history = _history(setup.deployment, network.rpc_url)
        _show("taking the model home")
        folder, opens = _take_home(options, setup, history, network.rpc_url)
    _show("everything is stopped")
    print(f"record, picture, weights and final model are in {folder}")
    print(f"open the model: {opens}")
    return 0


def _take_home(options: argparse.Namespace, setup: Setup, history: History, rpc_url: str) -> tuple[Path, str]:
    """Leave record, accepted weights and final model in a folder of this run's own; it, and how the model is opened."""
    from colearn_ledger.chain.contract import CollectiveContract
    from colearn_ledger.chain.endpoints import connect
    from colearn_ledger.cli.weights import adopting, pulled
    from colearn_ledger.core.protocol import ZERO_ADDRESS, RoundState
    from colearn_ledger.core.weights import decode
    from colearn_ledger.founding.record import load_deployment, save_deployment
    from colearn_ledger.history import history_to_dict, read_accepted
    from colearn_ledger.report.files import write_report
    from colearn_ledger.report.history_plot import plot_history
    from colearn_ledger.report.model_card import chain_card
    from colearn_ledger.report.model_folder import write_model
    from colearn_ledger.report.run_folder import new_run_folder
    from colearn_ledger.stores.local import LocalStore

    from .settings import load

    config = load(next(iter(setup.configs.values())), {}, {})
    record = load_deployment(setup.deployment)
    contract = CollectiveContract(connect([rpc_url], expected_chain_id=record.chain_id), record.address)
    snapshot = contract.snapshot()
    folder: Path = options.output or new_run_folder(Path("colearn-network-demo"), options.task)
    folder.mkdir(parents=True, exist_ok=True)
    save_deployment(record, folder / "deployment.json")
    told = history_to_dict(history, record.names.by_address)
    write_report(folder / "history.json", json.dumps(told, indent=2, allow_nan=False) + "\n")
    plot_history(history, folder / "history.png", record.names)
    current = read_accepted(snapshot, "current", deployed_block=record.block)
    kept, data = LocalStore(folder / "weights"), memoryview(b"")
    for one in (*history.rounds, current.rounds[0]):  # the last one is what is accepted now
        good = one.record.round == 0 or one.record.state is RoundState.ACCEPTED
        if good and one.record.weights is not None:
            data = memoryview(pulled(one.record.weights, record.schema, config.store, config.store_timeout))
            kept.put(data)
    tree = decode(data, record.schema)
    card = chain_card(
        current, snapshot.view(ZERO_ADDRESS), current.rounds[0].members or snapshot.members(), record.names
    )
    learner = adopting(config.learner, tree)
    files = write_model(folder / "model", data, tree, {"command": "network-demo", **card}, learner)
    return folder, files[0].line(folder / "model")


def _history(deployment: Path, rpc_url: str) -> History:
    """What `colearn-ledger history` prints."""
    from colearn_ledger.chain.contract import CollectiveContract
    from colearn_ledger.chain.endpoints import connect
    from colearn_ledger.founding.record import load_deployment
    from colearn_ledger.history import read_history
    from colearn_ledger.report.rounds import history_page
    from colearn_ledger.report.terminal import printer, terminal_width

    record = load_deployment(deployment)
    contract = CollectiveContract(connect([rpc_url], expected_chain_id=record.chain_id), record.address)
    history = read_history(contract.snapshot(), deployed_block=record.block, receipts=True)
    show = printer()
    for line in history_page(history, terminal_width(), record.names):
        show(line)
    return history


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    return run_program(lambda words: _parser(), argv, interrupted="interrupted: everything is stopped")


if __name__ == "__main__":
    sys.exit(main())
