"""Records of invented people, for tests that need a few."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from vatwatch.feed.records import Atis, Controller, Feed, FlightPlan, General, Pilot, Prefile
from vatwatch.traffic.network_state import NetworkState, Radio, Snapshot

START = datetime(2024, 1, 1, 12, 0, 10, 120_000, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment after the first snapshot."""
    return START + timedelta(seconds=seconds)


def text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def plan(route: str = "DCT", revision_id: int = 1, departure: str = "EXXX") -> FlightPlan:
    return FlightPlan(
        flight_rules="I",
        aircraft_short="A320",
        departure=departure,
        arrival="EYYY",
        altitude="FL350",
        route=route,
        revision_id=revision_id,
    )


def pilot(
    cid: int = 1,
    callsign: str = "ABC1",
    logon: datetime = START - timedelta(hours=1),
    latitude: float = 1.0,
    altitude: int = 100,
    groundspeed: int = 0,
    flight_plan: FlightPlan | None = None,
) -> Pilot:
    return Pilot(
        cid=cid,
        callsign=callsign,
        latitude=latitude,
        longitude=5.0,
        altitude=altitude,
        groundspeed=groundspeed,
        heading=90,
        logon_time=text(logon),
        last_updated=text(START),
        name=f"Invented {cid}",
        server="NOWHERE",
        transponder="2000",
        qnh_i_hg=29.92,
        qnh_mb=1013,
        flight_plan=flight_plan,
    )


def controller(
    cid: int = 100,
    callsign: str = "EXXX_TWR",
    logon: datetime = START - timedelta(hours=1),
    frequency: str = "118.500",
) -> Controller:
    return Controller(
        cid=cid,
        callsign=callsign,
        frequency=frequency,
        facility=4,
        rating=3,
        logon_time=text(logon),
        last_updated=text(START),
        name=f"Invented {cid}",
        text_atis=["Line, one", 'with "quotes"', "\\ and a tab\t"],
    )


def atis(cid: int = 200, callsign: str = "EXXX_ATIS", code: str | None = "A") -> Atis:
    return Atis(
        cid=cid,
        callsign=callsign,
        frequency="127.125",
        facility=4,
        rating=3,
        logon_time=text(START - timedelta(hours=1)),
        last_updated=text(START),
        atis_code=code,
        text_atis=None if code is None else [f"INFORMATION {code}"],
    )


def prefile(
    cid: int = 300, callsign: str = "PRE1", route: str = "DCT", filed_at: datetime = START
) -> Prefile:
    return Prefile(cid, callsign, plan(route), text(filed_at), str(cid))


def radio(radio_id: int = 0, frequency: int = 118_500_000, latitude: float = 1.0) -> Radio:
    return Radio(radio_id, frequency, latitude, 5.0, 30.0, 3.0)


def snapshot(
    seconds: float,
    *,
    pilots: Sequence[Pilot] = (),
    controllers: Sequence[Controller] = (),
    atis: Sequence[Atis] = (),
    prefiles: Sequence[Prefile] = (),
    radios: dict[str, tuple[Radio, ...]] | None = None,
) -> Snapshot:
    """A snapshot so many seconds after the first."""
    time = at(seconds)
    return Snapshot(
        time,
        Feed(
            General(text(time), connected_clients=len(pilots) + len(controllers)),
            list(pilots),
            list(controllers),
            list(atis),
            list(prefiles),
        ),
        radios,
    )


def feed_of(state: NetworkState) -> Feed:
    """The feed that a state shows: what the last snapshot held, record by record."""
    return Feed(
        general=state.general or General(update_timestamp=""),
        pilots=[flight.pilot for flight in state.flights.values()],
        controllers=[session.controller for session in state.sessions.values()],
        atis=[version.atis for version in state.atis.values()],
        prefiles=[
            Prefile(p.cid, p.callsign, p.plan, p.last_updated, p.name)
            for p in state.prefiles.values()
        ],
    )
