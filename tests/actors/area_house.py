"""Invented files of areas, and a tree that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.actors.harness import Running, running, until
from tests.feed_server import FeedServer
from vatwatch.messages.areas_status import AreasStatus

VATSPY = b"[Countries]\nNowhere|AA|Radar\n[FIRs]\n" + b"".join(
    b"%s|Name of %s||%s\n" % (name, name, name) for name in (b"AAAA", b"BBBB", b"CCCC", b"DDDD")
)
NAMES = ("AAAA", "BBBB", "CCCC", "DDDD")


def boundaries(
    *names: str, west: float = 0, south: float = 0, size: float = 1, **members: object
) -> bytes:
    """A file in VATSpy's form, of one square for each name, all at one place; degrees."""
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    features = [
        {
            "type": "Feature",
            "properties": {"id": name, "oceanic": "0"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for name in names
    ]
    return json.dumps({"type": "FeatureCollection", **members, "features": features}).encode()


@contextmanager
def area_service(
    tmp_path: Path, database_url: str, feeds: FeedServer | None = None, **environment: object
) -> Iterator[Running]:
    """Files are looked at again and again."""
    given = {"VATWATCH_CONFIG_INTERVAL": 0.05, **environment}
    with running(tmp_path, database_url, feeds=feeds, **given) as service:
        until(lambda: "areas" in service.reports().services, "areas has reported")
        yield service


def areas_of(service: Running) -> AreasStatus:
    return service.status("areas", AreasStatus)
