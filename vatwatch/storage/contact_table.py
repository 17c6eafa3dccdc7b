"""The table `frequency_matches`: writes the contacts of a snapshot, and gives them back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vatwatch.storage.spans import SpanTable, write_spans
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.network_state import LastingContact
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

CONTACTS = SpanTable(
    "frequency_matches",
    {"flight_id": "bigint", "session_id": "bigint", "frequency_hz": "integer"},
    "started_at",
    "ended_at",
    {
        "callsign": "text",
        "cid": "integer",
        "station": "text",
        "station_cid": "integer",
        "facility": "smallint",
        "placed_by": "text",
        "rules": "integer",
    },
    least={"closest_nm": "double precision"},
)
_FIELDS = LastingContact.__struct_fields__
_LASTING = """
SELECT flight_id, session_id, frequency_hz, callsign, cid, station, station_cid, facility,
       placed_by, started_at, closest_nm
FROM frequency_matches WHERE {which} ORDER BY flight_id, session_id, frequency_hz
"""


def write_contacts(cur: cursor, changes: Changes, following: datetime | None) -> None:
    """Write the contacts that began, ended or came closer."""
    contacts = changes.contacts
    write_spans(
        cur,
        CONTACTS,
        (changes.time, changes.derived_from, following),
        began=[contact_row(one) for one in contacts.began],
        ended=[one.key for one in contacts.ended],
        present=map(contact_row, contacts.present.values()),
    )
    if contacts.closer and following is None:
        cur.execute(
            """UPDATE frequency_matches t SET closest_nm = s.closest_nm
               FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::float8[])
                   AS s (flight_id, session_id, frequency_hz, closest_nm)
               WHERE t.flight_id = s.flight_id AND t.session_id = s.session_id
                 AND t.frequency_hz = s.frequency_hz AND t.ended_at IS NULL""",
            (
                [one.flight_id for one in contacts.closer],
                [one.session_id for one in contacts.closer],
                [one.frequency_hz for one in contacts.closer],
                [one.closest_nm for one in contacts.closer],
            ),
        )


def read_contacts(
    cur: cursor, values: dict[str, Any], *, late: bool
) -> dict[tuple[int, int, int], LastingContact]:
    """The contacts that the snapshot of `values["at"]` shows; `late`: there are later ones."""
    which = (
        "started_at <= %(at)s AND (ended_at IS NULL OR ended_at >= %(at)s)"
        # What the index has; nobody is in contact for so long.
        " AND started_at > %(at)s::timestamptz - interval '30 days'"
        if late
        else "ended_at IS NULL"
    )
    cur.execute(_LASTING.replace("{which}", which), values)
    found = [
        msgspec.convert(
            {**dict(zip(_FIELDS, row, strict=True)), "since": row[-2].astimezone(UTC)},
            LastingContact,
        )
        for row in cur
    ]
    return {one.key: one for one in found}


def contact_row(one: LastingContact) -> tuple[object, ...]:
    """The values of `CONTACTS.columns`."""
    return (
        *one.key,
        one.callsign,
        one.cid,
        one.station,
        one.station_cid,
        one.facility,
        one.placed_by,
        RULES_VERSION,
        one.closest_nm,
    )
