"""The API on the real tree: bodies, conditions, and what is answered when something is wrong."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
from falcon import inspect

from tests.actors.harness import KEY, Running, running, settings_for, until
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch import __version__
from vatwatch.feed.times import parse_time
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.live.records import Collection
from vatwatch.supervision import Tree
from vatwatch.system import build

PROBLEM = "application/problem+json"
GIVEN = updates(3)
FEED = json.loads(GIVEN[-1].data.raw)
PATHS = [
    "/healthz", "/readyz", "/api/status", "/api/services", "/api/flights", "/api/controllers",
    "/api/atis", "/api/prefiles", "/api/transceivers", "/api/network", "/api/events",
    "/api/supervision/tree", "/api/airports", "/api/airports/EGLL", "/api/firs",
    "/api/approaches", "/api/sectors",
    "/api/frequency-matches", "/openapi.json", "/docs", "/docs/docs.js", "/", "/page/LICENSES.txt",
]  # fmt: skip
DOCUMENTS = ("/openapi.json", "/docs", "/docs/docs.js", "/", "/page/LICENSES.txt")
COLLECTIONS = [f"/api/{collection.value}" for collection in Collection]


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with running(tmp_path, database_url) as service:
        for publication in GIVEN:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        service.until_stored(time_of(GIVEN[-1]))
        yield service


def problem(answer: falcon.testing.Result, code: int) -> dict[str, Any]:
    assert answer.status_code == code
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json["status"] == code
    assert answer.json["title"]
    return answer.json


def test_the_bodies_have_the_documented_form(service: Running) -> None:
    get = service.http.simulate_get
    flights = get("/api/flights").json
    assert set(flights) == {"updated_at", "count", "total", "next_cursor", "flights"}
    assert flights["count"] == len(FEED["pilots"])
    by_callsign = {flight["callsign"]: flight for flight in flights["flights"]}
    for pilot in FEED["pilots"]:
        assert pilot.items() <= by_callsign[pilot["callsign"]].items()
    controllers = get("/api/controllers").json
    assert set(controllers) == {"updated_at", "count", "total", "next_cursor", "controllers"}
    assert controllers["count"] == len(FEED["controllers"])
    assert get("/api/atis").json["count"] == len(FEED["atis"])
    prefiles = get("/api/prefiles").json
    assert set(prefiles) == {"updated_at", "count", "total", "next_cursor", "prefiles"}
    assert prefiles["count"] == len(FEED["prefiles"])
    for served, sent in zip(prefiles["prefiles"], FEED["prefiles"], strict=True):
        assert parse_time(served.pop("filed_at")) == parse_time(sent["last_updated"])
        assert served.pop("flown") is False
        assert sent.items() <= served.items()

    callsign = FEED["pilots"][0]["callsign"]
    one = get(f"/api/flights/{callsign.lower()}").json
    assert one["callsign"] == callsign
    track = get(f"/api/flights/{callsign}/track").json
    assert set(track) == {"callsign", "flight_id", "derive_again", "count", "points"}
    assert track["flight_id"] == one["flight_id"]
    assert track["count"] == len(track["points"]) > 0
    assert list(track["points"][0]) == [
        "time", "latitude", "longitude", "altitude", "groundspeed", "heading",
    ]  # fmt: skip
    controller = FEED["controllers"][0]["callsign"]
    assert get(f"/api/controllers/{controller}").json["callsign"] == controller

    status = get("/api/status").json
    assert status["version"] == __version__
    assert status["counts"]["pilots"] == len(FEED["pilots"])
    age_s = (datetime.now(UTC) - time_of(GIVEN[-1])).total_seconds()
    assert status["feed"]["age_s"] == pytest.approx(age_s, abs=60)
    assert {"store", "cache", "processor", "journal"} <= set(status["services"])
    assert status["cache"]["backend"] == "in-process"
    assert get("/api/supervision/tree").json["name"] == "vatwatch"
    assert get("/readyz").status_code == 200


@pytest.mark.parametrize("path", COLLECTIONS)
def test_a_collection_has_an_etag_and_is_compressed_for_clients_that_accept_it(
    service: Running, path: str
) -> None:
    plain = service.http.simulate_get(path)
    packed = service.http.simulate_get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    refused = service.http.simulate_get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.content == plain.content
    etag = plain.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = service.http.simulate_get(path, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == etag
    changed = service.http.simulate_get(path, headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_head_answers_as_get_does_without_a_body(service: Running) -> None:
    for path in PATHS:
        head = service.http.simulate_head(path)
        get = service.http.simulate_get(path)
        assert (path, head.status_code) == (path, get.status_code)
        assert head.content == b""
        assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_every_error_is_a_problem_document(service: Running) -> None:
    get = service.http.simulate_get
    assert problem(get("/api/nothing"), 404)["instance"] == "/api/nothing"
    assert "NOBODY" in problem(get("/api/flights/nobody"), 404)["detail"]
    problem(get("/api/flights/nobody/track"), 404)
    problem(get("/api/controllers/nobody"), 404)
    for limit in ("0", "-1", "many", "100000", "1.5"):
        problem(get("/api/events", params={"limit": limit}), 400)
    for path in PATHS:
        if path == "/api/events":
            continue  # takes events, from who has a key
        answer = service.http.simulate_post(path)
        problem(answer, 405)
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "callsign",
    ["%00", "A%2FB", "%FF%FE", "%ED%A0%80", "ÄÖ✈", "%20", "A" * 3000, "..", "%0A", "'--"],
)
def test_a_callsign_that_is_none_is_not_found_and_costs_nothing(
    service: Running, callsign: str
) -> None:
    for path in ("/api/flights/{}", "/api/flights/{}/track", "/api/controllers/{}"):
        problem(service.http.simulate_get(path.format(callsign)), 404)
    assert service.node("history").restarts_total == 0
    assert service.node("history").asks_failed == 0


def test_limit_and_type_choose_among_the_events(service: Running) -> None:
    events = service.http.simulate_get("/api/events?limit=3").json
    assert events["count"] == len(events["events"]) == 3
    some = service.http.simulate_get(
        "/api/events?type=flight_created,POSITION_UPDATE&limit=1000"
    ).json
    assert {event["type"] for event in some["events"]} == {"FLIGHT_CREATED", "POSITION_UPDATE"}


def test_nothing_to_serve_yet_is_503_with_the_reason(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        ready = service.http.simulate_get("/readyz")
        assert "No live state to serve" in problem(ready, 503)["detail"]
        assert ready.headers["Retry-After"]
        boards = ("/api/airports", "/api/airports/EGLL", "/api/firs", "/api/firs/EDGG")
        sectors = ("/api/sectors", "/api/sectors/Nowhere", "/api/sectors/Nowhere%2FWest")
        for path in (*COLLECTIONS, *boards, *sectors):
            answer = service.http.simulate_get(path)
            problem(answer, 503)
            assert answer.headers["Retry-After"]
        assert service.http.simulate_get("/healthz").status_code == 200
        assert service.http.simulate_get("/api/status").json["status"] == "unhealthy"


def test_without_database_redis_and_feed_every_endpoint_answers(tmp_path: Path) -> None:
    given = {
        "callsign": "DLH1",
        "flight_id": "1",
        "session_id": "1",
        "name": "store",
        "letter_id": "00000000-0000-0000-0000-000000000000",
        "key_id": "00000000-0000-0000-0000-000000000000",
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "path": "vatwatch/data/store",
        "icao": "EDDF",
        "fir": "EDGG",
        "file": "docs.js",
    }
    nobody = f"unix://{tmp_path}/nobody.sock"
    with (
        FeedServer() as feeds,
        running(tmp_path, NOWHERE, feeds=feeds, REDIS_URL=nobody) as service,
    ):
        feeds.say(DATA, always=status("503 Service Unavailable"))
        until(lambda: service.http.simulate_get("/api/status").json["status"] == "unhealthy")
        paths = {
            re.sub(r"\{(\w+)(:\w+)?\}", lambda found: given[found[1]], route.path)
            for route in inspect.inspect_app(service.app).routes
            if any(m.method == "GET" and not m.internal for m in route.methods)
        }
        assert {"/api/config", "/api/services", "/api/alerts", "/api/flights/DLH1/track"} <= paths
        for path in sorted(paths):
            method = "HEAD" if path == "/api/stream" else "GET"  # its body has no end
            key = {"Authorization": f"Bearer {KEY}"}
            answer = service.http.simulate_request(method, path, headers=key)
            assert answer.status_code in (200, 404, 503), (path, answer.text)
            if answer.status_code != 200:
                assert answer.headers["Content-Type"].startswith("application/"), path


def test_a_service_whose_actors_do_not_run_answers_503_and_never_500(tmp_path: Path) -> None:
    tree: Tree = build(settings_for(tmp_path, VATSIM_POLL_INTERVAL=15), polls=False)
    client = falcon.testing.TestClient(
        create_app(
            AppContext(
                tree, datetime.now(UTC), WriteAuthorization([], rate="1/minute"), ask_timeout_s=0.05
            )
        )
    )
    for path in [*PATHS, "/api/flights/DLH1", "/api/flights/DLH1/track"]:
        answer = client.simulate_get(path)
        if path in ("/healthz", "/api/supervision/tree", *DOCUMENTS):
            assert answer.status_code == 200
        else:
            problem(answer, 503)
            assert answer.headers["Retry-After"]
