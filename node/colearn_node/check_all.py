"""All that must be right before a node runs: one list, of which ``colearn-node check`` prints every line.

``run`` looks at the first part of it in the same way (:mod:`.start`), and waits for what may pass.
"""

from __future__ import annotations

from collections.abc import Callable

from colearn_ledger.chain.endpoints import PATIENCE_S
from colearn_ledger.errors import ColearnError, NotAMember

from .check import Findings, Line
from .settings import Config

__all__ = ["check_everything"]

Check = Callable[[], "str | Line | None"]


def check_everything(config: Config, tell: Callable[[Line], None], *, train: bool = False) -> ColearnError | None:
    """Look at everything; ``tell`` gets each line. Returns the first thing that was wrong, or None.

    ``train``: have the learner train once, to see whether the windows are long enough for it.
    """
    findings = Findings(config, patience_s=PATIENCE_S, train=train)
    checks: list[tuple[str, Check]] = [
        # What `run` looks at, too, in this order; each needs those before it.
        ("deployment", findings.read_deployment),
        ("key", findings.open_key),
        ("rpc", findings.reach_chain),
        ("contract", findings.compare_code),
        ("names", findings.read_names),
        ("member", findings.find_member),
        ("funds", findings.count_funds),
        ("rules", findings.read_rules),
        ("news", findings.try_news),
        ("clock", findings.compare_clocks),
        ("store", findings.try_store),
        ("disk", findings.count_disk),
        ("learner", findings.try_learner),
        ("plan", findings.compare_plan),
        ("windows", findings.compare_windows),
        ("privacy", findings.count_privacy),
    ]
    needs = {
        "rpc": ["deployment"],
        "contract": ["rpc"],
        "names": ["contract"],
        "member": ["contract"],
        "funds": ["member"],
        "rules": ["member"],
        "clock": ["rpc"],
        "store": ["member"],
        "disk": ["member"],
        "learner": ["deployment"],
        "plan": ["member"],
        "windows": ["learner", "member"],
        "privacy": ["learner", "member"],
    }
    first: ColearnError | None = None
    failed: set[str] = set()
    for name, look in checks:
        lacks = [one for one in needs.get(name, []) if one in failed]
        if lacks:
            failed.add(name)
            tell(Line(name, f"not looked at: {lacks[0]} is wrong", note=True))
            continue
        try:
            told = look()
            if told is not None:
                tell(told if isinstance(told, Line) else Line(name, told))
        except ColearnError as error:
            if not isinstance(error, NotAMember):  # the rest can still be looked at, as a stranger
                failed.add(name)
            first = first or error
            tell(Line(name, error.what, error))
    return first
