"""The local network, run for real: what it gives, that nothing of it outlives its owner, and that it can be kept."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3

from colearn_ledger.errors import NetworkError, UsageError
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.http import call_ipfs, call_rpc
from colearn_ledger.network.processes import InUse
from colearn_ledger.network.saver import BEFORE, SAVED
from colearn_ledger.network.state import read_description
from colearn_ledger.stores.ipfs import IpfsStore
from tests.kit.network import local_network, need
from tests.kit.ports import quiet_ports

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has /proc, and signals at a parent's death")
DEADLINE_S = 90.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"{what} didn't happen in {DEADLINE_S} s"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether it runs; one that is dead and not yet waited for doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists()


@pytest.fixture(scope="module")
def network() -> Iterator[LocalNetwork]:
    with local_network(stakeholders=3) as network:
        yield network


class TestUp:
    def test_chain__answers__with_the_id_that_is_said(self, network: LocalNetwork) -> None:
        web3 = Web3(HTTPProvider(network.rpc_url))
        assert web3.eth.chain_id == network.chain_id == 31337

    def test_keys__of_each_stakeholder__open_by_their_passwords_and_are_funded(self, network: LocalNetwork) -> None:
        web3 = Web3(HTTPProvider(network.rpc_url))
        assert len({person.address for person in network.stakeholders}) == 3
        for person in network.stakeholders:
            password = person.password_file.read_text().splitlines()[0]
            key = Account.decrypt(person.keystore.read_text(), password)
            assert Account.from_key(key).address == person.address
            assert web3.eth.get_balance(person.address) == 1000 * 10**18
            for path in (person.keystore, person.password_file):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert key.hex() not in person.keystore.read_text()

    def test_websocket__gives_new_blocks(self, network: LocalNetwork) -> None:
        import asyncio

        from web3 import AsyncWeb3, WebSocketProvider

        async def first_block() -> int:
            async with AsyncWeb3(WebSocketProvider(network.ws_url)) as web3:
                await web3.eth.subscribe("newHeads")
                call_rpc(network.rpc_url, "evm_mine")
                async for message in web3.socket.process_subscriptions():
                    return int(message["result"]["number"])  # type: ignore[index, typeddict-item]
            raise AssertionError("no block")

        assert asyncio.run(asyncio.wait_for(first_block(), DEADLINE_S)) >= 1

    def test_ipfs__each_daemon__is_connected_to_all_others_and_to_nobody_else(self, network: LocalNetwork) -> None:
        stores = [IpfsStore(person.ipfs_api) for person in network.stakeholders]
        ids = [call_ipfs(int(store.api.split("/")[4]), "id")["ID"] for store in stores]
        for store, own in zip(stores, ids, strict=True):
            assert store.peers() == sorted(set(ids) - {own})
            store.close()

    @pytest.mark.slow
    def test_ipfs__a_stranger_without_the_swarm_key__is_not_let_in(self, network: LocalNetwork, tmp_path: Path) -> None:
        from colearn_ledger.network.tools import find_kubo

        description = read_description(network.folder)
        assert description is not None
        with local_network(stakeholders=1) as other:
            port = int(other.stakeholders[0].ipfs_api.split("/")[4])
            with pytest.raises(NetworkError, match="swarm/connect"):
                call_ipfs(port, "swarm/connect", arg=description["stakeholders"][0]["ipfs"]["swarm"])
        assert find_kubo().is_file()

    @linux
    def test_all__listen_on_loopback_alone(self, network: LocalNetwork) -> None:
        pids = network.pids()
        sockets = {os.readlink(fd) for pid in pids.values() for fd in _descriptors(pid)}
        listening = []
        for table, any_address, loopback in (
            ("tcp", "00000000", "0100007F"),
            ("tcp6", "0" * 32, "0" * 24 + "01000000"),
        ):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                local, state, inode = (line.split()[i] for i in (1, 3, 9))
                if state == "0A" and f"socket:[{inode}]" in sockets:
                    assert local.split(":")[0] == loopback != any_address
                    listening.append(int(local.split(":")[1], 16))
        assert len(listening) == 1 + 2 * 3, "a chain, and of each daemon the RPC and the swarm"

    def test_description__names_everything(self, network: LocalNetwork) -> None:
        description = json.loads((network.folder / "network.json").read_text())
        assert description["chain"]["rpc_url"] == network.rpc_url
        assert description["chain"]["chain_id"] == network.chain_id
        for entry, person in zip(description["stakeholders"], network.stakeholders, strict=True):
            assert (entry["address"], entry["keystore"]) == (person.address, str(person.keystore))
            assert entry["ipfs"]["api"] == person.ipfs_api
        assert stat.S_IMODE((network.folder / "network.json").stat().st_mode) == 0o600


def _descriptors(pid: int) -> list[str]:
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        if os.path.islink(path):
            found.append(path)
    return found


class TestChains:
    @pytest.mark.slow
    def test_hardhat__node_of_this_checkout(self) -> None:
        with local_network("hardhat", 2, ipfs=False) as network:
            self.check(network, 31337)

    @pytest.mark.slow
    def test_geth__developer_mode(self) -> None:
        with local_network("geth", 2, ipfs=False) as network:
            self.check(network, 1337)

    @pytest.mark.slow
    def test_geth__kept__the_chain_goes_on(self, tmp_path: Path) -> None:
        need("geth")
        self.check_kept("geth", tmp_path / "kept")

    def test_anvil__kept__the_chain_goes_on(self, tmp_path: Path) -> None:
        need("anvil")
        self.check_kept("anvil", tmp_path / "kept")

    @pytest.mark.parametrize(
        "chain",
        ["anvil", pytest.param("hardhat", marks=pytest.mark.slow), pytest.param("geth", marks=pytest.mark.slow)],
    )
    def test_block_time__given__blocks_come_by_themselves(self, chain: str) -> None:
        with local_network(chain, 1, ipfs=False, block_time=1) as network:
            web3 = Web3(HTTPProvider(network.rpc_url))
            first = web3.eth.block_number
            wait_until(lambda: web3.eth.block_number > first, "a block")

    def check(self, network: LocalNetwork, chain_id: int) -> None:
        web3 = Web3(HTTPProvider(network.rpc_url))
        assert web3.eth.chain_id == network.chain_id == chain_id
        for person in network.stakeholders:
            assert web3.eth.get_balance(person.address) == 1000 * 10**18
            assert person.ipfs_api == ""
        self.transfer(web3, network)

    def transfer(self, web3: Web3, network: LocalNetwork) -> Any:
        """A transaction that the first stakeholder signs itself."""
        person, other = network.stakeholders
        key = Account.decrypt(person.keystore.read_text(), person.password_file.read_text().strip())
        transaction = {
            "to": other.address,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 1,
            "nonce": web3.eth.get_transaction_count(person.address),  # type: ignore[arg-type]
            "chainId": network.chain_id,
        }
        sent = web3.eth.send_raw_transaction(Account.sign_transaction(transaction, key).raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=DEADLINE_S)
        assert receipt["status"] == 1
        return receipt

    def check_kept(self, chain: str, folder: Path) -> None:
        with LocalNetwork(chain, 2, folder=folder, ipfs=False, rpc_port=quiet_ports(2)) as network:
            web3 = Web3(HTTPProvider(network.rpc_url))
            receipt = self.transfer(web3, network)
            url, people = network.rpc_url, network.stakeholders
        with LocalNetwork(chain, 2, folder=folder, ipfs=False) as network:
            assert (network.rpc_url, network.stakeholders) == (url, people)
            web3 = Web3(HTTPProvider(url))
            assert web3.eth.get_transaction_receipt(receipt["transactionHash"]) == receipt
            balance = web3.eth.get_balance(people[1].address, block_identifier=receipt["blockHash"])
            assert balance == 1000 * 10**18 + 1
            self.transfer(web3, network)


class TestDown:
    """However the end comes, nothing of the network is left. All ends are real ones."""

    OWNER = """
