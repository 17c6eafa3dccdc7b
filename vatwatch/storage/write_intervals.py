"""Writes the rows that have an interval: plans, ATIS versions, radio states."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from vatwatch.errors import OutOfSequence
from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.times import parse_time
from vatwatch.storage.copy import copy_rows, to_json
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.network_state import AtisVersion, FiledPlan
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def _close(
    cur: cursor, table: str, key: str, ids: list[int], time: datetime, following: datetime | None
) -> None:
    """End intervals at `time`. If a later snapshot has one, it continues there as a new
    interval."""
    if not ids:
        return
    if following is not None:
        cur.execute(
            f"CREATE TEMP TABLE split ON COMMIT DROP AS SELECT * FROM {table}"
            f" WHERE {key} = ANY(%(ids)s) AND (gone_at IS NULL OR gone_at > %(next)s);"
            f"UPDATE split SET first_seen = %(next)s, {key} = hashint8extended({key}, "
            f"extract(epoch FROM %(next)s)::bigint) & x'7fffffffffffffff'::bigint;"
            f"INSERT INTO {table} SELECT * FROM split ON CONFLICT DO NOTHING; DROP TABLE split",
            {"ids": ids, "next": following},
        )
    # What this process knows as lasting, another one may have ended or split with a late snapshot.
    # The plan of a flight that is away may have ended before: it lasts as long as the flight does.
    cur.execute(
        f"""WITH ended AS (UPDATE {table} SET gone_at = %(time)s WHERE {key} = ANY(%(ids)s))
            SELECT EXISTS (SELECT FROM {table} WHERE {key} = ANY(%(ids)s) AND gone_at <= %(time)s)
        """,
        {"time": time, "ids": ids},
    )
    if cur.fetchone() == (True,) and table != "flight_plans":
        raise OutOfSequence(
            f"another process has ended or split what began in {table} before snapshot {time}. It "
            "is read again, and nothing is lost"
        )


PLAN_COLUMNS = [
    "plan_id",
    "flight_id",
    "cid",
    "callsign",
    "filed_at",
    "first_seen",
    "gone_at",
    "revision_id",
    "flight_rules",
    "aircraft",
    "aircraft_faa",
    "aircraft_short",
    "departure",
    "arrival",
    "alternate",
    "cruise_tas",
    "altitude",
    "cruise_altitude_ft",
    "deptime",
    "enroute_time",
    "fuel_time",
    "remarks",
    "route",
    "assigned_transponder",
    # What the texts mean.
    "departure_icao",
    "arrival_icao",
    "alternates",
    "great_circle_nm",
    "cruise_tas_kt",
    "departure_time",
    "enroute",
    "endurance",
    "aircraft_type",
    "wake_category",
    "equipment",
    "surveillance",
    "faa_equipment",
    "pbn",
    "date_of_flight",
    "registration",
    "selcal",
    "mode_s_code",
    "operator",
    "performance_category",
    "special_handling",
    "voice",
    "unreadable",
    "rules",
]


def write_plans(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the plans that were filed or ended, of flights and prefiles."""
    opened = changes.flights.plans_opened + changes.prefiles.opened
    closed = changes.flights.plans_closed + changes.prefiles.closed
    _close(cur, "flight_plans", "plan_id", closed, changes.time, following)
    copy_rows(
        cur,
        "flight_plans",
        PLAN_COLUMNS,
        [plan_row(plan, following) for plan in opened],
    )


def plan_row(filed: FiledPlan, gone_at: datetime | None) -> tuple[object, ...]:
    """A plan's row, with `PLAN_COLUMNS`."""
    plan, means = filed.plan, filed.parsed
    departs = means.departure_time
    return (
        filed.plan_id,
        filed.flight_id,
        filed.cid,
        filed.callsign,
        filed.filed_at,
        filed.first_seen,
        gone_at,
        plan.revision_id,
        plan.flight_rules,
        plan.aircraft,
        plan.aircraft_faa,
        plan.aircraft_short,
        plan.departure,
        plan.arrival,
        plan.alternate,
        plan.cruise_tas,
        plan.altitude,
        means.cruise_altitude_ft,
        plan.deptime,
        plan.enroute_time,
        plan.fuel_time,
        plan.remarks,
        plan.route,
        plan.assigned_transponder,
        means.departure_icao,
        means.arrival_icao,
        _list(means.alternates),
        means.great_circle_nm,
        means.cruise_tas_kt,
        None if departs is None else departs.replace(tzinfo=None),
        _interval(means.enroute_s),
        _interval(means.endurance_s),
        means.aircraft_type,
        means.wake_category,
        _list(means.equipment),
        _list(means.surveillance),
        means.faa_equipment,
        _list(means.pbn),
        means.date_of_flight,
        means.registration,
        means.selcal,
        means.mode_s_code,
        means.operator,
        means.performance_category,
        _list(means.special_handling),
        means.voice,
        _list(means.unreadable),
        RULES_VERSION,
    )


