"""Options that several commands share: where the chain and the collective are, and whose key signs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import ChainError, KeyFileError, UsageError
from ..formats.addresses import parse_address
from ..founding.names import NO_NAMES, Names
from ..founding.record import DEPLOYMENT_FILE, DeploymentRecord, load_deployment

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from ..chain.contract import CollectiveContract
    from ..chain.snapshot import Snapshot
    from ..core.schema import Schema
    from ..history.names import NamesOnChain
    from ..plan.document import Plan
    from ..stores.spec import StoreSpec

__all__ = [
    "DEPLOYMENT_VARIABLE",
    "PLAN_S",
    "RPC_VARIABLE",
    "Collective",
    "add_collective_options",
    "add_key_options",
    "add_rpc_option",
    "fee_cap",
    "open_account",
    "open_collective",
    "parse_round",
    "rpc_urls",
]

T = TypeVar("T")
RPC_VARIABLE, DEPLOYMENT_VARIABLE = "COLEARN_RPC", "COLEARN_DEPLOYMENT"
PLAN_S = 10  # seconds to try to have a plan that is shown beside something else


def add_rpc_option(parser: argparse.ArgumentParser) -> None:
    text = f"JSON-RPC endpoint; given again: another one, for when it fails (default: {RPC_VARIABLE})"
    parser.add_argument("--rpc", action="append", metavar="URL", help=text)


def add_collective_options(parser: argparse.ArgumentParser, *, saved: bool = False) -> None:
    """Where the collective is: a deployment file, or an endpoint and an address; with ``saved`` a demo's run, too."""
    text = f"the file that deploy wrote (default: {DEPLOYMENT_VARIABLE}, else {DEPLOYMENT_FILE})"
    parser.add_argument("--deployment", type=Path, metavar="FILE", help=text)
    add_rpc_option(parser)
    parser.add_argument("--address", metavar="0x…", help="the contract, instead of a deployment file")
    if saved:
        text = "instead of a chain: the folder of a demo's run, whose own chain it left there"
        parser.add_argument("--run", type=Path, metavar="DIR", help=text, dest="run_folder")


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Whose key signs. The key itself, and its password, are never arguments."""
    text = "the encrypted key (default: the key file that COLEARN_KEY_FILE names)"
    parser.add_argument("--keystore", type=Path, metavar="FILE", help=text)
    text = "holds the keystore's password (default: you are asked)"
    parser.add_argument("--password-file", type=Path, metavar="FILE", help=text)
    text = "most to pay for a unit of gas (default: no cap)"
    parser.add_argument("--fee-cap", type=float, metavar="GWEI", help=text)


@dataclass(slots=True)
class Collective:
    """A collective that was found and is this version's contract.

    ``snapshot``: at the newest block, or at a newer one after a failure. ``deployed_block``: nothing of it is before.
    ``deployment``: the file, where one was given; ``path``: where it is. ``urls``: of its endpoints, by preference.
    ``events``: whether events may be asked for, without which names are those of the file; ``said_missing``: it was
    said that the endpoint lacks some.
    """

    snapshot: Snapshot
    deployed_block: int
    deployment: DeploymentRecord | None = None
    urls: tuple[str, ...] = ()
    path: Path | None = None
    events: bool = True
    said_missing: bool = False
    _names: NamesOnChain | None = field(default=None, init=False)

    def find_plan(self, sha256: bytes) -> Plan:
        """The members' plan, from beside the deployment file. Raises StoreError where it isn't there."""
        return self.find_plan_in(None)(sha256)

    def find_plan_in(self, store: StoreSpec | None, deadline_s: float | None = None) -> Callable[[bytes], Plan]:
        """What finds it there, or else in the store."""
        from ..plan.document import plan_beside
        from ..plan.finding import find_plan

        files = () if self.path is None else (plan_beside(self.path),)
        opened = None if store is None else store.open
        return lambda sha256: find_plan(sha256, files, opened, deadline_s=deadline_s)

    @property
    def schema(self) -> Schema | None:
        """Of its weights, where a deployment file was given."""
        return None if self.deployment is None else self.deployment.schema

    @property
    def founders(self) -> Names:
        """What its founders are called, where a deployment file says so."""
        return NO_NAMES if self.deployment is None else self.deployment.names

    def fetch_names(self, snapshot: Snapshot) -> Names:
        """What its members are called: as they said on chain, or else in the deployment file. Raises ChainError.

        Where the endpoint lacks old events that is said, once.
        """
        if not self.events:
            return self.founders
        if self._names is None:
            from ..history.names import NamesOnChain

            self._names = NamesOnChain(self.founders, self.deployed_block)
        names = self._names.read(snapshot)
        if self._names.problem and not self.said_missing:
            from ..report.terminal import one_line

            print(
                f"note: names that members said earlier may be missing: {one_line(self._names.problem)}",
                file=sys.stderr,
            )
            self.said_missing = True
        return names

    def read_names(self) -> Names:
        """The same as of :attr:`snapshot`, or of a newer one after a failure."""
        return self.read(self.fetch_names)

    @property
    def contract(self) -> CollectiveContract:
        return self.snapshot.contract

    def read(self, what: Callable[[Snapshot], T]) -> T:
        """``what`` of the snapshot; where an endpoint fails meanwhile, of a new one by the next. Raises ChainError."""
        from ..chain.endpoints import persist

        first = True

        def read() -> T:
            nonlocal first
            if not first:
                self.snapshot = self.contract.snapshot()
            first = False
            return what(self.snapshot)

        return persist(self.contract.web3, read)


def rpc_urls(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The endpoints that ``--rpc`` or the environment (separated by commas) name, by preference; may be none."""
    if options.rpc:
        return list(options.rpc)
    return [url.strip() for url in environ.get(RPC_VARIABLE, "").split(",") if url.strip()]


