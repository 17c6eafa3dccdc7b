"""The tables of events and dead letters: writes each once, reads page by page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import msgspec

from vatwatch.events.dead_letters import DeadLetter, LetterFilter, LetterKind
from vatwatch.events.event import Cursor, Event, EventFilter, EventRow
from vatwatch.storage.copy import copy_rows, stage, to_json
from vatwatch.storage.paging import conditions, page
from vatwatch.wildcards import capitals, is_pattern, like

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

_EVENT = "id, type, time, source, correlation_id, payload"
# Whom an event names, as `vatwatch/events/named.py` has it; each has an index. The case of letters
# is that of the collation C, so that it is the same in every database and in memory.
CALLSIGNS = (
    """upper(left(coalesce(payload ->> 'callsign', payload ->> 'subject'), 64) COLLATE "C")""",
    """upper(left(coalesce(payload ->> 'station',
                           CASE WHEN jsonb_typeof(payload #> '{facts,flight}') = 'string'
                                THEN payload #>> '{facts,flight}' END), 64) COLLATE "C")""",
)
CIDS = (
    "left(coalesce(payload ->> 'cid', payload #>> '{facts,cid}'), 20)",
    "left(payload ->> 'station_cid', 20)",
)
_LETTER = "id, kind, receiver, type, reason, error, attempts, time, event, message"


def write_events(cur: cursor, events: Iterable[Event]) -> None:
    """Write events. An existing row (by id) is left as it is."""
    rows = [
        (str(e.id), e.type, e.time, e.source, e.correlation_id, to_json(e.payload)) for e in events
    ]
    if not rows:
        return
    stage(cur, "stage_events", "LIKE events INCLUDING DEFAULTS")
    copy_rows(cur, "stage_events", _EVENT.split(", "), rows)
    cur.execute("INSERT INTO events SELECT * FROM stage_events ON CONFLICT (id) DO NOTHING")


def write_letters(cur: cursor, letters: Iterable[tuple[UUID, DeadLetter | None]]) -> None:
    """Write dead letters as they are now. For None, the row of that id is deleted."""
    for letter_id, letter in letters:
        if letter is None:
            cur.execute("DELETE FROM dead_letters WHERE id = %s", (str(letter_id),))
            continue
        cur.execute(
            f"""INSERT INTO dead_letters ({_LETTER})
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, error = excluded.error,
                    attempts = excluded.attempts, time = excluded.time""",
            (
                str(letter.id),
                letter.kind,
                letter.receiver,
                letter.type,
                letter.reason,
                letter.error,
                letter.attempts,
                letter.time,
                None if letter.event is None else to_json(letter.event),
                letter.message,
            ),
        )


def find_events(
    conn: connection,
    wanted: EventFilter,
    *,
    limit: int,
    after: Cursor | None,
) -> tuple[EventRow, ...]:
    """A page of events, the newest first, after the previous page."""
    where, values = conditions(
        ("type = ANY(%s)", sorted(wanted.types)),
        ("source = %s", wanted.source),
        ("correlation_id = %s", wanted.correlation_id),
        ("time >= %s", wanted.since),
        ("time < %s", wanted.until),
    )
    by_callsign, by_cid = _named_by(wanted)
    if by_callsign and by_cid:
        # A person has fewer events than a station: the other one is looked at in each of them.
        where.append(f"({' OR '.join(text for text, _ in by_callsign)})")
        values += [value for _, value in by_callsign]
    with conn.cursor() as cur:
        page(
            cur,
            "SELECT id, type, time, source, correlation_id, payload::text FROM events",
            where,
            values,
            limit=limit,
            after=after,
            either=by_cid or by_callsign,
        )
        return tuple(
            EventRow(UUID(id_), kind, time.astimezone(UTC), source, correlation_id, _raw(payload))
            for id_, kind, time, source, correlation_id, payload in cur
        )


_Conditions: TypeAlias = list[tuple[str, object]]


def _named_by(wanted: EventFilter) -> tuple[_Conditions, _Conditions]:
    """The conditions on callsigns, and those on CIDs, of which one must be fulfilled."""
    callsign = capitals(wanted.callsign)
    is_it, value = ("LIKE %s", like(callsign)) if is_pattern(callsign) else ("= %s", callsign)
    by_callsign: _Conditions = [(f"{one} {is_it}", value) for one in CALLSIGNS if callsign]
    by_cid: _Conditions = [(f"{one} = %s", str(wanted.cid)) for one in CIDS if wanted.cid]
    return by_callsign, by_cid


def find_letters(
    conn: connection, wanted: LetterFilter, *, limit: int, after: Cursor | None
) -> tuple[DeadLetter, ...]:
    """A page of letters, the newest first, after the previous page."""
    where, values = conditions(
        ("kind = %s", wanted.kind),
        ("receiver = %s", wanted.receiver),
        ("type = ANY(%s)", sorted(wanted.types)),
        ("time >= %s", wanted.since),
        ("time < %s", wanted.until),
    )
    with conn.cursor() as cur:
        page(cur, _LETTERS, where, values, limit=limit, after=after)
        return tuple(_letter(row) for row in cur)


def find_letter(conn: connection, letter_id: UUID) -> DeadLetter | None:
    """The dead letter with this id, or None."""
    with conn.cursor() as cur:
        cur.execute(f"{_LETTERS} WHERE id = %s", (str(letter_id),))
        row = cur.fetchone()
        return None if row is None else _letter(row)


_LETTERS = f"SELECT {_LETTER.replace('event,', 'event::text,')} FROM dead_letters"

_Row: TypeAlias = tuple[str, LetterKind, str, str, str, str, int, datetime, str | None, str]


def _letter(row: _Row) -> DeadLetter:
    id_, kind, receiver, type_, reason, error, attempts, time, event, message = row
    return DeadLetter(
        UUID(id_),
        kind,
        receiver,
        type_,
        reason,
        error,
        attempts,
        time.astimezone(UTC),
        None if event is None else msgspec.json.decode(event, type=EventRow),
        message,
    )


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
