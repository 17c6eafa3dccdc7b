"""Live lists, asked of a running service with filters, orders, limits, cursors and fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
import redis

from tests.actors.harness import Running, running, until
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.http.test_api import problem
from tests.live.query.test_filters import fulfils, question, values
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas
from vatsim_simulator.fir_cells import firs
from vatsim_simulator.sectors import sectors
from vatwatch.live.query.fields import RECORDS, field_names
from vatwatch.live.query.known_filters import filters_of
from vatwatch.live.query.ordering import SORTS
from vatwatch.live.records import Collection

GIVEN = updates(6, pilots=80)
LISTS = list(RECORDS)
# What the simulator's areas are called.
FIR, SECTOR = firs()[0].fir_id, sectors()[0].name
PATHS = {one: f"/api/{one.value}" for one in LISTS}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service without its database, with the simulator's areas."""
    home = tmp_path_factory.mktemp("lists")
    write_areas(home / "areas")
    environment = {
        "VATWATCH_POSITIONS_DATA": ",".join(str(home / "areas" / name) for name in POSITIONS_DATA),
        "VATWATCH_SECTORS": ",".join(str(home / "areas" / name) for name in SECTORS),
    }
    with running(home, NOWHERE, **environment) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        get = service.http.simulate_get
        until(lambda: get("/api/sectors").json["total"] > 100, "the areas are in use")
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        yield service


def listed(service: Running, collection: Collection, **query: object) -> dict[str, Any]:
    answer = service.http.simulate_get(PATHS[collection], query_string=urlencode(query))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    assert found["count"] == len(found[collection.value]) <= found["total"]
    return found


