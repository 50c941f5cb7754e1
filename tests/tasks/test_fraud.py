"""FRAUD: three published layouts told apart, what is wrong with a file, and learning from real rows.

The rows of UCI's layout are real; those of the other two are made up, since the real ones aren't free to be copied.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.errors import DataError, UsageError
from colearn_ledger.tasks import Training, get_task
from colearn_ledger.tasks.fraud_data import load_payments
from colearn_ledger.tasks.scores import area_under_curve

CLIENTS = Path(__file__).resolve().parents[1] / "data" / "credit_default"


def clients() -> list[list[str]]:
    return list(csv.reader(io.StringIO(gzip.decompress((CLIENTS / "credit_default.csv.gz").read_bytes()).decode())))


def write(path: Path, rows: Sequence[Sequence[object]], **form: object) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **form).writerows(rows)  # type: ignore[arg-type]


def ulb(n: int = 40) -> list[list[object]]:
    rng = np.random.default_rng(1)
    header = ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]
    return [header, *([i * 60.0, *rng.normal(0, 3, 28), rng.exponential(80), str(i % 4 // 3)] for i in range(n))]


def ieee(n: int = 40) -> tuple[list[list[object]], list[list[object]]]:
    rng = np.random.default_rng(2)
    header = ["TransactionID", "isFraud", "TransactionDT", "TransactionAmt", "ProductCD"]
    header += [f"card{i}" for i in range(1, 7)] + ["addr1", "addr2", "dist1", "dist2", "P_emaildomain", "R_emaildomain"]
    header += [f"C{i}" for i in range(1, 15)] + [f"D{i}" for i in range(1, 16)] + [f"M{i}" for i in range(1, 10)]
    header += ["V1", "V2"]
    rows: list[list[object]] = [list(header)]
    for i in range(n):
        row: list[object] = [2987000 + i, i % 5 // 4, 86400 + 60 * i, 50.5, "WCRHS"[i % 5]]
        row += [13926, "", 150, "visa", 142, "debit" if i % 2 else "", 315, 87, "", 5 * i, "gmail.com", ""]
        row += [*rng.integers(0, 9, 14), *("" if i % 3 else 7 for _ in range(15)), "T", "F", "T", "M0", *"FFTFT", "", 1]
        rows.append(row)
    head = ["TransactionID", *(f"id_{i:02}" for i in range(1, 12)), "DeviceType", "DeviceInfo"]
    identity: list[list[object]] = [list(head)]
    identity += [[2987000 + i, -5, 70787, *[""] * 8, 100, "mobile", "x"] for i in range(n - 1, 0, -2)]
    return rows, identity


def test_load_payments__clients__every_row_and_bounded_features() -> None:
    data = load_payments(CLIENTS)
    assert data.x.shape == (1500, 44)
    assert data.x.dtype == np.float32
    assert np.abs(data.x).max() <= 5
    assert (data.x.std(axis=0) > 0).all(), "a column says nothing"
    assert data.y.mean() == pytest.approx(0.22, abs=0.03)
    assert "UCI" in data.source
    assert "1,500 rows" in data.source


def test_load_payments__other_headers_of_the_clients__same_features(tmp_path: Path) -> None:
    header, *rows = clients()
    want = load_payments(CLIENTS).x
    numbers = ["ID", *(f"X{i}" for i in range(1, 24)), "Y"]
    named = ["ID", *header[1:6], "PAY_1", *header[7:-1], "default payment next month"]
    for lines in ([named, *rows], [numbers, *rows], [numbers, named, *rows]):
        write(tmp_path / "table.csv", lines)
        assert np.array_equal(load_payments(tmp_path).x, want)


def test_load_payments__features_of_a_row__depend_on_that_row_alone(tmp_path: Path) -> None:
    header, *rows = clients()
    write(tmp_path / "table.csv", [header, *rows[::-3]])
    assert np.array_equal(load_payments(tmp_path).x, load_payments(CLIENTS).x[::-3])


def test_load_payments__creditcard_csv__read_with_its_quotes(tmp_path: Path) -> None:
    write(tmp_path / "creditcard.csv", ulb(), quoting=csv.QUOTE_NONNUMERIC)
    data = load_payments(tmp_path)
    assert "ULB" in data.source
    assert data.x.shape == (40, 31)
    assert data.y.tolist() == [0, 0, 0, 1] * 10


def test_load_payments__ieee__joined_with_what_is_known_of_the_device(tmp_path: Path) -> None:
    rows, identity = ieee()
    write(tmp_path / "train_transaction.csv", rows)
    write(tmp_path / "test_transaction.csv", [[c for c in row if c != "isFraud"] for row in rows[:1]])
    without = load_payments(tmp_path)
    write(tmp_path / "train_identity.csv", identity)
    data = load_payments(tmp_path)
    assert "IEEE-CIS" in data.source
    assert data.x.shape == without.x.shape
    wide = 8
    assert np.array_equal(data.x[:, :-wide], without.x[:, :-wide])
    assert not without.x[:, -wide:].any()
    assert data.x[:, -wide].tolist() == [float(i % 2) for i in range(40)]
    assert data.x[1, -wide:].tolist() == pytest.approx([1, -np.log(6) / 2, 5, 0, 0, np.log(101) / 2, 0, 1])
    assert not data.x[0, -wide:].any()


def test_load_payments__nothing_there_or_too_much__says_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        load_payments(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no tables of payments"):
        load_payments(tmp_path)
    write(tmp_path / "other.csv", [["a", "b"], [1, 2]])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match=r"it has empty\.csv, other\.csv, with other headers"):
        load_payments(tmp_path)
    shutil.copy(CLIENTS / "credit_default.csv.gz", tmp_path)
    write(tmp_path / "creditcard.csv", ulb())
    with pytest.raises(DataError, match=r"2 tables of payments: credit_default\.csv\.gz, creditcard\.csv"):
        load_payments(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["1", "2"], "line 5: 2 cells"),
        (["1", "much", *["0"] * 23], "line 5: could not convert string to float: 'much'"),
        (["1", *["0"] * 23, "2"], "isn't of 0 and 1"),
        (["1", *["0"] * 23, ""], "isn't of 0 and 1"),
    ],
)
def test_load_payments__a_bad_line__data_error_with_its_number(tmp_path: Path, line: list[str], said: str) -> None:
    write(tmp_path / "table.csv", [*clients()[:4], line])
    with pytest.raises(DataError, match=said) as caught:
        load_payments(tmp_path)
    assert caught.value.fix


def test_load_payments__cut_short_or_no_table__data_error(tmp_path: Path) -> None:
    whole = (CLIENTS / "credit_default.csv.gz").read_bytes()
    for name, content in (
        ("a.csv.gz", whole[:-4000]),
        ("a.csv.gz", whole[:2000] + b"\0" * 4000 + whole[6000:]),
        ("a.csv.gz", b"no archive"),
        ("a.csv", b"\xff\xfe" * 100),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="can't be read"):
            load_payments(tmp_path)
        (tmp_path / name).unlink()


def test_fraud__no_folder__says_what_it_needs() -> None:
    with pytest.raises(UsageError, match="FRAUD needs a folder") as caught:
        get_task("FRAUD").make_learners(2)
    assert "UCI" in caught.value.expected and "--data-dir" in caught.value.fix


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [None, 0.3])
def test_fraud__real_rows__learns(alpha: float | None) -> None:
    prepared = get_task("fraud").make_learners(3, Training(learning_rate=0.005, alpha=alpha), data_dir=CLIENTS, seed=1)
    results = run(6, prepared.learners)
    last = [s for s in results.rounds[-1].test_scores if s is not None]
    assert sum(last) / 3 > (0.65 if alpha is None else 0.55)
    assert ("Dirichlet(0.3)" in prepared.data) == (alpha is not None)


def test_fraud_xgboost__batch_size__there_is_none() -> None:
    with pytest.raises(UsageError, match="was given a batch size"):
        get_task("FRAUD_XGBOOST").make_learners(2, Training(batch_size=10), data_dir=CLIENTS)


def test_area_under_curve__ties_and_all__as_scikit_learn_has_it() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 300)
    for guess in (rng.random(300), rng.integers(0, 4, 300), y.astype(float), 1.0 - y, np.zeros(300)):
        assert area_under_curve(y, guess) == pytest.approx(roc_auc_score(y, guess))


@pytest.mark.slow
def test_fraud_xgboost__no_other_framework__needed() -> None:
    script = (
        "import sys; sys.modules['sklearn'] = sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from colearn_ledger import run\n"
        "from colearn_ledger.tasks import get_task\n"
        f"learners = get_task('FRAUD_XGBOOST').make_learners(2, data_dir={str(CLIENTS)!r}).learners\n"
        "print(run(1, learners).final_sha256)\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
