"""What is told of something that fails for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.monitoring.outages import Outage, lasted, look

T0 = datetime(2025, 1, 1, tzinfo=UTC)


@given(st.lists(st.sampled_from(["", "refused", "no answer", "full"]), max_size=60))
def test_each_cause_is_logged_once_an_outage_however_often_it_is_tried(tries: list[str]) -> None:
    outage: Outage | None = None
    told: list[str] = []
    for second, cause in enumerate(tries):
        before = outage
        outage, news = look(before, cause, T0 + timedelta(seconds=second))
        assert (outage is None) == (cause == "")
        if news == "begins":
            assert before is None
            told = [cause]
            assert outage is not None
            assert outage.since == T0 + timedelta(seconds=second)
        elif news == "changes":
            assert cause not in told
            told.append(cause)
        elif news == "goes on":
            assert cause in told
            assert outage is not None
            assert before is not None
            assert outage.since == before.since
        else:
            assert cause == ""
            assert news == ("none" if before is None else "ends")


def test_durations_are_shown_for_people() -> None:
    assert [lasted(s) for s in (0.3, 12, 89, 180, 3600, 7500)] == [
        "0 s", "12 s", "89 s", "3 min", "1 h 0 min", "2 h 5 min",
    ]  # fmt: skip
