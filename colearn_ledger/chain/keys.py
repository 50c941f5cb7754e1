"""Keys: from an encrypted keystore, or from a key file that the environment names. Never an argument, never in a log.

No message of this module holds any part of a key or of a password, and errors don't chain the exceptions of the
libraries below, since those may.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ..errors import KeyFileError
from ..formats.files import write_whole
from ..formats.json import parse_shallow_json

__all__ = ["KEY_FILE_VARIABLE", "find_account", "load_account", "load_key_file", "make_key", "write_keystore"]

KEY_FILE_VARIABLE = "COLEARN_KEY_FILE"
_MAX_BYTES = 64 * 1024  # a keystore has half a kilobyte; a file that isn't one needn't be read to its end


def find_account(
    keystore: Path | None,
    password_file: Path | None,
    *,
    prompt: bool,
    environ: Mapping[str, str] = os.environ,
) -> LocalAccount | None:
    """The account of the keystore, else that of the key file named in ``COLEARN_KEY_FILE``, else None.

    Raises KeyFileError as :func:`load_account` and :func:`load_key_file` do.
    """
    if keystore is not None:
        return load_account(keystore, password_file, prompt)
    named = environ.get(KEY_FILE_VARIABLE)
    return load_key_file(Path(named)) if named else None


def load_account(keystore: Path, password_file: Path | None, prompt: bool) -> LocalAccount:
    """The account of an encrypted keystore (version 3, as geth and every wallet write it).

    Parameters
    ----------
    keystore: the file.
    password_file: its first line is the password. None: ask, if ``prompt`` and there is a terminal.
    prompt: whether the password may be asked for.

    Raises
    ------
    KeyFileError: the keystore is missing, is none, is locked (no password to be had), or the password is wrong.
    """
    content = _parse(keystore)
    password = _password(keystore, password_file, prompt)
    try:
        key = Account.decrypt(content, password)
    except ValueError as e:  # eth-keyfile has one exception for all; only its text tells the wrong password apart
        if "mac" not in str(e).lower():
            raise _no_keystore(keystore, "its encryption can't be read") from None
        raise KeyFileError(
            f"the password doesn't open the keystore {keystore}",
            expected="the password that the keystore was made with"
            + (f", as the first line of {password_file}" if password_file else ""),
            fix="correct the password (file), or name the keystore that it belongs to",
        ) from None
    except (TypeError, KeyError, AttributeError, NotImplementedError, MemoryError, OverflowError):
        raise _no_keystore(keystore, "a field is missing or wrong") from None
    account: LocalAccount = Account.from_key(key)
    named = content.get("address")
    if isinstance(named, str) and named and named.lower().removeprefix("0x") != account.address[2:].lower():
        raise KeyFileError(
            f"the keystore {keystore} names the address {named[:42]} and holds the key of {account.address}",
            expected="one and the same account",
            fix="use the keystore that belongs to the account; this one was edited or mixed up",
        )
    return account


def load_key_file(path: Path) -> LocalAccount:
    """The account of a file with one private key in hex: for containers whose secrets are mounted as files.

    Raises KeyFileError when it is missing or holds anything else.
    """
    text = _read(path, "key file").strip().removeprefix("0x")
    try:
        if len(text) != 64:
            raise ValueError
        account: LocalAccount = Account.from_key(bytes.fromhex(text))
    except Exception:  # out of range, not hex, ...: whatever it is, the text must not get into a message
        raise KeyFileError(
            f"the file {path} holds no private key",
            expected="32 bytes in hex, on one line",
            fix=f"correct the file, or the variable {KEY_FILE_VARIABLE} that names it, or use an encrypted keystore",
        ) from None
    return account


def write_keystore(account: LocalAccount, path: Path, password: str, *, iterations: int | None = None) -> None:
    """Write a new encrypted keystore that only its owner can read; an existing file is never overwritten.

    ``iterations`` of scrypt: the default (2**18) makes guessing passwords slow; keys of local test chains take fewer.
    """
    _write_new(
        path, json.dumps(Account.encrypt(account.key, password, kdf="scrypt", iterations=iterations)) + "\n", "keystore"
    )


def make_key(keystore: Path, password_file: Path | None, *, iterations: int | None = None) -> str:
    """Make a new key, write it as an encrypted keystore, and return its address.

    Parameters
    ----------
    password_file: its first line is the password; if there is no such file, it is made, with a random one. None: ask.
    iterations: as :func:`write_keystore` has them.

    Raises
    ------
    KeyFileError: there is a keystore of that name, there is no password to be had, or a file can't be written.
    """
    if os.path.lexists(keystore):  # before anything is asked or made
        raise _exists(keystore)
    made = password_file if password_file is not None and not os.path.lexists(password_file) else None
    if made is not None:
        _write_new(made, secrets.token_urlsafe(24) + "\n", "password file")
    try:
        password = _new_password() if password_file is None else _password(keystore, password_file, False)
        if not password:
            raise KeyFileError("the password is empty", expected="a password", fix="choose a long one")
        account: LocalAccount = Account.create()
        write_keystore(account, keystore, password, iterations=iterations)
    except BaseException:  # also Ctrl-C: a password of no key would only confuse
        if made is not None:
            made.unlink(missing_ok=True)
        raise
    return str(account.address)


def _new_password() -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise KeyFileError(
            "there is no password for the new key",
            expected="a password file, or a terminal to ask for the password",
            fix="name a password file; one that isn't there is made, with a random password",
        )
    password = getpass.getpass("password of the new key: ")
    if getpass.getpass("the same again: ") != password:
        raise KeyFileError("the two passwords differ", expected="the same twice", fix="try again")
    return password


def _exists(path: Path) -> KeyFileError:
    return KeyFileError(
        f"there is a file {path} already", expected="a new name", fix="remove it only if its key is of no use"
    )


def _write_new(path: Path, text: str, what: str) -> None:
    """Write a new file that only its owner can read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, mode=0o600, replace=False)
    except OSError as e:
        if isinstance(e, FileExistsError) and os.path.lexists(path):  # and not a file where a folder should be
            raise _exists(path) from None
        raise KeyFileError(
            f"the {what} {path} can't be written: {e.strerror or e}", fix="check the folder and its permissions"
        ) from None


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = parse_shallow_json(_read(path, "keystore").encode())
    except ValueError:
        raise _no_keystore(path, "it isn't JSON") from None
    if not isinstance(content, dict) or not {"crypto", "Crypto"} & set(content):
        raise _no_keystore(path, "it has no field crypto")
    return content


