"""``colearn-ledger demo``: learners with shares of one data set train one model by voting."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.limits import LEAST_MEMBERS, MOST_MEMBERS
from ..core.merge.rules import DEFAULT_ORDER
from ..core.threshold import parse_threshold
from ..core.wire import WIRES
from ..errors import DataError, UsageError
from .compare import RECORD, check_comparison, run_comparison
from .preparing import about_run, make_folder, open_folder, prepare
from .program import INTERRUPTED
from .training import add_joint_options, add_training_options, order_given, training_given

if TYPE_CHECKING:
    from ..core.driver import Backend
    from ..core.learner import Learner
    from ..core.results import Results, RoundResult
    from ..learners.saved import SavedFile
    from ..report.progress import Progress
    from ..tasks import Task, Training

__all__ = ["add_options", "run"]

_HOW_MANY = f"{LEAST_MEMBERS} to {MOST_MEMBERS}"
MAX_SEED = 2**31  # learners add their number to it, and frameworks take 32 bits
ATTACKS = "label-flip, random-weights, sign-flip or lying-votes"
_ATTACK = "sign-flip"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options. The defaults of the training options are the task's own."""
    from ..tasks import DEFAULT_TASK

    add = parser.add_argument
    add("-t", "--task", help=f"the task (default: {DEFAULT_TASK})")
    add("--flower-app", type=Path, metavar="DIR", help="in the place of a task: a Flower app, whose clients learn")
    text = "of the Flower app's learners, such as criterion=accuracy higher_is_better=true"
    add("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=text)
    add("--list-tasks", action="store_true", help="list the tasks, with their defaults")
    add("-n", "--n-learners", type=int, help=f"{_HOW_MANY} (default: the task's, mostly 5)")
    add("-p", "--n-rounds", type=int, help="default: the task's, mostly 15")
    add("-v", "--vote-threshold", default="0.5", help="share of voters that must be exceeded (default: %(default)s)")
    add("-s", "--seed", type=int, default=0)
    add("-d", "--data-dir", type=Path, help="folder with the data")
    add_training_options(parser)
    add("--malicious", type=int, default=0, metavar="K", help="the last K learners attack (default: none)")
    add("--attack", metavar="NAME", help=f"how: {ATTACKS} (default: {_ATTACK})")
    add_joint_options(parser)
    text = "each learner alone, the collective in solo and in joint rounds, federated averaging: a table and a picture"
    add("--compare", action="store_true", help=text)
    add("--tensorboard", action="store_true", help="write the run for TensorBoard, too, into the results' folder")
    text = "make the run known to MLflow, too, in this experiment: parameters, metrics by round, the final model"
    add("--mlflow", metavar="EXPERIMENT", help=text)
    add("--no-ledger", action="store_true", help="run in process, without a chain")
    add("--secret", action="store_true", help="votes are committed, then revealed")
    add("--shuffled", action="store_true", help="the order of proposers is shuffled")
    add("--wire", choices=sorted(WIRES), help="as what the weights travel: half the bytes (default: as they are)")
    text = "folder for the results, without any of another run in it (default: a new one in colearn-demo)"
    add("-o", "--output", type=Path, help=text)


def _range(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        flag = f"--{name.replace('_', '-')}"
        raise UsageError(f"{flag} is {value}", expected=expected, fix=f"give {flag} another value")


def run(options: argparse.Namespace) -> int:
    """Check all options, then run, then write. Nothing is written and no framework loaded before all are good."""
    from ..learners.attacks import attack_named
    from ..report.tracking import check_installed

    if options.list_tasks:
        return _list_tasks()
    for tool in ("tensorboard", "mlflow"):
        if getattr(options, tool):
            check_installed(tool)
    task = _task(options)
    if options.compare:
        check_comparison(options, labels=task.labels)
    threshold = parse_threshold(options.vote_threshold)
    task.check_folder(options.data_dir)
    options.n_learners = task.learners if options.n_learners is None else options.n_learners
    options.n_rounds = task.rounds if options.n_rounds is None else options.n_rounds
    options.joint = options.joint or (task.joint and not options.compare)
    _range(LEAST_MEMBERS <= options.n_learners <= MOST_MEMBERS, "n_learners", options.n_learners, _HOW_MANY)
    _range(options.n_rounds >= 1, "n_rounds", options.n_rounds, "1 or more")
    _range(0 <= options.seed < MAX_SEED, "seed", options.seed, f"0 to {MAX_SEED - 1}")
    # by the seed, private training too, so that a run can be repeated: the demo's data is nobody's secret
    # both kinds of rounds are compared by one vote, the one that solo rounds learn most by
    training = training_given(options, task, options.n_rounds, options.n_learners, joint=options.joint)
    training = replace(training, deterministic=True)
    _range(0 <= options.malicious < options.n_learners, "malicious", options.malicious, "0 to all learners but one")
    if options.attack is not None:
        attack_named(options.attack)
        if not options.malicious:
            raise UsageError(
                "--attack without --malicious", expected="how many learners attack", fix="give --malicious 1"
            )
    elif options.malicious:
        options.attack = _ATTACK
    if options.no_ledger and (options.secret or options.shuffled):
        raise UsageError("--secret and --shuffled are the ledger's", fix="leave out --no-ledger")
    order_given(options, joint=options.joint or options.compare)
    if options.data_dir is not None and not options.data_dir.is_dir():
        raise DataError(
            f"there is no folder {options.data_dir}",
            expected="a folder with the task's data",
            fix="correct --data-dir or leave it out",
        )
    if options.output is not None and options.output.exists() and not options.output.is_dir():
        raise UsageError(f"{options.output} is not a folder", fix="give another --output")
    if options.output is not None and any((options.output / name).exists() for name in ("results.json", RECORD)):
        raise UsageError(
            f"{options.output} has the results of another run", expected="a folder of its own", fix="another --output"
        )

    from ..report.progress import open_progress

    with open_progress() as progress:
        if options.compare:
            run_comparison(options, task, threshold, training, progress)
            return 0
        results, about, learner = _run(options, task, threshold, training, progress)
    return _write(options, results, about, learner)


def _task(options: argparse.Namespace) -> Task:
    """The task that is named, or that a Flower app is."""
    from ..tasks import DEFAULT_TASK, get_task

    if options.flower_app is None:
        if options.options:
            raise UsageError("--options without --flower-app", fix="a task's options have flags of their own")
        return get_task(options.task or DEFAULT_TASK)
    for flag, given in {"--task": options.task, "--learning-rate": options.learning_rate}.items():
        if given is not None:
            raise UsageError(
                f"{flag} with --flower-app",
                expected="the app alone",
                fix="its own options: --options run_config='{\"lr\": 0.1}'",
            )
    if options.train_ratio is not None:
        raise UsageError(
            "--train-ratio with --flower-app", expected="none: the app splits its data", fix="leave it out"
        )
    from ..learners.loading.options import parse_options
    from ..tasks.flower_app import flower_task

    return flower_task(options.flower_app, parse_options(options.options))


def _list_tasks() -> int:
    from ..report.tasks import tasks_table

    text, wrong = tasks_table()
    print(text)
    for line in wrong:
        print(f"warning: {line}", file=sys.stderr)
    return 0


def _run(
    options: argparse.Namespace, task: Task, threshold: Fraction, training: Training, progress: Progress
) -> tuple[Results, dict[str, Any], Learner]:
    """Make the learners and run the rounds, telling what is done meanwhile; the first learner is never an attacker."""
    from ..core.driver import run as run_collective
    from ..learners.attacks import attack_named
    from ..report.progress import watched
    from ..report.table import Table

    prepared = prepare(options, task, training, progress)
    privacy = training.privacy
    if privacy is not None:
        noise = prepared.learners[0].privacy.noise_multiplier  # type: ignore[attr-defined]
        progress.row(
            f"privacy: epsilon {privacy.target_epsilon:g} at delta {privacy.target_delta:g} for {privacy.proposals} "
            f"proposals of each learner; noise {noise:g} times the clip norm {privacy.max_grad_norm:g}"
        )
    progress.stage("founding the collective" if options.no_ledger else "starting the chain and deploying the contract")
    honest = options.n_learners - options.malicious
    names = [f"learner {i + 1}" if i < honest else f"attacker {i + 1}" for i in range(options.n_learners)]
    for i in range(honest, options.n_learners):
        prepared.learners[i] = attack_named(options.attack)(prepared.learners[i], options.seed + i)
    if options.malicious:
        progress.row(f"{', '.join(names[honest:])}: {options.attack}")
    table = Table(names, joint=options.joint)
    current = 0

    def detail(text: str) -> None:
        progress.detail(f"round {current} of {options.n_rounds}: {text}" if current else f"genesis weights: {text}")

    def show(result: RoundResult) -> None:
        nonlocal current
        if result.round == 0:
            progress.row(table.header)
        progress.row(table.line(result))
        current = result.round + 1

    learners = [watched(ln, name, detail) for ln, name in zip(prepared.learners, names, strict=True)]
    results = run_collective(
        options.n_rounds,
        learners,
        threshold,
        backend=_backend(options, task),
        on_round=show,
        names=names,
        rounds="joint" if options.joint else "solo",
        merge_order=order_given(options, joint=options.joint) or DEFAULT_ORDER,
    )
    return results, about_run(options, task, prepared.data), prepared.learners[0]


def _write(options: argparse.Namespace, results: Results, about: dict[str, Any], learner: Learner) -> int:
    """The record first: it takes no time, and a second Ctrl-C may cut the plot short."""
    from ..report import plot, record
    from ..report.table import summary

    if results.interrupted:
        print(f"interrupted after {len(results.rounds)} of {options.n_rounds} rounds", file=sys.stderr)
    print(f"\n{summary(results)}")
    if options.malicious:
        print(_refused(results, options.n_learners - options.malicious))
    print()
    record_path, plot_path = options.output / "results.json", options.output / "results.png"
    make_folder(options.output)
    record.write(results, record_path, about)
    print(f"record:        {record_path}", flush=True)
    plot.plot_results(results, plot_path)
    print(f"plot:          {plot_path}")
    if not options.no_ledger:
        from ..embedded.saved import CHAIN_FILE

        print(f"weights:       {options.output / 'weights'}")
        print(f"chain:         {options.output / CHAIN_FILE}")
    print(f"final weights: sha256 {results.final_sha256}", flush=True)
    folder = options.output / "model"
    files = _write_model(options, results, learner, folder)
    print(f"final model:   {folder / files[0].name}")
    _hand_on(options, results, about, folder)
    print(f"open it:       {files[0].line(folder)}")
    return INTERRUPTED if results.interrupted else 0


def _hand_on(options: argparse.Namespace, results: Results, about: dict[str, Any], model: Path) -> None:
    """To the tools that the options name."""
    from ..report.tracking import write_mlflow, write_tensorboard

    parameters = {name: value for name, value in about["options"].items() if value is not None}
    if options.tensorboard:
        write_tensorboard(results, options.output / "tensorboard", parameters)
        print(f"TensorBoard:   {options.output / 'tensorboard'}")
    if options.mlflow:
        print(f"MLflow:        run {write_mlflow(results, options.mlflow, parameters, model)}")


def _write_model(
    options: argparse.Namespace, results: Results, learner: Learner, folder: Path
) -> tuple[SavedFile, ...]:
    """The weights that were current at the end, the model with them, and a card."""
    from ..core.asking import ask_accept, ask_current
    from ..core.cid import digest_of_text
    from ..core.learner import Weights
    from ..core.protocol import WeightsRef
    from ..core.roles import roles_of
    from ..core.schema import Schema
    from ..core.weights import decode, encode, weights_ref
    from ..report.model_card import run_card
    from ..report.model_folder import write_model
    from ..stores.local import LocalStore

    last = next((r for r in reversed(results.rounds) if r.accepted), results.initial)
    own = ask_current(learner).weights
    schema = Schema.of(own, roles_of(learner), options.wire)
    if options.no_ledger:  # what the learner holds: leaves that stay with each are its own
        data = encode(own, schema)
    else:
        ref = WeightsRef(bytes.fromhex(last.weights_sha256), digest_of_text(last.cid), last.size)
        data = LocalStore(options.output / "weights").get(ref)
        ask_accept(learner, Weights(decode(data, schema)))
    ref = weights_ref(data)
    card = {"command": "colearn-ledger demo", **run_card(results, last)}
    card["weights"] = {"sha256": ref.sha256.hex(), "cid": ref.cid, "size": ref.size}
    return write_model(folder, data, decode(data, schema, verified=True), card, learner)


def _refused(results: Results, honest: int) -> str:
    """What became of the attackers' proposals, and of the others'."""
    told = []
    for who, attacks in (("attackers'", True), ("others'", False)):
        decided = [r.accepted for r in results.rounds if (r.proposer >= honest) == attacks]
        told.append(f"{sum(decided)} of the {who} {len(decided)} proposals")
    return f"accepted: {told[0]}, {told[1]}"


def _backend(options: argparse.Namespace, task: Task) -> Backend | None:
    """The backend; what it may lack (a folder that can be written to) is told before the first round."""
    open_folder(options, task.name)
    if options.no_ledger:
        from ..core.driver import InProcess

        return InProcess(wire=options.wire)
    from ..embedded.ledger import EmbeddedLedger
    from ..stores.local import LocalStore

    store = LocalStore(options.output / "weights")
    return EmbeddedLedger(
        secret=options.secret, shuffled=options.shuffled, store=store, wire=options.wire, saved=options.output
    )
