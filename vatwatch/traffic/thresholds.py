"""The numbers in the rules of traffic: each with its unit and its reason.

A rule's module declares its numbers with `threshold`, so that a page can list all of them.
Derived rows carry `RULES_VERSION`: it must rise whenever a number or a rule changes, so that
history by older rules can be told from history by these.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from typing import NamedTuple, TypeVar

N = TypeVar("N", int, float)

RULES_VERSION = 1
"""Raise it with each change of a rule. A test holds it against `fingerprint`."""


class Threshold(NamedTuple):
    """A number of a rule, for the docs: where it stands, what it is, and why."""

    module: str
    value: float
    unit: str
    why: str
    source: str


_declared: list[Threshold] = []


def threshold(value: N, unit: str, why: str, source: str = "") -> N:
    """Declare a number of a rule.

    Args:
        value: the number, which is returned
        unit: such as `kt`; empty for a share or a count
        why: a sentence that says why it is this number
        source: where the number is from, if others use it or it was measured
    """
    module = sys._getframe(1).f_globals["__name__"]
    _declared.append(Threshold(module, value, unit, why, source))
    return value


def declared() -> tuple[Threshold, ...]:
    """All that the imported modules have declared, in the order of their declaration."""
    return tuple(_declared)


def fingerprint() -> str:
    """Sixteen hex digits that change with any number or its unit."""
    told = sorted((each.module, each.value, each.unit) for each in _declared)
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()
