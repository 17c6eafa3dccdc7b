"""Sets of times, as spans in order that neither overlap nor touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

Span: TypeAlias = tuple[datetime, datetime]
"""From the first time, included, to the second one, not included."""


def union(spans: Iterable[Span]) -> list[Span]:
    """The times that are in any of the spans, which may come in any order. Empty ones are none."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The times that are in both; each is a `union`, and so is the result."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start = max(one[i][0], other[j][0])
        end = min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(whole: Span, holes: Iterable[Span]) -> list[Span]:
    """The times of one span that are in none of the others."""
    left: list[Span] = []
    start, end = whole
    for hole_start, hole_end in union(holes):
        if start < min(hole_start, end):
            left.append((start, min(hole_start, end)))
        start = max(start, hole_end)
    return [*left, (start, end)] if start < end else left


def seconds_of(spans: Iterable[Span]) -> float:
    """How long they are together."""
    return sum((end - start).total_seconds() for start, end in spans)
