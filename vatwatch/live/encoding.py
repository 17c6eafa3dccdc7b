"""Encodes the live state for clients, once a snapshot: JSON, gzip, Zstandard, and the ETag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import accumulate
from typing import TypeAlias

import msgspec
from isal import igzip
from msgspec import Struct, structs
from zstandard import ZstdCompressor

from vatwatch.feed.records import Feed, Transceiver
from vatwatch.live.airspace import NOWHERE, FlightAirspace, airspace_of_all
from vatwatch.live.contacts import contacts_of_all
from vatwatch.live.encoded_plans import EncodedPlans
from vatwatch.live.records import (
    Body,
    Collection,
    FoundAirports,
    LiveAtis,
    LiveContact,
    LiveController,
    LiveFlight,
    LivePosition,
    LivePrefile,
    LiveRadios,
    LiveRunways,
    Network,
)
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.areas.positions import MatchedRule
from vatwatch.traffic.atis import letter_at
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.marks import NO_MARKS, Marks
from vatwatch.traffic.network_state import (
    AtisVersion,
    FiledPlan,
    Flight,
    NetworkState,
    RadioState,
    Session,
)
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.prefiles import is_flown
from vatwatch.traffic.progress import seconds_in_phases
from vatwatch.traffic.session_times import connected_s, frequency_s
from vatwatch.traffic.station_place import station_state

# Of ISA-L's four levels. It takes a quarter of the time of zlib's fastest level on this data, and
# the result is a little smaller.
GZIP_LEVEL = 2

_Named: TypeAlias = LiveFlight | LiveController | LiveAtis | LivePrefile | LiveRadios
UNKNOWN_POSITION = LivePosition(None, None, (), MatchedRule.UNKNOWN.value)
# The fastest: it takes as long as gzip above, and the result is a quarter smaller.
ZSTD_LEVEL = 1
# Records encoded at once; in between the interpreter is free (`collection_body`).
PIECE = 200


def encode_live(
    state: NetworkState,
    feed: Feed | None,
    plans: EncodedPlans | None = None,
    marks: Marks = NO_MARKS,
    areas: KnownAreas = NO_AREAS,
) -> dict[Collection, Body]:
    """Encode every collection, plain and compressed.

    For a native thread: it takes tens of milliseconds for two thousand pilots.

    Args:
        state: what is known
        feed: None if the state comes from the database; then the lists of servers, facilities and
            ratings are empty
        plans: what was encoded of the state before, to be used again; it is changed
        marks: those who will be derived again
        areas: those in use
    """
    time = state.time
    plans = plans or EncodedPlans()
    plans.next_snapshot()
    contacts, airspace = contacts_of_all(state), airspace_of_all(state)
    flights = [
        live_flight(
            flight,
            contacts.of_flights.get(flight.flight_id, ()),
            airspace.get(flight.flight_id, NOWHERE),
            plans,
            marks,
        )
        for flight in state.flights.values()
        if flight.shown
    ]
    controllers = [
        live_controller(session, contacts.of_sessions.get(session.session_id, ()), marks, areas)
        for session in state.sessions.values()
    ]
    atis = live_atis_stations(state, marks)
    prefiles = [live_prefile(plan, state) for plan in state.prefiles.values()]
    radios = [live_radios(states) for states in state.radios.values()]
    return {
        Collection.FLIGHTS: _whole(time, Collection.FLIGHTS, flights),
        Collection.CONTROLLERS: _whole(time, Collection.CONTROLLERS, controllers),
        Collection.ATIS: _whole(time, Collection.ATIS, atis, on_air=len(state.atis)),
        Collection.PREFILES: _whole(time, Collection.PREFILES, prefiles),
        Collection.TRANSCEIVERS: _whole(time, Collection.TRANSCEIVERS, radios),
        Collection.NETWORK: body_of([msgspec.json.encode(_network(state, feed))], widely=True),
    }


def live_flight(
    flight: Flight,
    contacts: tuple[LiveContact, ...],
    airspace: FlightAirspace = NOWHERE,
    plans: EncodedPlans | None = None,
    marks: Marks = NO_MARKS,
) -> LiveFlight:
    """A flight in the form of `GET /api/flights`: VATSIM's fields and units, our id as text.

    `contacts` and `airspace` are its own; `plans` has its plan encoded already.
    """
    p, done = flight.pilot, flight.progress
    estimated = estimates(done, flight.parsed_plan, flight.gaps)
    filed, parsed = (p.flight_plan, flight.parsed_plan) if plans is None else plans.of(flight)
    return LiveFlight(
        str(flight.flight_id),
        p.cid,
        p.name,
        p.callsign,
        p.server,
        p.pilot_rating,
        p.military_rating,
        p.latitude,
        p.longitude,
        p.altitude,
        p.groundspeed,
        p.transponder,
        p.heading,
        p.qnh_i_hg,
        p.qnh_mb,
        filed,
        parsed,
        p.logon_time,
        p.last_updated,
        "online",
        done.phase,
        FoundAirports(done.found_departure, done.found_arrival),
        done.times,
        done.movements,
        done.diverting,
        done.joined_in_flight,
        round(done.distance_flown_nm, 1),
        estimated.great_circle_nm,
        estimated.route_efficiency,
        estimated.eta,
        done.vertical_speed_fpm,
        done.highest_ft,
        done.fastest_kt,
        seconds_in_phases(done),
        flight.first_seen,
        flight.online_s,
        flight.connections,
        flight.gaps,
        contacts,
        *airspace,
        flight.flight_id in marks.flights,
    )


def live_controller(
    session: Session,
    tuned: tuple[str, ...],
    marks: Marks = NO_MARKS,
    areas: KnownAreas = NO_AREAS,
) -> LiveController:
    """A controller in the form of `GET /api/controllers`, with our id as text.

    `tuned`: who is in contact with it.
    """
    c = session.controller
    return LiveController(
        str(session.session_id),
        c.cid,
        c.name,
        c.callsign,
        c.frequency,
        c.facility,
        c.rating,
        c.server,
        c.visual_range,
        c.text_atis,
        c.last_updated,
        c.logon_time,
        station_state(c),
        None if session.place is None else session.place.latitude,
        None if session.place is None else session.place.longitude,
        None if session.place is None else session.place.placed_by,
        session.until,
        session.breaks,
        session.frequencies,
        connected_s(session),
        frequency_s(session),
        tuned,
        session.session_id in marks.sessions,
        live_position(session, areas),
    )


def live_position(session: Session, areas: KnownAreas) -> LivePosition:
    """What a session works. Observers work nothing, whatever their callsign looks like."""
    c = session.controller
    if station_state(c) == "observer":
        return UNKNOWN_POSITION
    found = areas.position_of(c.callsign, session.frequencies[-1].frequency_hz)
    if found.position is None:
        return UNKNOWN_POSITION
    of = found.position.areas
    return LivePosition(found.position.name, of[0] if of else None, of, found.rule.value)


def live_atis_stations(state: NetworkState, marks: Marks = NO_MARKS) -> list[LiveAtis]:
    """The stations on the air, and behind them those that have left and are stale."""
    time = state.time
    on_air = [
        _live_atis(version, letter_at(version, time or version.first_seen), marks, stale=False)
        for version in state.atis.values()
    ]
    return on_air + [
        _live_atis(
            version, letter_at(version, version.last_seen or version.first_seen), marks, stale=True
        )
        for version in state.stale_atis.values()
    ]


def _live_atis(version: AtisVersion, letter: str | None, marks: Marks, *, stale: bool) -> LiveAtis:
    """A station in the form of `GET /api/atis`."""
    a, said = version.atis, version.said
    return LiveAtis(
        a.cid,
        a.name,
        a.callsign,
        a.frequency,
        a.facility,
        a.rating,
        a.server,
        a.visual_range,
        a.atis_code,
        a.text_atis,
        a.last_updated,
        a.logon_time,
        said.kind,
        letter,
        LiveRunways(said.departure_runways, said.arrival_runways),
        said.qnh_mb,
        said.words,
        stale,
        a.callsign in marks.stations,
    )


def live_prefile(filed: FiledPlan, state: NetworkState) -> LivePrefile:
    """A prefile in the form of `GET /api/prefiles`; `state` says whether it was flown."""
    return LivePrefile(
        filed.cid,
        filed.name,
        filed.callsign,
        filed.plan,
        filed.parsed,
        filed.last_updated,
        filed.filed_at,
        is_flown(filed, state),
    )


def live_radios(states: Sequence[RadioState]) -> LiveRadios:
    """A client's radios as served; there is at least one."""
    return LiveRadios(
        states[0].callsign,
        [
            Transceiver(
                tuned.radio.radio_id,
                tuned.radio.frequency_hz,
                tuned.radio.latitude,
                tuned.radio.longitude,
                tuned.radio.height_msl_m,
                tuned.radio.height_agl_m,
            )
            for tuned in states
        ],
    )