def of(answer: dict[str, Any], collection: Collection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer[collection.value]
    return found


@pytest.mark.parametrize("collection", LISTS, ids=lambda one: one.value)
def test_a_whole_list_says_that_it_is_whole(service: Running, collection: Collection) -> None:
    whole = listed(service, collection)
    assert whole["total"] == whole["count"] > 5
    assert whole["next_cursor"] is None
    assert listed(service, collection, limit=10_000, sort="callsign")["total"] == whole["total"]


@pytest.mark.parametrize("collection", LISTS, ids=lambda one: one.value)
def test_each_filter_finds_what_a_naive_look_finds(
    service: Running, collection: Collection
) -> None:
    random, whole = Random(4), listed(service, collection)
    some = of(whole, collection)
    for name in [one.name for one in filters_of(collection)]:
        given = question(random, name, some)
        answer = service.http.simulate_get(PATHS[collection], query_string=urlencode({name: given}))
        if answer.status_code == 400:  # what a record has need not be what can be asked for
            assert answer.json["parameter"] == name
            continue
        found = of(answer.json, collection)
        wanted = [one for one in some if any(fulfils(v, name, given) for v in values(one, name))]
        assert found == wanted, (name, given)
        assert (answer.json["total"], answer.json["next_cursor"]) == (len(wanted), None)
        head = {key: value for key, value in whole.items() if key != collection.value}
        assert {key: answer.json[key] for key in head if key not in ("count", "total")} == {
            key: value for key, value in head.items() if key not in ("count", "total")
        }


@pytest.mark.parametrize("collection", LISTS, ids=lambda one: one.value)
def test_pages_are_the_whole_list(service: Running, collection: Collection) -> None:
    whole = of(listed(service, collection), collection)
    limit = max(1, len(whole) // 3)
    for order in ("", SORTS[collection][0], f"-{SORTS[collection][-1]}"):
        query: dict[str, object] = {"limit": limit} | ({"sort": order} if order else {})
        found, answer = [], listed(service, collection, **query)
        while True:
            assert answer["total"] == len(whole)
            found += of(answer, collection)
            if answer["next_cursor"] is None:
                break
            assert answer["count"] == limit
            answer = listed(service, collection, **query, cursor=answer["next_cursor"])
        assert sorted(map(str, found)) == sorted(map(str, whole))


def test_filters_an_order_and_a_limit_go_together(service: Running) -> None:
    whole = of(listed(service, Collection.FLIGHTS), Collection.FLIGHTS)
    flying = [one for one in whole if one["altitude"] >= 10_000 and one["groundspeed"] <= 450]
    flying.sort(key=lambda one: (-one["altitude"], one["flight_id"]))
    assert len(flying) > 6
    found = listed(
        service,
        Collection.FLIGHTS,
        altitude="10000..",
        groundspeed="..450",
        sort="-altitude",
        limit=5,
    )
    assert of(found, Collection.FLIGHTS) == flying[:5]
    assert found["total"] == len(flying)


def test_a_list_may_be_written_with_commas_or_as_several_parameters(service: Running) -> None:
    get = service.http.simulate_get
    once = get("/api/flights", query_string="phase=cruise,climb").json
    twice = get("/api/flights", query_string="phase=climb&phase=cruise").json
    assert once == twice
    assert once["count"] > 3


@pytest.mark.parametrize("collection", LISTS, ids=lambda one: one.value)
def test_fields_are_those_of_the_whole_record(service: Running, collection: Collection) -> None:
    whole = of(listed(service, collection), collection)
    for name in field_names(collection):
        found = of(listed(service, collection, fields=name), collection)
        first, *below = name.split(".")
        assert {*found[0]} == {first}
        for chosen, record in zip(found, whole, strict=True):
            if not below:
                assert chosen[first] == record[first]
            elif isinstance(record[first], list):
                assert [each[below[0]] for each in chosen[first]] == [
                    each[below[0]] for each in record[first]
                ]
            elif record[first] is None:
                assert chosen[first] is None
            else:
                assert chosen[first] == {below[0]: record[first][below[0]]}


def test_fields_go_with_filters_and_are_told_in_the_order_of_the_record(service: Running) -> None:
    query = {"fields": "altitude,callsign,flight_plan.arrival,flight_plan", "limit": 3}
    found = of(listed(service, Collection.FLIGHTS, **query, phase="cruise"), Collection.FLIGHTS)
    assert [list(one) for one in found] == [["callsign", "altitude", "flight_plan"]] * 3
    assert len(found[0]["flight_plan"]) > 10


@pytest.mark.parametrize(
    ("path", "query", "parameter", "meant"),
    [
        ("/api/flights", "altitud=1..2", "altitud", "altitude"),
        ("/api/flights", "departures=EGLL", "departures", "departure"),
        ("/api/flights", "phase=crusie", "phase", "cruise"),
        ("/api/flights", "phase=cruise,desent", "phase", "descent"),
        ("/api/flights", "state=controlling", "state", None),
        ("/api/flights", "sort=altitud", "sort", "altitude"),
        ("/api/flights", "sort=-callsing", "sort", "callsign"),
        ("/api/flights", "fields=calsign", "fields", "callsign"),
        ("/api/flights", "fields=callsign,flight_plan.depature", "fields", "flight_plan.departure"),
        ("/api/flights", "limit=0", "limit", None),
        ("/api/flights", "limit=10001", "limit", None),
        ("/api/flights", "cursor=nonsense", "cursor", None),
        ("/api/flights", "altitude=low..high", "altitude", None),
        ("/api/flights", "bbox=1,2,3", "bbox", None),
        ("/api/flights", "near=1,2", "near", None),
        ("/api/flights", "altitude=1..2&altitude=3..4", "altitude", None),
        ("/api/flights", "squawk=9999", "squawk", None),
        ("/api/flights", f"fir={FIR}X", "fir", FIR),
        ("/api/flights", f"fir={FIR},{FIR.lower()}x&limit=1", "fir", FIR),
        ("/api/flights", f"format=csv&fir={FIR}X", "fir", FIR),
        ("/api/flights", f"sector={SECTOR}+X", "sector", SECTOR),
        ("/api/flights", "sector=%C3%84%C3%96", "sector", None),
        ("/api/controllers", f"fir={FIR}X", "fir", FIR),
        ("/api/stream", f"fir={FIR}X", "fir", FIR),
        ("/api/stream", f"sector={SECTOR}+X", "sector", SECTOR),
        ("/api/controllers", "state=online", "state", None),
        ("/api/controllers", "state=contolling", "state", "controlling"),
        # What makes no sense for a collection is unknown there.
        ("/api/controllers", "phase=cruise", "phase", None),
        ("/api/controllers", "altitude=1..2", "altitude", None),
        ("/api/atis", "bbox=-10,40,10,60", "bbox", None),
        ("/api/prefiles", "squawk=7000", "squawk", None),
        ("/api/prefiles", "tuned=EGLL_TWR", "tuned", None),
        ("/api/transceivers", "cid=1", "cid", None),
        ("/api/transceivers", "departure=EGLL", "departure", None),
        ("/api/network", "limit=1", "limit", None),
        ("/api/network", "callsign=BAW", "callsign", None),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(
    service: Running, path: str, query: str, parameter: str, meant: str | None
) -> None:
    found = problem(service.http.simulate_get(path, query_string=query), 400)
    assert found["parameter"] == parameter
    if meant is not None:
        assert found["did_you_mean"] == meant
        assert f'id you mean "{meant}"?' in found["detail"]


def test_an_area_that_is_in_use_and_a_pattern_find_who_is_there_if_anybody(
    service: Running,
) -> None:
    get = service.http.simulate_get
    for query in (f"fir={FIR.lower()}", "fir=??NONE*", f"sector={SECTOR}", f"sector={SECTOR},No*"):
        assert get("/api/flights", query_string=query.replace(" ", "+")).status_code == 200


def test_without_files_of_areas_a_filter_by_area_says_how_to_get_them(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as plain:
        plain.hand_in(GIVEN[0])
        plain.until_served(time_of(GIVEN[0]))
        for query, setting in (
            ("fir=EDGG", "VATWATCH_POSITIONS_DATA"),
            ("sector=X", "VATWATCH_SECTORS"),
        ):
            for path in ("/api/flights", "/api/stream"):
                said = problem(plain.http.simulate_get(path, query_string=query), 400)
                assert said["parameter"] == query.partition("=")[0]
                assert setting in said["detail"]


def test_while_nobody_knows_the_areas_a_filter_by_area_is_answered(tmp_path: Path) -> None:
    (tmp_path / "broken.geojson").write_text("{")
    with running(tmp_path, NOWHERE, VATWATCH_SECTORS=tmp_path / "broken.geojson") as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        found = service.http.simulate_get("/api/flights", query_string="sector=North")
        assert (found.status_code, found.json["count"]) == (200, 0)


def test_a_cursor_of_another_order_or_list_is_refused(service: Running) -> None:
    first = listed(service, Collection.FLIGHTS, limit=2, sort="callsign")
    other = {"limit": 2, "sort": "-callsign", "cursor": first["next_cursor"]}
    answer = service.http.simulate_get("/api/flights", query_string=urlencode(other))
    assert problem(answer, 400)["parameter"] == "cursor"


def test_equal_questions_of_one_snapshot_have_one_answer_and_its_tag(service: Running) -> None:
    get = service.http.simulate_get
    one = get("/api/flights", query_string="phase=cruise,climb&limit=5")
    other = get("/api/flights", query_string="limit=5&phase=climb&phase=cruise")
    assert one.content == other.content
    assert one.headers["ETag"] == other.headers["ETag"]
    headers = {"If-None-Match": one.headers["ETag"]}
    known = get("/api/flights", query_string="limit=5&phase=climb,cruise", headers=headers)
    assert (known.status_code, known.content) == (304, b"")


def test_head_has_the_headers_of_a_query_and_no_body(service: Running) -> None:
    query = "callsign=*1*&limit=3"
    found = service.http.simulate_get("/api/flights", query_string=query)
    head = service.http.simulate_head("/api/flights", query_string=query)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control", "Vary"):
        assert head.headers[name] == found.headers[name]


def test_a_query_is_answered_from_what_redis_has_after_a_start(
    service: Running, tmp_path: Path, redis_server: str
) -> None:
    query = "altitude=5000..&sort=-altitude&limit=4&fields=callsign,altitude,firs"
    with running(tmp_path, NOWHERE, REDIS_URL=redis_server) as first:
        for publication in GIVEN[:2]:
            first.hand_in(publication)
        first.until_served(time_of(GIVEN[1]))
        wanted = first.http.simulate_get("/api/flights", query_string=query).json
        body = first.http.simulate_get("/api/flights").content
        client = redis.Redis.from_url(redis_server)
        until(lambda: client.get("vatwatch:live:flights") == body, "Redis has it")
        client.close()
    assert wanted["count"] == 4
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other", NOWHERE, REDIS_URL=redis_server) as second:
        found = second.http.simulate_get("/api/flights", query_string=query)
        assert found.json == wanted
        # Which areas were in use nobody has written down.
        found = second.http.simulate_get("/api/flights", query_string="fir=NONE")
        assert (found.status_code, found.json["count"]) == (200, 0)


def test_a_query_is_503_while_nothing_is_known(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as empty:
        for path in PATHS.values():
            answer = empty.http.simulate_get(path, query_string="limit=3")
            assert problem(answer, 503)["detail"].startswith("Nothing has been fetched")
            assert int(answer.headers["Retry-After"]) > 0
