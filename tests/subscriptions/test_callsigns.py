"""The index of callsigns finds what a look at each of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.subscriptions.callsigns import CallsignIndex
from vatwatch.wildcards import fits

LETTERS = "ABab1_-/[é"
CALLSIGNS = st.lists(st.text(LETTERS, min_size=1, max_size=5), max_size=20)


@given(CALLSIGNS, st.lists(st.text("ABab1_*?", min_size=1, max_size=5), max_size=5))
def test_all_that_fit_are_found_and_no_other(callsigns: list[str], patterns: list[str]) -> None:
    index = CallsignIndex((sign, sign) for sign in callsigns)
    for pattern in patterns * 2:
        assert sorted(index.fitting(pattern)) == sorted(s for s in callsigns if fits(pattern, s))
