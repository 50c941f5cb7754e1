"""The systemd units: read, verified by systemd where it is at hand, and their command lines run."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger import errors
from colearn_ledger.errors import ColearnError

from ..kit.anvil import wait_until
from ..kit.nodes import NodeProcess, node_collective, run_node

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def settings(unit: str) -> dict[str, str]:
    """All ``Name=value`` lines; no name is there twice in ours."""
    lines = [line for line in (DEPLOY / unit).read_text(encoding="utf-8").splitlines() if re.match(r"\w+=", line)]
    pairs = dict(line.split("=", 1) for line in lines)
    assert len(pairs) == len(lines)
    return pairs


NO_NODES = {"AuditFailed", "AuditIncomplete"}  # how an audit ends


def codes() -> Iterator[tuple[str, int]]:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, ColearnError) and name not in NO_NODES:
            yield name, kind.exit_code


def test_node__codes_after_which_it_stays_down__are_those_that_only_a_person_mends() -> None:
    stays = {code for _, code in codes() if 1 < code < errors.PASSES_FROM}
    assert [int(code) for code in settings("colearn-node.service")["RestartPreventExitStatus"].split()] == sorted(stays)


@pytest.mark.parametrize(
    "error, passes",
    [
        (errors.ChainError, True),
        (errors.StoreError, True),
        (errors.InsufficientFunds, True),
        (errors.DataError, True),
        (errors.WrongChain, False),
        (errors.NoContract, False),
        (errors.NotAMember, False),
        (errors.KeyInUse, False),
        (errors.SchemaMismatch, False),
    ],
)
def test_code__of_an_error__says_whether_it_may_pass(error: type[ColearnError], passes: bool) -> None:
    assert (error.exit_code >= errors.PASSES_FROM) is passes


@pytest.mark.parametrize("unit", ["colearn-node.service", "ipfs.service"])
def test_unit__verified_by_systemd__is_one(unit: str, tmp_path: Path) -> None:
    assert settings(unit)["Restart"] == "always" and settings(unit)["User"] == "colearn"
    program = settings(unit)["ExecStart"].split()[0]
    assert program.startswith("/")
    if shutil.which("systemd-analyze") is not None:  # of a machine where the program is
        text = (DEPLOY / unit).read_text(encoding="utf-8").replace(program, "/bin/true").replace("User=colearn\n", "")
        (tmp_path / unit).write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / unit)], capture_output=True, text=True, timeout=60
        )
        said = [line for line in done.stderr.splitlines() if unit in line]
        assert not said


def words(folder: Path) -> list[str]:
    """The unit's command line, less the program."""
    own = settings("colearn-node.service")
    program, *rest = own["ExecStart"].split()
    assert program == f"{own['WorkingDirectory']}/venv/bin/colearn-node"
    assert own["WorkingDirectory"] in own["ReadWritePaths"].split()
    return rest


@pytest.mark.slow
def test_node__started_as_the_unit_says__runs_and_leaves_at_sigterm_with_0_in_time(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        made.config(0).rename(tmp_path / "node.toml")
        node = NodeProcess(run_node(*words(tmp_path), cwd=tmp_path))
        made.nodes.append(node)
        wait_until(lambda: bool(node.events("propose")), "it proposes")
        node.process.send_signal(signal.SIGTERM)
        assert node.wait(float(settings("colearn-node.service")["TimeoutStopSec"])) == 0


def test_node__started_without_its_configuration__ends_with_a_code_that_is_not_restarted(tmp_path: Path) -> None:
    process = run_node(*words(tmp_path), cwd=tmp_path)
    _, said = process.communicate(timeout=60)
    assert b"node.toml" in said
    assert str(process.returncode) in settings("colearn-node.service")["RestartPreventExitStatus"].split()


def test_ipfs_unit__is_private_or_doesnt_start() -> None:
    assert "LIBP2P_FORCE_PNET=1" in settings("ipfs.service")["Environment"].split()
    assert "ipfs.service" in settings("colearn-node.service")["After"].split()


def test_exit_codes__marked_in_the_docs__are_those_after_which_it_stays_down() -> None:
    text = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    marked = re.findall(r"^\| (\d+) \| † .+ \| .+ \|$", text, re.MULTILINE)
    assert marked == settings("colearn-node.service")["RestartPreventExitStatus"].split()
    assert {code for _, code in codes()} <= {
        int(c) for c in re.findall(r"^\| (\d+) \| .+ \| .+ \|$", text, re.MULTILINE)
    }