def _network(state: NetworkState, feed: Feed | None) -> Network:
    observers = sum(station_state(s.controller) == "observer" for s in state.sessions.values())
    general = state.general
    phases = Counter(f.progress.phase.value for f in state.flights.values() if f.shown)
    return Network(
        updated_at=state.time,
        connected_clients=None if general is None else general.connected_clients,
        unique_users=None if general is None else general.unique_users,
        pilots=state.shown_flights,
        controllers=len(state.sessions) - observers,
        observers=observers,
        atis=len(state.atis),
        prefiles=len(state.prefiles),
        phases={phase.value: phases[phase.value] for phase in FlightPhase},
        servers=[] if feed is None else feed.servers,
        facilities=[] if feed is None else feed.facilities,
        ratings=[] if feed is None else feed.ratings,
        pilot_ratings=[] if feed is None else feed.pilot_ratings,
        military_ratings=[] if feed is None else feed.military_ratings,
    )


def _whole(
    time: datetime | None, collection: Collection, records: Sequence[_Named], **head: object
) -> Body:
    """A whole collection: with the fields that its pages have, too, and its records' places."""
    fields = {"updated_at": time, "count": len(records), "total": len(records)}
    begin = msgspec.json.encode({**fields, "next_cursor": None, **head})[:-1]
    begin += f',"{collection.value}":['.encode()
    # One by one, so that the interpreter is free in between: it is not within `map`.
    encoded = [msgspec.json.encode(record) for record in records]
    first, *others = encoded or [b""]
    lengths = [len(begin), len(first), *(len(one) + 1 for one in others)]
    return structs.replace(
        body_of([begin, b",".join(encoded), b"]}"], widely=True),
        ends=tuple(accumulate(lengths)) if encoded else (),
        # One person may have several prefiles under one callsign: none is the one of it.
        rows={} if collection is Collection.PREFILES else _rows(records),
        records=tuple(records),
    )


