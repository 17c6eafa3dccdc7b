"""Judgement: what one snapshot means for one subscription.

It follows from the snapshots alone, so a restart between two of them changes nothing, and a late
one is ignored.

- A subject is told of when `HELD_SNAPSHOTS` snapshots in a row show it. Most controllers log on
  without a frequency (199.998), and some connect for a moment only: neither is told.
- It is told once for each session or flight. Who is back within the reconnect window, or tunes away
  from the frequency and back, is the same one.
- It has ended when it is missing for longer than that window.
- What is there when a subscription is judged for the first time is no news, unless the subscription
  wants it. A count, and ATC ahead, is: it is what holds, not what happens.
- A count is told when it is high enough in `HELD_SNAPSHOTS` in a row. It is told again when it was
  low enough in as many, and its cool-down has passed; what begins earlier is told then, if it still
  holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from vatwatch.feed.times import time_text
from vatwatch.subscriptions.occasions import (
    CountSeen,
    Occasion,
    SeenSubject,
    Subject,
    SubscriptionState,
    message_id,
    occasion_id,
)
from vatwatch.subscriptions.subjects import AHEAD, subjects_of
from vatwatch.subscriptions.view import NetworkView
from vatwatch.subscriptions.watches import (
    CountingWatch,
    CountWatch,
    NewsKind,
    SubjectWatch,
    TrafficWithoutAtcWatch,
    UserWatch,
    falls_to,
)

HELD_SNAPSHOTS = 2
# Of these there is an end to tell; a landing is over at once.
LASTING = frozenset({NewsKind.ATC.value, NewsKind.ONLINE.value, NewsKind.ENTRY.value, AHEAD})
COUNT = "count"


class Judged(NamedTuple):
    """What became of a subscription, and what is to be told."""

    state: SubscriptionState
    occasions: tuple[Occasion, ...]


def judge(
    subscription: UUID,
    watch: UserWatch,
    state: SubscriptionState,
    view: NetworkView,
    *,
    tell_present: bool = False,
) -> Judged:
    """Judge one snapshot. One that is not later than the last one changes nothing.

    Args:
        subscription: its id, which the ids of occasions are made of
        watch: what it waits for
        state: what it remembers of the snapshots before
        view: the snapshot
        tell_present: whether what is there at the first judgement is told
    """
    if state.time is not None and view.time <= state.time:
        return Judged(state, ())
    if isinstance(watch, CountWatch | TrafficWithoutAtcWatch):
        return _judge_count(subscription, watch, state, view)
    return _SubjectJudgement(subscription, watch, state, view, tell_present=tell_present).judged()


class _SubjectJudgement:
    """One snapshot, and what was seen before it."""

    def __init__(
        self,
        subscription: UUID,
        watch: SubjectWatch,
        state: SubscriptionState,
        view: NetworkView,
        *,
        tell_present: bool,
    ) -> None:
        self.subscription, self.watch, self.state, self.view = subscription, watch, state, view
        self.is_first = state.time is None
        self.tell_present = tell_present
        self.seen: dict[str, SeenSubject] = {}
        self.out: list[Occasion] = []

    def judged(self) -> Judged:
        there = subjects_of(self.watch, self.view)
        for key, seen in self.state.seen.items():
            if key not in there:
                self._missing(key, seen)
        for key in sorted(there):
            self._there(there[key], self.state.seen.get(key))
        # The same object if nothing has changed, so that there is nothing to store.
        known = self.state.seen if self.seen == self.state.seen else self.seen
        return Judged(replace(self.state, time=self.view.time, seen=known), tuple(self.out))

    def _there(self, subject: Subject, before: SeenSubject | None) -> None:
        if before is not None and self._is_another(subject, before):
            self._tell_end(subject.key, before)
            before = None
        if before is None:
            silent = self.is_first and not self.tell_present and subject.news != AHEAD
            now = SeenSubject(subject.session, subject.called, subject.news, 1, silent=silent)
        elif before.is_settled:
            now = before
            if before.missing_since is not None or before.over:
                now = replace(before, missing_since=None, over=False)
        else:
            now = replace(before, held=before.held + 1)
            if now.held >= HELD_SNAPSHOTS:
                # As it was first seen, so that the id stays, whatever the id of a session becomes.
                told = replace(subject, session=now.session)
                self.out.append(self.view.began(self.subscription, told))
                now = replace(now, told=True)
        self.seen[subject.key] = now

    def _is_another(self, subject: Subject, before: SeenSubject) -> bool:
        """Whether it is a new session of somebody who was there before.

        After a start without a database a session may have another id; who was away for less than
        the window is the same.
        """
        if subject.session == before.session:
            return False
        last = before.missing_since or self.state.time
        assert last is not None
        return self.view.time - last > self.view.window(subject.key)

    def _missing(self, key: str, seen: SeenSubject) -> None:
        if not seen.is_settled:
            return  # it was not held
        if key in self.view.online_sessions:
            self.seen[key] = seen  # it has no frequency now
            return
        last = seen.missing_since or self.state.time
        assert last is not None
        if self.view.time - last <= self.view.window(key):
            self.seen[key] = replace(seen, missing_since=last)
            return
        self._tell_end(key, seen)
        # Of ATC ahead the flight's id is before the session's.
        if seen.session.partition(" ")[0] in self.view.flights_that_may_go_on:
            self.seen[key] = replace(seen, missing_since=last, over=True)

    def _tell_end(self, key: str, seen: SeenSubject) -> None:
        if not seen.told or seen.over or seen.news not in LASTING:
            return
        occasion = occasion_id(self.subscription, key, seen.session)
        text = f"{seen.called} is no longer {_WHERE[seen.news]}."
        self.out.append(_ended(occasion, seen.news, seen.called, seen.session, self.view, text))


_WHERE = {
    NewsKind.ATC.value: "online",
    NewsKind.ONLINE.value: "online",
    NewsKind.ENTRY.value: "there",
    AHEAD: "ahead",
}


def _ended(
    occasion: UUID, news: str, called: str, session: str, view: NetworkView, text: str
) -> Occasion:
    return Occasion(
        message_id(occasion, "ended"),
        occasion,
        "ended",
        news,
        called,
        session,
        view.time,
        text,
        {},
        view.correlation_id,
    )


# --- counts --------------------------------------------------------------------------------------


def _judge_count(
    subscription: UUID, watch: CountingWatch, state: SubscriptionState, view: NetworkView
) -> Judged:
    number = view.count(watch)
    controlled = isinstance(watch, TrafficWithoutAtcWatch) and view.is_controlled(
        watch.airport, watch.fir, top_down=watch.top_down
    )
    high = number >= watch.at_least and not controlled
    low = number <= falls_to(watch) or controlled
    before = state.count
    above = min(before.above + 1, HELD_SNAPSHOTS) if high else 0
    below = min(before.below + 1, HELD_SNAPSHOTS) if low else 0
    since = (before.since or view.time) if high or before.told else None
    now = CountSeen(above, below, since, before.told, before.last_told)
    out = list(_tell_count(subscription, watch, now, number, view))
    if out:
        told = out[0].event == "began"
        last_told = view.time if told else now.last_told
        now = CountSeen(above, below, now.since if told else None, told, last_told)
    now = before if now == before else now
    return Judged(replace(state, time=view.time, count=now), tuple(out))


def _tell_count(
    subscription: UUID, watch: CountingWatch, now: CountSeen, number: int, view: NetworkView
) -> Iterator[Occasion]:
    place = (watch.airport or watch.fir or "").upper()
    session = "" if now.since is None else time_text(now.since)
    subject = Subject(
        COUNT,
        session,
        place,
        COUNT,
        _count_text(watch, number, place),
        {
            "place": place,
            "of": watch.of.value,
            "count": number,
            "at_least": watch.at_least,
            "since": session,
        },
    )
    if now.told:
        if now.below >= HELD_SNAPSHOTS:
            ended = view.began(subscription, subject)
            yield _ended(ended.occasion, COUNT, place, session, view, subject.text)
    elif now.above >= HELD_SNAPSHOTS and _is_cool(watch, now.last_told, view.time):
        yield view.began(subscription, subject)


def _is_cool(watch: CountingWatch, last_told: datetime | None, time: datetime) -> bool:
    return last_told is None or time - last_told >= timedelta(minutes=watch.cool_down_min)


def _count_text(watch: CountingWatch, number: int, place: str) -> str:
    what = {
        "on_ground": f"on the ground at {place}",
        "arriving": f"arriving at {place} within {watch.within_min} minutes",
        "departing": f"about to leave {place}",
        "airborne": f"in the air over {place}",
    }.get(watch.of.value)
    if what is None:
        count = f"{number:,} {'plan is' if number == 1 else 'plans are'} prefiled for {place}"
    else:
        count = f"{number:,} aircraft {'is' if number == 1 else 'are'} {what}"
    return f"{count}, and nobody controls." if _without_atc(watch) else f"{count}."


def _without_atc(watch: CountingWatch) -> bool:
    return isinstance(watch, TrafficWithoutAtcWatch)