import json, sys
from colearn_ledger.network import LocalNetwork
with LocalNetwork("anvil", 2) as network:
    print(json.dumps({"pids": network.pids(), "folder": str(network.folder)}), flush=True)
    sys.stdin.read()
"""

    @pytest.fixture
    def owner(self) -> Iterator[tuple[subprocess.Popen[str], dict[str, int], Path]]:
        need("anvil", "kubo")
        process = subprocess.Popen(
            [sys.executable, "-c", self.OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdin is not None
        try:
            said = json.loads(process.stdout.readline())
            assert len(said["pids"]) == 4 and all(map(alive, said["pids"].values()))
            yield process, said["pids"], Path(said["folder"])
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def gone(self, pids: dict[str, int]) -> None:
        wait_until(lambda: not any(map(alive, pids.values())), "the end of all processes")

    def test_stop__everything_is_gone_when_it_returns(self) -> None:
        with local_network(stakeholders=2) as network:
            pids, folder = network.pids(), network.folder
        assert not any(map(alive, pids.values()))
        assert not folder.exists()
        network.stop()  # harmless

    @pytest.mark.slow
    def test_owner_killed_hard__nothing_is_orphaned_and_its_folder_is_gone(self, owner: Any) -> None:
        process, pids, folder = owner
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.gone(pids)
        wait_until(lambda: not folder.exists(), "the removal of the folder")

    @pytest.mark.slow
    def test_owner_killed_hard_while_a_child_of_it_holds_its_pipes__nothing_is_orphaned(self, tmp_path: Path) -> None:
        """A forked child keeps the pipe to the supervisor open: the owner's death is noticed all the same."""
        need("anvil")
        program = """
import json, os, signal, sys, time
from colearn_ledger.network import LocalNetwork
with LocalNetwork("anvil", 1, ipfs=False) as network:
    child = os.fork()
    if child == 0:
        signal.pause()
    print(json.dumps({"pids": network.pids(), "child": child}), flush=True)
    sys.stdin.read()
"""
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            process.kill()
            process.wait()
            try:
                self.gone(said["pids"])
                assert alive(said["child"])
            finally:
                os.kill(said["child"], signal.SIGKILL)

    @pytest.mark.slow
    @linux
    def test_supervisor_killed_hard__its_daemons_die_with_it(self, owner: Any) -> None:
        _, pids, _ = owner
        os.kill(pids["supervisor"], signal.SIGKILL)
        self.gone(pids)

    def test_supervisor_told_to_stop__all_ends_and_the_owner_sees_it(self) -> None:
        with local_network(ipfs=False) as network:
            pids = network.pids()
            os.kill(pids["supervisor"], signal.SIGTERM)
            wait_until(network.gone, "the end of the network")
            self.gone(pids)
            with pytest.raises(NetworkError, match="from outside"):
                network.pids()

    def test_start__fails_half_way__leaves_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The chain runs already when the daemons turn out not to start."""
        from colearn_ledger.network import up

        need("anvil", "kubo")
        false = tmp_path / "ipfs"
        false.write_text("#!/bin/sh\necho no such luck >&2\nexit 7\n")
        false.chmod(0o755)
        monkeypatch.setattr(up, "find_kubo", lambda say: false)
        network = LocalNetwork("anvil", 1)
        with pytest.raises(NetworkError, match="no such luck"):
            network.start()
        assert not network.folder.exists() and network.gone()

    def test_daemon_ends_by_itself__it_is_named(self) -> None:
        with local_network(stakeholders=2) as network:
            assert network.check() is None
            os.kill(network.pids()["ipfs-2"], signal.SIGKILL)
            wait_until(lambda: network.check() is not None, "the notice")
            assert network.check() == "ipfs-2"

    def test_stopped_from_outside__just_when_it_is_looked_at__nothing_has_ended_by_itself(self) -> None:
        with local_network(ipfs=False) as network:
            os.kill(network.pids()["supervisor"], signal.SIGTERM)
            wait_until(lambda: network.check() is None and network.gone(), "the end")


def _text(path: Path) -> str:
    """Nothing if it isn't there: each start moves the last one's log away."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def saved_block(folder: Path) -> int:
    """The newest block in the saved state of this network's Anvil."""
    try:
        return int(json.loads(gzip.decompress((folder / "chain" / SAVED).read_bytes()))["best_block_number"])
    except FileNotFoundError:  # just between two
        return -1


