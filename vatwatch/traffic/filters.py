"""What the operator wants to keep: by place, by callsign, by rating.

A filter must be sure before it keeps anything out: who cannot be placed is let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.feed.records import Atis, ClientRadios, Controller, Feed, Pilot, Prefile
from vatwatch.traffic.airports import Airport, airport_of
from vatwatch.traffic.boundary import Boundary
from vatwatch.traffic.geometry import centre_of

T = TypeVar("T", Pilot, Controller, Atis, Prefile)


class FilterCounts(Struct, frozen=True):
    """Records of one feed, by filter and kind."""

    let_through: dict[str, dict[str, int]] = {}
    kept_out: dict[str, dict[str, int]] = {}


class Filtered(Struct, frozen=True):
    """What the filters let through, and how much each has kept out."""

    feed: Feed
    radios: list[ClientRadios]
    counts: FilterCounts


class Filters(Struct, frozen=True):
    """Any of them may be unset; without all three nothing is looked at.

    `callsign` is searched for anywhere in a callsign. `min_rating` is for controllers and ATIS.
    """

    boundary: Boundary | None = None
    callsign: re.Pattern[str] | None = None
    min_rating: int | None = None

    def apply(
        self, feed: Feed, radios: list[ClientRadios], airports: Mapping[str, Airport]
    ) -> Filtered:
        """Keep what all filters let through; the radios of others are dropped with them.

        `airports` are by ICAO code, for stations without radios and for prefiles. A client whose
        place is unknown is let through.
        """
        counts = FilterCounts()
        before = feed
        if self.boundary is not None:
            feed = _by_place(feed, radios, self.boundary, airports, counts)
        if self.callsign is not None:
            feed = _by_callsign(feed, self.callsign, counts)
        if self.min_rating is not None:
            feed = _by_rating(feed, self.min_rating, counts)
        if feed is not before:
            gone = _callsigns(before) - _callsigns(feed)
            radios = [client for client in radios if client.callsign not in gone]
        return Filtered(feed, radios, counts)


def _callsigns(feed: Feed) -> set[str]:
    return {
        *(pilot.callsign for pilot in feed.pilots),
        *(controller.callsign for controller in feed.controllers),
        *(atis.callsign for atis in feed.atis),
    }


def _by_callsign(feed: Feed, pattern: re.Pattern[str], counts: FilterCounts) -> Feed:
    def keep(record: Pilot | Controller | Atis | Prefile) -> bool:
        return pattern.search(record.callsign) is not None

    return replace(
        feed,
        pilots=_keep("callsign", "pilots", feed.pilots, keep, counts),
        controllers=_keep("callsign", "controllers", feed.controllers, keep, counts),
        atis=_keep("callsign", "atis", feed.atis, keep, counts),
        prefiles=_keep("callsign", "prefiles", feed.prefiles, keep, counts),
    )


def _by_rating(feed: Feed, min_rating: int, counts: FilterCounts) -> Feed:
    def keep(record: Controller | Atis) -> bool:
        return record.rating is None or record.rating >= min_rating

    return replace(
        feed,
        controllers=_keep("rating", "controllers", feed.controllers, keep, counts),
        atis=_keep("rating", "atis", feed.atis, keep, counts),
    )


def _by_place(
    feed: Feed,
    radios: list[ClientRadios],
    boundary: Boundary,
    airports: Mapping[str, Airport],
    counts: FilterCounts,
) -> Feed:
    centres = {client.callsign: _centre(client) for client in radios}
    inside = boundary.contains_many(
        [pilot.latitude for pilot in feed.pilots], [pilot.longitude for pilot in feed.pilots]
    )
    pilots_inside = {p.callsign for p, is_in in zip(feed.pilots, inside, strict=True) if is_in}

    def keep_pilot(pilot: Pilot) -> bool:
        return pilot.callsign in pilots_inside

    def keep_station(station: Controller | Atis) -> bool:
        """By its aerials' centre, else by the airport in its callsign, if it names one."""
        centre = centres.get(station.callsign)
        if centre is not None:
            return boundary.contains(*centre)
        airport = airport_of(station.callsign, airports)
        # KMAN, in Idaho, is not what MAN_CTR means: of a short callsign only an IATA code is sure.
        if airport is None or not station.callsign.startswith((airport.icao, airport.iata or "_")):
            return True
        return boundary.contains(airport.latitude, airport.longitude)

    def keep_prefile(prefile: Prefile) -> bool:
        plan = prefile.flight_plan
        known = [airports[icao] for icao in (plan.departure, plan.arrival) if icao in airports]
        return not known or any(boundary.contains(a.latitude, a.longitude) for a in known)

    return replace(
        feed,
        pilots=_keep("boundary", "pilots", feed.pilots, keep_pilot, counts),
        controllers=_keep("boundary", "controllers", feed.controllers, keep_station, counts),
        atis=_keep("boundary", "atis", feed.atis, keep_station, counts),
        prefiles=_keep("boundary", "prefiles", feed.prefiles, keep_prefile, counts),
    )


def _centre(client: ClientRadios) -> tuple[float, float] | None:
    return centre_of([(radio.latDeg, radio.lonDeg) for radio in client.transceivers])


def _keep(
    name: str, kind: str, records: list[T], wanted: Callable[[T], bool], counts: FilterCounts
) -> list[T]:
    kept = [record for record in records if wanted(record)]
    counts.let_through.setdefault(name, {})[kind] = len(kept)
    counts.kept_out.setdefault(name, {})[kind] = len(records) - len(kept)
    return kept
