"""Saved states of a chain: of one block, and whole or the one before, whatever is done to the files."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.network.saver import BEFORE, SAVED, Anvil, Damaged, load, pause_after, write
from tests.kit import anvil as kit
from tests.kit.anvil import wait_until

FIRST, SECOND = b'{"block": 1}' * 50, b'{"block": 2}' * 50


def two_saves(folder: Path) -> None:
    write(folder, gzip.compress(FIRST))
    write(folder, gzip.compress(SECOND))


def test_load__nothing_was_saved__none(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def test_load__two_saves__the_newer_one_and_nothing_to_say(tmp_path: Path) -> None:
    two_saves(tmp_path)
    assert load(tmp_path) == (SECOND, "")
    assert sorted(os.listdir(tmp_path)) == [BEFORE, SAVED], "nothing else is left"


def test_load__newest_cut_at_any_byte__the_one_before_and_says_so(tmp_path: Path) -> None:
    two_saves(tmp_path)
    whole = (tmp_path / SAVED).read_bytes()
    for size in range(len(whole)):
        (tmp_path / SAVED).write_bytes(whole[:size])
        found = load(tmp_path)
        assert found is not None and found[0] == FIRST and BEFORE in found[1], size


@pytest.mark.parametrize("content", [b"\0" * 100, b"not compressed"])
def test_load__newest_overwritten__the_one_before(tmp_path: Path, content: bytes) -> None:
    two_saves(tmp_path)
    (tmp_path / SAVED).write_bytes(content)
    found = load(tmp_path)
    assert found is not None and found[0] == FIRST


def test_load__killed_between_the_two_renames__the_one_before(tmp_path: Path) -> None:
    write(tmp_path, gzip.compress(FIRST))
    os.replace(tmp_path / SAVED, tmp_path / BEFORE)
    found = load(tmp_path)
    assert found is not None and found[0] == FIRST and "missing" in found[1]


def test_write__after_a_damaged_one_was_found__the_good_one_stays(tmp_path: Path) -> None:
    two_saves(tmp_path)
    (tmp_path / SAVED).write_bytes(b"torn")
    load(tmp_path)
    write(tmp_path, gzip.compress(SECOND))
    assert gzip.decompress((tmp_path / BEFORE).read_bytes()) == FIRST


@pytest.mark.parametrize("names", [(SAVED,), (BEFORE,), (SAVED, BEFORE)])
def test_load__all_damaged__refuses_to_begin_anew(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(Damaged, match="and so is the one before"):
        load(tmp_path)
    with pytest.raises(Damaged):
        load(tmp_path)


def test_pause__however_long_a_save_takes__saving_is_a_twentieth_of_the_time_at_most() -> None:
    assert pause_after(0.001) == 1.0
    assert pause_after(0.2) == pytest.approx(4.0) and pause_after(30.0) == pytest.approx(600.0)


@contextlib.contextmanager
def payments(chain: kit.Anvil, senders: int = 2) -> Iterator[None]:
    """Transactions as fast as they are mined, from so many accounts at the same time."""
    ended, accounts = threading.Event(), chain.rpc("eth_accounts")

    def send(sender: str) -> None:
        while not ended.is_set():
            chain.rpc("eth_sendTransaction", {"from": sender, "to": accounts[-1], "value": "0x1"})

    threads = [threading.Thread(target=send, args=(accounts[index],)) for index in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def too_many(state: bytes) -> dict[str, int]:
    """Of each sender: how many transactions this state has the effects of, and no block has."""
    content = json.loads(gzip.decompress(state))
    hashes = {block["header"]["number"] for block in content["blocks"]}
    assert max(int(number, 16) for number in hashes) == content["best_block_number"]
    sent = Counter(entry["info"]["from"] for entry in content["transactions"])
    assert sent, "there were some"
    return {sender: more for sender, n in sent.items() if (more := content["accounts"][sender]["nonce"] - n)}


@pytest.mark.slow
def test_take__transactions_come_in_all_the_time__the_state_is_its_newest_blocks() -> None:
    with kit.anvil() as chain:
        asked = Anvil(chain.url)
        chain.rpc("anvil_mine", hex(500))  # the more blocks there are, the longer before it comes to the state
        with payments(chain):
            wait_until(lambda: int(chain.rpc("eth_blockNumber"), 16) > 502, "the first of them")
            states = [asked.take(30.0) for _ in range(5)]
        assert [too_many(state) for state in states] == [{}] * len(states)
        assert chain.rpc("anvil_getAutomine")
        wait_until(lambda: not chain.pool(), "what waited meanwhile to be mined")


def test_take__the_last_one__nothing_is_mined_that_it_lacks() -> None:
    with kit.anvil() as chain, payments(chain):
        wait_until(lambda: int(chain.rpc("eth_blockNumber"), 16) > 2, "the first of them")
        state = Anvil(chain.url).take(30.0, last=True)
        wait_until(lambda: len(chain.pool()) > 2, "transactions that wait")
        assert not too_many(state)
        assert int(chain.rpc("eth_blockNumber"), 16) == json.loads(gzip.decompress(state))["best_block_number"]


def test_take__blocks_without_transactions_come_in__they_change_nothing() -> None:
    with kit.anvil("--block-time", "0.01") as chain:
        wait_until(lambda: int(chain.rpc("eth_blockNumber"), 16) > 2, "the first of them")
        for _ in range(5):
            assert Anvil(chain.url).take(30.0)


@pytest.mark.slow
def test_take__blocks_by_hand_as_fast_as_they_can__is_taken_all_the_same() -> None:
    with kit.anvil() as chain:
        ended = threading.Event()

        def mine() -> None:
            while not ended.is_set():
                chain.rpc("anvil_mine", "0x5")

        thread = threading.Thread(target=mine)
        thread.start()
        try:
            wait_until(lambda: int(chain.rpc("eth_blockNumber"), 16) > 500, "many of them")
            assert all(Anvil(chain.url).take(30.0) for _ in range(5))
        finally:
            ended.set()
            thread.join()


@pytest.mark.slow
def test_take__mined_by_the_clock__the_clock_stands_for_the_last_one_and_goes_on_once_it_is_let() -> None:
    with kit.anvil() as chain, payments(chain):
        wait_until(lambda: int(chain.rpc("eth_blockNumber"), 16) > 2, "the first of them")
        chain.rpc("evm_setIntervalMining", 1)
        wait_until(lambda: len(chain.pool()) > 2, "transactions that wait")
        asked = Anvil(chain.url)
        assert not too_many(asked.take(30.0, last=True)) and chain.rpc("anvil_getIntervalMining") is None
        asked.release(30.0)
        assert chain.rpc("anvil_getIntervalMining") == 1
