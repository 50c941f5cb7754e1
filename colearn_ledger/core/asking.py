"""Speaking to a learner: what drivers ask it, and what they make of its answers.

Drivers speak to a learner through the ``ask_`` functions alone. What a learner hands out passes through canonical bytes
before anybody else sees it; what it is given is its own copy, in its own kinds of arrays; and a learner that proposing
or testing has changed gets its current weights back. So a learner whose arrays are its model's can't spoil a round.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ..errors import InvalidWeights, LearnerError, LearnerWarning, OutOfMemory, UntestableWeights
from .blocks import Buffer
from .failures import text_of
from .held import Held
from .learner import Checkpoint, Learner, Pause, ProposedWeights, Weights, number_of
from .lineage import NOTHING_NEW, check_lineage, check_parts, is_new, kept_within, with_own
from .merge.contributions import Basis
from .schema import Schema
from .telling import warn_of
from .tensors import as_number, like, parts_of, plain
from .weights import decode, encode, encoded, parts_of_data

__all__ = [
    "METHODS",
    "ask_accept",
    "ask_current",
    "ask_judge",
    "ask_proposal",
    "ask_propose",
    "ask_test",
    "check_methods",
    "why_declined",
]

_T = TypeVar("_T")

_LEAVING = (KeyboardInterrupt, SystemExit, GeneratorExit)

METHODS = ("mli_propose_weights", "mli_test_weights", "mli_accept_weights", "mli_get_current_weights")


def check_methods(learner: object, name: str = "") -> None:
    """Raise :class:`LearnerError` unless the object has the four methods."""
    missing = [m for m in METHODS if not callable(getattr(learner, m, None))]
    if missing:
        raise LearnerError(
            f"{_called(learner, name)} lacks {', '.join(missing)}",
            expected=f"an object with the methods {', '.join(METHODS)}",
            fix="add the methods; inherit MachineLearningInterface to be told at once",
        )


def ask_current(learner: Learner, name: str = "") -> Weights:
    """The learner's current weights, as the codec takes them. The arrays may be the model's own: encode, or copy."""
    return Weights(plain(_current(learner, name).weights))


def ask_propose(
    learner: Learner, round: int, name: str = "", *, pause: Pause | None = None, checkpoint: Checkpoint | None = None
) -> Weights:
    """Train: tell the learner which round it is, if it wants to know, and return what it proposes, as it is.

    ``pause``: what the training is to call between two steps, and ``checkpoint``: where it is kept meanwhile, if the
    learner does that; see :class:`.Learner`.
    """
    begin = getattr(learner, "mli_begin_round", None)
    if callable(begin):
        begin(round)
    with contextlib.ExitStack() as afterwards:
        set_pause = getattr(learner, "mli_set_pause", None)
        if pause is not None and callable(set_pause):
            set_pause(pause)
            afterwards.callback(set_pause, None)
        set_checkpoint = getattr(learner, "mli_set_checkpoint", None)
        if checkpoint is not None and callable(set_checkpoint):
            set_checkpoint(checkpoint)
            afterwards.callback(set_checkpoint, None)
        elif checkpoint is not None:
            checkpoint.decline(f"{_called(learner, name)} has no mli_set_checkpoint")
        weights = learner.mli_propose_weights()
    return _expect(weights, Weights, "mli_propose_weights", learner, name)


def ask_proposal(
    learner: Learner,
    round: int,
    schema: Schema,
    name: str = "",
    *,
    max_size: int | None = None,
    held: Held | None = None,
    basis: Basis | None = None,
    pause: Pause | None = None,
    checkpoint: Checkpoint | None = None,
    write: Callable[[Iterable[Buffer]], Buffer] = b"".join,
) -> tuple[Weights, Buffer]:
    """Train, and return what the learner says of its proposal, with the proposal's canonical bytes.

    The weights are in the bytes alone: they may be large, and need not be held twice.

    ``held``: what it was given to adopt, if that is known: the parent, within whose bounds its proposal is kept leaf by
    leaf (:mod:`.lineage`), unless it is an attacker that says it is ``unbounded``. It also saves an encoding of the
    current weights. ``basis``: of the same parent, where the weights are to be merged with others': then no number is
    larger than can be added up. ``pause``, ``checkpoint``: as for :func:`ask_propose`. ``write``: makes one of the
    pieces of the bytes, as in a file.

    Raises InvalidWeights (SchemaMismatch where it is another model's) when nobody could accept the proposal. That is
    the proposer's own mistake, so it is told before anybody votes, in process and on a ledger alike. TrainingStopped
    where ``pause`` ended it.
    """
    with _unchanged(learner, "mli_propose_weights", name, held) as own:
        own.clear()
        proposed = ask_propose(learner, round, name, pause=pause, checkpoint=checkpoint)
        try:
            tree = schema.fit(plain(proposed.weights))
            proposed = Weights(None, proposed.training_summary)
            parent = None if held is None else held.data
            if parent is not None and not getattr(learner, "unbounded", False):
                tree = kept_within(schema, tree, parent)
                tree = tree if basis is None else basis.kept_below(tree)
            data = write(encoded(tree, schema))
            del tree
            schema.check_size(len(data), None if parent is None else len(parent))
            if max_size is not None and len(data) > max_size:
                raise InvalidWeights(
                    f"they are {len(data):,} bytes",
                    expected=f"at most {max_size:,} bytes, the deployment's cap",
                    fix="use a smaller model, or deploy with a larger cap",
                )
        except InvalidWeights as error:
            error.what = f"{_called(learner, name)} proposed weights that nobody can accept: {error.what}"
            raise
    return proposed, data


def why_declined(proposed: Weights, data: Buffer = b"", held: Held | None = None) -> str:
    """Why a learner that was asked to train makes no proposal, for people; empty where it makes one.

    It says so by an error code in its training summary; which weights it returned then doesn't matter. And weights that
    change nothing which a score depends on are no proposal: ``data`` are their bytes, ``held`` their parent.
    """
    summary = proposed.training_summary
    if getattr(summary, "error_code", None) is None:
        if held is not None and held.data is not None and not is_new(held.schema, data, held.data):
            wire = held.schema.wire
            return f"the training came to nothing: {'' if wire is None else f'rounded to {wire}, '}{NOTHING_NEW}"
        return ""
    assert summary is not None
    budget = summary.dp_budget
    if budget is None:
        return "the privacy budget is spent"
    spent = f"epsilon {budget.consumed_epsilon:.4g} of {budget.target_epsilon:.4g}"
    return f"the privacy budget is spent: {spent} at delta {budget.target_delta:.2g}"


def ask_test(learner: Learner, weights: Weights, name: str = "", *, held: Held | None = None) -> ProposedWeights:
    """Have the learner test decoded weights, which become its own; its scores are numbers, or this raises.

    The vote and the current score of the result are a bool and a float of Python's, or None. ``held``: what it was
    given to adopt, which saves an encoding, and by whose schema it keeps its local leaves.
    """
    with _unchanged(learner, "mli_test_weights", name, held) as own:
        mine = own.pop()
        tree = weights.weights if held is None else with_own(held.schema, weights.weights, mine)
        given = Weights(like(tree, mine), weights.training_summary)
        del mine, tree
        judged = _expect(learner.mli_test_weights(given), ProposedWeights, "mli_test_weights", learner, name)
    _ = judged.vote_value, judged.test_value
    judged.vote = _vote(judged.vote, learner, name)
    if judged.current_score is not None:
        judged.current_score = number_of(judged.current_score, judged.criterion, "current_score")
    return judged


def ask_judge(
    learner: Learner,
    weights: Weights,
    name: str = "",
    *,
    held: Held | None = None,
    its_own: bool = False,
    data: Buffer | None = None,
) -> ProposedWeights:
    """Have the learner test decoded weights that somebody proposed: :func:`ask_test`, but whose fault is a failure?

    What fails with them and not with the learner's current weights is the weights' fault: predictions that overflow
    and that no metric takes, a model that can't be made of such numbers. That raises UntestableWeights with the reason,
    so it is a vote to reject, as any InvalidWeights that the learner raises. What fails with the current weights, too,
    is the learner's own, and is raised as it is.

    Before the learner sees them they are compared with their parent, which it holds, unless they are ``its_own``:
    InvalidWeights where a leaf differs as it must not (:mod:`.lineage`). ``data``: their bytes, where they are at hand,
    which are then compared in place.
    """
    if held is not None and held.data is not None and not its_own:
        if data is None:
            check_lineage(held.schema, weights.weights, held.data)
        else:
            check_parts(held.schema, parts_of_data(data), parts_of_data(held.data))
    try:
        return ask_test(learner, weights, name, held=held)
    except InvalidWeights:
        raise  # what the learner itself has found
    except (*_LEAVING, OutOfMemory):  # others' weights take as much memory as its own
        raise
    except BaseException as error:  # not all libraries' errors are Exceptions: a panic of Rust's isn't
        traceback.clear_frames(error.__traceback__)  # what they hold may be what there was no memory for
        try:
            ask_test(learner, _copy_of_current(learner, name, held), name, held=held)
        except _LEAVING:
            raise
        except BaseException:
            raise error from None
        reason = f"testing the proposed weights failed: {text_of(error)}"
        warn_of(
            learner,
            "mli_test_weights",
            f"{_called(learner, name)}: {reason}, which testing its current weights does not; it can't approve them",
            LearnerWarning,
        )
        raise UntestableWeights(reason, expected="weights that the learner can be tested with") from error


def _copy_of_current(learner: Learner, name: str, held: Held | None) -> Weights:
    if held is not None and held.known:
        return Weights(held.tree())
    return Weights(decode(encode(ask_current(learner, name).weights)))


def ask_accept(learner: Learner, weights: Weights, name: str = "", *, schema: Schema | None = None) -> None:
    """Have the learner adopt decoded weights, which become its own; it keeps its own local leaves of the ``schema``."""
    own = _current(learner, name).weights
    tree = weights.weights if schema is None else with_own(schema, weights.weights, own)
    adopted = Weights(like(tree, own))
    del own, tree  # they may be a copy, which isn't held while the learner makes its own
    learner.mli_accept_weights(adopted)


@contextlib.contextmanager
def _unchanged(learner: Learner, method: str, name: str, held: Held | None) -> Iterator[list[Any]]:
    """Around a call that must leave the current weights alone: yields them, and puts them back if they were changed.

    They come in a list, out of which whoever has used them takes them: they may be a copy, and need not be held on to.

    A training that changes a model's arrays in place changes what was remembered of them, too, if that wasn't a copy;
    published learners do that. So they are compared with bytes, and put back from bytes: those that the learner
    adopted, or where they aren't known, those that its weights have now.
    """
    own = [_current(learner, name).weights]
    # Not every library serialises the same model to the same bytes (or to the same file) twice.
    opaque = any(isinstance(part, bytes | bytearray | str) for _, part in parts_of(own[0]))
    if held is not None and held.known:
        before, adopted = held, True
    else:
        data, schema = _written(own[0], learner, name)
        before, adopted = Held(schema, data), False

    def put_back() -> bool:
        """Whether the learner had changed them."""
        now = _current(learner, name).weights
        if before.are(now):
            return False
        _written(now, learner, name)  # raises if they are no weights any more
        ask_accept(learner, Weights(before.tree()), name, schema=before.schema)
        if adopted and not before.are(_current(learner, name).weights):
            before.exact = False  # it never gave back what it adopts: it may have changed nothing
        return before.exact

    try:
        yield own
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong first is what matters
            put_back()
        raise
    if put_back() and not opaque:
        warn_of(
            learner,
            method,
            f"{_called(learner, name)}: {method} changed the current weights, and they were put back; "
            "return copies of the model's arrays (check_learner tells more)",
            LearnerWarning,
        )


def _written(own: Any, learner: Learner, name: str) -> tuple[bytes, Schema]:
    try:
        tree = plain(own)
        return encode(tree), Schema.of(tree)
    except InvalidWeights as error:  # the learner's fault, whatever weights it was to test
        raise LearnerError(
            f"{_called(learner, name)}: its current weights can't be written: {error.what}",
            expected=error.expected,
            fix=error.fix,
        ) from error


def _current(learner: Learner, name: str) -> Weights:
    return _expect(learner.mli_get_current_weights(), Weights, "mli_get_current_weights", learner, name)


def _vote(vote: Any, learner: object, name: str) -> bool | None:
    """The vote as Python's bool: also numpy's, 0 and 1, and tensors without dimensions."""
    if vote is None:
        return None
    with contextlib.suppress(InvalidWeights):
        number = as_number(plain(vote))
        if number in (0, 1):
            return bool(number)
    raise LearnerError(
        f"{_called(learner, name)}: the vote is {vote!r}",
        expected="True to approve, False to reject, None to abstain",
        fix="compare one number with one number; an array of truths is no vote",
    )


def _called(learner: object, name: str) -> str:
    kind = type(learner).__name__
    return f"{name} ({kind})" if name else f"learner {kind}"


def _expect(value: object, kind: type[_T], method: str, learner: object, name: str) -> _T:
    if not isinstance(value, kind):
        raise LearnerError(
            f"{_called(learner, name)}: {method} returned {type(value).__name__}",
            expected=kind.__name__,
            fix=f"wrap the result: {kind.__name__}(...)",
        )
    return value
