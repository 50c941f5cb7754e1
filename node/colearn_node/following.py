"""Going on in a successor: the same member, learner and store, in another collective."""

from __future__ import annotations

from dataclasses import replace

from colearn_ledger.errors import ConfigError
from colearn_ledger.founding.record import DeploymentRecord, load_deployment

from .settings import Config

__all__ = ["in_successor"]


def in_successor(config: Config, record: DeploymentRecord) -> Config:
    """The configuration of the node that goes on there; ``record``: of the successor, in the file ``follow``.

    On the same chain its endpoints stay; on another one they are those that the file names. Raises ConfigError where
    it names none, or too few for the quorum.
    """
    assert config.deployment is not None, "a node has one"
    there = replace(config, deployment=config.follow, follow=None)
    if load_deployment(config.deployment).chain_id == record.chain_id:
        return there
    if len(set(record.rpc)) < config.quorum:
        named = f"{config.follow} names {len(record.rpc)} endpoints"
        raise ConfigError(
            f"the successor is on another chain, {record.chain_id}, and {named}",
            expected=f"{config.quorum} of that chain" + (", for the quorum" if config.quorum > 1 else ""),
            fix=f"set deployment to {config.follow} and rpc to endpoints of that chain, and start again",
        )
    return replace(there, rpc=record.rpc, ws=None)
