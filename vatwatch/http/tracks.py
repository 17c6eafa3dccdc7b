"""The track of a flight, from the database."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import falcon
import msgspec
from msgspec import Struct

from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.describe import Tag, describe
from vatwatch.http.formats import PLACED, format_of, format_parameter, other_media
from vatwatch.http.params import Declared, moment, text
from vatwatch.http.query_params import point_filter_parameters, point_filters_in
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.geojson import feature, line_of
from vatwatch.live.query.facts import RecordFacts
from vatwatch.messages import FindFlightId, FindTrack

# Longer than other questions: the database may be busy writing a batch.
TRACK_TIMEOUT_S = 15.0
FROM = moment("from", about="Only points from this time on.")
TO = moment("to", about="Only points before this time.")
CALLSIGN = text(
    "callsign",
    about="A callsign that is listed; in another case of letters if nobody has it as written.",
    example="DLH4AB",
)


class TrackPoint(Struct, frozen=True):
    """One point of a track: degrees, feet, knots, degrees true."""

    time: datetime
    latitude: float
    longitude: float
    altitude: int | None
    groundspeed: int | None
    heading: int | None


class TrackBody(Struct, frozen=True):
    """A track. `flight_id` is a text, as JavaScript's numbers end at 2^53."""

    callsign: str
    flight_id: str
    derive_again: bool
    count: int
    points: list[TrackPoint]


class TrackResource(BaseResource):
    """The track of the flight that is online under a callsign, else of the latest one."""

    parameters: ClassVar[Declared] = {
        "GET": (FROM, TO, *point_filter_parameters(), format_parameter(PLACED))
    }

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Every position that is kept of a flight, the oldest first.",
        tag=Tag.LIVE,
        answers={200: (TrackBody, *other_media(PLACED))},
        problems=(404, 406, 503),
        path=(CALLSIGN,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, callsign: str) -> None:
        """Every position that is kept and fulfils the filters, oldest first."""
        wanted, filters, since, until = (
            format_of(req, PLACED), point_filters_in(req), FROM.of(req), TO.of(req)
        )  # fmt: skip
        # PostgreSQL's texts cannot contain NUL, nor half a character.
        if not callsign.isprintable():
            raise falcon.HTTPNotFound(description="Not a valid callsign.")
        flight_id = self._service.ask("cache", FindFlightId(callsign))
        track = self._service.ask(
            "history", FindTrack(callsign, flight_id), timeout_s=TRACK_TIMEOUT_S
        )
        if track is None:
            raise falcon.HTTPNotFound(
                description=f"No flight is known under the callsign {callsign.upper()}."
            )
        points = [
            TrackPoint(p.time, p.latitude, p.longitude, p.altitude, p.groundspeed, p.heading)
            for p in track.points
            if (since is None or p.time >= since) and (until is None or p.time < until)
        ]
        if filters:
            points = [point for point in points if filters.wants(_facts(point))]
        body = TrackBody(
            track.callsign or callsign.upper(),
            str(track.flight_id),
            track.derive_again,
            len(points),
            points,
        )
        resp.content_type = wanted.content_type
        resp.append_header("Vary", "Accept")
        resp.data = track_in(body, wanted)


def _facts(point: TrackPoint) -> RecordFacts:
    return RecordFacts(
        latitude=point.latitude,
        longitude=point.longitude,
        altitude=point.altitude,
        groundspeed=point.groundspeed,
        heading=point.heading,
    )


def track_in(track: TrackBody, wanted: AnswerFormat) -> bytes:
    """A track in a format. In GeoJSON it is a line, and its properties have lists as long as it, of
    the times and all else that its points have; CSV and NDJSON have points alone."""
    match wanted:
        case AnswerFormat.JSON:
            return msgspec.json.encode(track)
        case AnswerFormat.NDJSON:
            return msgspec.json.Encoder().encode_lines(track.points)
        case AnswerFormat.CSV:
            return _csv(track.points)
        case AnswerFormat.GEOJSON:
            properties = {
                "callsign": track.callsign,
                "flight_id": track.flight_id,
                "derive_again": track.derive_again,
                "count": track.count,
                "times": [point.time for point in track.points],
                "altitudes": [point.altitude for point in track.points],
                "groundspeeds": [point.groundspeed for point in track.points],
                "headings": [point.heading for point in track.points],
            }
            line = line_of([(point.longitude, point.latitude) for point in track.points])
            return feature(track.flight_id, line, msgspec.json.encode(properties))


def _csv(points: list[TrackPoint]) -> bytes:
    """Times and numbers alone: nothing that would have to be quoted, in twenty thousand lines."""
    names = TrackPoint.__struct_fields__
    rows = [[getattr(point, name) for name in names] for point in points]
    text = msgspec.json.encode(rows)[2:-2].replace(b"],[", b"\r\n").replace(b'"', b"")
    lines = [",".join(names).encode(), text.replace(b"null", b"")]
    return b"".join(line + b"\r\n" for line in lines if line)
