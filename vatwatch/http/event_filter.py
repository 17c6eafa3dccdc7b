"""The parameters that select events."""

from __future__ import annotations

import falcon

from vatwatch.events.event import EventFilter
from vatwatch.events.payloads import PAYLOADS
from vatwatch.http.near import near_match
from vatwatch.http.params import SINCE, UNTIL, Invalid, text, whole_number, words
from vatwatch.live.query.numbers import MAX_CID


def _event_type(word: str) -> str:
    kind = word.upper()
    if kind not in PAYLOADS:
        raise Invalid(
            f"must name event types, and {kind} is not one; GET /api/events/schemas lists them",
            near_match(kind, PAYLOADS),
        )
    return kind


EVENT_TYPES = words(
    "type",
    _event_type,
    about="Only events of these types.",
    example="FLIGHT_DEPARTED",
    choices=tuple(PAYLOADS),
)
SOURCE = text("source", about="Only events that this part has published.", example="processor")
CORRELATION_ID = text(
    "correlation_id",
    about="Only events of one snapshot: its `update_timestamp` as sent.",
    example="2026-11-25T02:52:55.1238584Z",
)
CALLSIGN = text(
    "callsign",
    about="Only events that name this pilot or station, in any case of letters, or one whose "
    "callsign fits a pattern (`EGLL_*`).",
    example="EGLL_APP",
)
CID = whole_number(
    "cid", 1, MAX_CID, None, about="Only events that name this person.", example=4316076
)
FILTER_PARAMETERS = (EVENT_TYPES, SOURCE, CORRELATION_ID, CALLSIGN, CID, SINCE, UNTIL)


def event_filter_in(req: falcon.Request) -> EventFilter:
    """What a request asks for. Raises BadRequest that names the parameter."""
    return EventFilter(
        types=EVENT_TYPES.of(req),
        source=SOURCE.of(req),
        correlation_id=CORRELATION_ID.of(req),
        since=SINCE.of(req),
        until=UNTIL.of(req),
        callsign=CALLSIGN.of(req),
        cid=CID.of(req),
    )