class TestKept:
    @pytest.mark.slow
    def test_stores__are_there_again(self, tmp_path: Path) -> None:
        need("anvil", "kubo")
        folder = tmp_path / "kept"
        port = quiet_ports(4)
        with LocalNetwork("anvil", 2, folder=folder, ipfs_port=port, swarm_port=port + 2) as network:
            people = network.stakeholders
            ref = IpfsStore(people[0].ipfs_api).put(b"for another day")
        left = folder / "chain" / "states" / "of-blocks-long-past"  # as a killed Anvil leaves it
        left.mkdir(parents=True)
        with LocalNetwork("anvil", 3, folder=folder) as network:  # one more has joined
            assert not left.exists()
            assert network.stakeholders[:2] == people
            assert IpfsStore(network.stakeholders[0].ipfs_api).has(ref)
            assert IpfsStore(network.stakeholders[2].ipfs_api).get(ref, deadline_s=10) == b"for another day"

    @pytest.mark.slow
    @linux
    @pytest.mark.parametrize("chain", ["anvil", pytest.param("geth", marks=pytest.mark.slow)])
    def test_killed_hard__what_was_written_is_there_again(self, tmp_path: Path, chain: str) -> None:
        """The supervisor is killed hard, so that the kernel kills the daemons: none of them can save anything."""
        need(chain, "kubo")
        folder = tmp_path / "kept"
        with LocalNetwork(chain, 2, folder=folder, block_time=1) as network:
            web3 = Web3(HTTPProvider(network.rpc_url))
            receipt = TestChains().transfer(web3, network)
            with contextlib.closing(IpfsStore(network.stakeholders[0].ipfs_api)) as store:
                ref = store.put(b"for another day")
            if chain == "anvil":  # the others have written a block before they show it
                wait_until(lambda: saved_block(folder) >= receipt["blockNumber"], "a save that has it")
            pids = network.pids()
            os.kill(pids["supervisor"], signal.SIGKILL)
            wait_until(lambda: not any(map(alive, pids.values())), "the end of all processes")
        with LocalNetwork(chain, 2, folder=folder) as network:
            web3 = Web3(HTTPProvider(network.rpc_url))
            assert web3.eth.get_transaction_receipt(receipt["transactionHash"]) == receipt
            assert web3.eth.get_balance(network.stakeholders[1].address) == 1000 * 10**18 + 1  # type: ignore[arg-type]
            with contextlib.closing(IpfsStore(network.stakeholders[0].ipfs_api)) as store:
                assert store.has(ref)

    @pytest.mark.slow
    @linux
    @pytest.mark.parametrize("chain", ["anvil", pytest.param("geth", marks=pytest.mark.slow)])
    def test_start__data_held_by_a_daemon_that_is_still_dying__waits_for_it(self, tmp_path: Path, chain: str) -> None:
        """A process that was killed has its locks until the last of its threads is gone; here the test has them."""
        need(chain, "kubo")
        folder, ipfs = tmp_path / "kept", chain == "anvil"
        with LocalNetwork(chain, 1, folder=folder, ipfs=ipfs):
            pass
        locked = folder / ("stakeholder-1/ipfs/repo.lock" if ipfs else "chain/geth/geth/LOCK")
        log = folder / "logs" / ("ipfs-1.log" if ipfs else "chain.log")
        lock = fcntl.lockf if ipfs else fcntl.flock
        with open(locked, "a+") as held, ThreadPoolExecutor(1) as beside:
            lock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            network = LocalNetwork(chain, 1, folder=folder, ipfs=ipfs)
            starting = beside.submit(network.start)
            try:
                complaint = "someone else has the lock" if ipfs else "already used by another process"
                wait_until(lambda: starting.done() or complaint in _text(log), "the daemon finds it locked")
                assert not starting.done()
                lock(held, fcntl.LOCK_UN)
                starting.result(DEADLINE_S)
            finally:
                network.stop()

    @linux
    @pytest.mark.slow
    @pytest.mark.long
    def test_killed_hard_again_and_again_while_it_saves__goes_back_at_most_to_the_last_save(
        self, tmp_path: Path
    ) -> None:
        """20 kills at moments that differ, of all its processes at once, while blocks come as fast as they can."""
        need("anvil")
        folder, least = tmp_path / "kept", 0
        for turn in range(20):
            said: list[str] = []
            with LocalNetwork("anvil", 2, folder=folder, ipfs=False, say=said.append) as network:
                height = int(call_rpc(network.rpc_url, "eth_blockNumber"), 16)
                assert (height >= least, [s for s in said if "damaged" in s]) == (True, [])
                begun, saved = time.monotonic(), 0.0
                # Until it was saved once more, however long that takes here, and on to another moment each time.
                while not saved or time.monotonic() < saved + 0.1 * turn:
                    call_rpc(network.rpc_url, "anvil_mine", "0x5")
                    if (now := saved_block(folder)) > least:
                        least, saved = now, saved or time.monotonic()
                    assert time.monotonic() < begun + DEADLINE_S, "it is saved"
                pids = network.pids()
                os.kill(pids["supervisor"], signal.SIGKILL)
                TestDown().gone(pids)

    @pytest.mark.slow
    def test_stopped_while_transactions_come_in__its_blocks_and_its_state_go_together(self, tmp_path: Path) -> None:
        need("anvil")
        folder, ended = tmp_path / "kept", threading.Event()

        def send(url: str, sender: str) -> None:
            with contextlib.suppress(NetworkError):  # it was stopped
                while not ended.is_set():
                    call_rpc(url, "eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1"})

        with LocalNetwork("anvil", 1, folder=folder, ipfs=False) as network, ThreadPoolExecutor(2) as beside:
            accounts = call_rpc(network.rpc_url, "eth_accounts")[:2]
            call_rpc(network.rpc_url, "anvil_mine", hex(500))
            for account in accounts:
                beside.submit(send, network.rpc_url, account)
            try:
                wait_until(lambda: saved_block(folder) > 510, "a save")
                network.stop()
            finally:
                ended.set()
        with LocalNetwork("anvil", 1, folder=folder, ipfs=False) as network:
            url = network.rpc_url
            blocks = range(500, 1 + int(call_rpc(url, "eth_blockNumber"), 16))
            sent = [
                transaction["from"]
                for number in blocks
                for transaction in call_rpc(url, "eth_getBlockByNumber", hex(number), True)["transactions"]
            ]
            nonces = {one: int(call_rpc(url, "eth_getTransactionCount", one, "latest"), 16) for one in accounts}
        assert nonces == {one: sent.count(one) for one in accounts} and min(nonces.values()) > 0

    @pytest.mark.slow
    def test_newest_state_damaged__the_one_before_is_taken_and_that_is_said(self, tmp_path: Path) -> None:
        need("anvil")
        folder = tmp_path / "kept"
        chain, said = folder / "chain", list[str]()
        with LocalNetwork("anvil", 1, folder=folder, ipfs=False) as network:
            call_rpc(network.rpc_url, "anvil_mine", "0x7")
            wait_until(lambda: saved_block(folder) == 7, "a save")
            call_rpc(network.rpc_url, "anvil_mine", "0x2")
        assert saved_block(folder) == 9, "it saves once more at its end"
        with open(chain / SAVED, "r+b") as file:
            file.truncate((chain / SAVED).stat().st_size // 2)
        with LocalNetwork("anvil", 1, folder=folder, ipfs=False, say=said.append) as network:
            assert int(call_rpc(network.rpc_url, "eth_blockNumber"), 16) == 7
        assert [s for s in said if "damaged" in s and BEFORE in s]

    def test_saver_ends_by_itself__it_is_named(self, tmp_path: Path) -> None:
        need("anvil")
        with LocalNetwork("anvil", 1, folder=tmp_path / "kept", ipfs=False) as network:
            os.kill(network.pids()["chain-saver"], signal.SIGKILL)
            wait_until(lambda: network.check() is not None, "the notice")
            assert network.check() == "chain-saver"

    def test_start__folder_in_use__refused_and_what_runs_goes_on(self, tmp_path: Path) -> None:
        need("anvil")
        with LocalNetwork("anvil", 1, folder=tmp_path / "kept", ipfs=False) as network:
            with pytest.raises(InUse, match="is running already") as error:
                LocalNetwork("anvil", 1, folder=tmp_path / "kept", ipfs=False).start()
            assert str(network.pids()["supervisor"]) in str(error.value) and "network down" in error.value.fix
            assert call_rpc(network.rpc_url, "eth_chainId")

    def test_start__doesnt_fit_the_folder__refused(self, tmp_path: Path) -> None:
        need("anvil")
        folder = tmp_path / "kept"
        with LocalNetwork("anvil", 2, folder=folder, ipfs=False):
            pass
        before = sorted(folder.iterdir())
        for chain, count in (("geth", 2), ("anvil", 1)):
            with pytest.raises(UsageError):
                LocalNetwork(chain, count, folder=folder, ipfs=False).start()
        assert sorted(folder.iterdir()) == before

    def test_start__folder_of_something_else__refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(UsageError, match="something else"):
            LocalNetwork("anvil", 1, folder=tmp_path, ipfs=False).start()
        assert os.listdir(tmp_path) == ["thesis.txt"]
        with pytest.raises(UsageError, match="can't be used"):
            LocalNetwork("anvil", 1, folder=tmp_path / "thesis.txt" / "x", ipfs=False).start()


class TestPorts:
    def test_wished_port__free__is_used(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with local_network(ipfs=False, rpc_port=port) as network:
            assert network.rpc_url == f"http://127.0.0.1:{port}"

    def test_wished_port__taken__another_one_is_chosen_and_said(self) -> None:
        said: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with local_network(stakeholders=1, rpc_port=port, ipfs_port=port, say=said.append) as network:
                assert call_rpc(network.rpc_url, "eth_chainId")
                assert IpfsStore(network.stakeholders[0].ipfs_api).check()
                assert str(port) not in network.rpc_url + network.stakeholders[0].ipfs_api
        assert [line for line in said if f"port {port} is taken" in line and "chain" in line]
        assert [line for line in said if f"port {port} is taken" in line and "ipfs-1" in line]


@pytest.mark.parametrize(
    "arguments",
    [
        {"chain": "bitcoin"},
        {"stakeholders": 0},
        {"stakeholders": 65},
        {"block_time": 0},
        {"chain": "geth", "block_time": 0.5},
        {"chain": "hardhat", "folder": "kept"},
    ],
)
def test_start__out_of_range__refused_before_anything_is_made(
    arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        LocalNetwork(**arguments).start()
    assert error.value.expected or error.value.fix
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_benchmark__of_the_transfer__runs() -> None:
    """Its target is for a run by hand, on an idle machine; here it shall only work."""
    need("anvil", "kubo")
    from benchmarks.transfer import measure

    found = measure(megabytes=2, repeats=2)
    work = {f"{what} {cost}" for what in ("proposed", "judged", "adopted") for cost in ("memory", "moved")}
    times = {"add", "pin", "plain", "publish", "verify", "adopt", "ours"}
    cpu = {f"{part} {whose}" for part in times for whose in ("cpu", "daemons")}
    assert set(found) == times | {"ratio"} | cpu | work and min(found[key] for key in times | {"ratio"}) > 0
    assert found["ours cpu"] > 0 and found["plain daemons"] > 0
    assert found["proposed moved"] >= 1, "it is written to a file"
