"""Which test shows the effect of which setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

SHOWN: dict[str, list[str]] = {}
"""By the name of a setting: the tests that show that a change of it takes effect."""


def takes_effect(*settings: str) -> Callable[[F], F]:
    """This test shows that a change of these settings takes effect without a restart."""

    def enter(test: F) -> F:
        for name in settings:
            SHOWN.setdefault(name, []).append(f"{test.__module__}.{test.__name__}")
        return test

    return enter
