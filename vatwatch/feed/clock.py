"""Decides for every fetched update whether its time is believed.

The sender's time alone must not decide what is kept. One of several data servers may have a wrong
clock, a cache may serve an older copy after a newer one, a recording may be played as if it were
live, and our own clock may be wrong, too.

    new             later than the newest that was followed, and at most five minutes ahead
    same            the newest itself
    future          further ahead than that
    older           not later than the newest
    another clock   the third that is further ahead (or older), each later than the one before;
                    three that are fetched in a row are enough, even if some were held already
    returned        the clock that was followed is ahead of ours, and this one agrees with ours

*New*, *another clock* and *returned* are followed: what is fetched is kept and processed. *Future*
and *older* updates are held: they are kept, and processed only if their clock turns out to be the
one to follow. If the feed returns to the known clock first, they are dropped into quarantine.
Values that are not a time are refused earlier (`times.parse_feed_time`).

"Ahead" means: ahead of our own clock, or, if the followed clock is ahead of ours, ahead of what
that one should show by now. So a clock that gains on ours (it drifts; a simulator at ten times the
speed) is followed on and on, and one that is about five minutes ahead is not held every other time.

Pure: a `FeedClock` and an update go in, a new `FeedClock` and what to do come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.times import is_feed_time

# Servers that keep their clocks agree within a second. Five minutes is what Kerberos allows, and
# more than an unattended clock loses in a year.
AHEAD = timedelta(minutes=5)
# Two updates may be an accident and its copy; three that advance are a clock that runs.
PROOF = 3
# Updates that are held at a time. One clock needs two, so this is enough for six wrong ones.
MOST_HELD = 12
# A clock that seems to run faster than this has jumped. The simulator's speed goes up to 1,000.
TOP_SPEED = 1000.0
# The calendar of `times.parse_feed_time`; no times outside are expected.
CENTURY = timedelta(days=36_525)


class ClockVerdict(Enum):
    """What an update's time means; the module's docstring has the rules."""

    NEW = "new"
    SAME = "same"
    FUTURE = "future"
    OLDER = "older"
    ANOTHER_CLOCK = "another clock"
    RETURNED = "returned"

    @property
    def is_followed(self) -> bool:
        """Whether the update is processed."""
        return self in (ClockVerdict.NEW, ClockVerdict.ANOTHER_CLOCK, ClockVerdict.RETURNED)


class Moment(Struct, frozen=True):
    """An update: its own time, and the time of our clock when it was fetched."""

    time: datetime
    at: datetime

    @property
    def lead(self) -> timedelta:
        """How far it is ahead of our clock; negative if it is behind."""
        return self.time - self.at

    @property
    def is_possible(self) -> bool:
        """Whether both times are within the calendar of `times.parse_feed_time`. What comes from a
        file need not be, and near the ends of Python's calendar nothing can be added to a time.
        """
        return is_feed_time(self.time) and is_feed_time(self.at)


class FeedClock(Struct, frozen=True):
    """The clock that is followed, and those in doubt."""

    newest: Moment | None = None
    """The latest update that was followed. None: nothing is known yet."""
    speed: float = 1.0
    """How fast it runs beside ours; only measured while it is ahead of ours."""
    runs: tuple[tuple[Moment, ...], ...] = ()
    """Updates that are held, as the clocks that they may belong to: each advances in itself."""
    row: tuple[Moment, ...] = ()
    """The latest updates fetched in a row, held before or not, if each advanced. All are held."""

    @property
    def held(self) -> tuple[Moment, ...]:
        """All held updates, in the order in which they were fetched."""
        return tuple(sorted((m for run in self.runs for m in run), key=lambda m: m.at))


class Judgement(Struct, frozen=True):
    """The decision about one update, and what must be done. Times are the updates' own."""

    verdict: ClockVerdict
    clock: FeedClock
    """The clock after this update."""
    hold: bool = False
    """Keep this update, but do not process it yet. False if it is held already."""
    release: tuple[datetime, ...] = ()
    """The times of held updates to process now, in this order; usually none.

    If the feed has changed to another clock (`ANOTHER_CLOCK`), the update itself is the last of
    them: `hold` says whether it must be kept first, and no more is done with it."""
    drop: tuple[datetime, ...] = ()
    """Put these held updates into quarantine."""


def judge(clock: FeedClock, update: Moment) -> Judgement:
    """Decide about an update that has just been fetched.

    Args:
        clock: what is known
        update: its times must be within the calendar (`Moment.is_possible`)
    """
    newest = clock.newest
    if newest is not None and update.time == newest.time:
        return Judgement(ClockVerdict.SAME, clock)
    if newest is not None and _returns(newest, update):
        return _follow(clock, update, ClockVerdict.RETURNED)
    is_older = newest is not None and update.time < newest.time
    if not is_older and update.time <= _limit(clock, update.at):
        return _follow(clock, update, ClockVerdict.NEW)
    return _doubt(clock, update, is_older=is_older)


