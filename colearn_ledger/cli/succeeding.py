"""The collective that a new one succeeds: where its accepted weights are, and that these are the ones on its chain."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidWeights, UsageError
from .weights import pulled

if TYPE_CHECKING:
    from ..core.protocol import WeightsRef
    from ..core.schema import Schema
    from ..founding.names import Names
    from ..plan.document import Predecessor
    from ..stores.spec import StoreSpec

__all__ = ["Old", "add_succeeds_options", "read_old"]


@dataclass(frozen=True, slots=True)
class Old:
    """The old collective at its newest block.

    Attributes
    ----------
    predecessor: as the plan of its successor names it.
    weights: the accepted ones.
    schema: theirs.
    members: by seat.
    names: of members.
    """

    predecessor: Predecessor
    weights: WeightsRef
    schema: Schema
    members: tuple[str, ...]
    names: Names

    def bytes_of(self, path: Path | None, store: StoreSpec, timeout_s: float) -> bytes:
        """The weights out of a file, or the store; compared with the old chain. Raises as :meth:`.Store.get`."""
        from ..core.weights import decode
        from ..founding.establish import read_weights
        from ..stores.base import check_bytes

        if path is None:
            data = bytes(pulled(self.weights, self.schema, store, timeout_s))
        else:
            data = read_weights(path)
            try:
                check_bytes(data, self.weights)
            except InvalidWeights as e:
                e.what = f"the file {path} isn't the accepted weights of the old collective: {e.what}"
                raise
        decode(data, self.schema)
        return data


def add_succeeds_options(add: Any) -> None:
    text = "the deployment file of an old collective, whose accepted weights are the first ones of this"
    add("--succeeds", type=Path, metavar="FILE", help=text)
    text = "an endpoint of its chain (default: those in that file); may be given several times"
    add("--succeeds-rpc", action="append", default=[], metavar="URL", help=text)


def read_old(options: argparse.Namespace) -> Old:
    """What ``--succeeds`` names, read from its chain.

    Raises ConfigError, ChainError, WrongChain, NoContract, ArtifactError.
    """
    from ..chain.bytecode import check_code
    from ..chain.contract import CollectiveContract
    from ..chain.endpoints import PATIENCE_S, connect, persist
    from ..core.protocol import ZERO_ADDRESS
    from ..founding.record import load_deployment
    from ..history.names import NamesOnChain
    from ..plan.document import Predecessor

    record = load_deployment(options.succeeds)
    urls: Sequence[str] = options.succeeds_rpc or record.rpc
    if not urls:
        raise UsageError(
            f"{options.succeeds} names no endpoint of the old collective's chain",
            expected="one, to read its accepted weights",
            fix="--succeeds-rpc URL",
        )
    web3 = connect(urls, expected_chain_id=record.chain_id, patience_s=PATIENCE_S)

    def read() -> Old:
        snapshot = CollectiveContract(web3, record.address).snapshot()
        check_code(snapshot)
        view = snapshot.view(ZERO_ADDRESS)
        old = Predecessor(record.chain_id, record.address, view.accepted_round, view.accepted.sha256)
        names = NamesOnChain(record.names, record.block).read(snapshot).distinct()
        return Old(old, view.accepted, record.schema, snapshot.members(), names)

    return persist(web3, read)
