"""Patterns with `*` and `?`."""

from __future__ import annotations

import fnmatch

import psycopg2
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.wildcards import fits, is_pattern, like

TEXTS = st.text(alphabet="AB_%\\[1", max_size=6)
PATTERNS = st.text(alphabet="AB_%\\1*?", max_size=6)


@given(PATTERNS, TEXTS)
def test_a_pattern_means_what_shells_mean_by_it(pattern: str, text: str) -> None:
    assert fits(pattern, text) == fnmatch.fnmatchcase(text, pattern)
    assert fits(pattern.lower(), text) == fits(pattern, text.lower()) == fits(pattern, text)


def test_without_stars_and_question_marks_only_the_text_itself_fits() -> None:
    assert fits("egll_twr", "EGLL_TWR")
    assert not fits("EGLL.TWR", "EGLL_TWR")
    assert not is_pattern("EGLL_%[A-Z]")
    assert is_pattern("EGLL_*")
    assert is_pattern("?GLL")


def test_many_stars_do_not_make_it_search_back() -> None:
    # With a search back this would take longer than anybody waits.
    assert not fits("*A" * 30 + "*B", "A" * 5000)


def test_sql_finds_the_same(database_url: str) -> None:
    texts = ["EGLL_TWR", "EGLLXTWR", "A%B", "AXB", r"A\B", "A\nB", "", "EGLL"]
    patterns = ["EGLL_*", "EGLL?TWR", "A%*", r"A\?", "A?B", "*", "", "*_*", "?*", "E*L"]
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        for pattern in patterns:
            cur.execute(
                "SELECT coalesce(array_agg(one), '{}') FROM unnest(%s) one WHERE one LIKE %s",
                (texts, like(pattern)),
            )
            row = cur.fetchone()
            assert row is not None
            assert set(row[0]) == {one for one in texts if fits(pattern, one)}, pattern
    conn.close()
