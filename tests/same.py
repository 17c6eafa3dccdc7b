"""Compares what is large, such as whole answers.

pytest explains why two texts differ, and for large ones that takes minutes, in which nothing else
runs: a check that is tried until it holds would have no second try.
"""

from __future__ import annotations

# Characters that are shown on each side of the first difference.
AROUND = 60


def assert_same(one: object, other: object, what: object = "") -> None:
    """Fail if they differ, and say where first."""
    __tracebackhide__ = True
    if one != other:
        raise AssertionError(f"{what}: {first_difference(str(one), str(other))}")


def first_difference(one: str, other: str) -> str:
    """The first place where the texts differ, with what is around it."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if at is None:
        at = min(len(one), len(other))
    shown = slice(max(at - AROUND, 0), at + AROUND)
    return f"at character {at} one has {one[shown]!r}, and the other {other[shown]!r}"
