"""What contacts come to: of a flight, how much of it was in contact and with whom; of a session,
how many flights it had.

A moment is as the snapshot before it shows it. So a contact counts from the first snapshot that
shows it up to the first one that does not, and two stations that hand over from one snapshot to
the next leave no hole. Times in which a flight or a session was not seen do not count.

*In the air* is from a take-off to the next landing; touch-and-goes are in the air. Where the one or
the other was not seen, it is from the first or to the last snapshot, or from the end of the
last gap before the landing.

*Hand-over.* When a contact ends, the flight goes over to the first of its contacts that began after
that one and last longer. If that is the same station on the same channel, as after a moment beyond
the horizon, nothing was handed over. Each contact is handed over to once.

*Load* is the number of flights in contact at one time; a flight on two channels of the station
counts once. Its mean is over the session's time with a frequency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from msgspec import Struct

from vatwatch.traffic.frequency_match import FrequencyMatch
from vatwatch.traffic.movements import Movement, MovementKind
from vatwatch.traffic.network_state import Tuned
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.time_spans import Span, common, seconds_of, union, without

IN_THE_AIR = (FlightPhase.CLIMB, FlightPhase.CRUISE, FlightPhase.DESCENT)
BEFORE_TAKE_OFF = (FlightPhase.CONNECTED, FlightPhase.TAXI_OUT)
# After every time that a contact is compared with.
_NEVER = datetime.max.replace(tzinfo=UTC)


class CountedMatch(Struct, frozen=True, gc=False):
    """A contact, and the first snapshot that does not show it any more; None: there is none yet."""

    match: FrequencyMatch
    until: datetime | None

    @property
    def span(self) -> Span:
        """As long as it counts."""
        return (self.match.start, self.until or _NEVER)


class FlownTimes(Struct, frozen=True):
    """When a flight was seen, and what it did then."""

    first_seen: datetime
    last_seen: datetime
    gaps: tuple[Span, ...]
    movements: tuple[Movement, ...]
    joined_in_flight: bool
    phase: FlightPhase
    """At `last_seen`."""
    phase_s: Mapping[str, int]


class SessionTimes(Struct, frozen=True):
    """When a session was seen, and its frequencies."""

    first_seen: datetime
    last_seen: datetime
    breaks: tuple[Span, ...]
    frequencies: tuple[Tuned, ...]


class StationTime(Struct, frozen=True, gc=False):
    """How long a flight was in contact with a station on one frequency, on the ground too."""

    station: str
    frequency_hz: int
    facility: int | None
    since: datetime
    contact_s: int


class Side(Struct, frozen=True, gc=False):
    """One side of a hand-over."""

    station: str
    frequency_hz: int


class StationChange(Struct, frozen=True, gc=False, rename={"before": "from", "after": "to"}):
    """A flight that went over from one station to another one.

    `time`: when both have happened, the end of the one contact and the beginning of the other.
    `without_contact_s`: how long the flight had neither.
    """

    time: datetime
    before: Side
    after: Side
    without_contact_s: int


class FlightFigures(Struct, frozen=True):
    """What the contacts of a flight come to."""

    airborne_s: int | None
    """None: the flight is of before there were rules, and when it was in the air is not known."""
    in_contact_s: int | None
    """Of `airborne_s`."""
    share_in_contact: float | None
    """None also if it was not in the air."""
    stations: tuple[StationTime, ...]
    """In the order in which it was first in contact with them."""
    hand_overs: tuple[StationChange, ...]


class SessionFigures(Struct, frozen=True):
    """What the contacts of a session come to."""

    flights_served: int
    peak_load: int
    peak_at: datetime | None
    """The first snapshot with it; None if there was no contact."""
    frequency_s: int
    mean_load: float | None
    """None if it never had a frequency."""


class ContactHistory(Struct, frozen=True):
    """The contacts of one flight, or of one session, the first one first, and what they come to."""

    callsign: str
    derive_again: bool
    """Whether a snapshot that came late has touched the flight or the session itself."""
    figures: FlightFigures | SessionFigures
    matches: tuple[FrequencyMatch, ...]


def flight_figures(
    counted: Sequence[CountedMatch], flown: FlownTimes | None, seen: Span, gaps: Iterable[Span]
) -> FlightFigures:
    """The figures of a flight from all its contacts, in any order.

    Args:
        counted: the contacts
        flown: None if the flight's row is of before there were rules
        seen: from its first snapshot to its last one
        gaps: in between, when it was not seen
    """
    online = without(seen, gaps)
    airborne_s = in_contact_s = share = None
    if flown is not None:
        airborne = common(airborne_spans(flown), online)
        in_contact = common(union(one.span for one in counted), airborne)
        exact_s, contact_s = seconds_of(airborne), seconds_of(in_contact)
        airborne_s, in_contact_s = round(exact_s), round(contact_s)
        share = round(contact_s / exact_s, 3) if exact_s else None
    return FlightFigures(
        airborne_s,
        in_contact_s,
        share,
        tuple(_stations(counted, online)),
        tuple(hand_overs(counted)),
    )


def airborne_spans(flown: FlownTimes) -> list[Span]:
    """When a flight was in the air, as its movements tell; its gaps are not left out."""
    spans: list[Span] = []
    start = None
    if flown.joined_in_flight:
        # One that was put into the air stood before that.
        stood_s = sum(flown.phase_s.get(phase.value, 0) for phase in BEFORE_TAKE_OFF)
        start = flown.first_seen + timedelta(seconds=stood_s)
    for movement in flown.movements:
        if start is None:
            took_off = movement.kind is MovementKind.TAKE_OFF
            start = movement.time if took_off else _seen_again(flown, movement.time)
        if movement.kind is MovementKind.LANDING:
            spans.append((start, movement.time))
            start = None
    if flown.phase in IN_THE_AIR:
        spans.append((start or _seen_again(flown, flown.last_seen), flown.last_seen))
    elif start is not None:  # it was put onto the ground
        flew_s = sum(flown.phase_s.get(phase.value, 0) for phase in IN_THE_AIR) - seconds_of(spans)
        spans.append((start, min(start + timedelta(seconds=max(0.0, flew_s)), flown.last_seen)))
    return union(spans)


def _seen_again(flown: FlownTimes, before: datetime) -> datetime:
    """Since when it was seen at this time without a gap."""
    return max((end for _, end in flown.gaps if end <= before), default=flown.first_seen)


def _stations(counted: Sequence[CountedMatch], online: Sequence[Span]) -> Iterator[StationTime]:
    by_station: dict[tuple[str, int, int | None], list[CountedMatch]] = defaultdict(list)
    for one in sorted(counted, key=_order):
        match = one.match
        by_station[match.station, match.frequency_hz, match.facility].append(one)
    for (station, frequency_hz, facility), theirs in by_station.items():
        contact_s = seconds_of(common(union(one.span for one in theirs), online))
        since = theirs[0].match.start
        yield StationTime(station, frequency_hz, facility, since, round(contact_s))


def hand_overs(counted: Sequence[CountedMatch]) -> list[StationChange]:
    """The hand-overs of one flight, in order."""
    in_order = sorted(counted, key=_order)
    taken: set[int] = set()
    found: list[StationChange] = []
    for index in sorted(range(len(in_order)), key=lambda each: (in_order[each].span[1], each)):
        one = in_order[index]
        following = next((each for each in _next(in_order, index) if each not in taken), None)
        if following is None:
            continue
        taken.add(following)
        end, next_at = one.span[1], in_order[following].match.start
        before, after = _side(one), _side(in_order[following])
        if before != after:
            apart_s = round((next_at - end).total_seconds())
            found.append(StationChange(max(next_at, end), before, after, max(0, apart_s)))
    return sorted(found, key=lambda each: each.time)


def _next(in_order: Sequence[CountedMatch], index: int) -> Iterator[int]:
    """Where the first contact is that began after this one and lasts longer; and those that began
    together with it."""
    start, end = in_order[index].span
    next_at = None
    for later in range(index + 1, len(in_order)):
        begins, ends = in_order[later].span
        if next_at is not None and begins > next_at:
            return
        if begins > start and ends > end:
            next_at = begins
            yield later


def _side(one: CountedMatch) -> Side:
    return Side(one.match.station, one.match.frequency_hz)


def _order(one: CountedMatch) -> tuple[datetime, str, int]:
    return (one.match.start, one.match.station, one.match.frequency_hz)


def session_figures(counted: Sequence[CountedMatch], session: SessionTimes) -> SessionFigures:
    """The figures of a session from all its contacts, in any order."""
    by_flight: dict[str, list[Span]] = defaultdict(list)
    for one in counted:
        by_flight[one.match.flight_id].append(one.span)
    served = [union(spans) for spans in by_flight.values()]
    peak_load, peak_at = _peak(span for spans in served for span in spans)
    tuned = _with_a_frequency(session)
    frequency_s = seconds_of(tuned)
    load_s = sum(seconds_of(common(spans, tuned)) for spans in served)
    return SessionFigures(
        len(served),
        peak_load,
        peak_at,
        round(frequency_s),
        round(load_s / frequency_s, 2) if frequency_s else None,
    )


def _with_a_frequency(session: SessionTimes) -> list[Span]:
    ends = [*(tuned.since for tuned in session.frequencies[1:]), session.last_seen]
    tuned = union(
        (max(one.since, session.first_seen), min(end, session.last_seen))
        for one, end in zip(session.frequencies, ends, strict=True)
        if one.frequency_hz is not None
    )
    return common(tuned, without((session.first_seen, session.last_seen), session.breaks))


def _peak(spans: Iterable[Span]) -> tuple[int, datetime | None]:
    """The most spans at one time, and the first time with so many."""
    # At the same time, who leaves is counted before who comes.
    steps = sorted(step for start, end in spans for step in ((start, 1), (end, -1)))
    loads = list(accumulate(change for _, change in steps))
    if not loads:
        return 0, None
    most = max(loads)
    return most, steps[loads.index(most)][0]
