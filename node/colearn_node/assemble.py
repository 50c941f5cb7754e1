"""From settings to a node: connect, open the key, check that everything belongs together."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import find_account
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.errors import ArtifactError, ConfigError
from colearn_ledger.ledger.submit import Submitter

from . import lock
from .crew import Crew
from .log import Log
from .messages import Spec
from .narrator import Narrator
from .node import Node
from .settings import Config
from .tidy import Tidier
from .wake import News, Wake

__all__ = ["Deployed", "assemble", "read_deployment"]


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where the collective is."""

    chain_id: int
    address: str


def read_deployment(path: Path) -> Deployed:
    """The deployment's chain and address. Raises ConfigError."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        return Deployed(int(raw["chain_id"]), Web3.to_checksum_address(raw["address"]))
    except FileNotFoundError:
        raise ConfigError(f"there is no deployment file {path}", fix="correct `deployment`") from None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ConfigError(f"the deployment file {path} can't be used: {e}", fix="get the file again") from e


def assemble(
    config: Config, wake: Wake, *, dry_run: bool, rounds: int | None, until_round: int | None
) -> tuple[Node, IO[str] | None]:
    """A node that is ready to run, and the lock on its key, which must be kept as long as it runs.

    Raises ConfigError, KeyFileError, ChainError, WrongChain, ArtifactError.
    """
    assert config.deployment is not None and config.learner_factory is not None
    log = Log(as_json=config.log_format == "json", level=config.log_level)
    deployed = read_deployment(config.deployment)
    account, held = _key(config, dry_run)
    member = account.address if account is not None else _member(config)
    contract = CollectiveContract(connect(config.rpc, expected_chain_id=deployed.chain_id), deployed.address)
    head = contract.fetch_head()
    if not contract.web3.eth.get_code(contract.address, contract.pin(head)):
        raise ArtifactError(
            f"there is no code at {contract.address} on chain {contract.chain_id}",
            expected="the deployed contract",
            fix="check the deployment file; a local chain that was started anew has lost its contracts",
        )
    view = contract.fetch_view(member, head, contract.fetch_clock(head))
    spec = Spec(
        config.learner_factory,
        config.learner_options,
        config.store_ipfs,
        config.store_folder,
        config.store_allow_remote,
        view.max_size,
        tuple(dict.fromkeys([str(config.folder), str(Path.cwd()), *sys.path])),
    )
    submitter = Submitter(_sender(contract, account, config)) if account is not None and not dry_run else None
    log.info(
        "start",
        f"member {member} of {contract.address} on chain {contract.chain_id}"
        + ("" if submitter else ", dry run: nothing is sent"),
    )
    return (
        Node(
            contract,
            member,
            submitter,
            Crew(spec, wake, log),
            wake,
            Narrator(log),
            Tidier(contract, config.store_keep),
            news=None if config.ws is None else News(config.ws, wake, log),
            poll_interval=config.poll_interval,
            store_timeout=config.store_timeout,
            rounds=rounds,
            until_round=until_round,
        ),
        held,
    )


def _sender(contract: CollectiveContract, account: LocalAccount, config: Config) -> Sender:
    return Sender(contract, account, fee_cap=None if config.fee_cap is None else int(config.fee_cap * 10**9))


def _key(config: Config, dry_run: bool) -> tuple[LocalAccount | None, IO[str] | None]:
    held: Any = None
    if config.keystore is not None and not dry_run:
        held = lock.hold(config.keystore)
    return find_account(config.keystore, config.password_file, prompt=True), held


def _member(config: Config) -> str:
    if config.member is None:
        return "0x" + "0" * 40  # nobody: follows
    if not Web3.is_address(config.member):
        raise ConfigError(f"member is {config.member!r}", expected="an address, 0x and 40 hex digits", fix="correct it")
    return Web3.to_checksum_address(config.member)