def _list(codes: tuple[str, ...] | None) -> list[str] | None:
    return None if codes is None else list(codes)


def _interval(seconds: int | None) -> str | None:
    return None if seconds is None else f"{seconds} s"


ATIS_COLUMNS = [
    "atis_id",
    "cid",
    "callsign",
    "logon_time",
    "first_seen",
    "gone_at",
    "last_seen",
    "name",
    "server",
    "facility",
    "rating",
    "frequency",
    "frequency_hz",
    "visual_range",
    "atis_code",
    "text_atis",
    "kind",
    "letter",
    "other_since",
    "departure_runways",
    "arrival_runways",
    "qnh_mb",
    "said",
    "rules",
]

# The versions that begin or end with a late snapshot, or with the one that follows it, of the
# stations that it has anything to say of.
_MARK_ATIS = """
UPDATE atis SET derive_again = true
WHERE (first_seen IN (%(time)s, %(next)s) OR gone_at IN (%(time)s, %(next)s))
  AND callsign IN (SELECT unnest(%(present)s::text[]) UNION
                   SELECT callsign FROM atis WHERE atis_id = ANY(%(closed)s))
"""


def write_atis(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the ATIS versions that began or ended."""
    _close(cur, "atis", "atis_id", changes.atis.closed, changes.time, following)
    if changes.atis.closed:
        cur.execute(
            "UPDATE atis SET last_seen = %s WHERE atis_id = ANY(%s)",
            (changes.derived_from, changes.atis.closed),
        )
    copy_rows(
        cur,
        "atis",
        ATIS_COLUMNS,
        [atis_row(version, following, None) for version in changes.atis.opened],
    )
    if following is not None:
        cur.execute(
            _MARK_ATIS,
            {
                "time": changes.time,
                "next": following,
                "present": [version.atis.callsign for version in changes.atis.present],
                "closed": changes.atis.closed,
            },
        )


def atis_row(
    version: AtisVersion, gone_at: datetime | None, last_seen: datetime | None
) -> tuple[object, ...]:
    """A version's row, with `ATIS_COLUMNS`."""
    atis, said = version.atis, version.said
    return (
        version.atis_id,
        atis.cid,
        atis.callsign,
        parse_time(atis.logon_time),
        version.first_seen,
        gone_at,
        last_seen,
        atis.name,
        atis.server,
        atis.facility,
        atis.rating,
        atis.frequency,
        frequency_hz(atis.frequency),
        atis.visual_range,
        atis.atis_code,
        atis.text_atis,
        said.kind,
        version.letter,
        version.other_since,
        _names(said.departure_runways),
        _names(said.arrival_runways),
        said.qnh_mb,
        to_json(said.words),
        RULES_VERSION,
    )


def _names(runways: tuple[str, ...] | None) -> list[str] | None:
    return None if runways is None else list(runways)


def write_transceivers(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the radio states that began or ended."""
    _close(cur, "transceivers", "state_id", changes.radios.closed, changes.time, following)
    copy_rows(
        cur,
        "transceivers",
        [
            "state_id",
            "callsign",
            "flight_id",
            "session_id",
            "radio_id",
            "frequency_hz",
            "first_seen",
            "gone_at",
            "latitude",
            "longitude",
            "height_msl_m",
            "height_agl_m",
        ],
        [
            (
                state.state_id,
                state.callsign,
                state.flight_id,
                state.session_id,
                radio.radio_id,
                radio.frequency_hz,
                state.first_seen,
                following,
                radio.latitude,
                radio.longitude,
                radio.height_msl_m,
                radio.height_agl_m,
            )
            for state in changes.radios.opened
            for radio in (state.radio,)
        ],
    )
