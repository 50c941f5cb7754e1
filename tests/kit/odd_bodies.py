"""Bodies that are no answer of JSON-RPC."""

from __future__ import annotations

__all__ = ["ODD_BODIES"]

ODD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "html": b"<html><body>502</body></html>",
    "null": b"null",
    "a number": b"5",
    "a text": b'"0x1"',
    "a list": b"[]",
    "an object": b"{}",
    "not utf-8": b"\xff\xfe\x00",
    "half": b'{"jsonrpc": "2.0", "id": 0, "resu',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"result":' * 100_000,
    "deep and whole": b'{"jsonrpc":"2.0","id":0,"result":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "NaN": b'{"jsonrpc": "2.0", "id": 0, "result": NaN}',
    "1e400": b'{"jsonrpc": "2.0", "id": 0, "result": 1e400}',
    "many digits": b'{"jsonrpc": "2.0", "id": 0, "result": ' + b"9" * 10_000 + b"}",
    "no result": b'{"jsonrpc": "2.0", "id": 0}',
    "null error alone": b'{"jsonrpc": "2.0", "id": 0, "error": null}',
    "a text as an error": b'{"jsonrpc": "2.0", "id": 0, "error": "no"}',
    "a list as an error": b'{"jsonrpc": "2.0", "id": 0, "error": []}',
    "an empty error": b'{"jsonrpc": "2.0", "id": 0, "error": {}}',
    "an error without a message": b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32000}}',
    "an error with an odd message": b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32000, "message": {}}}',
    "an error with an odd code": b'{"jsonrpc": "2.0", "id": 0, "error": {"code": "no", "message": "no"}}',
}
