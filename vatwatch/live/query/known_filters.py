"""The filters that there are: what they are called, what each looks at, and which lists have it.

For another one: an entry in `FILTERS`, its values in `RecordFacts`, and a row in docs/api.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.columns import Column, NumberColumn, PlaceColumn, TextColumn
from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.query.numbers import (
    FACILITIES,
    MAX_CID,
    RATINGS,
    read_cids,
    read_degrees,
    read_range,
    read_some_of,
)
from vatwatch.live.query.places import read_box, read_circle
from vatwatch.live.query.texts import TextCondition, read_texts, read_words
from vatwatch.live.records import Collection
from vatwatch.traffic.airline import airline_of
from vatwatch.traffic.phases import FlightPhase

FLIGHTS, CONTROLLERS, ATIS, PREFILES, TRANSCEIVERS = (
    Collection.FLIGHTS,
    Collection.CONTROLLERS,
    Collection.ATIS,
    Collection.PREFILES,
    Collection.TRANSCEIVERS,
)
ALL = frozenset({FLIGHTS, CONTROLLERS, ATIS, PREFILES, TRANSCEIVERS})
PLANNED = frozenset({FLIGHTS, PREFILES})

WAKE_CATEGORIES = ("L", "M", "H", "J")
# D and S are VFR as the FAA's forms have it: a defence VFR, and a special VFR.
FLIGHT_RULES = ("I", "V", "Y", "Z", "D", "S")
FLIGHT_STATES = ("online", "away", "completed", "cancelled", "diverted", "dropped")
STATION_STATES = ("observer", "connected", "controlling")
PHASES = tuple(phase.value for phase in FlightPhase)


_AIRLINES = re.compile(r"[A-Z*?,]+", re.ASCII)

# One of several values, for JSON Schemas: printable, without a comma.
ONE_TEXT = r"^[^\x00-\x20\x7f-\xa0\xad,]([^\x00-\x1f\x7f-\xa0\xad,]*[^\x00-\x20\x7f-\xa0\xad,])?$"
ONE_AIRLINE = r"^[A-Za-z*?]+$"
ONE_SQUAWK = r"^[0-7*?]{1,4}$"
ONE_RANGE = r"^(-?\d{1,12}(\.\d{1,9})?|-?\d{1,12}\.\.|\.\.-?\d{1,12}|-?\d{1,12}\.\.-?\d{1,12})$"
ONE_BOX = r"^-?\d{1,3}(\.\d{1,15})?(,-?\d{1,3}(\.\d{1,15})?){3}$"
ONE_CIRCLE = r"^-?\d{1,3}(\.\d{1,15})?,-?\d{1,3}(\.\d{1,15})?,\d{1,5}(\.\d{1,15})?$"


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """One filter. `read` raises BadValue; `values` has what it looks at in a record."""

    name: str
    about: str
    """One plain sentence."""
    schema: Mapping[str, Any]
    """JSON Schema of one value, with an example."""
    read: Callable[[str], Any]
    column: Callable[[Any], Column]
    values: Callable[[RecordFacts], Sequence[Any]]
    collections: frozenset[Collection]
    is_list: bool = True
    """Whether several values can be given, with commas between them."""


def _texts(
    name: str,
    about: str,
    example: str,
    values: Callable[[RecordFacts], Sequence[str]],
    collections: Iterable[Collection],
    read: Callable[[str], TextCondition] = read_texts,
    pattern: str = ONE_TEXT,
) -> RecordFilter:
    """Texts or patterns."""
    schema = {"type": "string", "pattern": pattern, "example": example}
    return RecordFilter(name, about, schema, read, TextColumn.of, values, frozenset(collections))


def _words(
    name: str,
    about: str,
    choices: Sequence[str],
    values: Callable[[RecordFacts], Sequence[str]],
    collections: Iterable[Collection],
) -> RecordFilter:
    """Some of the words that there are."""
    schema = {"type": "string", "enum": list(choices), "example": choices[0]}
    read = partial(read_words, choices=choices)
    return RecordFilter(name, about, schema, read, TextColumn.of, values, frozenset(collections))


def _range_with(numbers: range) -> str:
    """The pattern of ranges that have some of these numbers, from one below 0 or 0 to one above."""
    one = "|".join(map(str, numbers))
    low, high = rf"(?:-\d{{1,12}}|{one})", rf"(?:\d{{1,12}}|{one})"
    return rf"^(?:{one}|{low}\.\.|\.\.{high}|{low}\.\.{high})$"


def _numbers(
    name: str, about: str, example: str, *collections: Collection, among: range | None = None
) -> RecordFilter:
    """A range of the number that is the record's field of this name; `among`: it has no others."""

    def values(facts: RecordFacts) -> Sequence[Any]:
        return (getattr(facts, name),)

    read: Callable[[str], Any] = read_degrees if name == "heading" else read_range
    pattern = ONE_RANGE
    if among is not None:
        read, pattern = partial(read_some_of, numbers=among), _range_with(among)
    about = f"{about}, both ends included: `low..high`, `low..`, `..high` or one number."
    schema = {"type": "string", "pattern": pattern, "example": example}
    having = frozenset(collections)
    return RecordFilter(name, about, schema, read, NumberColumn.of, values, having, is_list=False)


