"""Each format says of each record what the JSON says."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest

from tests.live.query.tables import COLLECTIONS, records, simulated, table
from tests.traffic.build import at
from vatwatch.http.tracks import TrackBody, TrackPoint, track_in
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.csv_table import csv_of
from vatwatch.live.formats.geojson import line_of
from vatwatch.live.formats.live_answers import answer, answer_one
from vatwatch.live.query.fields import RECORDS, read_fields
from vatwatch.live.query.ordering import read_sort
from vatwatch.live.query.selection import EVERYTHING, RecordQuery
from vatwatch.live.records import Collection

CSV, GEOJSON, NDJSON = AnswerFormat.CSV, AnswerFormat.GEOJSON, AnswerFormat.NDJSON


def rows(content: bytes) -> list[dict[str, str]]:
    text = content.decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(StringIO(text, newline="")))


def as_in_csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(one, dict) for one in value):
        return ";".join(map(str, value))
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.value)
def test_csv_has_every_value_of_every_record(collection: Collection) -> None:
    some = records(simulated(), collection)
    found = rows(answer(table(collection), EVERYTHING, CSV).plain)
    assert len(found) == len(some) > 5
    columns = list(found[0])
    assert len(set(columns)) == len(columns)
    for row, record in zip(found, some, strict=True):
        told = {}
        for name, value in record.items():
            if name in row:
                told[name] = as_in_csv(value)
            elif value is not None:  # a record below
                told |= {f"{name}_{below}": as_in_csv(inner) for below, inner in value.items()}
        assert row == dict.fromkeys(columns, "") | told


def test_csv_has_the_same_columns_whatever_the_records_have() -> None:
    header = {
        answer(table(Collection.FLIGHTS), query, CSV).plain.split(b"\r\n")[0]
        for query in (EVERYTHING, RecordQuery(limit=1), RecordQuery(limit=2))
    }
    assert len(header) == 1
    empty = csv_of(RECORDS[Collection.FLIGHTS], [])
    assert empty == header.pop() + b"\r\n"
    for name in (b"flight_plan_departure", b"times_take_off", b"phase_s_climb"):
        assert name in empty.split(b",")


def test_csv_quotes_what_would_break_a_line() -> None:
    text = 'a,"b"\r\nc;é'
    record = {"callsign": text, "text_atis": [text, "d"], "words": {"kind": "x"}}
    row = rows(csv_of(RECORDS[Collection.ATIS], [json.dumps(record).encode()]))[0]
    assert row["callsign"] == text
    assert row["text_atis"] == f"{text};d"
    assert row["words_kind"] == "x"


def test_csv_with_fields_has_their_columns_in_the_order_of_the_record() -> None:
    names = "altitude,callsign,flight_plan.arrival,times,contacts.station"
    query = RecordQuery(fields=read_fields(names, Collection.FLIGHTS), limit=5)
    found = rows(answer(table(Collection.FLIGHTS), query, CSV).plain)
    assert list(found[0]) == [
        "callsign", "altitude", "flight_plan_arrival", "times_off_block", "times_take_off",
        "times_landing", "times_on_block", "contacts",
    ]  # fmt: skip


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.value)
def test_ndjson_has_a_record_on_each_line(collection: Collection) -> None:
    lines = answer(table(collection), EVERYTHING, NDJSON).plain
    assert lines.endswith(b"\n")
    assert [json.loads(line) for line in lines.splitlines()] == records(simulated(), collection)


@pytest.mark.parametrize(
    "collection",
    [Collection.FLIGHTS, Collection.CONTROLLERS, Collection.TRANSCEIVERS],
    ids=lambda one: one.value,
)
def test_geojson_has_every_record_where_it_is(collection: Collection) -> None:
    query = RecordQuery(order=read_sort("callsign", collection), limit=7)
    plain = json.loads(answer(table(collection), query, AnswerFormat.JSON).plain)
    found = json.loads(answer(table(collection), query, GEOJSON).plain)
    assert found["type"] == "FeatureCollection"
    for name in ("updated_at", "count", "total", "next_cursor"):
        assert found[name] == plain[name]
    assert len(found["features"]) == 7
    ids = {"flights": "flight_id", "controllers": "session_id"}
    for feature, record in zip(found["features"], plain[collection.value], strict=True):
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert feature["type"] == "Feature"
        assert feature["id"] == record[ids.get(collection.value, "callsign")]
        assert feature["properties"] == record
        if "transceivers" in record:
            places = {(r["lonDeg"], r["latDeg"]) for r in record["transceivers"]}
            given = feature["geometry"]["coordinates"]
            given = given if feature["geometry"]["type"] == "MultiPoint" else [given]
            assert {tuple(place) for place in given} == places
        elif record["latitude"] is None:
            assert feature["geometry"] is None
        else:
            coordinates = [record["longitude"], record["latitude"]]
            assert feature["geometry"] == {"type": "Point", "coordinates": coordinates}


def test_geojson_knows_the_place_of_records_whose_fields_do_not_tell_it() -> None:
    query = RecordQuery(fields=read_fields("callsign", Collection.FLIGHTS))
    whole = json.loads(answer(table(Collection.FLIGHTS), EVERYTHING, GEOJSON).plain)["features"]
    found = json.loads(answer(table(Collection.FLIGHTS), query, GEOJSON).plain)["features"]
    assert [one["geometry"] for one in found] == [one["geometry"] for one in whole]
    assert {name for one in found for name in one["properties"]} == {"callsign"}


@pytest.mark.parametrize("wanted", list(AnswerFormat), ids=lambda one: one.value)
def test_one_record_is_as_in_the_list(wanted: AnswerFormat) -> None:
    record = bytes(table(Collection.FLIGHTS).records[0])
    found = answer_one(Collection.FLIGHTS, record, wanted)
    whole = answer(table(Collection.FLIGHTS), EVERYTHING, wanted).plain
    assert whole.startswith(found) if wanted in (CSV, NDJSON) else found in whole


def track(*places: tuple[float, float]) -> TrackBody:
    every = [
        TrackPoint(at(15 * number), latitude, longitude, None if number else 100, 5 * number, 90)
        for number, (longitude, latitude) in enumerate(places)
    ]
    return TrackBody("ABC1", "42", False, len(every), every)


def test_a_track_is_a_line_with_times() -> None:
    one = track((10.0, 50.0), (10.5, 50.25), (11.0, 50.5))
    plain = json.loads(track_in(one, AnswerFormat.JSON))
    found = json.loads(track_in(one, GEOJSON))
    assert (found["type"], found["id"]) == ("Feature", "42")
    assert found["geometry"]["type"] == "LineString"
    assert found["geometry"]["coordinates"] == [
        [point["longitude"], point["latitude"]] for point in plain["points"]
    ]
    assert found["properties"]["times"] == [point["time"] for point in plain["points"]]
    assert found["properties"]["altitudes"] == [100, None, None]
    assert found["properties"]["callsign"] == "ABC1"
    lines = [json.loads(line) for line in track_in(one, NDJSON).splitlines()]
    assert lines == plain["points"]
    told = [{name: as_in_csv(value) for name, value in point.items()} for point in lines]
    assert rows(track_in(one, CSV)) == told


def test_a_track_of_one_point_or_none_is_no_line() -> None:
    one = json.loads(track_in(track((1.0, 2.0)), GEOJSON))
    assert one["geometry"] == {"type": "Point", "coordinates": [1.0, 2.0]}
    assert json.loads(track_in(track(), GEOJSON))["geometry"] is None
    assert track_in(track(), CSV) == b"time,latitude,longitude,altitude,groundspeed,heading\r\n"
    assert track_in(track(), NDJSON) == b""


def test_a_line_over_the_antimeridian_counts_on() -> None:
    there = line_of([(179.5, 0.0), (-179.5, 1.0), (-178.0, 2.0), (179.9, 3.0)])
    assert there is not None
    assert [longitude for longitude, _ in there["coordinates"]] == [179.5, 180.5, 182.0, 179.9]
    back = line_of([(-179.5, 0.0), (179.5, 1.0)])
    assert back is not None
    assert [longitude for longitude, _ in back["coordinates"]] == [-179.5, -180.5]
