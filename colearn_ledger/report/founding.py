"""A planned collective in words: what its deployer is asked to confirm."""

from __future__ import annotations

from ..chain.deploy import Cost
from ..chain.fees import in_ether, in_gwei
from ..core.cid import cid_text
from ..core.roles import Bounded
from ..core.schema import Schema
from ..formats.size import shown_size
from ..founding.establish import Founding
from ..founding.names import NO_NAMES, Names
from .rules import decision_in_words, rounds_in_words, windows_in_words
from .windows import Times, windows_fit_in_words

__all__ = ["cost_in_words", "founding_in_words"]


def founding_in_words(
    founding: Founding, endpoint: str, store: str, merge_s: float | None = None, names: Names = NO_NAMES
) -> list[str]:
    """Lines, each with its subject first; ``merge_s``: seconds that merging all contributions takes on this machine."""
    genesis, ref = founding.genesis, founding.genesis.weights
    count = len(genesis.members)
    grow = ", if they grow, which --max-size bounds for ever" if founding.schema.sizes()[1] is None else ""
    rows = [
        ("chain", f"{founding.chain_id}, by {endpoint}"),
        ("deployer", f"{founding.deployer}, which has no rights by that"),
        *((f"member {i}", names.full(address)) for i, address in enumerate(genesis.members)),
        ("accepts", decision_in_words(genesis.rules, count)),
        ("proposers", "in an order that is shuffled each cycle" if genesis.shuffled else "in turn, seat by seat"),
        ("rounds", rounds_in_words(genesis.merge_order)),
        ("votes", "secret until they are revealed" if genesis.secret_votes else "open"),
        ("time", windows_in_words(genesis.rules, secret=genesis.secret_votes)),
        *([("merging", _merging_in_words(founding, merge_s))] if merge_s is not None else []),
        ("weights", f"{shown_size(ref.size)} at first, {shown_size(genesis.max_size)} at most{grow}"),
        ("  CID", cid_text(ref.cid_digest, ref.size)),
        ("  sha256", ref.sha256.hex()),
        *([("  wire", f"{founding.schema.wire}, half the bytes of float32")] if founding.schema.wire else []),
        ("  kept in", store),
        *([("  base", f"frozen at every member, sha256 {base}")] if (base := founding.schema.base) else []),
        *([("  roles", _roles_in_words(founding.schema))] if founding.schema.roles else []),
        *([("plan", f"sha256 {genesis.plan.hex()}")] if founding.agreed else []),
        ("cost", cost_in_words(founding.cost)),
    ]
    return [f"{name:<10} {text}" for name, text in rows]


def _merging_in_words(founding: Founding, merge_s: float) -> str:
    said = windows_fit_in_words(
        founding.genesis.rules, Times(merge=merge_s), len(founding.genesis.members), "found it with"
    )
    return f"{said}; `colearn-node check --time` measures a training, too"


def _roles_in_words(schema: Schema) -> str:
    """Which leaves the votes don't decide about, the first few by their places."""
    said = []
    for path, role in schema.roles:
        rule = f"rises by {role.rise:g} a round at most" if isinstance(role, Bounded) else "stays with each learner"
        said.append(f"{path} {rule}")
    return "; ".join(said[:4]) + (f"; and {len(said) - 4} more leaves" if len(said) > 4 else "")


def cost_in_words(cost: Cost) -> str:
    """Gas, ether at most, and what the account has."""
    if cost.price == 0:
        return f"{cost.gas:,} gas at most, which is free here"
    return (
        f"{cost.gas:,} gas and {in_ether(cost.most)} ether at most ({in_gwei(cost.price)} gwei); "
        f"the deployer has {in_ether(cost.balance)}"
    )