def _places(
    name: str, about: str, example: str, read: Callable[[str], Any], pattern: str
) -> RecordFilter:
    """Where a record is."""
    schema = {"type": "string", "pattern": pattern, "example": example}
    having = frozenset({FLIGHTS, CONTROLLERS, TRANSCEIVERS})
    return RecordFilter(
        name, about, schema, read, PlaceColumn.of, _places_of, having, is_list=False
    )


def _filed(facts: RecordFacts, name: str) -> Sequence[str]:
    return () if facts.flight_plan is None else (getattr(facts.flight_plan, name),)


def _aircraft(facts: RecordFacts) -> Sequence[str]:
    filed = _filed(facts, "aircraft_short")
    read = None if facts.plan is None else facts.plan.aircraft_type
    return filed if read is None or read in filed else (*filed, read)


def _wake(facts: RecordFacts) -> Sequence[str]:
    found = None if facts.plan is None else facts.plan.wake_category
    return () if found is None else (found,)


def _airline(facts: RecordFacts) -> Sequence[str]:
    found = airline_of(facts.callsign)
    return () if found is None else (found,)


def _firs(facts: RecordFacts) -> Sequence[str]:
    return facts.firs if facts.position is None else facts.position.areas


def _places_of(facts: RecordFacts) -> Sequence[tuple[float, float]]:
    if facts.latitude is None or facts.longitude is None:
        return [(radio.latDeg, radio.lonDeg) for radio in facts.transceivers]
    return ((facts.latitude, facts.longitude),)


def _read_airline(given: str) -> TextCondition:
    found = read_texts(given)
    if _AIRLINES.fullmatch(found.text) is None:
        raise BadValue("must be letters, such as BAW, or a pattern of them such as B*")
    return found


def _read_squawk(given: str) -> TextCondition:
    found = read_texts(given)
    if not all(set(text) <= set("01234567*?") and len(text) <= 4 for text in found.text.split(",")):
        raise BadValue("must be four digits from 0 to 7, such as 7000, or a pattern such as 70*")
    return found


