"""The quick run: it leaves out what is marked slow, and tries fewer of a test's many cases and examples.

``scripts/test --all`` leaves out nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["examples", "few", "is_quick", "set_up_hypothesis"]

_HYPOTHESIS_TRIES = 100  # by itself
_QUICK_TRIES = 20


def is_quick(config: pytest.Config) -> bool:
    """Whether this is the quick run, which ``scripts/test`` asks for by its mark."""
    return bool(config.getoption("markexpr", "") == "not slow")


def set_up_hypothesis(config: pytest.Config) -> None:
    """How Hypothesis tries; to be called before test modules are imported, which ask for what they want besides.

    It measures no time, since that says more of the machine's other work than of an example.
    """
    from hypothesis import HealthCheck, settings  # not at import: what needs a GPU is run where it isn't installed

    settings.register_profile(
        "here",
        parent=settings.default,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=_QUICK_TRIES if is_quick(config) else settings.default.max_examples,
    )
    settings.load_profile("here")


def examples(number: int) -> int:
    """How many examples to try where a whole run tries ``number``, another one than Hypothesis does by itself."""
    from hypothesis import settings

    return max(1, number * settings.default.max_examples // _HYPOTHESIS_TRIES)


def few(number: int, names: str, values: Iterable[Any], **options: Any) -> pytest.MarkDecorator:
    """As ``pytest.mark.parametrize``; all but ``number`` of the cases, evenly spread, are slow.

    For cases that are tried by the same code, where one of them sees nearly every fault that the others see.
    """
    cases = list(values)
    kept = {len(cases) * at // number for at in range(number)}
    several = "," in names
    return pytest.mark.parametrize(
        names,
        [
            pytest.param(*(value if several else [value]), marks=[] if at in kept else [pytest.mark.slow])
            for at, value in enumerate(cases)
        ],
        **options,
    )