def _password(keystore: Path, password_file: Path | None, prompt: bool) -> str:
    if password_file is not None:
        # Not splitlines: a form feed and its like may be part of a password.
        return _read(password_file, "password file").partition("\n")[0].removesuffix("\r")
    if prompt and sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass(f"password of {keystore}: ")
    raise KeyFileError(
        f"the keystore {keystore} is locked: there is no password",
        expected="a password file, or a terminal to ask for the password",
        fix="name a password file (readable by this user alone)",
    )


def _read(path: Path, what: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8-sig")  # some editors begin a file with a mark
    except FileNotFoundError:
        raise KeyFileError(f"there is no {what} {path}", expected="a file", fix=f"correct its path ({what})") from None
    except OSError as e:
        raise KeyFileError(
            f"the {what} {path} can't be read: {e.strerror or e}", fix="check the path and the file's permissions"
        ) from None
    except UnicodeDecodeError:
        raise KeyFileError(f"the {what} {path} isn't text", fix=f"name the right file as {what}") from None


def _no_keystore(path: Path, why: str) -> KeyFileError:
    return KeyFileError(
        f"the file {path} isn't an encrypted keystore: {why}",
        expected="a keystore of version 3 (JSON), as wallets and `geth account new` write it",
        fix="name the right file, or make a new keystore",
    )
