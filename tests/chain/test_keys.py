"""Keys: what opens a keystore, what doesn't, and that no message gives anything away."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from colearn_ledger.chain.keys import find_account, load_account, load_key_file, make_key, write_keystore
from colearn_ledger.errors import KeyFileError

KEY = "0x" + "4c" * 32
PASSWORD = "correct horse"
ACCOUNT = Account.from_key(KEY)


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "new" / "alice.json"
    write_keystore(ACCOUNT, path, PASSWORD, iterations=2)
    return path


@pytest.mark.parametrize("line", [PASSWORD, PASSWORD + "\n", PASSWORD + "\r\n", PASSWORD + "\nsecond line\n"])
def test_load_account__right_password__opens_it(keystore: Path, tmp_path: Path, line: str) -> None:
    password = tmp_path / "password"
    password.write_bytes(line.encode())
    assert load_account(keystore, password, False).address == ACCOUNT.address


@pytest.mark.parametrize("password", ["a\fb", "a\x85b", "a\u2028b", "a\rb", " ", "\ufeffa"])
def test_load_account__odd_characters_in_a_password__are_part_of_it(tmp_path: Path, password: str) -> None:
    keystore, file = tmp_path / "key.json", tmp_path / "password"
    write_keystore(ACCOUNT, keystore, password, iterations=2)
    file.write_bytes(("\ufeff" + password + "\r\nmore").encode())
    assert load_account(keystore, file, False).address == ACCOUNT.address


def test_load_account__files_that_begin_with_a_mark__are_read_without_it(keystore: Path, tmp_path: Path) -> None:
    copy, password = tmp_path / "key.json", tmp_path / "password"
    copy.write_bytes(b"\xef\xbb\xbf" + keystore.read_bytes())
    password.write_bytes(b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\n")
    assert load_account(copy, password, False).address == ACCOUNT.address
    bare = tmp_path / "bare"
    bare.write_bytes(b"\xef\xbb\xbf" + ACCOUNT.key.hex().encode())
    assert load_key_file(bare).address == ACCOUNT.address


def test_write_keystore__file_is_the_owners_alone_and_is_never_overwritten(keystore: Path) -> None:
    assert keystore.stat().st_mode & 0o077 == 0
    before = keystore.read_bytes()
    with pytest.raises(KeyFileError, match="already"):
        write_keystore(ACCOUNT, keystore, PASSWORD, iterations=2)
    assert keystore.read_bytes() == before


@pytest.mark.parametrize("password", ["hunter2-is-not-it", "", PASSWORD + " "], ids=["other", "empty", "space"])
def test_load_account__wrong_password__says_so_without_saying_it(keystore: Path, tmp_path: Path, password: str) -> None:
    file = tmp_path / "password"
    file.write_text(password)
    with pytest.raises(KeyFileError, match="doesn't open") as raised:
        load_account(keystore, file, False)
    assert raised.value.expected and raised.value.fix and raised.value.exit_code == 12
    assert not password.strip() or password not in str(raised.value)
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


def test_load_account__no_password__is_locked(keystore: Path) -> None:
    for prompt in (False, True):  # the tests have no terminal to ask at
        with pytest.raises(KeyFileError, match="locked"):
            load_account(keystore, None, prompt)


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "it isn't JSON"),
        (b"\xff\xfe", "isn't text"),
        (b"null", "it has no field crypto"),
        (b"[1]", "it has no field crypto"),
        (b"{}", "it has no field crypto"),
        (b'{"crypto": {}}', "a field is missing or wrong"),
        (b'{"version": 3, "crypto": 5}', "a field is missing or wrong"),
        (b'{"version": 9, "crypto": {"kdf": "scrypt"}}', "a field is missing or wrong"),
        (b"[" * 60_000, "it isn't JSON"),
        (KEY.encode(), "it isn't JSON"),
    ],
)
def test_load_account__not_a_keystore__says_why(tmp_path: Path, content: bytes, why: str) -> None:
    file, password = tmp_path / "k", tmp_path / "p"
    file.write_bytes(content)
    password.write_text(PASSWORD)
    with pytest.raises(KeyFileError, match=why) as raised:
        load_account(file, password, False)
    assert KEY[2:] not in str(raised.value)


@pytest.mark.parametrize("field", ["ciphertext", "mac", "kdfparams", "cipherparams"])
def test_load_account__damaged__is_a_key_file_error(keystore: Path, tmp_path: Path, field: str) -> None:
    content = json.loads(keystore.read_text())
    del content["crypto"][field]
    file, password = tmp_path / "k", tmp_path / "p"
    file.write_text(json.dumps(content))
    password.write_text(PASSWORD)
    with pytest.raises(KeyFileError):
        load_account(file, password, False)


def test_load_account__encryption_that_can_not_be__says_so(keystore: Path, tmp_path: Path) -> None:
    content = json.loads(keystore.read_text())
    content["crypto"]["kdfparams"]["n"] = 3  # no power of two
    file, password = tmp_path / "k", tmp_path / "p"
    file.write_text(json.dumps(content))
    password.write_text(PASSWORD)
    with pytest.raises(KeyFileError, match="its encryption can't be read"):
        load_account(file, password, False)


def test_load_account__no_password_file_and_a_terminal__asks_if_it_may(
    keystore: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    assert load_account(keystore, None, True).address == ACCOUNT.address
    assert asked == [f"password of {keystore}: "]
    with pytest.raises(KeyFileError, match="locked"):
        load_account(keystore, None, False)
    assert len(asked) == 1


def test_load_account__another_accounts_address__is_refused(keystore: Path, tmp_path: Path) -> None:
    content = json.loads(keystore.read_text())
    content["address"] = "11" * 20
    file, password = tmp_path / "k", tmp_path / "p"
    file.write_text(json.dumps(content))
    password.write_text(PASSWORD)
    with pytest.raises(KeyFileError, match="names the address"):
        load_account(file, password, False)


def test_load_account__missing_files__are_named(keystore: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no keystore"):
        load_account(tmp_path / "nowhere", None, False)
    with pytest.raises(KeyFileError, match="no password file"):
        load_account(keystore, tmp_path / "nowhere", False)
    with pytest.raises(KeyFileError, match="can't be read"):
        load_account(tmp_path, None, False)


@pytest.mark.parametrize("text", [KEY, KEY[2:], KEY + "\n"])
def test_load_key_file__a_key__is_its_account(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    assert load_key_file(file).address == ACCOUNT.address


@pytest.mark.parametrize("text", ["", "0x", "0" * 64, "f" * 64, KEY + "00", KEY[:-1] + "g", "two\n" + KEY])
def test_load_key_file__no_key__never_shows_what_it_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(KeyFileError, match="holds no private key") as raised:
        load_key_file(file)
    assert KEY[2:20] not in str(raised.value) and raised.value.__suppress_context__


def test_find_account__keystore_before_environment_before_none(keystore: Path, tmp_path: Path) -> None:
    other = Account.from_key("0x" + "11" * 32)
    key, password = tmp_path / "key", tmp_path / "p"
    key.write_text("11" * 32)
    password.write_text(PASSWORD)
    environ = {"COLEARN_KEY_FILE": str(key)}
    assert find_account(keystore, password, prompt=False, environ=environ).address == ACCOUNT.address  # type: ignore[union-attr]
    assert find_account(None, None, prompt=False, environ=environ).address == other.address  # type: ignore[union-attr]
    assert find_account(None, None, prompt=False, environ={}) is None


def test_make_key__new_password_file__random_and_private(tmp_path: Path) -> None:
    keystore, password = tmp_path / "keys" / "k.json", tmp_path / "keys" / "pw"
    address = make_key(keystore, password, iterations=2)
    assert load_account(keystore, password, prompt=False).address == address
    assert [stat.S_IMODE(path.stat().st_mode) for path in (keystore, password)] == [0o600, 0o600]
    assert len(password.read_text().strip()) == 32
    other = make_key(tmp_path / "other.json", password, iterations=2)  # the one that is there is used
    assert other != address and load_account(tmp_path / "other.json", password, prompt=False).address == other


@pytest.mark.slow
def test_make_key__mistake__nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "k.json").write_text("mine")
    with pytest.raises(KeyFileError, match="there is a file"):
        make_key(tmp_path / "k.json", tmp_path / "pw")
    (tmp_path / "empty").touch()
    with pytest.raises(KeyFileError, match="the password is empty"):
        make_key(tmp_path / "new.json", tmp_path / "empty")
    with pytest.raises(KeyFileError, match="can't be written"):
        make_key(tmp_path / "empty" / "new.json", tmp_path / "pw")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(KeyFileError, match="there is no password for the new key"):
        make_key(tmp_path / "new.json", None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "k.json"]
    assert (tmp_path / "k.json").read_text() == "mine"
