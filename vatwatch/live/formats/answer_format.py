"""The formats of answers, by the names and media types that ask for them."""

from __future__ import annotations

from enum import Enum


class AnswerFormat(Enum):
    """A format; the value is its name."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"
    NDJSON = "ndjson"

    # As of `Collection`: each read looks up one.
    __hash__ = object.__hash__

    @property
    def content_type(self) -> str:
        """What an answer in this format says that it is."""
        return _CONTENT_TYPES[self]

    @property
    def media_types(self) -> tuple[str, ...]:
        """What may ask for it; the first one is the best."""
        return _MEDIA_TYPES[self]


_CONTENT_TYPES = {
    AnswerFormat.JSON: "application/json",
    AnswerFormat.GEOJSON: "application/geo+json",
    AnswerFormat.CSV: "text/csv; charset=utf-8",
    AnswerFormat.NDJSON: "application/x-ndjson",
}
_MEDIA_TYPES = {
    AnswerFormat.JSON: ("application/json",),
    AnswerFormat.GEOJSON: ("application/geo+json", "application/vnd.geo+json"),
    AnswerFormat.CSV: ("text/csv",),
    # No name is registered: these are in use.
    AnswerFormat.NDJSON: ("application/x-ndjson", "application/ndjson", "application/jsonl"),
}
