"""Sets of times, held against counting every second."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.build import at
from vatwatch.traffic.time_spans import Span, common, seconds_of, union, without

MINUTE = 60
spans = st.lists(
    st.tuples(st.integers(0, MINUTE), st.integers(0, MINUTE)).map(
        lambda two: (at(two[0]), at(two[1]))
    ),
    max_size=6,
)


def second_by_second(given: list[Span]) -> set[datetime]:
    return {at(s) for s in range(MINUTE) if any(start <= at(s) < end for start, end in given)}


def is_in_order(found: list[Span]) -> bool:
    edges = [edge for span in found for edge in span]
    return all(one < other for one, other in pairwise(edges))


@given(one=spans, other=spans)
def test_spans_are_the_seconds_that_they_hold(one: list[Span], other: list[Span]) -> None:
    whole = (at(5), at(50))
    for found, expected in (
        (union(one), second_by_second(one)),
        (common(union(one), union(other)), second_by_second(one) & second_by_second(other)),
        (without(whole, one), second_by_second([whole]) - second_by_second(one)),
    ):
        assert is_in_order(found)
        assert second_by_second(found) == expected
        assert seconds_of(found) == len(expected)
