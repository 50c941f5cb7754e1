"""Learners that train batch by batch: their order of samples, and the optimizer's state."""

from __future__ import annotations

import numpy as np

from ..kit.means import Momentum, proposed


def test_optimizer_state__reset__a_proposal_depends_on_weights_seed_and_round_alone() -> None:
    used, fresh = Momentum(), Momentum()
    used.mli_begin_round(1)
    used.mli_propose_weights()
    for learner in (used, fresh):
        learner.mli_begin_round(2)
    assert proposed(used) == proposed(fresh)


def test_optimizer_state__keep__goes_on_from_the_last_proposal_of_this_process() -> None:
    used, fresh, again = (Momentum(optimizer_state="keep") for _ in range(3))
    for learner in (used, again):
        learner.mli_begin_round(1)
        learner.mli_propose_weights()
    for learner in (used, fresh, again):
        learner.mli_begin_round(2)
    first = proposed(used)
    assert first != proposed(fresh)
    assert first == proposed(again)


def test_steps__each_way_to_say_it__as_many_batches() -> None:
    assert Momentum(batch_size=32, epochs=2).steps == 6
    assert Momentum(batch_size=32, steps_per_round=5).steps == 5
    assert Momentum(batch_size=1000).batch_size == 100
    learner = Momentum(batch_size=30, steps_per_round=7)
    batches = list(learner.batches(np.random.default_rng(0)))
    assert [len(rows) for rows in batches] == [30] * 7
    assert len(np.unique(np.concatenate(batches[:3]))) == 90  # a pass has each sample once
