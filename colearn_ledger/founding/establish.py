"""Founding a collective: its first weights into a store, its contract onto a chain, its record into a file."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from eth_account.signers.local import LocalAccount
from web3 import Web3

from ..chain.deploy import Cost, Genesis, check_members, deploy, estimate_deploy
from ..chain.reach import FAILURES, reaching
from ..core.limits import LEAST_MEMBERS, MOST_BYTES, MOST_MEMBERS, proposed_max_size
from ..core.merge.contributions import why_unmergeable as why_of_schema
from ..core.protocol import Rules
from ..core.schema import Schema
from ..core.weights import decode, encode, weights_ref
from ..core.wire import Wire
from ..errors import DataError, InvalidWeights, StoreError, UsageError
from ..stores.base import Store
from .names import NO_NAMES, Names
from .record import DeploymentRecord

__all__ = ["Founding", "check_membership", "establish", "on_wire", "prepare", "public_urls", "read_weights"]


@dataclass(frozen=True)
class Founding:
    """A collective that could be founded; nothing was stored or sent for it yet.

    Attributes
    ----------
    genesis: what the contract will be told.
    weights: the first weights' bytes.
    schema: theirs, and so that of all weights to come.
    deployer: the address that pays.
    agreed: what members agree on besides, whose hash the contract is told; empty: nothing.
    cost: of the deployment.
    """

    chain_id: int
    genesis: Genesis
    weights: bytes
    schema: Schema
    deployer: str
    cost: Cost
    agreed: bytes = b""


def check_membership(members: Sequence[str]) -> tuple[str, ...]:
    """The addresses, with checksums; raises UsageError for what no collective can consist of."""
    addresses = check_members(members)
    if not LEAST_MEMBERS <= len(addresses) <= MOST_MEMBERS:
        raise UsageError(
            f"there {'is 1 member' if len(addresses) == 1 else f'are {len(addresses)} members'}",
            expected=f"{LEAST_MEMBERS} to {MOST_MEMBERS}",
            fix="name all members, each by its address",
        )
    return addresses


def on_wire(weights: bytes, schema: Schema | None, wire: Wire | None) -> tuple[bytes, Schema | None]:
    """First weights and their schema as they travel by a wire; None leaves both as they are.

    Raises UsageError where that makes none of them shorter; InvalidWeights where they aren't of the schema, or have
    numbers that the wire's type doesn't have.
    """
    if wire is None:
        return weights, schema
    tree = decode(weights, schema)
    schema = (schema or Schema.of(tree)).on_wire(wire)
    return encode(tree, schema), schema


def prepare(
    web3: Web3,
    deployer: str,
    members: Sequence[str],
    weights: bytes,
    *,
    schema: Schema | None = None,
    rules: Rules | None = None,
    secret_votes: bool = False,
    shuffled: bool = False,
    max_size: int | None = None,
    merge_order: Sequence[int] = (),
    why_unmergeable: str = "",
    agreed: bytes = b"",
    fee_cap: int | None = None,
) -> Founding:
    """Look at everything that founding a collective needs, the price included. Changes nothing.

    Parameters
    ----------
    weights: in their canonical encoding.
    schema: that of all weights to come; None: these weights' own, in which every leaf is scored.
    rules, secret_votes, shuffled, max_size: as :class:`~colearn_ledger.chain.deploy.Genesis` has them; the cap on the
        size of weights follows from the first ones where None is given (:func:`~.limits.proposed_max_size`).
    merge_order: as there, too; rounds are joint if there is one, and then the rules have a window to train.
    why_unmergeable: what the learner itself says of its weights, where they can't be merged.
    agreed: a plan in its canonical form, or nothing.
    fee_cap: wei per unit of gas that is never exceeded; None: no cap.

    Raises
    ------
    UsageError: members that can't be; joint rounds of weights that can't be merged.
    InvalidWeights: the bytes are no weights, or too many, or don't fit the schema.
    ContractError, InsufficientFunds, ChainError: the contract refuses it, it can't be paid, the chain fails.
    """
    addresses = check_membership(members)
    if max_size is not None and len(weights) > max_size:
        raise _too_large(f"the first weights have {len(weights):,} bytes", max_size)
    tree = decode(weights, schema)
    schema = schema or Schema.of(tree)
    if max_size is None:
        max_size = proposed_max_size(len(weights), grows=schema.sizes()[1] is None)
    if merge_order:
        _check_joint(why_unmergeable or why_of_schema(schema))
    genesis = Genesis(
        addresses,
        weights_ref(weights),
        rules or Rules(),
        secret_votes,
        shuffled,
        max_size,
        merge_order,
        plan=hashlib.sha256(agreed).digest() if agreed else bytes(32),
    )
    cost = estimate_deploy(web3, deployer, genesis, fee_cap=fee_cap)
    with reaching("read the chain id"):
        return Founding(int(web3.eth.chain_id), genesis, weights, schema, deployer, cost, agreed)


def _check_joint(why_unmergeable: str) -> None:
    if why_unmergeable:
        raise UsageError(
            f"these weights can't be merged: {why_unmergeable}",
            expected="weights whose mean is a model, as joint rounds merge them",
            fix="found a collective with solo rounds: leave out --joint",
        )


def establish(
    founding: Founding,
    web3: Web3,
    account: LocalAccount,
    store: Store,
    *,
    rpc: Sequence[str] = (),
    names: Names = NO_NAMES,
    fee_cap: int | None = None,
    on_sending: Callable[[str], None] = lambda address: None,
) -> tuple[DeploymentRecord, int]:
    """Publish the first weights, and the plan if there is one; then deploy.

    Parameters
    ----------
    rpc: endpoints to name in the record, as far as they hold no secret.
    names: of members, for the record.
    on_sending: gets the contract's address to be, when the weights are stored and the transaction is about to be sent.

    Returns
    -------
    What the members need to know, and the gas that was used.

    Raises
    ------
    StoreError: the store can't keep the weights. Nothing was sent.
    ContractError, InsufficientFunds, ChainError: as :func:`~colearn_ledger.chain.deploy.deploy`. Where it is certain
        that there will be no contract, the weights are removed from the store again.
    """
    contents = [founding.weights, *([founding.agreed] if founding.agreed else [])]
    refs = [weights_ref(data) for data in contents]
    new = [ref for ref in refs if not store.has(ref)]
    before = _sent(web3, account)
    try:
        for data, ref in zip(contents, refs, strict=True):
            if store.put(data) != ref or not store.has(ref):
                raise StoreError(
                    "the store doesn't keep the first weights as they are", fix="look at the store's log and its disk"
                )
        deployed = deploy(web3, account, founding.genesis, fee_cap=fee_cap, on_sending=on_sending)
    except BaseException:  # also Ctrl-C
        if before is not None and _sent(web3, account) == before:
            for ref in new:
                with contextlib.suppress(StoreError):
                    store.discard(ref)
        raise
    record = DeploymentRecord(
        deployed.chain_id,
        deployed.address,
        deployed.block,
        deployed.transaction,
        founding.genesis.weights,
        founding.schema,
        public_urls(rpc),
        names,
    )
    return record, deployed.gas


def read_weights(path: Path, max_size: int | None = None) -> bytes:
    """Weights out of a file, checked; ``max_size``: bytes, the contract's most if None.

    Raises DataError when it can't be read, InvalidWeights for what is in it.
    """
    max_size = MOST_BYTES if max_size is None else max_size
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= max_size:  # one that grows meanwhile isn't canonical
                data = file.read(size + 1)
    except OSError as e:
        raise DataError(
            f"the weights {path} can't be read: {e.strerror or e}", expected="a file", fix="correct its path"
        ) from e
    if size > max_size:
        raise _too_large(f"the file {path} has {size:,} bytes", max_size)
    try:
        decode(data)
    except InvalidWeights as e:
        e.what = f"the file {path}: {e.what}"
        e.expected = e.expected or "weights in the format of docs/weights-format.md"
        e.fix = e.fix or "write them by colearn_ledger.core.weights.encode, or fetch them again"
        raise
    return data


def public_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Those that may be handed around: no user, path or query in them, since that is where providers' keys are."""
    parts = {url: urlsplit(url) for url in urls}
    return tuple(
        url for url, p in parts.items() if not (p.username or p.password or p.path.strip("/") or p.query or p.fragment)
    )


def _too_large(what: str, max_size: int) -> InvalidWeights:
    return InvalidWeights(
        what, expected=f"at most {max_size:,}, the collective's cap", fix="raise the cap, or take a smaller model"
    )


def _sent(web3: Web3, account: LocalAccount) -> int | None:
    """How many transactions the account has sent, those that wait included; None if that can't be known."""
    try:
        return int(web3.eth.get_transaction_count(account.address, "pending"))
    except FAILURES:
        return None