def _rows(records: Sequence[_Named]) -> dict[str, int]:
    return {one.callsign: row for row, one in enumerate(records)}


def collection_body(
    time: datetime | None,
    name: str,
    records: Sequence[Struct],
    **head: object,
) -> Body:
    """Records under their `name`, behind the time, their count, and what `head` adds."""
    begin = msgspec.json.encode({"updated_at": time, "count": len(records), **head})
    # In pieces: one long encode would hold the interpreter, and the hub, for its whole time.
    pieces = [
        msgspec.json.encode(records[start : start + PIECE])[1:-1]
        for start in range(0, len(records), PIECE)
    ]
    return body_of([begin[:-1], b',"', name.encode(), b'":[', b",".join(pieces), b"]}"])


def etag_of(content: bytes) -> str:
    """The ETag of a content, quoted: the same content always has the same."""
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'


def body_of(
    parts: list[bytes],
    *,
    total: int | None = None,
    next_cursor: str | None = None,
    widely: bool = False,
) -> Body:
    """A response of these parts.

    Args:
        parts: of the plain response
        total: of a page, how many records match
        next_cursor: of a page, where the next one begins
        widely: whether many will ask for it, so that it is compressed in every way
    """
    plain = b"".join(parts)
    gzipped = igzip.compress(plain, GZIP_LEVEL, mtime=0)
    zstd = zstd_of(plain) if widely else b""
    # What is equal is equal gzipped too, and that is a fifth of it.
    return Body(plain, gzipped, etag_of(gzipped), total, next_cursor, zstd)


def zstd_of(plain: bytes) -> bytes:
    """Compressed for clients that take Zstandard."""
    return ZstdCompressor(level=ZSTD_LEVEL).compress(plain)
