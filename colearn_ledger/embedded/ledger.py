"""The backend that runs a whole collective in one process, on the embedded chain: the demo's."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from ..core.driver import play_rounds
from ..core.learner import Learner
from ..core.merge.rules import Rule
from ..core.results import Results, RoundResult
from ..core.wire import Wire
from ..stores.base import Store
from ..stores.local import LocalStore
from .chain import EmbeddedChain
from .collective import EmbeddedCollective
from .saved import save_chain

__all__ = ["EmbeddedLedger"]

OnRound = Callable[[RoundResult], None]


class EmbeddedLedger:
    """The backend that runs a collective on a chain inside this process.

    Parameters
    ----------
    secret: votes are committed and revealed instead of cast openly.
    shuffled: the contract shuffles the order of proposers each cycle; else it goes seat by seat.
    store: where weights go; a temporary folder when None. In joint rounds what was contributed to a training of which
        nothing was accepted goes again.
    verify_merge: in joint rounds, each voter merges the same again before it votes, as nodes do that are told to.
    chain: to be read afterwards, with an account for each learner; one that ends with the run when None.
    wire: as what the weights travel, ``"bfloat16"`` or ``"float16"``, half the bytes; None: as the learners hold them.
    pause: least seconds from a decision to the next proposal, one of the collective's rules. The chain's clock passes
        them at once: they cost a block, and nobody's time.
    saved: a folder in which the run leaves its chain and the deployment file, which ``colearn-ledger history``,
        ``audit`` and others read by ``--run``. Nothing is written where the run fails.
    """

    name = "embedded ledger"

    def __init__(
        self,
        *,
        secret: bool = False,
        shuffled: bool = False,
        store: Store | None = None,
        verify_merge: bool = False,
        chain: EmbeddedChain | None = None,
        wire: Wire | None = None,
        pause: int = 0,
        saved: Path | None = None,
    ) -> None:
        self._secret = secret
        self._shuffled = shuffled
        self._store = store
        self._verify_merge = verify_merge
        self._chain = chain
        self._wire = wire
        self._pause = pause
        self._saved = saved

    def run(
        self,
        learners: Sequence[Learner],
        n_rounds: int,
        threshold: Fraction,
        on_round: OnRound | None,
        names: Sequence[str],
        order: Sequence[Rule] = (),
    ) -> Results:
        """``n_rounds`` rounds; see :func:`colearn_ledger.run`. Ctrl-C ends it with the rounds decided before."""
        with self._open_store() as store:
            chain = self._chain or EmbeddedChain(len(learners))
            collective = EmbeddedCollective(
                learners,
                names,
                store,
                threshold,
                chain,
                order,
                secret=self._secret,
                shuffled=self._shuffled,
                verify_merge=self._verify_merge,
                wire=self._wire,
                pause=self._pause,
            )
            begun = Results(
                names=tuple(names),
                threshold=str(threshold),
                backend=self.name,
                initial=collective.initial_result(),
                ledger=collective.about,
            )
            results = play_rounds(begun, n_rounds, lambda number: collective.run_round(), on_round)
            if self._saved is not None:
                save_chain(chain, collective.record, self._saved)
            return results

    @contextlib.contextmanager
    def _open_store(self) -> Iterator[Store]:
        if self._store is not None:
            yield self._store
            return
        with tempfile.TemporaryDirectory(prefix="colearn-ledger-") as folder:
            yield LocalStore(Path(folder))
