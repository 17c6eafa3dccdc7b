"""Records as GeoJSON (RFC 7946): degrees WGS84, longitude before latitude."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from vatwatch.live.query.facts import RecordFacts


def feature(id_: str, geometry: Mapping[str, Any] | None, properties: Raw | bytes) -> bytes:
    """A record as a feature: all that it has is in its properties."""
    return msgspec.json.encode(
        {
            "type": "Feature",
            "id": id_,
            "geometry": geometry,
            "properties": properties if isinstance(properties, Raw) else Raw(properties),
        }
    )


def feature_collection(head: Mapping[str, Any], features: Iterable[bytes]) -> bytes:
    """Features, with further members such as `updated_at` before them."""
    begin = msgspec.json.encode({"type": "FeatureCollection", **head})[:-1]
    return b"".join([begin, b',"features":[', b",".join(features), b"]}"])


def place_of(facts: RecordFacts) -> dict[str, Any] | None:
    """Where a record is: a point, of several radios one for each place; None if nobody knows."""
    if facts.latitude is not None and facts.longitude is not None:
        return point((facts.longitude, facts.latitude))
    places = sorted({(radio.lonDeg, radio.latDeg) for radio in facts.transceivers})
    if len(places) > 1:
        return {"type": "MultiPoint", "coordinates": places}
    return point(places[0]) if places else None


def line_of(places: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """A line through places (longitude, latitude); of one place a point, of none None.

    Over the antimeridian longitudes count on beyond 180, so a map draws the short way.
    """
    if len(places) < 2:
        return point(places[0]) if places else None
    turns, before, coordinates = 0.0, places[0][0], []
    for longitude, latitude in places:
        if abs(longitude - before) > 180.0:
            turns += 360.0 if longitude < before else -360.0
        before = longitude
        # Rounded as served, where a whole turn has made it longer.
        coordinates.append((round(longitude + turns, 6) if turns else longitude, latitude))
    return {"type": "LineString", "coordinates": coordinates}


def point(place: tuple[float, float]) -> dict[str, Any]:
    """A place: longitude, latitude."""
    return {"type": "Point", "coordinates": place}