def restore(
    followed: Sequence[Moment], held: Sequence[Moment]
) -> tuple[FeedClock, list[Judgement]]:
    """The clock as it was before a restart.

    Args:
        followed: the latest updates that were processed, the newest last; two tell the speed
        held: those in the journal that are held, as they were fetched; all of them possible

    Returns:
        the clock, and what must still be done: whatever a crash has interrupted. In these
        judgements a held update that is followed is always in `release`.
    """
    newest = followed[-1] if followed else None
    clock = FeedClock(newest, _speed(followed[-2:]) if newest else 1.0)
    unfinished = []
    for update in held:
        judgement = judge(clock, update)
        # The journal does not say which updates came again between them, so they do not count as in
        # a row.
        clock = replace(judgement.clock, row=())
        if judgement.verdict.is_followed and update.time not in judgement.release:
            judgement = replace(judgement, release=(*judgement.release, update.time))
        elif judgement.verdict is ClockVerdict.SAME:
            judgement = replace(judgement, drop=(update.time,))
        unfinished.append(judgement)
    return clock, [one for one in unfinished if one.release or one.drop]


def _limit(clock: FeedClock, at: datetime) -> datetime:
    """The latest time that is believed."""
    expected = at
    if clock.newest is not None:
        elapsed = max(timedelta(), at - clock.newest.at)
        expected = max(expected, clock.newest.time + min(clock.speed * elapsed, CENTURY))
    return expected + AHEAD


def _returns(newest: Moment, update: Moment) -> bool:
    """Whether a feed whose clock was ahead of ours agrees with ours again.

    Ours is not proof of anything, but together they are: without this, a server that is years ahead
    and was once followed would go on making the right ones look old.
    """
    return (
        newest.time - update.at > AHEAD
        and newest.time - update.time > AHEAD
        and abs(update.lead) <= AHEAD
    )


def _follow(clock: FeedClock, update: Moment, verdict: ClockVerdict) -> Judgement:
    before = () if clock.newest is None or verdict is not ClockVerdict.NEW else (clock.newest,)
    after = FeedClock(update, _speed((*before, update)))
    return Judgement(verdict, after, drop=tuple(m.time for m in clock.held))


def _doubt(clock: FeedClock, update: Moment, *, is_older: bool) -> Judgement:
    verdict = ClockVerdict.OLDER if is_older else ClockVerdict.FUTURE
    known = next((held for held in clock.held if held.time == update.time), None)
    row = _row(clock, known or update, is_older=is_older)
    if known is not None:
        if len(row) >= PROOF:
            return _follow_another(clock, row, hold=False)
        return Judgement(verdict, replace(clock, row=row))
    # With several clocks, the one that it is nearest to.
    run = max(
        (
            run
            for run in clock.runs
            if run[-1].time < update.time and _is_older(clock, run[-1]) == is_older
        ),
        key=lambda run: run[-1].time,
        default=(),
    )
    others = tuple(one for one in clock.runs if one is not run)
    run = (*run, update)
    for proof in (run, row):
        if len(proof) >= PROOF:
            return _follow_another(clock, proof, hold=True)
    after = replace(clock, runs=(*others, run), row=row)
    forgotten: tuple[Moment, ...] = ()
    if len(after.held) > MOST_HELD:
        # The one that has not advanced for the longest time.
        forgotten = after.runs[0]
        after = replace(after, runs=after.runs[1:], row=tuple(m for m in row if m not in forgotten))
    return Judgement(verdict, after, hold=True, drop=tuple(m.time for m in forgotten))


def _row(clock: FeedClock, update: Moment, *, is_older: bool) -> tuple[Moment, ...]:
    """The updates fetched in a row, including this one. One that is fetched twice counts once."""
    if not clock.row:
        return (update,)
    latest = clock.row[-1]
    if update.time == latest.time:
        return clock.row
    if update.time > latest.time and _is_older(clock, latest) == is_older:
        return (*clock.row, update)
    return (update,)


def _follow_another(clock: FeedClock, proof: tuple[Moment, ...], *, hold: bool) -> Judgement:
    release = tuple(m.time for m in proof)
    drop = tuple(m.time for m in clock.held if m.time not in release)
    after = FeedClock(proof[-1], _speed(proof))
    return Judgement(ClockVerdict.ANOTHER_CLOCK, after, hold=hold, release=release, drop=drop)


def _is_older(clock: FeedClock, update: Moment) -> bool:
    return clock.newest is not None and update.time <= clock.newest.time


def _speed(run: Sequence[Moment]) -> float:
    """How fast a clock that is ahead of ours runs. Other clocks are compared with ours."""
    if len(run) < 2 or any(m.lead <= AHEAD for m in run):
        return 1.0
    elapsed = run[-1].at - run[0].at
    if elapsed <= timedelta():
        return 1.0
    return min(max((run[-1].time - run[0].time) / elapsed, 1.0), TOP_SPEED)


def readable(lead: timedelta) -> str:
    """A difference between two clocks for people: `about 10 years ahead`, `about 60 s behind`."""
    seconds = abs(lead.total_seconds())
    for unit, size_s in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * size_s:
            amount = f"{seconds / size_s:.0f} {unit}"
            break
    else:
        amount = f"{seconds:.0f} s"
    return f"about {amount} {'ahead' if lead > timedelta() else 'behind'}"
