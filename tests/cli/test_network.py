"""``colearn-ledger network up`` and ``down`` as a person uses them: in a terminal, ended in every way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.chain.endpoints import connect
from colearn_ledger.errors import NetworkError, UsageError
from colearn_ledger.network.http import call_ipfs
from colearn_ledger.network.state import read_description
from tests.kit.network import need
from tests.kit.ports import quiet_ports
from tests.kit.quick import few
from tests.network.test_up import alive, linux, wait_until

COMMAND = [sys.executable, "-m", "colearn_ledger.cli.main", "network"]


class Terminal:
    """Networks of one user who sees no other networks; each in a process group of its own, as a shell has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
        self.started: list[subprocess.Popen[str]] = []

    def up(self, *options: str) -> subprocess.Popen[str]:
        """Start one, and return when it says that it is up."""
        process = subprocess.Popen(
            [*COMMAND, "up", "--stakeholders", "1", *options],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        assert process.stdout is not None and process.stderr is not None
        self.said = ""
        for line in process.stdout:
            self.said += line
            if "Ctrl-C" in line:
                return process
        raise AssertionError(f"it isn't up: {process.stderr.read()}")

    def pids(self) -> list[int]:
        return [int(pid) for pid in re.findall(r"process (\d+)", self.said)]

    def down(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, "down", *options], env=self.env, capture_output=True, text=True, timeout=90)

    def add(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, "add", *options], env=self.env, capture_output=True, text=True, timeout=150)

    def left(self) -> list[str]:
        """What is left in the folder of temporary files."""
        return [str(path) for path in self.folder.glob("colearn-ledger-*/*")]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    need("anvil", "kubo")
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(Path(folder))
        yield terminal
        for process in terminal.started:
            process.kill()
            process.communicate()


def besides_ports(said: str) -> str:
    """What was said, without that a usual port is taken: another test, or somebody on this machine, may have it."""
    return "".join(line for line in said.splitlines(keepends=True) if not re.match(r"port \d+ is taken: ", line))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up__interrupted__stops_all_and_leaves_nothing(terminal: Terminal, number: signal.Signals) -> None:
    """The signal goes to the whole group, as a terminal sends it."""
    process = terminal.up()
    pids = terminal.pids()
    assert len(pids) == 2 and all(map(alive, pids))
    assert (
        "http://127.0.0.1:" in terminal.said
        and "keystore.json" in terminal.said
        and "removed at the end" in terminal.said
    )
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=90)
    assert (process.returncode, besides_ports(err)) == (0, "") and "all stopped" in out
    assert not any(map(alive, pids)) and terminal.left() == []


@pytest.mark.slow
def test_up__killed_hard__leaves_nothing(terminal: Terminal) -> None:
    process = terminal.up()
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(alive, terminal.pids())), "the end of all processes")
    wait_until(lambda: not [path for path in terminal.left() if "network-" in path], "the removal of the folder")
    answer = terminal.down()
    assert (answer.returncode, answer.stdout) == (0, "no network runs\n")
    assert terminal.left() == []


@pytest.mark.slow
@linux
def test_up__a_supervisor_was_killed_hard__the_next_up_removes_what_it_left(terminal: Terminal) -> None:
    process = terminal.up()
    [link] = [Path(path) for path in terminal.left() if "listed-" in path]
    folder = link.resolve()
    os.kill(int((folder / "lock").read_text()), signal.SIGKILL)
    process.communicate(timeout=90)
    wait_until(lambda: not any(map(alive, terminal.pids())), "the end of all processes")
    assert folder.is_dir()
    os.utime(folder, (1, 1))  # one that is a minute old can't be just coming up
    terminal.up()
    assert not folder.exists()
    assert terminal.down("--yes").returncode == 0


@pytest.mark.slow
def test_down__one_runs__stops_it_and_up_ends_well(terminal: Terminal) -> None:
    process = terminal.up()
    asked = terminal.down()
    assert asked.returncode == UsageError.exit_code and "another session started" in asked.stderr
    assert process.poll() is None and all(map(alive, terminal.pids()))
    answer = terminal.down("--yes")
    assert answer.returncode == 0 and answer.stdout.startswith("stopped ")
    assert not any(map(alive, terminal.pids())), "all is gone when it returns"
    out, err = process.communicate(timeout=90)
    assert (process.returncode, besides_ports(err)) == (0, "") and "all stopped" in out
    assert terminal.left() == []


