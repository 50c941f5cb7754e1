"""A whole local network: one chain, and for each stakeholder a funded key and an IPFS daemon of one private swarm."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..core.limits import MOST_MEMBERS
from ..errors import UsageError
from . import state
from .chains import SAVER, Chain, check_chain, fund, start_chain
from .kubo import Kubo, connect_all, make_repository, make_swarm_key, start_kubos
from .processes import Daemons, StoppedFromOutside, release_port
from .tools import Say, find_kubo

__all__ = ["LocalNetwork", "Stakeholder"]


@dataclass(frozen=True)
class Stakeholder:
    """What one stakeholder has.

    Attributes
    ----------
    name: ``stakeholder-1`` and so on.
    address: of its account, with checksum.
    keystore: the account's key, encrypted, as Ethereum's clients write it.
    password_file: the password, in its first line.
    ipfs_api: address of its IPFS daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001``; empty without IPFS.
    ipfs_repository: where that daemon keeps its blocks.
    """

    name: str
    address: str
    keystore: Path
    password_file: Path
    ipfs_api: str
    ipfs_repository: Path


class LocalNetwork:
    """A context manager: inside it the network runs, afterwards nothing of it does.

    It runs no longer than the process that made it, however that ends.

    Parameters
    ----------
    chain: ``anvil``, ``hardhat`` or ``geth``.
    stakeholders: how many, 1 to 64.
    folder: where everything is kept for another time; None for a folder that is removed at the end.
    ipfs: False to have the chain and the keys alone.
    block_time: seconds between blocks; None for a block whenever there is a transaction.
    ether: each stakeholder has that much at least.
    rpc_port, ipfs_port, swarm_port: ports to begin with. None: those of the last time, if ``folder`` has any, else any
        that is free. One that is taken is replaced, and ``say`` is told.
    usual_ports: begin with the ports that people know (8545, 5001, 4001) rather than with any.
    listed: whether ``network down`` finds it without being told its folder.
    say: gets a line about each step that takes time, and about each port that was taken.

    Raises
    ------
    UsageError: an argument is out of range, or doesn't fit what the folder holds.
    NetworkError: a program is missing, or doesn't start.
    """

    rpc_url: str
    ws_url: str
    chain_id: int
    stakeholders: tuple[Stakeholder, ...]
    folder: Path

    def __init__(
        self,
        chain: str = "anvil",
        stakeholders: int = 3,
        *,
        folder: str | os.PathLike[str] | None = None,
        ipfs: bool = True,
        block_time: float | None = None,
        ether: int = 1000,
        rpc_port: int | None = None,
        ipfs_port: int | None = None,
        swarm_port: int | None = None,
        usual_ports: bool = False,
        listed: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.kind = chain
        self.count = stakeholders
        self.kept = Path(folder).absolute() if folder is not None else None
        self.ipfs = ipfs
        self.block_time = block_time
        self.ether = ether
        self._wished = (rpc_port, ipfs_port, swarm_port)
        self._usual = (8545, 5001, 4001) if usual_ports else (None, None, None)
        self._listed = listed
        self._say: Say = say or (lambda text: None)
        self._daemons: Daemons | None = None
        self._link: Path | None = None
        self._kubos: list[Kubo] = []
        self._chain: Chain | None = None
        self._ipfs_program: Path | None = None

    def __enter__(self) -> LocalNetwork:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; when it returns, the chain and all daemons answer and are connected."""
        check_chain(self.kind, kept=self.kept is not None, block_time=self.block_time)
        if not 1 <= self.count <= MOST_MEMBERS:
            raise UsageError(f"{self.count} stakeholders", expected=f"1 to {MOST_MEMBERS}")
        before = self._check_folder()
        if self.ipfs:
            self._ipfs_program = find_kubo(self._say)  # before anything is made: it may take minutes, or fail
        self.folder = self.kept or state.new_temporary()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._daemons = Daemons(self.folder, remove=self.kept is None)
        except (FileExistsError, NotADirectoryError, PermissionError) as e:
            raise UsageError(f"{e.filename} can't be used: {e.strerror}", expected="a folder to write to") from e
        try:
            self._start(before)
        except BaseException:  # also Ctrl-C
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything; when it returns, nothing of it runs. Harmless if it doesn't run."""
        daemons, self._daemons = self._daemons, None
        if daemons is None:
            return
        daemons.close()
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        for port in [p for k in self._kubos for p in (k.api_port, k.swarm_port)]:
            release_port(port)
        if self._chain is not None:
            release_port(self._chain.port)
            release_port(self._chain.ws_port)

    def add_stakeholder(self) -> Stakeholder:
        """One more while it runs: a key, funds, and an IPFS daemon that is connected to the others.

        Raises UsageError where there are as many as can be, NetworkError where its daemon doesn't start.
        """
        daemons, index = self._running(), self.count
        assert self._chain is not None, "it runs"
        if index == MOST_MEMBERS:
            raise UsageError(f"there are {MOST_MEMBERS} stakeholders", expected=f"at most {MOST_MEMBERS}")
        address = state.make_keystore(self._home(index))
        fund(self._chain, [address], self.ether)
        if self.ipfs:
            assert self._ipfs_program is not None
            wanted = [self._wanted_kubo(self._ipfs_program, index, {})]
            self._kubos += start_kubos(self._ipfs_program, daemons, wanted)
            running = daemons.running()
            connect_all([kubo for kubo in self._kubos if kubo.name in running])
        self.count += 1
        added = self._stakeholder(index, address)
        self.stakeholders = (*self.stakeholders, added)
        state.write_description(self.folder, self.describe())
        return added

    def gone(self) -> bool:
        """Whether it was stopped from outside."""
        return self._daemons is None or self._daemons.gone()

    def check(self) -> str | None:
        """The name of a daemon that has ended by itself, or None (also when all is being stopped from outside)."""
        daemons = self._running()
        names = ["chain", *([SAVER] if self.kept and self.kind == "anvil" else []), *(k.name for k in self._kubos)]
        try:
            return next((name for name in names if daemons.ended(name) is not None), None)
        except StoppedFromOutside:
            return None

    def log(self, name: str) -> Path:
        """The log of ``chain`` or of ``ipfs-1`` and so on."""
        return self.folder / "logs" / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """Process ids of the chain and of the IPFS daemons, by name, and of their supervisor."""
        daemons = self._running()
        return {**daemons.running(), "supervisor": daemons.pid}

    def stop_ipfs(self, index: int, *, hard: bool = False) -> None:
        """Stop one stakeholder's IPFS daemon (0 is the first); ``hard`` ends it as a crash would."""
        daemons, name = self._running(), self._kubos[index].name
        daemons.kill(name) if hard else daemons.stop(name)
        release_port(self._kubos[index].api_port)
        release_port(self._kubos[index].swarm_port)

    def start_ipfs(self, index: int) -> None:
        """Start it again, at the same address as before."""
        assert self._ipfs_program is not None
        [self._kubos[index]] = start_kubos(self._ipfs_program, self._running(), [self._kubos[index]])
        running = self._running().running()
        connect_all([kubo for kubo in self._kubos if kubo.name in running])

    def _running(self) -> Daemons:
        if self._daemons is None:
            raise UsageError("the local network doesn't run", fix="start it")
        return self._daemons

    def _check_folder(self) -> dict[str, Any]:
        """What the folder was used for before must fit."""
        before = state.read_description(self.kept) if self.kept is not None else None
        if before is None:
            # One that was interrupted while it came up for the first time has a lock, and no description yet.
            if (
                self.kept is not None
                and self.kept.is_dir()
                and any(self.kept.iterdir())
                and not (self.kept / "lock").is_file()
            ):
                raise UsageError(
                    f"{self.kept} holds something else", expected="an empty folder, or one of a local network"
                )
            return {}
        if before["chain"]["kind"] != self.kind:
            raise UsageError(
                f"{self.kept} holds a chain of {before['chain']['kind']}, not of {self.kind}",
                fix=f"--chain {before['chain']['kind']}, or another folder",
            )
        if len(before["stakeholders"]) > self.count:
            raise UsageError(
                f"{self.kept} has {len(before['stakeholders'])} stakeholders, not {self.count}",
                fix=f"--stakeholders {len(before['stakeholders'])} or more, or another folder",
            )
        return before

    def _start(self, before: dict[str, Any]) -> None:
        daemons, folder = self._running(), self.folder
        if self._listed:
            self._link = state.register(folder)
        addresses = [state.make_keystore(self._home(i)) for i in range(self.count)]
        saved = before.get("chain", {})
        wished = self._wished[0] or saved.get("port") or self._usual[0]
        self._chain = chain = start_chain(
            self.kind,
            daemons,
            folder / "chain",
            kept=self.kept is not None,
            block_time=self.block_time,
            port=wished,
            ws_port=saved.get("ws_port") or (wished and wished + 1),
            say=self._say,
        )
        if wished and wished != chain.port:
            self._say(f"port {wished} is taken: the chain's RPC is on {chain.port}")
        fund(chain, addresses, self.ether)
        if self.ipfs:
            self._start_ipfs(before)
        self.rpc_url, self.ws_url, self.chain_id = chain.rpc_url, chain.ws_url, chain.chain_id
        self.stakeholders = tuple(self._stakeholder(i, address) for i, address in enumerate(addresses))
        state.write_description(folder, self.describe())

    def _stakeholder(self, index: int, address: str) -> Stakeholder:
        home = self._home(index)
        api = self._kubos[index].api if self.ipfs else ""
        name = f"stakeholder-{index + 1}"
        return Stakeholder(name, address, home / "keystore.json", home / "password", api, home / "ipfs")

    def _start_ipfs(self, before: dict[str, Any]) -> None:
        program = self._ipfs_program
        assert program is not None
        swarm_key = self.folder / "swarm.key"
        if not swarm_key.is_file():
            make_swarm_key(swarm_key)
        saved = before.get("stakeholders", [])
        wanted = []
        for i in range(self.count):
            last = (saved[i].get("ipfs") if i < len(saved) else None) or {}
            wanted.append(self._wanted_kubo(program, i, last))
        self._kubos = start_kubos(program, self._running(), wanted)
        self._tell_of_moved_ports(wanted)

    def _wanted_kubo(self, program: Path, index: int, last: dict[str, Any]) -> Kubo:
        """One stakeholder's daemon, with the ports that it would have; ``last``: as it was described before."""
        repository = self._home(index) / "ipfs"
        peer = make_repository(program, repository, self.folder / "swarm.key")
        ports = []
        for name, wished, usual in zip(("api_port", "swarm_port"), self._wished[1:], self._usual[1:], strict=True):
            ports.append(wished + index if wished else last.get(name) or (usual + index if usual else 0))
        return Kubo(f"ipfs-{index + 1}", repository, peer, *ports)

    def _tell_of_moved_ports(self, wanted: list[Kubo]) -> None:
        for want, have in zip(wanted, self._kubos, strict=True):
            for what, wish, port in [
                ("RPC", want.api_port, have.api_port),
                ("swarm", want.swarm_port, have.swarm_port),
            ]:
                if wish and wish != port:
                    self._say(f"port {wish} is taken: {have.name}'s {what} is on {port}")

    def _home(self, index: int) -> Path:
        return self.folder / f"stakeholder-{index + 1}"

    def describe(self) -> dict[str, Any]:
        """The content of ``network.json``."""
        assert self._chain is not None
        chain = asdict(self._chain) | {"log": str(self._chain.log), "block_time": self.block_time}
        people = []
        for i, person in enumerate(self.stakeholders):
            entry: dict[str, Any] = {
                "name": person.name,
                "address": person.address,
                "keystore": str(person.keystore),
                "password_file": str(person.password_file),
                "ipfs": None,
            }
            if self.ipfs:
                kubo = self._kubos[i]
                entry["ipfs"] = {
                    "api": kubo.api,
                    "api_port": kubo.api_port,
                    "swarm": kubo.swarm,
                    "swarm_port": kubo.swarm_port,
                    "peer_id": kubo.peer_id,
                    "repository": str(kubo.repository),
                    "log": str(self.log(kubo.name)),
                }
            people.append(entry)
        session = os.getsid(0)  # by which whoever stops it knows it for its own
        return {"supervisor": self._running().pid, "session": session, "chain": chain, "stakeholders": people}
