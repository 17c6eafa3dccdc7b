"""Live states for the tests of queries: of real feeds, and of the simulated world."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.live.test_sector_views import areas, state
from vatwatch.live.encoding import encode_live
from vatwatch.live.query.filters import read_filters
from vatwatch.live.query.known_filters import filters_of
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.query.selection import RecordQuery, SelectedPage, select
from vatwatch.live.records import Body, Collection
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot

COLLECTIONS = [one for one in Collection if filters_of(one)]
FEEDS = Path(__file__).parents[2] / "feeds"


@cache
def captured(directory: Path = FEEDS) -> list[dict[Collection, Body]]:
    """What is served of each feed in a directory that has its radios beside it; one after the
    other, as if they were the updates of one network."""
    options, known, bodies = Options(), NetworkState(), []
    for feed in sorted(directory.glob("vatsim-data-*.json.gz")):
        radios = directory / feed.name.replace("vatsim", "transceivers")
        raw = radios.read_bytes() if radios.exists() else gzip.compress(b"[]")
        decoded = decode_snapshot(gzip.decompress(feed.read_bytes()), gzip.decompress(raw), options)
        known = compare(known, decoded, options.rules).state
        bodies.append(encode_live(known, None))
    return bodies


@cache
def simulated() -> dict[Collection, Body]:
    """Of the simulated world: with contacts, FIRs and sectors."""
    return encode_live(state(), None, areas=areas())


@cache
def table(collection: Collection) -> RecordTable:
    """Of the simulated world."""
    body = simulated()[collection]
    return RecordTable(collection, body.plain, body.ends)


def records(bodies: Mapping[Collection, Body], collection: Collection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bodies[collection].plain)[collection.value]
    return found


def asked(collection: Collection, **given: str) -> list[dict[str, Any]]:
    """The records of the simulated world that fulfil these filters."""
    return of_page(select(table(collection), RecordQuery(read_filters(given, collection))))


def of_page(page: SelectedPage) -> list[dict[str, Any]]:
    return [json.loads(bytes(record)) for record in page.records]
