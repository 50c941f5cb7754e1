"""``colearn-ledger export``: accepted weights as a folder that people's own tools open, with a card beside them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .options import PLAN_S, add_collective_options, open_collective
from .weights import add_store_options, adopting, pulled, store_of, timeout_of

if TYPE_CHECKING:
    from ..core.protocol import View, WeightsRef
    from ..core.schema import Schema
    from ..history.types import History
    from ..learners.loading.factory import LearnerSpec
    from ..report.agreed import Agreed
    from ..stores.spec import StoreSpec

__all__ = ["add_options", "learner_of", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--round", type=int, metavar="N", help="the weights of round N, which was accepted (0: genesis)")
    which.add_argument("--current", action="store_true", help="those that are accepted now (default)")
    which.add_argument("--best", action="store_true", help="those with the highest mean of published scores")
    add = add_store_options(parser, "endpoint, deployment, store and learner").add_argument
    add("--run", type=Path, metavar="DIR", help="instead of a chain: the folder of a demo's run", dest="run_folder")
    add = parser.add_argument_group("what is written").add_argument
    add(
        "--learner", metavar="MODULE:FUNCTION", help="makes the learner whose model they are: its framework's own files"
    )
    add("--options", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the learner")
    text = "the adapter, as peft's PeftModel.from_pretrained opens it; else it is an error (the learner: a PeftLearner)"
    add("--peft", action="store_true", help=text)
    text = (
        "the model as ONNX, too, by its framework's own exporter; else it is an error (the learner: Keras or PyTorch)"
    )
    add("--onnx", action="store_true", help=text)
    text = "the folder that is made (default: colearn-model-N, by the round)"
    add("-o", "--out", type=Path, metavar="DIR", help=text)
    add("--force", action="store_true", help="replace a folder that an export made")


@dataclass(frozen=True, slots=True)
class _Found:
    """Weights to be had: what names them, what their tree must look like, and all of the card but its files."""

    ref: WeightsRef
    schema: Schema | None
    store: StoreSpec
    card: dict[str, Any]


def run(options: argparse.Namespace) -> int:
    from ..core.weights import decode
    from ..report.model_folder import check_folder, write_model

    if options.round is not None and options.round < 0:
        raise UsageError(f"--round is {options.round}", expected="0 or more")
    spec = learner_of(options)
    kinds = {"peft": options.peft, "onnx": options.onnx}
    for kind, which in (("peft", "a PeftLearner"), ("onnx", "one of Keras or PyTorch")):
        if kinds[kind] and spec is None:
            raise UsageError(
                f"--{kind} without a learner",
                expected="whose model it is",
                fix=f"name it by --learner or --config, {which}",
            )
    if options.out is not None:
        check_folder(options.out, options.force)
    found = _in_a_run(options) if options.run_folder is not None else _on_a_chain(options)
    out = options.out or Path(f"colearn-model-{found.card['round']}")
    check_folder(out, options.force)
    data = pulled(found.ref, found.schema, found.store, timeout_of(options))
    tree = decode(data, found.schema)
    learner = None if spec is None else adopting(spec, tree)
    files = write_model(out, data, tree, found.card, learner, force=options.force, **kinds)
    weights = found.card["weights"]
    print(f"round {found.card['round']}: {weights['size']:,} bytes, sha256 {weights['sha256']}")
    print("size, sha256 and CID are as " + ("recorded" if options.run_folder is not None else "on chain"))
    for file in files:
        print(f"  {out / file.name}")
    print(f"  {out / 'MODEL_CARD.md'}")
    print(f"open it in Python: {files[0].line(out)}")
    return 0


# ------------------------------------------------------------------------------------------- which weights


def _which(options: argparse.Namespace) -> Any:
    return "best" if options.best else "current" if options.round is None else options.round


def _on_a_chain(options: argparse.Namespace) -> _Found:
    from ..core.protocol import ZERO_ADDRESS
    from ..history.accepted import read_accepted
    from ..report.agreed import read_agreed
    from ..report.model_card import chain_card

    store = store_of(options)
    where = open_collective(options)

    find = where.find_plan_in(store, min(timeout_of(options), PLAN_S))

    def read(snapshot: Any) -> tuple[History, View, tuple[str, ...], Agreed]:
        history = read_accepted(snapshot, _which(options), deployed_block=where.deployed_block)
        agreed = read_agreed(snapshot, find, deployed_block=where.deployed_block)
        return history, snapshot.view(ZERO_ADDRESS), history.rounds[0].members or snapshot.members(), agreed

    history, view, members, agreed = where.read(read)
    record = history.rounds[0].record
    assert record.weights is not None, "accepted rounds have weights"
    command = f"colearn-ledger export --round {record.round} --address {history.address}"
    return _Found(
        record.weights,
        where.schema,
        store,
        {"command": command, **chain_card(history, view, members, where.read_names(), agreed)},
    )


def _in_a_run(options: argparse.Namespace) -> _Found:
    from ..core.cid import digest_of_text
    from ..core.protocol import WeightsRef
    from ..founding.record import DEPLOYMENT_FILE, load_deployment
    from ..report.model_card import run_card
    from ..report.record import read
    from ..stores.spec import StoreSpec

    folder = options.run_folder
    if any((options.rpc, options.address, options.deployment, options.ipfs, options.store_folder)):
        raise UsageError("--run and where a collective is", expected="the one or the other", fix="leave out --run")
    results = read(folder / "results.json")
    if not (folder / "weights").is_dir():
        raise UsageError(
            f"the run in {folder} kept no weights", expected=f"a folder {folder / 'weights'}", fix="run it on a ledger"
        )
    rounds = {r.round: r for r in (results.initial, *results.rounds)}
    accepted = [r for r in rounds.values() if r.accepted]
    if options.round is None:
        mean = dict(zip(rounds, results.mean_test_scores, strict=True))
        result = max(accepted, key=lambda r: (mean[r.round], r.round)) if options.best else accepted[-1]
    else:
        result = rounds.get(options.round)  # type: ignore[assignment]
        if result is None or not result.accepted:
            raise UsageError(
                f"there is no round {options.round}" if result is None else f"round {options.round} was not accepted",
                expected=f"one of {', '.join(str(r.round) for r in accepted)}",
                fix="name one of these, or take --current",
            )
    ref = WeightsRef(bytes.fromhex(result.weights_sha256), digest_of_text(result.cid), result.size)
    card = {"command": f"colearn-ledger export --round {result.round} --run", **run_card(results, result)}
    record = folder / DEPLOYMENT_FILE  # says as what the weights travel; older runs have none
    schema = load_deployment(record).schema if record.exists() else None
    return _Found(ref, schema, StoreSpec(None, folder / "weights"), card)


# ------------------------------------------------------------------------------------------- learner


def learner_of(options: argparse.Namespace) -> LearnerSpec | None:
    """The learner that ``--learner`` names, or else the configuration; None where neither is given."""
    from ..learners.loading.factory import FACTORY_FORM, LearnerSpec, is_factory, read_learner_spec
    from ..learners.loading.options import parse_options

    if options.learner is not None:
        if not is_factory(options.learner):
            raise UsageError(f"--learner is {options.learner!r}", expected=FACTORY_FORM, fix="correct it")
        return LearnerSpec(options.learner, parse_options(options.options))
    if options.options:
        raise UsageError("--options without --learner", fix="name the learner that they are for")
    return None if options.config is None else read_learner_spec(options.config)
