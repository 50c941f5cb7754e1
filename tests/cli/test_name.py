"""``colearn-ledger name`` on Anvil: what is sent, and what is refused before anything is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.errors import NotAMember, UsageError
from colearn_ledger.history.logs import fetch_events

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective


@pytest.mark.parametrize("name", ["x" * 33, "ü" * 17, "a\x1bb", "a\nb", " a", "a\u202eb", "0xabc", "\ud800"])
def test_name__that_cannot_be__is_one_message_before_anything_is_asked(name: str, capsys: Any) -> None:
    assert main(["name", name, "--address", "0x" + "11" * 20]) == UsageError.exit_code
    told = capsys.readouterr()
    assert told.err.startswith("error: the name ") and not told.out
    assert all(line.isprintable() for line in told.err.splitlines())


@pytest.mark.slow
def test_name__of_a_member__is_said_on_chain_and_taken_back(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("COLEARN_RPC", "COLEARN_DEPLOYMENT", "COLEARN_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)
    with anvil() as chain:
        story = Collective.found(chain)
        story.save(tmp_path, keys=5)

        def by(index: int, *words: str) -> tuple[int, str, str]:
            code = main(["name", *words, "--keystore", f"key-{index}.json", "--password-file", "password.txt"])
            return code, *capsys.readouterr()

        def events() -> list[tuple[str, bytes]]:
            read = fetch_events(story.contract.snapshot(), 0, names=("NameSet",)).events
            return [(event.arguments["member"], event.arguments["name"].rstrip(b"\0")) for event in read]

        code, out, err = by(1, "Hôpital", "--dry-run")
        assert (code, err) == (0, "") and "name      Hôpital" in out and "nothing was sent" in out and not events()
        code, out, err = by(1, "Hôpital")
        assert (code, err) == (0, "") and "sent      0x" in out
        (tmp_path / "node.toml").write_text('deployment = "deployment.json"\nkeystore = "key-1.json"\n')
        assert main(["name", "", "--config", "node.toml", "--password-file", "password.txt"]) == 0
        assert "none any more" in capsys.readouterr().out
        me = Anvil.account(1).address
        assert events() == [(me, "Hôpital".encode()), (me, b"")]
        code, out, err = by(4, "Nobody")
        assert code == NotAMember.exit_code and "is not a member" in err and len(events()) == 2
