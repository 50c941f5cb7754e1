"""Getting work done by a worker process, whatever happens to it.

Level-triggered as the node is: :meth:`WorkerSupervisor.work_on` is called again and again with what is wanted now, and
gives the result when there is one. What is no longer wanted is dropped; a worker that died is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from colearn_ledger.backoff import Backoff
from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.errors import LearnerError, OutOfMemory, SchemaMismatch, TrainingStopped
from colearn_ledger.formats.hashes import shown_hash
from colearn_ledger.member.work import Adopted, Contributed, Merged, Nothing, Published, Trained, Verdict, Work

from ..log import Log
from .answers import NO_SCORE, answers, has_no_score
from .keys import Key, key_of, name_of
from .messages import (
    TIDIED,
    Begun,
    Checkpointed,
    Done,
    Failed,
    Job,
    Moved,
    Progress,
    PullAhead,
    Ready,
    Sound,
    Spec,
    Tidy,
)
from .process import Died, Garbled, Message, WorkerProcess
from .results import Results
from .steps import Steps

__all__ = ["WorkerSupervisor"]

_FIRST_PROGRESS_S = 10.0
_MOST_PROGRESS_S = 60.0  # between two lines: whoever looks at the log sees whether hours of training get on
_LOOK_AGAIN_S = 30.0  # a store that has the node's proposal may lose it
_MOST_NOTES = 100
_MOST_DOUBLINGS = 20

Prepared = Adopt | Propose | Contribute | Merge | Republish | Judge
_TRAINS = (Propose, Contribute, Republish)
_BESIDE = (Judge, Merge)  # done in the pauses of a contribution's training, which then goes on


class Worker(Protocol):
    """A worker as its supervisor sees it; see :class:`.process.WorkerProcess`."""

    @property
    def pid(self) -> int: ...
    def send(self, message: Job | Tidy | PullAhead) -> None: ...
    def hear(self) -> Sequence[Message]: ...
    def kill(self) -> None: ...


class WorkerSupervisor:
    """One worker process at a time, and what is known of it.

    Parameters
    ----------
    grace_s: seconds that stale work may go on while other work waits. It had better end by itself, as a training does
        whose learner pauses between steps: with its process a learner is lost that may take long to make.
    hang_s: seconds that adopting may take, besides those for pulling the weights, until the worker is taken to hang:
        adopting alone is never stale. Twice as many each time, so that slow work comes to its end.
    start: makes a worker, as :class:`.process.WorkerProcess` does.
    clock: seconds that never go back.

    Attributes
    ----------
    adopted: sha256 of the accepted weights that the worker's learner holds; None before the first. The worker's
        ``Preparer`` knows it, too; this is what the node decides by, and it goes when the worker dies.
    ready: whether the learner has been made.
    policy: by which it votes, by name; empty where that isn't known.
    steps: of the training that goes on, also while other work is done beside it; None where there is none, or where
        nobody knows.
    """

    def __init__(
        self,
        spec: Spec,
        wake: Callable[[], None],
        log: Log,
        *,
        grace_s: float,
        hang_s: float,
        start: Callable[[Spec, Callable[[], None], Callable[[str], None]], Worker] = WorkerProcess,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec, self._wake, self._log = spec, wake, log
        self._grace_s, self._hang_s = grace_s, hang_s
        self._hung = 0  # times in a row
        self._told: set[str] = set()
        self._died_of: Key = ()  # the last proposal whose test a worker has died of
        self._sound = False  # the worker has tested its current weights, in the job that it is on
        self._make, self._now = start, clock
        self._process: Worker | None = None
        self._job: Job | None = None
        self._before: Job | None = None  # a training that has become pointless, and that the worker may still be on
        self._under: Job | None = None  # a training that goes on after the present job
        self._begun = False  # the present job, which was given while there was one
        self._since = self._next_progress = 0.0
        self._stale_since: float | None = None
        self._results = Results()
        self._steps: Steps | None = None  # of the last training that has told them
        self._numbers = 0
        self._deaths = Backoff(first_s=1.0, clock=clock)
        self._failures, self._trainings = Backoff(clock=clock), Backoff(clock=clock)  # of contributions' trainings
        self._started_once = False
        self._ahead = PullAhead((), 0)  # what the worker was told to pull meanwhile
        self._published: tuple[WeightsRef, float] | None = None  # and when it was seen to be there
        self._has: tuple[WeightsRef, float] | None = None  # likewise, of what it contributed
        self.adopted: bytes | None = None
        self.ready = False
        self.policy = ""

    @property
    def contributed(self) -> WeightsRef | None:
        """The node's own contribution that its store has, as was seen a short while ago."""
        return self._seen(self._has)

    @property
    def published(self) -> WeightsRef | None:
        """The node's own proposal that its store has, as was seen a short while ago."""
        return self._seen(self._published)

    def _seen(self, there: tuple[WeightsRef, float] | None) -> WeightsRef | None:
        """What was seen in the store, for as long as that needn't be looked at again.

        Other work isn't broken off for the look: merging and testing may take a slow learner longer than that.
        """
        if there is None:
            return None
        busy = self._job is not None and not isinstance(self._job.action, Republish)
        return there[0] if busy or self._now() - there[1] <= _LOOK_AGAIN_S else None

    @property
    def steps(self) -> Steps | None:
        running = (job.number for job in (self._before, self._under, self._job) if job is not None)
        return self._steps if self._steps is not None and self._steps.job in running else None

    @property
    def pid(self) -> int | None:
        """Of the worker process."""
        return None if self._process is None else self._process.pid

    @property
    def idle(self) -> bool:
        """Whether the worker is there and has nothing to do."""
        return self.ready and self._job is None

    def start(self) -> None:
        """Start a worker; where the machine can't, that is tried again after a pause."""
        self._since, self._next_progress = self._now(), _FIRST_PROGRESS_S
        try:
            self._process = self._make(self._spec, self._wake, self._printed)
        except OSError as e:
            pause = self._deaths.add("worker")
            self._log.error("worker_died", f"no worker can be started: {e}; again in {pause:.1f} s")

    def end(self) -> None:
        """Kill the worker. Its learner is lost; the next one adopts the accepted weights again."""
        if self._process is not None:
            self._process.kill()
        self._forget()

    def work_on(self, action: Prepared, deadline_s: float) -> Work | None:
        """The result of ``action`` if it's there; else see to it that the worker is on it.

        ``deadline_s``: seconds that an attempt to pull weights may take. A result stays until :meth:`done`, or until
        something else is wanted.
        """
        key, result = key_of(action), self._results.of(action)
        if result is not None:
            return result
        if not self.ready or self._backoff(action).left(key) > 0:
            self._start_again()
        elif self._job is None:
            self._give(action, deadline_s)
        elif key_of(self._job.action) != key:
            self._change_to(action, deadline_s)
        elif self._before is not None or (self._under is not None and not self._begun):
            if self._is_stale_too_long():
                self._replace()
        else:
            self._stale_since = None
            self._tell_progress(name_of(action))
            if self._hangs():
                self._hung += 1
                self._replace()
        return None

    def _change_to(self, action: Prepared, deadline_s: float) -> None:
        """Something else is wanted than what the worker is on."""
        assert self._job is not None
        if self._under is None and isinstance(self._job.action, Contribute) and isinstance(action, _BESIDE):
            self._under = self._job
            self._give(action, deadline_s, beside=True)
            self._stale_since = self._now()  # until the training pauses for it
            return
        if self._under is not None and key_of(self._under.action) == key_of(action):
            return  # it goes on as soon as what was beside it has ended
        if self._before is not None or (self._under is None and isinstance(self._job.action, _TRAINS)):
            # It ends at its next pause, for what is given after it; or else when its time is up.
            self._before = self._before or self._job
            self._give(action, deadline_s)
        if self._is_stale_too_long():
            self._replace()

    def rest(self, tidy: Tidy | None = None) -> None:
        """Nothing is wanted now. ``tidy``: what the store is to keep."""
        self.done()
        if not self.ready:
            self._start_again()
        elif self._job is not None:
            self._is_stale_too_long()
        elif tidy is not None and self._process is not None:
            self._process.send(tidy)

    def pull_ahead(self, refs: Sequence[WeightsRef], parent_size: int) -> None:
        """Have these pulled meanwhile, whatever else is done, and nothing that was to be pulled so before."""
        wanted = PullAhead(tuple(refs), parent_size if refs else 0)
        if self.ready and self._process is not None and wanted != self._ahead:
            self._ahead = wanted
            self._process.send(wanted)

    def done(self, action: Action | None = None) -> None:
        """The result was used; ``action``: only if it is that one's."""
        self._results.used(action)

    def pause(self, action: Action) -> float:
        """Seconds until a failed action may be tried again; a long time if nothing waits for that."""
        waits = (self._backoff(action).left(key_of(action)), self._deaths.left("worker"))
        return min((left for left in waits if left > 0), default=3600.0)

    def hear(self) -> None:
        """Take in what the worker said. Raises the error when no learner could be made at the very first start, or
        when accepted weights can never fit it: those need a person."""
        for message in self._process.hear() if self._process is not None else ():
            if self._process is None:
                break  # it was ended for what it said
            if isinstance(message, Ready):
                self.ready = self._started_once = True
                self.policy = message.policy
                self._log.info("learner", "the learner is ready", pid=message.pid)
            elif isinstance(message, Died):
                self._died(message.code)
            elif isinstance(message, Checkpointed):
                (self._log.warning if message.wrong else self._log.info)("checkpoint", message.text)
            elif isinstance(message, Progress):
                known = self._steps if self._steps is not None and self._steps.job == message.number else None
                self._steps = Steps.of_message(message, self._now(), known)
            elif isinstance(message, Sound):
                self._sound = self._job is not None and self._job.wary and self._job.number == message.number
            elif isinstance(message, Begun):
                if self._job is not None and message.number == self._job.number:
                    self._begin()
            elif isinstance(message, Moved):
                moved = message.transfer
                self._log.info("transfer", str(moved), cid=moved.cid, bytes=moved.done)
            elif isinstance(message, Garbled):
                self._garbled(message.why)
            elif isinstance(message, Failed):
                self._failed(message)
            elif self._under is not None and message.number == self._under.number:
                under, self._under = self._under, None
                self._take(under, message)
            elif self._job is not None and message.number == self._job.number:
                self._take(self._next(), message)
            elif message.number == TIDIED and isinstance(message.work, Nothing):
                self._log.warning("store", message.work.reason)

    # -------------------------------------------------------------------------------------------- what is heard

    def _begin(self) -> None:
        """The worker is on the present job: what was there before has ended, or lets it go first."""
        if self._before is not None or not self._begun:
            self._before = self._stale_since = None
            self._since, self._next_progress = self._now(), _FIRST_PROGRESS_S
        self._begun = True

    def _next(self) -> Job:
        """The present job, which is over: a training that was under it goes on."""
        assert self._job is not None
        self._begin()
        over, self._job, self._under = self._job, self._under, None
        self._stale_since = None
        return over

    @property
    def _runs(self) -> Job | None:
        """What the worker is on, as far as is known."""
        return self._before or (self._under if self._under is not None and not self._begun else self._job)

    def _take(self, job: Job, message: Done) -> None:
        action, work = job.action, message.work
        if not answers(action, work, self._spec.max_size):
            self._garbled(f"{type(work).__name__.lower()} is no answer to {name_of(action)}")
            return
        for note in message.notes:
            self._tell_once("learner", note)
        if isinstance(work, Nothing):
            pause = self._backoff(action).add(key_of(action))
            self._log.warning("unavailable", f"{work.reason}; again in {pause:.1f} s")
            return
        self._backoff(action).clear()
        if isinstance(work, Adopted):
            self.adopted, self._hung = work.weights.sha256, 0
            assert isinstance(action, Adopt)
            sha256 = work.weights.sha256
            self._log.info("adopt", f"adopted the weights of round {action.round}: {shown_hash(sha256)}", sha256=sha256)
        elif isinstance(work, Published):
            what = "proposal"
            if isinstance(action, Republish) and action.contribution:
                what, self._has = "contribution", (work.weights, self._now())
            else:
                self._published = work.weights, self._now()
            if work.how:
                self._log.warning("store", f"the store had lost the node's {what}, and has it again: {work.how}")
        else:
            self._results.keep(action, work)
            if isinstance(work, Contributed):
                self._has = work.weights, self._now()
            if isinstance(work, Trained | Merged):
                self._published = work.weights, self._now()
            own = work.own_test if isinstance(work, Trained | Merged) else None
            test = work.test if isinstance(work, Verdict) else own
            if test is not None and has_no_score(test):
                self._tell_once("score", NO_SCORE)

    def _failed(self, message: Failed) -> None:
        before = self._before is not None and message.number == self._before.number
        if before and isinstance(message.error, TrainingStopped):
            return  # as it was to
        if message.trace:
            self._log.error("trace", message.trace)
        if message.number == 0 and not self._started_once:
            raise message.error
        if self._under is not None and message.number == self._under.number:
            action, self._under = self._under.action, None
        elif self._job is not None and message.number == self._job.number:
            action = self._next().action
        else:
            self._log.error("failed", str(message.error))
            return
        if isinstance(action, Adopt) and isinstance(message.error, SchemaMismatch):
            raise message.error
        pause = self._backoff(action).add(key_of(action))
        text = f"{name_of(action)} failed, again in {pause:.1f} s: {message.error}"
        if isinstance(message.error, OutOfMemory) and not self._is_new(message.error.what):
            self._log.debug("failed", text)  # no other words help whoever has read them once
        else:
            self._log.error("failed", text)

    def _died(self, code: int) -> None:
        job = self._runs
        doing = "" if job is None else f" while {name_of(job.action)}"
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        if not self.ready:
            doing = " while the learner was made"
            if code >= 0 and not self._started_once:
                raise LearnerError(
                    f"the learner's factory ended the process (code {code})",
                    expected="a learner",
                    fix="try the factory out by itself",
                )
        action, sound = None if job is None else job.action, self._sound
        self._forget()
        if isinstance(action, Judge):
            self._died_of = key_of(action)
            if sound:
                reason = f"the worker {how} while it tested them, again, and not while it tested the current weights"
                self._results.condemn(action, reason)
        pause = self._deaths.add("worker")
        self._log.error("worker_died", f"the worker {how}{doing}; a new one in {pause:.1f} s", code=code)

    def _garbled(self, why: str) -> None:
        """Nothing that it says can be relied on any more."""
        pause = self._deaths.add("worker")
        self.end()
        self._log.error("worker_died", f"what the worker said can't be understood ({why}); a new one in {pause:.1f} s")

    def _printed(self, line: str) -> None:
        self._log.info("learner_output", f"learner | {line}")

    def _backoff(self, action: Action) -> Backoff:
        """A vote that is tested while a training waits to be tried again says nothing about that training."""
        return self._trainings if isinstance(action, Contribute) else self._failures

    # -------------------------------------------------------------------------------------------- what is done

    def _give(self, action: Action, deadline_s: float, *, beside: bool = False) -> None:
        assert self._process is not None
        self._numbers += 1
        wary = isinstance(action, Judge) and key_of(action) == self._died_of
        self._job, self._sound = Job(self._numbers, action, deadline_s, wary, beside), False
        self._begun = False
        self._since, self._next_progress = self._now(), _FIRST_PROGRESS_S
        if isinstance(action, Propose | Contribute):
            self._log.info("train", "training")
        self._process.send(self._job)

    def _start_again(self) -> None:
        if self._process is None and self._deaths.left("worker") <= 0:
            self.start()
        elif self._process is not None and not self.ready:
            self._tell_progress("making the learner")

    def _replace(self) -> None:
        job = self._runs
        assert job is not None
        self._log.warning("stale", f"{name_of(job.action)} doesn't end: the worker is started anew")
        self.end()
        self.start()

    def _hangs(self) -> bool:
        assert self._job is not None
        if not isinstance(self._job.action, Adopt):
            return False
        return self._now() - self._since > self._job.deadline_s + self._hang_s * (1 << min(self._hung, _MOST_DOUBLINGS))

    def _forget(self) -> None:
        self._process = self._job = self._before = self._under = self._stale_since = None
        self._results.forget_last()
        self.adopted = self._published = self._has = None
        self._ahead = PullAhead((), 0)
        self.ready = self._sound = False

    def _is_stale_too_long(self) -> bool:
        job = self._runs
        assert job is not None
        now = self._now()
        if self._stale_since is None:
            self._stale_since = now
            self._log.info("stale", f"{name_of(job.action)} has become pointless: it is dropped")
        return now - self._stale_since > self._grace_s

    def _tell_progress(self, what: str) -> None:
        seconds = self._now() - self._since
        if seconds >= self._next_progress:
            self._next_progress += min(self._next_progress, _MOST_PROGRESS_S)
            facts, text = {"seconds": round(seconds)}, f"{what}: {seconds:.0f} s so far"
            if self._job is not None and self._steps is not None and self._steps.job == self._job.number:
                text += f", {self._steps.text}"
                facts |= {"done": self._steps.done, "of": self._steps.of}
            self._log.info("progress", text, **facts)

    def _tell_once(self, event: str, text: str) -> None:
        if self._is_new(text):
            self._log.warning(event, text)

    def _is_new(self, text: str) -> bool:
        """Whether it wasn't told yet, and may be."""
        new = text not in self._told and len(self._told) < _MOST_NOTES
        if new:
            self._told.add(text)
        return new