def open_collective(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Collective:
    """Find the collective, and check that it is one, on the chain that it should be on.

    Raises
    ------
    UsageError, ConfigError: it isn't said, or not rightly, where the collective is.
    ChainError, WrongChain, NoContract, ArtifactError: it isn't there, or no endpoint says so within seconds.
    """
    if getattr(options, "run_folder", None) is not None:
        return _open_run(options)
    urls, chain_id, deployed_block = rpc_urls(options, environ), None, 0
    deployment = path = None
    if options.address is not None:
        if options.deployment is not None:
            raise UsageError("--deployment and --address together", fix="give one of them")
        address = parse_address(options.address, "--address")
    else:
        path = options.deployment or Path(environ.get(DEPLOYMENT_VARIABLE) or DEPLOYMENT_FILE)
        deployment = load_deployment(path)
        address, chain_id, deployed_block = deployment.address, deployment.chain_id, deployment.block
        urls = urls or list(deployment.rpc)
    if not urls:
        raise UsageError(
            "no RPC endpoint is named",
            expected=f"a URL, by --rpc, {RPC_VARIABLE} or the deployment file",
            fix="--rpc http://127.0.0.1:8545",
        )
    from ..chain.bytecode import check_code
    from ..chain.contract import CollectiveContract
    from ..chain.endpoints import PATIENCE_S, connect, distrust, persist

    web3 = connect(urls, expected_chain_id=chain_id, patience_s=PATIENCE_S)

    def find() -> Snapshot:
        snapshot = CollectiveContract(web3, address).snapshot()
        if snapshot.head.number < deployed_block:
            distrust(web3)
            raise ChainError(
                f"the endpoint shows block {snapshot.head.number}, and the contract was deployed in {deployed_block}",
                expected="an endpoint that is synced past that",
                fix="wait until it is synced, or name another one",
            )
        check_code(snapshot)
        return snapshot

    events = not getattr(options, "no_logs", False)
    return Collective(persist(web3, find), deployed_block, deployment, tuple(urls), path, events)


def _open_run(options: argparse.Namespace) -> Collective:
    """The collective of a demo's run, on the chain that it left."""
    if any((options.rpc, options.address, options.deployment)):
        raise UsageError("--run and where a collective is", expected="the one or the other", fix="leave out --run")
    from ..embedded.saved import open_saved

    snapshot, deployment = open_saved(options.run_folder)
    return Collective(snapshot, deployment.block, deployment, events=not getattr(options, "no_logs", False))


def parse_round(word: str) -> int | None:
    """The number of a round; None for the current one."""
    if word == "current":
        return None
    if not (word.isascii() and word.isdecimal() and len(word) < 10):
        raise UsageError(f"the round is {word[:40]!r}", expected="a number, or `current`", fix="for example: show 3")
    return int(word)


def open_account(options: argparse.Namespace) -> LocalAccount:
    """The account whose key signs. Raises KeyFileError if there is none, or it can't be opened."""
    from ..chain.keys import KEY_FILE_VARIABLE, find_account

    account = find_account(options.keystore, options.password_file, prompt=True)
    if account is None:
        raise KeyFileError(
            "no key is named",
            expected="an encrypted keystore",
            fix=f"--keystore FILE --password-file FILE, or the variable {KEY_FILE_VARIABLE}",
        )
    return account


def fee_cap(options: argparse.Namespace) -> int | None:
    """``--fee-cap`` in wei."""
    gwei = options.fee_cap
    if gwei is None:
        return None
    if not 0 < gwei < 1e9:
        raise UsageError(f"--fee-cap is {gwei:g}", expected="a number of gwei above 0", fix="correct or leave it out")
    return int(gwei * 10**9)
