"""Whether windows are long enough, and how long a privacy budget lasts, in words."""

from __future__ import annotations

import pytest

from colearn_ledger.core.protocol import Rules
from colearn_ledger.report.windows import Times, budget_in_words, least_window, short_windows, windows_fit_in_words

SOLO = Rules(propose_window=600, vote_window=60)
JOINT = SOLO.changed(train_window=600, propose_window=100)


def short(rules: Rules, times: Times) -> dict[str, int]:
    return {window.name: least for window, least in short_windows(rules, times)}


@pytest.mark.parametrize(
    "seconds, least", [(0.0, 30), (0.1, 40), (45.0, 120), (45.1, 180), (3585.0, 7200), (3600.0, 7800)]
)
def test_least_window__twice_the_work_and_a_transaction__is_rounded_up(seconds: float, least: int) -> None:
    assert least_window(seconds) == least


def test_short_windows__solo__training_and_its_own_test_are_for_the_proposal() -> None:
    assert short(SOLO, Times(train=280, test=4)) == {}
    assert short(SOLO, Times(train=280, test=6)) == {"propose_window": 660}
    assert short(SOLO, Times(test=16)) == {"vote_window": 70}  # what wasn't measured is not judged
    assert short(SOLO, Times(merge=1000)) == {}


def test_short_windows__joint__half_of_the_window_to_merge_is_for_pulling() -> None:
    assert short(JOINT, Times(train=280, test=7, merge=10)) == {}
    assert short(JOINT, Times(train=300, test=7, merge=11)) == {"train_window": 660, "propose_window": 110}


def test_windows_fit_in_words__too_short__says_what_by_how_much_and_how_to_change_it() -> None:
    said = windows_fit_in_words(JOINT, Times(train=300, test=7, merge=11), 5, "motion propose rules")
    assert said == (
        "a training 300.0 s, a test 7.0 s, a merge of 5 contributions 11.0 s on this machine, pulling not counted; "
        "10m to train is short and 1m40s to merge is short: motion propose rules --train-window 11m "
        "--propose-window 1m50s"
    )
    said = windows_fit_in_words(SOLO, Times(test=0.04), 5, "motion propose rules")
    assert said == "a test 0.0 s on this machine, pulling not counted; the windows are long enough"


def test_short_windows__time_for_the_store__is_counted_where_it_was_measured() -> None:
    assert short(SOLO, Times(train=275, test=10, carry=0.1)) == {"propose_window": 660}
    assert short(SOLO, Times(test=14, carry=2)) == {"vote_window": 70}
    assert short(JOINT, Times(train=284, carry=2)) == {"train_window": 660}
    said = windows_fit_in_words(SOLO, Times(test=1, carry=0.5), 5, "motion propose rules")
    assert said.startswith("a test 1.0 s, the store 0.5 s on this machine, the way between members' stores not counted")


def test_budget_in_words__each_kind_of_rounds__counts_what_a_training_is_for() -> None:
    assert "5 more trainings, one in each of its turns: about 20 rounds of 4 members" in budget_in_words(5, 4, ())
    said = budget_in_words(5, 4, (1, 2, 3))
    assert "one in each training of the collective: 5 to 15 rounds, as a rejected merge costs none" in said
    assert "1 more training, one in each training of the collective: 1 rounds" in budget_in_words(1, 4, (1,))
    assert budget_in_words(0, 4, ()).endswith("trains no more, and votes as ever")
    assert budget_in_words(0, 4, (1,)).endswith("trains no more, and merges and votes as ever")