FILTERS: tuple[RecordFilter, ...] = (
    _texts(
        "callsign",
        "Callsigns that begin so, or that fit a pattern (`*`: any characters, `?`: one).",
        "BAW",
        lambda facts: (facts.callsign,),
        ALL,
        partial(read_texts, beginnings=True),
    ),
    RecordFilter(
        "cid",
        "The person's CID on the network.",
        {"type": "integer", "minimum": 1, "maximum": MAX_CID, "example": 1234567},
        read_cids,
        NumberColumn.of,
        lambda facts: (facts.cid,),
        ALL - {TRANSCEIVERS},
    ),
    _texts(
        "departure",
        "The departure as filed, or a pattern (`EG*`).",
        "EGLL",
        lambda facts: _filed(facts, "departure"),
        PLANNED,
    ),
    _texts(
        "arrival",
        "The destination as filed, or a pattern (`LF*`).",
        "LFMN",
        lambda facts: _filed(facts, "arrival"),
        PLANNED,
    ),
    _texts(
        "aircraft",
        "The type of aircraft, as filed or as read from the plan, or a pattern (`A32*`).",
        "A320",
        _aircraft,
        PLANNED,
    ),
    _words("wake", "The wake turbulence category of the plan.", WAKE_CATEGORIES, _wake, PLANNED),
    _texts(
        "airline",
        "The letters before the first digit of the callsign.",
        "BAW",
        _airline,
        {FLIGHTS, PREFILES, TRANSCEIVERS},
        _read_airline,
        ONE_AIRLINE,
    ),
    _words(
        "flight_rules",
        "The flight rules as filed.",
        FLIGHT_RULES,
        lambda facts: _filed(facts, "flight_rules"),
        PLANNED,
    ),
    _words("phase", "What the flight is doing.", PHASES, lambda facts: (facts.phase,), {FLIGHTS}),
    _words(
        "state",
        "What has become of the flight.",
        FLIGHT_STATES,
        lambda facts: (facts.state,),
        {FLIGHTS},
    ),
    _words(
        "state",
        "What the controller does.",
        STATION_STATES,
        lambda facts: (facts.state,),
        {CONTROLLERS},
    ),
    _texts(
        "squawk",
        "The transponder's code, or a pattern (`70*`).",
        "7000",
        lambda facts: (facts.transponder,),
        {FLIGHTS},
        _read_squawk,
        ONE_SQUAWK,
    ),
    _texts(
        "fir",
        "The id of a FIR: of flights, one that they fly in; of controllers, one that they work.",
        "EGTT",
        _firs,
        {FLIGHTS, CONTROLLERS},
    ),
    _texts(
        "sector",
        "The name of a sector that the flight is in.",
        "EGTT West",
        lambda facts: facts.sectors,
        {FLIGHTS},
    ),
    _texts(
        "tuned",
        "The callsign of a station that the flight is in contact with, or a pattern (`*_TWR`).",
        "EGLL_TWR",
        lambda facts: [contact.station for contact in facts.contacts],
        {FLIGHTS},
    ),
    _places(
        "bbox",
        "A box, `west,south,east,north` in degrees; a west greater than the east leads over the "
        "antimeridian.",
        "-11,49,2,61",
        read_box,
        ONE_BOX,
    ),
    _places(
        "near",
        "A circle, `lat,lon,nm` in degrees and nautical miles.",
        "51.47,-0.45,40",
        read_circle,
        ONE_CIRCLE,
    ),
    _numbers("altitude", "Altitude in feet", "10000..40000", FLIGHTS),
    _numbers("groundspeed", "Ground speed in knots", "..250", FLIGHTS),
    _numbers("heading", "Heading in degrees, also over the north (`350..10`)", "80..100", FLIGHTS),
    _numbers("vertical_speed_fpm", "Vertical speed in feet a minute", "..-500", FLIGHTS),
    _numbers("distance_flown_nm", "Distance flown in nautical miles", "100..", FLIGHTS),
    _numbers("great_circle_nm", "Length of the flight in nautical miles", "2000..", FLIGHTS),
    _numbers("online_s", "Seconds online", "..600", FLIGHTS),
    _numbers(
        "facility",
        "Number of the facility, from 0 (observer) to 6",
        "4..6",
        CONTROLLERS,
        ATIS,
        among=FACILITIES,
    ),
    _numbers(
        "rating",
        "Number of the controller's rating, from -1 to 12",
        "5",
        CONTROLLERS,
        ATIS,
        among=RATINGS,
    ),
)


def filters_of(collection: Collection) -> tuple[RecordFilter, ...]:
    """The filters that make sense for a collection."""
    return tuple(one for one in FILTERS if collection in one.collections)
