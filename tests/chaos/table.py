"""The table of ``docs/faults.md``, from a run's record."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .driver import Limits, Outcome
from .registry import FAULTS
from .world import POLL_S

__all__ = ["BY_HAND", "page", "write_page"]

BY_HAND = "<!-- what follows is not made by the command -->\n"
HEAD = """# Faults, injected

Real node processes, a real chain (Anvil) and real stores (a shared folder, or a Kubo daemon for each member), and a
fault after the other: [`tests/chaos`](../tests/chaos). A collective and a fault are drawn by the run's seed: solo or
joint rounds, open or secret votes, daemons or a folder, with or without a WebSocket. When the fault is over, the driver
waits until all learners are there and rounds are decided again, and then checks what has to hold:

- rounds go on; no decided round is lost or changed (unless the chain itself forgot it), none is missed that the clock
  or absence doesn't explain, and the lineage is a chain;
- every member has adopted what is accepted, keeps it, and its store has exactly these bytes;
- nobody has done the same thing twice; every vote is what that member's learner says of exactly that content; no secret
  vote stays closed;
- a round is accepted by votes alone; in joint rounds each contribution is what its member's learner trains from exactly
  that parent, and each proposal the merge that it claims to be, by the rule whose turn it was: both are made again;
- no process belongs to nobody, none has ended that wasn't told to, and memory, handles and kept weights stay bounded.

`scripts/test --all` has a short run. The long one can be stopped and goes on where it was:

```sh
{command}
```

"""


def page(outcomes: Sequence[Outcome], command: str) -> str:
    """The whole page."""
    by_name: dict[str, list[Outcome]] = defaultdict(list)
    for o in outcomes:
        by_name[o.name].append(o)
    groups: dict[str, int] = defaultdict(int)
    for o in outcomes:
        groups[FAULTS[o.name].group] += 1
    broken = [o for o in outcomes if o.broken]
    seeds = ", ".join(str(seed) for seed in sorted({o.seed for o in outcomes}))
    loads = statistics.median(o.load for o in outcomes) if outcomes else 0.0
    lines = [HEAD.format(command=command)]
    lines.append(
        f"## What came of it\n\nSeed {seeds}: {len(outcomes)} faults "
        f"({groups['kill']} kills, {groups['chain']} re-orgs and roll-backs, {groups['other']} others), "
        f"{len(broken)} of them with a broken invariant. The machine had a load of {loads:.1f} a core (median) "
        "meanwhile, which is in the times: seconds, median / most. *Acted*: from the moment when the fault is over and "
        "all learners are there to the next thing that anybody did on chain; *decided*: to the next round that was "
        "decided by votes.\n"
    )
    acted = [o.acted_s for o in outcomes if o.went_on_s]
    soon = sum(seconds <= 2 * POLL_S for seconds in acted)
    lines.append(
        f"In {soon} of {len(acted)} somebody acted within two polling intervals ({2 * POLL_S:g} s). What takes longer "
        f"waits for a pause of a node's own, which the limit of {Limits.slack:g} s more (times the load, if that is "
        "above 1) allows for: two seconds for which an endpoint that shows less than the node's own transaction is "
        "taken to lag, when a chain has gone back (two polling intervals of a node that is set up as usual), and the "
        "growing ones between two attempts at a store or a daemon that was away.\n"
    )
    lines.append("| fault | injected | all learners there | acted | decided | broken |\n|---|---|---|---|---|---|")
    for name in sorted(by_name, key=lambda n: (FAULTS[n].group, n)):
        some = by_name[name]
        fine = [o for o in some if o.went_on_s]
        cells = [_spread([getattr(o, which) for o in fine]) for which in ("ready_s", "acted_s", "went_on_s")]
        count = sum(bool(o.broken) for o in some)
        lines.append(f"| {name.replace('_', ' ')} | {len(some)} | {' | '.join(cells)} | {count or '–'} |")
    if broken:
        lines.append("\n## Broken\n")
        for o in broken:
            what = "; ".join(b.replace("\n", " ")[:240] for b in o.broken)
            lines.append(f"- {o.name.replace('_', ' ')} (seed {o.seed}, fault {o.index}: {o.what[:120]}): {what}")
    return "\n".join(lines).rstrip() + "\n"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} / {max(values):.1f}" if values else "–"


def write_page(path: Path, outcomes: Sequence[Outcome], command: str) -> None:
    """Write it, and leave what people have written below it."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = BY_HAND + old.partition(BY_HAND)[2] if BY_HAND in old else ""
    path.write_text("\n".join(filter(None, [page(outcomes, command), kept])), encoding="utf-8")
