"""Writes who was in which FIR and sector, and reads back who is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vatwatch.storage.copy import copy_rows
from vatwatch.storage.spans import SpanTable, write_spans
from vatwatch.traffic.areas.sector_map import AirspaceSector
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.network_state import SectorStay
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

STAYS = SpanTable(
    "sector_occupancy",
    {"flight_id": "bigint", "kind": "text", "sector": "text"},
    "entered_at",
    "left_at",
    {"entry_altitude_ft": "integer", "callsign": "text", "rules": "integer"},
    at_end={"exit_altitude_ft": "integer"},
)

_SECTORS = """
INSERT INTO sectors AS s (kind, sector, floor_ft, ceiling_ft, source, cycle, known_since)
SELECT u.*, %s FROM unnest(%s::text[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[]) u
ON CONFLICT (kind, sector) DO UPDATE SET
    floor_ft = excluded.floor_ft, ceiling_ft = excluded.ceiling_ft, source = excluded.source,
    cycle = excluded.cycle, known_since = least(s.known_since, excluded.known_since)
WHERE (s.floor_ft, s.ceiling_ft, s.source, s.cycle) IS DISTINCT FROM
      (excluded.floor_ft, excluded.ceiling_ft, excluded.source, excluded.cycle)
   OR excluded.known_since < s.known_since
"""


def write_sectors(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the stays that began or ended, and the sectors that they are in.

    `following` is the next stored snapshot; None: the snapshot is the newest one.
    """
    told = changes.sectors
    write_known(cur, told.sectors, changes.time)
    write_spans(
        cur,
        STAYS,
        (changes.time, changes.derived_from, following),
        began=[_row(stay, stay.entry_altitude_ft) for stay in told.entered],
        ended=[(*stay.key, altitude) for stay, altitude in told.left],
        present=() if following is None else _present(changes),
    )


def _present(changes: Changes) -> Iterator[tuple[object, ...]]:
    altitudes = {
        flight.flight_id: flight.progress.fix.altitude for flight in changes.flights.online
    }
    for stay in changes.sectors.present.values():
        altitude = altitudes[stay.flight_id]
        yield (*_row(stay, altitude), altitude)


def write_known(cur: cursor, sectors: Sequence[AirspaceSector], time: datetime) -> None:
    """Write FIRs and sectors, each once, that somebody was in at `time`."""
    if not sectors:
        return
    rows = [
        (one.kind, one.name, one.floor_ft, one.ceiling_ft, first.source, first.cycle)
        for one, first in ((sector, sector.volumes[0]) for sector in sectors)
    ]
    # In one statement: a dozen are entered with each snapshot, and a thousand with new areas.
    cur.execute(_SECTORS, (time, *map(list, zip(*rows, strict=True))))


def write_stays(cur: cursor, stays: Sequence[tuple[SectorStay, datetime, int | None]]) -> None:
    """Write stays that are over: each with the last snapshot of it, and the altitude then."""
    copy_rows(
        cur,
        STAYS.name,
        [*STAYS.columns, STAYS.started, STAYS.ended, *STAYS.at_end],
        [
            (*_row(stay, stay.entry_altitude_ft), stay.since, left_at, altitude)
            for stay, left_at, altitude in stays
        ],
    )


def _row(stay: SectorStay, entry_altitude_ft: int | None) -> tuple[object, ...]:
    """The values of STAYS.columns."""
    return (*stay.key, entry_altitude_ft, stay.callsign, RULES_VERSION)


def read_stays(cur: cursor, at: datetime, *, late: bool) -> Iterator[SectorStay]:
    """Who was in which sector after the snapshot of `at`; `late`: there are later ones."""
    which = "entered_at <= %(at)s AND left_at >= %(at)s OR " if late else ""
    cur.execute(
        f"""SELECT flight_id, callsign, kind, sector, entered_at, entry_altitude_ft
            FROM sector_occupancy WHERE {which} left_at IS NULL AND entered_at <= %(at)s
            ORDER BY flight_id, kind, sector""",
        {"at": at},
    )
    for flight_id, callsign, kind, sector, since, altitude in cur:
        yield SectorStay(flight_id, callsign, kind, sector, since.astimezone(UTC), altitude)