@pytest.mark.slow
def test_add__network_that_runs__has_one_more_stakeholder_with_funds_and_a_connected_daemon(terminal: Terminal) -> None:
    kept = terminal.folder / "kept"
    process = terminal.up("--state", str(kept), "--ether", "7")
    done = terminal.add()
    assert (done.returncode, done.stderr) == (0, "")
    description = read_description(kept)
    assert description is not None
    first, added = description["stakeholders"]
    assert added["name"] == "stakeholder-2" and f"motion propose add {added['address']}" in done.stdout
    web3 = connect([description["chain"]["rpc_url"]])
    assert web3.eth.get_balance(added["address"]) == 7 * 10**18
    peers = call_ipfs(added["ipfs"]["api_port"], "swarm/peers")["Peers"]
    assert [peer["Peer"] for peer in peers] == [first["ipfs"]["peer_id"]]
    assert terminal.add("--state", str(kept)).returncode == 0
    assert terminal.down("--yes").returncode == 0
    out, _ = process.communicate(timeout=90)
    assert "2 stakeholders\n3 stakeholders\n" in out and process.returncode == 0
    assert terminal.add("--state", str(kept)).returncode == NetworkError.exit_code, "it doesn't run any more"


@pytest.mark.slow
def test_down__several_run__asks_which_and_stops_those_that_are_named(terminal: Terminal) -> None:
    kept = terminal.folder / "kept"
    first, second = terminal.up("--state", str(kept)), terminal.up()
    answer = terminal.down()
    assert answer.returncode == UsageError.exit_code and "2 networks run" in answer.stderr and "--all" in answer.stderr
    assert terminal.down("--state", str(kept)).stdout == f"stopped {kept}\n"
    first.communicate(timeout=90)
    assert (first.returncode, second.poll()) == (0, None)
    assert terminal.down("--all", "--yes").returncode == 0
    second.communicate(timeout=90)
    assert second.returncode == 0 and (kept / "network.json").is_file()


@pytest.mark.slow
def test_up__state_kept__the_same_accounts_and_ports_again(terminal: Terminal) -> None:
    kept, port = terminal.folder / "kept", quiet_ports(3)
    wished = ["--rpc-port", str(port), "--ipfs-port", str(port + 1), "--swarm-port", str(port + 2)]
    descriptions = []
    for ports in (wished, []):
        process = terminal.up("--state", str(kept), *ports)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=90)
        assert process.returncode == 0 and "keeps everything" in out
        description = read_description(kept)
        assert description is not None
        descriptions.append((description["chain"]["rpc_url"], description["stakeholders"]))
    assert descriptions[0] == descriptions[1] and str(port) in descriptions[0][0]


@pytest.mark.slow
def test_up__a_daemon_dies__stops_the_rest_and_says_which_log(terminal: Terminal) -> None:
    process = terminal.up()
    chain, ipfs = terminal.pids()
    os.kill(ipfs, signal.SIGKILL)
    _, err = process.communicate(timeout=90)
    assert process.returncode == NetworkError.exit_code
    assert "ipfs-1 has ended" in err and "Traceback" not in err
    assert not alive(chain) and terminal.left() == []


@few(
    4,
    "words, says",
    [
        (["up", "--chain", "bitcoin"], "no local chain 'bitcoin'"),
        (["up", "--stakeholders", "0"], "0 stakeholders"),
        (["up", "--stakeholders", "many"], "invalid int"),
        (["up", "--chain", "hardhat", "--state", "kept"], "can't keep"),
        (["up", "--rpc-port", "0"], "--rpc-port is 0"),
        (["up", "--ether", "-1"], "--ether is -1"),
        (["up", "--state", "/dev/null/x"], "can't be used"),
        (["down", "--state", "nowhere"], "no folder"),
        (["down", "--all", "--state", "."], "together"),
        (["sideways"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_options__one_clear_message(words: list[str], says: str, tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    answer = subprocess.run([*COMMAND, *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90)
    assert answer.returncode == UsageError.exit_code
    assert says in answer.stderr and "Traceback" not in answer.stderr and answer.stdout == ""
    assert os.listdir(tmp_path) == []
