"""Accounting for differential privacy, against dp-accounting itself; and the file that remembers what was spent."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dp_accounting
import dp_accounting.pld
import dp_accounting.rdp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.errors import DataError, UsageError
from colearn_ledger.learners.privacy.accountant import Privacy, compute_epsilon, compute_noise
from colearn_ledger.learners.privacy.ledger import PrivacyLedger, Spending
from tests.kit.quick import examples, few

DELTA = 1e-5


def gaussian(rate: float, noise: float, steps: int) -> Any:
    event = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
    return dp_accounting.SelfComposedDpEvent(event, steps)


def privacy(ledger: PrivacyLedger, **changes: Any) -> Privacy:
    config = {"target_epsilon": 2.0, "target_delta": DELTA, "max_grad_norm": 1.0, "proposals": 3} | changes
    return Privacy(DiffPrivConfig(**config), samples=600, batch_size=30, steps=20, ledger=ledger)


@few(
    1,
    "spent",
    [
        [Spending(0.05, 1.1, 60)],
        [Spending(0.05, 1.1, 60)] * 4,
        [Spending(1.0, 4.0, 3)],
        [Spending(0.05, 1.1, 60), Spending(0.02, 0.8, 10), Spending(0.05, 1.1, 5)],
    ],
)
def test_compute_epsilon__trainings__as_dp_accounting_composes_them(spent: list[Spending]) -> None:
    accountant = dp_accounting.rdp.RdpAccountant()
    for one in spent:
        accountant.compose(gaussian(one.rate, one.noise_multiplier, one.steps))
    assert compute_epsilon(spent, DELTA) == pytest.approx(accountant.get_epsilon(DELTA), rel=1e-9)


def test_compute_epsilon__the_tightest_accountant__is_a_bound_on_it() -> None:
    accountant = dp_accounting.pld.PLDAccountant()
    accountant.compose(gaussian(0.05, 1.1, 60))
    tight = accountant.get_epsilon(DELTA)
    assert tight < compute_epsilon([Spending(0.05, 1.1, 60)], DELTA) < 1.3 * tight


def test_compute_epsilon__nothing_spent__is_zero() -> None:
    assert compute_epsilon([], DELTA) == 0


@pytest.mark.slow
@pytest.mark.parametrize("target, rate, steps", [(1.0, 0.05, 60), (8.0, 0.05, 600), (0.05, 0.01, 100)])
def test_compute_noise__a_target__is_met_and_hardly_more(target: float, rate: float, steps: int) -> None:
    noise = compute_noise(target, DELTA, rate, steps)
    assert compute_epsilon([Spending(rate, noise, steps)], DELTA) <= target
    assert compute_epsilon([Spending(rate, noise - 2e-4, steps)], DELTA) > target


@pytest.mark.slow
def test_compute_noise__a_target_nobody_can_meet__one_message() -> None:
    with pytest.raises(UsageError, match="no noise worth training with"):
        compute_noise(1e-4, DELTA, 0.05, 1000)


@pytest.mark.slow
def test_budget__noise_from_the_planned_proposals__lasts_for_exactly_these() -> None:
    accountant = privacy(PrivacyLedger())
    assert accountant.budget.consumed_epsilon == accountant.budget.consumed_delta == 0
    seen = []
    while accountant.affords():
        budget = accountant.spend()
        assert budget is not None
        seen.append(budget.consumed_epsilon)
    assert len(seen) == 3 and seen == sorted(seen)
    assert 1.99 < seen[-1] <= 2.0
    assert accountant.spend() is None
    assert accountant.budget.consumed_epsilon == seen[-1]
    assert (accountant.budget.target_epsilon, accountant.budget.consumed_delta) == (2.0, DELTA)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"target_epsilon": 0.0}, "target_epsilon is 0"),
        ({"target_epsilon": float("nan")}, "target_epsilon is nan"),
        ({"target_delta": 1.0}, "target_delta is 1"),
        ({"max_grad_norm": -1.0}, "max_grad_norm is -1"),
        ({"noise_multiplier": 0.0}, "noise_multiplier is 0"),
        ({"proposals": 0}, "proposals is 0"),
        ({"proposals": None}, "neither the noise nor the number of proposals"),
        ({"noise_multiplier": 0.4}, "one proposal costs epsilon"),
    ],
)
def test_privacy__what_makes_no_sense__one_message(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        privacy(PrivacyLedger(), **changes)
    assert caught.value.expected and caught.value.fix


def test_randomness__deterministic__by_the_key_and_else_never_the_same() -> None:
    plain, fixed = privacy(PrivacyLedger()), privacy(PrivacyLedger(), deterministic=True)
    assert (
        fixed.randomness(1, 2, 3).random() == fixed.randomness(1, 2, 3).random() != fixed.randomness(1, 2, 4).random()
    )
    assert plain.randomness(1, 2, 3).random() != plain.randomness(1, 2, 3).random()


def test_ledger__restart__goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    first = privacy(PrivacyLedger(path))
    spent = [first.spend(), first.spend()]
    after = privacy(PrivacyLedger(path))
    assert after.budget == spent[-1]
    assert after.spend() is not None and after.spend() is None
    # Another batch size or noise costs something else, on top of what was spent.
    other = privacy(PrivacyLedger(path), noise_multiplier=50.0)
    assert other.budget.consumed_epsilon == after.budget.consumed_epsilon


def test_ledger__a_torn_last_line__is_cut_off_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    accountant = privacy(PrivacyLedger(path))
    accountant.spend()
    whole = path.read_bytes()
    accountant.spend()
    both = path.read_bytes()
    for length in range(len(whole), len(both)):
        path.write_bytes(both[:length])
        with PrivacyLedger(path).open() as ledger:
            assert len(ledger.spent) == 1
            ledger.append(accountant.spending)
        assert path.read_bytes() == both


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [b"{}", *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], b"", *lines[1:]],
        lambda lines: [lines[0], lines[1][:-1], *lines[2:]],
        lambda lines: [lines[0], b"[1, 2]"],
        lambda lines: [lines[0], b'{"rate": 0.05, "noise_multiplier": 1.1, "steps": -60}'],
        lambda lines: [lines[0], b'{"rate": 0.05, "noise_multiplier": NaN, "steps": 60}'],
        lambda lines: [lines[0], b'{"rate": 0.05, "noise_multiplier": 1.1}'],
    ],
)
def test_ledger__damaged__refused_and_left_as_it_is(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "privacy.jsonl"
    accountant = privacy(PrivacyLedger(path))
    accountant.spend()
    accountant.spend()
    bad = b"\n".join(change(path.read_bytes().splitlines())) + b"\n"
    path.write_bytes(bad)
    with pytest.raises(DataError, match="is damaged"):
        PrivacyLedger(path)
    with pytest.raises(DataError, match="is damaged"):
        accountant.spend()
    assert path.read_bytes() == bad


@pytest.mark.parametrize("where", ["missing/privacy.jsonl", "."])
def test_ledger__cannot_be_used__one_message_at_the_start(tmp_path: Path, where: str) -> None:
    with pytest.raises(DataError, match="can't be used"):
        PrivacyLedger(tmp_path / where)


SPENDER = """
import sys
from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.learners.privacy import Privacy, PrivacyLedger
config = DiffPrivConfig(2.0, 1e-5, 1.0, noise_multiplier=float(sys.argv[2]))
privacy = Privacy(config, samples=600, batch_size=30, steps=20, ledger=PrivacyLedger(sys.argv[1]))
print(sum(privacy.spend() is not None for _ in range(3)))
"""


@pytest.mark.slow
def test_ledger__several_processes_on_one_file__spend_the_budget_once(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"

    def spend(_: int) -> int:
        words = [sys.executable, "-c", SPENDER, path, str(compute_noise(2.0, 1e-5, 0.05, 60))]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(spend, range(2))) == 3
    assert len(path.read_text().splitlines()) == 4


@settings(max_examples=examples(20))
@given(
    st.lists(
        st.builds(Spending, st.sampled_from([0.01, 0.3, 1 / 3]), st.floats(0.5, 9), st.integers(1, 10**6)), max_size=5
    )
)
def test_ledger__any_spendings__are_read_as_they_were_written(spent: list[Spending]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "privacy.jsonl"
        with PrivacyLedger(path).open() as ledger:
            for one in spent:
                ledger.append(one)
        with PrivacyLedger(path).open() as ledger:
            assert ledger.spent == spent
        assert json.loads(path.read_text().splitlines()[0]) == {"format": "colearn-privacy-1"}


def test_import__the_accounting__loads_no_framework() -> None:
    script = (
        "import sys, colearn_ledger.learners.privacy as p\n"
        "print({'tensorflow', 'torch', 'opacus', 'dp_accounting', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
@pytest.mark.parametrize("proposals", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 9))])
def test_trainings_left__after_each_training__is_how_many_more_there_are(proposals: int) -> None:
    one = privacy(PrivacyLedger(), proposals=proposals)
    left = [one.trainings_left()]
    while one.spend() is not None:
        left.append(one.trainings_left())
    assert left == list(range(len(left) - 1, -1, -1)) and len(left) - 1 >= proposals


@pytest.mark.slow
def test_trainings_left__hardly_any_cost__ends_at_a_million() -> None:
    config = DiffPrivConfig(1e9, DELTA, 1.0, noise_multiplier=900.0)
    assert Privacy(config, samples=10**9, batch_size=1, steps=1, ledger=PrivacyLedger()).trainings_left() == 1 << 20
