"""The files of areas as they are served."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

from msgspec import Struct

from vatsim_simulator.areas import area_files
from vatsim_simulator.publication import FeedBody


class ServedFile(Struct, frozen=True):
    """A file, plain and compressed, and what a client keeps to ask whether it has changed."""

    body: FeedBody
    etag: str
    content_type: str


@cache
def served_areas(*, faulty: bool) -> dict[str, ServedFile]:
    """Every file by its name. Takes a third of a second, once."""
    return {
        name: ServedFile(
            FeedBody.of(content),
            f'"{blake2b(content, digest_size=8).hexdigest()}"',
            "application/geo+json" if name.endswith(".geojson") else "text/plain; charset=utf-8",
        )
        for name, content in area_files(faulty=faulty).items()
    }
