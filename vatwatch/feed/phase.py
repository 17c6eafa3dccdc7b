"""When to poll: just after the feed is written, and never too soon after the last poll.

The feed is written at a fixed phase of its period (…:10.12, :25.12). A collector whose clock runs
with the feed's polls a little after that. If a poll finds nothing new it was too early, and the
next ones are later. A feed with another clock (a replay, a simulator at speed) is polled at a
steady pace, which shifts in the same way. So is a feed that is polled more often than VATSIM's is
written (a mirror, a simulator); there is no wait for its phase.

A collector may start at any phase of the feed. To poll just after each write, it would first have
to wait for up to 29 s and miss an update. With `misses_none` it keeps its phase until an update is
missed anyway.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from msgspec import Struct

# VATSIM writes its feeds this often.
FEED_PERIOD_S = 15.0
# After the feed's own time, for the writing and the CDN.
FIRST_MARGIN_S = 2.0
# A feed whose time differs by more than this has another clock.
SAME_CLOCK_S = 120.0
# The phase varies by milliseconds; that must not make us wait for one more period.
PHASE_JITTER_S = 1.0


class PollPlan(Struct, frozen=True):
    """The next poll, by the wall clock, and how late after the feed's time it comes."""

    due: datetime
    margin_s: float = FIRST_MARGIN_S


def next_poll(
    plan: PollPlan,
    now: datetime,
    interval_s: float,
    update_timestamp: datetime | None,
    *,
    advanced: bool,
    misses_none: bool = False,
) -> PollPlan:
    """The poll after the one of `plan`, which has just ended.

    Args:
        plan: the poll that has ended
        now: our clock
        interval_s: how often the feed may be asked
        update_timestamp: the newest one seen
        advanced: whether this poll brought it
        misses_none: poll late in each period rather than let one update be replaced by the next

    Returns:
        a poll at least `interval_s` after `plan.due` (unless our clock was set back), and not
        before `now`
    """
    # A poll that has ended was due before now, unless the clock was set back.
    plan = PollPlan(min(plan.due, now), plan.margin_s)
    margin_s = plan.margin_s
    if not advanced and update_timestamp is not None:
        longest_s = max(plan.margin_s, FIRST_MARGIN_S + interval_s / 2)
        margin_s = min(plan.margin_s + interval_s / FEED_PERIOD_S, longest_s)
    shift_s = margin_s - plan.margin_s
    if (
        update_timestamp is None
        or interval_s < FEED_PERIOD_S
        or not _same_clock(now, update_timestamp)
    ):
        # Whole intervals only: a slow poll must not shift the pace.
        late_s = (now - plan.due).total_seconds() - shift_s
        steps = max(1, math.ceil(late_s / interval_s))
        return PollPlan(plan.due + timedelta(seconds=steps * interval_s + shift_s), margin_s)
    earliest = max(plan.due + timedelta(seconds=interval_s), now)
    anchor = update_timestamp + timedelta(seconds=margin_s)
    periods = math.ceil(((earliest - anchor).total_seconds() - PHASE_JITTER_S) / FEED_PERIOD_S)
    due = max(anchor + timedelta(seconds=periods * FEED_PERIOD_S), earliest)
    # By then the feed has been written twice, and only the second may be available.
    replaced = update_timestamp + timedelta(seconds=2 * FEED_PERIOD_S)
    if misses_none and earliest < replaced + timedelta(seconds=FIRST_MARGIN_S) and replaced <= due:
        due = earliest
    return PollPlan(due, margin_s)


def _same_clock(now: datetime, update_timestamp: datetime) -> bool:
    return abs((now - update_timestamp.astimezone(UTC)).total_seconds()) <= SAME_CLOCK_S
