"""Watches: what a subscription waits for. Each kind is one JSON object, told apart by `kind`.

A *pattern* of callsigns is a callsign in which `*` stands for any number of characters and `?` for
one, in any case of letters. Without them it is one callsign.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

LONGEST_NAME = 40
MOST_MINUTES = 24 * 60
# A pattern such as `*` or `D*` would tell of half of the network.
FEWEST_LETTERS = 2

Pattern: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_\-/*?]+$")
]
PlaceCode: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_\-/]+$")
]
MemberId: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
AtLeast: TypeAlias = Annotated[int, Meta(ge=1, le=10_000)]
FallsTo: TypeAlias = Annotated[int, Meta(ge=0, le=10_000)]
Minutes: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_MINUTES)]
CoolDown: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_MINUTES)]


class NewsKind(StrEnum):
    """What can be told of somebody or of a place."""

    ATC = "atc"
    """A station is controlled."""
    ONLINE = "online"
    """A pilot is connected."""
    DEPARTURE = "departure"
    """A flight has taken off."""
    LANDING = "landing"
    """A flight has landed."""
    ENTRY = "entry"
    """A flight in the air is in a FIR."""


class Counted(StrEnum):
    """What can be counted at a place."""

    ON_GROUND = "on_ground"
    ARRIVING = "arriving"
    """Those that will land within `within_min`, the planned ones included."""
    DEPARTING = "departing"
    """Those on the ground that will leave."""
    PREFILED = "prefiled"
    """Plans of people who are not connected."""
    AIRBORNE = "airborne"
    """Those in the air over a FIR; of an airport there are none."""


class PositionWatch(
    Struct, frozen=True, tag_field="kind", tag="position", forbid_unknown_fields=True
):
    """A station comes online whose callsign fits a pattern."""

    callsign: Pattern


class AirportWatch(
    Struct, frozen=True, tag_field="kind", tag="airport", forbid_unknown_fields=True
):
    """A station of an airport comes online; flights take off or land there."""

    airport: PlaceCode
    news: tuple[NewsKind, ...] = (NewsKind.ATC,)


class FirWatch(Struct, frozen=True, tag_field="kind", tag="fir", forbid_unknown_fields=True):
    """A station of a FIR comes online; flights enter it."""

    fir: PlaceCode
    news: tuple[NewsKind, ...] = (NewsKind.ATC,)


class PersonWatch(Struct, frozen=True, tag_field="kind", tag="person", forbid_unknown_fields=True):
    """Somebody controls or flies."""

    cid: MemberId
    news: tuple[NewsKind, ...] = (NewsKind.ATC, NewsKind.ONLINE)


class FlightWatch(Struct, frozen=True, tag_field="kind", tag="flight", forbid_unknown_fields=True):
    """A flight whose callsign fits a pattern is online, takes off, or lands."""

    callsign: Pattern
    news: tuple[NewsKind, ...] = (NewsKind.ONLINE,)


class CountWatch(Struct, frozen=True, tag_field="kind", tag="count", forbid_unknown_fields=True):
    """So many aircraft are at a place.

    It is told when the count is `at_least`, and again only when it has fallen to `falls_to` in
    between, and `cool_down_min` have passed since it was told.
    """

    of: Counted
    at_least: AtLeast
    airport: PlaceCode | None = None
    fir: PlaceCode | None = None
    falls_to: FallsTo | None = None
    """A fifth less than `at_least` if it is not given."""
    within_min: Minutes = 60
    cool_down_min: CoolDown = 30


class TrafficWithoutAtcWatch(
    Struct, frozen=True, tag_field="kind", tag="traffic_without_atc", forbid_unknown_fields=True
):
    """So many aircraft are at a place at which nobody controls; otherwise as `CountWatch`."""

    of: Counted
    at_least: AtLeast
    airport: PlaceCode | None = None
    fir: PlaceCode | None = None
    falls_to: FallsTo | None = None
    within_min: Minutes = 60
    cool_down_min: CoolDown = 30
    top_down: bool = True
    """Whether the centre of the airport's FIR is ATC of the airport."""


class AtcAheadWatch(
    Struct, frozen=True, tag_field="kind", tag="atc_ahead", forbid_unknown_fields=True
):
    """A controlled area is on the great circle of a flight, not more than so many minutes ahead."""

    callsign: Pattern
    within_min: Annotated[int, Meta(ge=1, le=180)] = 30


CountingWatch: TypeAlias = CountWatch | TrafficWithoutAtcWatch
SubjectWatch: TypeAlias = (
    PositionWatch | AirportWatch | FirWatch | PersonWatch | FlightWatch | AtcAheadWatch
)
UserWatch: TypeAlias = SubjectWatch | CountingWatch

_ALLOWED: dict[type, frozenset[NewsKind]] = {
    AirportWatch: frozenset({NewsKind.ATC, NewsKind.DEPARTURE, NewsKind.LANDING}),
    FirWatch: frozenset({NewsKind.ATC, NewsKind.ENTRY}),
    PersonWatch: frozenset({NewsKind.ATC, NewsKind.ONLINE, NewsKind.DEPARTURE, NewsKind.LANDING}),
    FlightWatch: frozenset({NewsKind.ONLINE, NewsKind.DEPARTURE, NewsKind.LANDING}),
}


def fault_of(watch: UserWatch) -> tuple[str, str] | None:
    """What is wrong with a watch, whatever the network is like: a field, and what it must be.

    None if nothing is. That its places are known is checked by who has the areas.
    """
    if isinstance(watch, PersonWatch) and watch.cid == 0:
        return "cid", "must be a CID: there is no 0"
    if isinstance(watch, PositionWatch | FlightWatch | AtcAheadWatch):
        letters = sum(each.isalnum() for each in watch.callsign)
        if letters < FEWEST_LETTERS:
            return "callsign", f"must have at least {FEWEST_LETTERS} letters or digits"
    if isinstance(watch, AirportWatch | FirWatch | PersonWatch | FlightWatch):
        allowed = _ALLOWED[type(watch)]
        if not watch.news or not set(watch.news) <= allowed:
            return "news", f"must name at least one of {', '.join(sorted(allowed))}"
    if isinstance(watch, CountWatch | TrafficWithoutAtcWatch):
        if (watch.airport is None) == (watch.fir is None):
            return "airport", "or `fir` must be given, and not both"
        if watch.of is Counted.AIRBORNE and watch.fir is None:
            return "of", "can be airborne only of a FIR"
        if falls_to(watch) >= watch.at_least:
            return "falls_to", "must be less than `at_least`"
    return None


def falls_to(watch: CountingWatch) -> int:
    """The count at which it may be told again."""
    if watch.falls_to is not None:
        return watch.falls_to
    return min(watch.at_least - 1, watch.at_least * 4 // 5)
