"""What the clients are answered, by the running service, and by servers that answer wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import until
from tests.client.askers import KINDS, Awaited, Now, asker
from tests.client.scripted import Answer, Scripted, answer
from tests.feed_server import FeedServer
from tests.process import Process, started
from vatwatch.client import Client, NoAnswer, NotUnderstood, ProblemReceived
from vatwatch.client.types import boards, flights, history, stations

SLOW_KEY, KEY = "a-key-that-may-ask-rarely", "a-key-for-the-tests"
Asks = Callable[..., Any]


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedServer]:
    with FeedServer(pilots=60) as feeds:
        yield feeds


@pytest.fixture(scope="module")
def service(shared_home: Path, feeds: FeedServer) -> Iterator[Process]:
    with started(
        shared_home,
        shared_home.parent / "log",
        VATSIM_API_URL=feeds.url,
        VATSIM_POLL_INTERVAL=0.2,
        VATWATCH_API_KEYS=f"{KEY},{SLOW_KEY}",
        VATWATCH_KEY_RATE="5/second",
    ) as process:
        process.until_ready()
        feeds.advance()
        until(lambda: process.get("/api/status")[1]["counts"]["snapshots_stored"] >= 2)
        yield process


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, service: Process) -> Iterator[Now | Awaited]:
    with asker(kind, service.base) as made:
        yield made


def same(one: Any) -> Any:
    """Without the fields that are others with each answer."""
    return {name: value for name, value in one.items() if name not in {"updated_at"}}


def test_each_question_has_the_answer_of_its_address(
    client: Now | Awaited, service: Process
) -> None:
    flight = service.get("/api/flights")[1]["flights"][0]
    station = service.get("/api/controllers?state=controlling")[1]["controllers"][0]
    callsign, flight_id = flight["callsign"], flight["flight_id"]
    session = station["session_id"]
    asked: list[tuple[Asks, str]] = [
        (lambda c: c.flights(), "/api/flights"),
        (lambda c: c.flights(altitude="10000..", sort="-altitude", limit=3, fields=["callsign"]),
         "/api/flights?altitude=10000..&sort=-altitude&limit=3&fields=callsign"),
        (lambda c: c.flights(near=[50, 8.5, 500], cid=[flight["cid"], 1]),
         f"/api/flights?near=50,8.5,500&cid={flight['cid']},1"),
        (lambda c: c.flight(callsign), f"/api/flights/{callsign}"),
        (lambda c: c.track(callsign), f"/api/flights/{callsign}/track"),
        (lambda c: c.track(callsign, altitude="..60000", from_="2024-01-01T00:00:00Z"),
         f"/api/flights/{callsign}/track?altitude=..60000&from=2024-01-01T00:00:00Z"),
        (lambda c: c.prefiles(), "/api/prefiles"),
        (lambda c: c.controllers(state="controlling"), "/api/controllers?state=controlling"),
        (lambda c: c.controller(station["callsign"]), f"/api/controllers/{station['callsign']}"),
        (lambda c: c.atis(), "/api/atis"),
        (lambda c: c.transceivers(), "/api/transceivers"),
        (lambda c: c.network(), "/api/network"),
        (lambda c: c.airports(limit=3), "/api/airports?limit=3"),
        (lambda c: c.airport_boards(["EDDF", "EGLL"], block=15),
         "/api/airports?icao=EDDF,EGLL&flights=true&block=15"),
        (lambda c: c.airport("EDDF", block=15), "/api/airports/EDDF?block=15"),
        (lambda c: c.firs(), "/api/firs"),
        (lambda c: c.approaches(limit=3), "/api/approaches?limit=3"),
        (lambda c: c.sectors(), "/api/sectors"),
        (lambda c: c.frequency_matches(callsign=callsign),
         f"/api/frequency-matches?callsign={callsign}"),
        (lambda c: c.flight_contacts(flight_id), f"/api/history/flights/{flight_id}/contacts"),
        (lambda c: c.session_contacts(session), f"/api/history/sessions/{session}/contacts"),
        (lambda c: c.events(type=["FLIGHT_CREATED", "CONTROLLER_LOGON"], limit=5),
         "/api/events?type=FLIGHT_CREATED,CONTROLLER_LOGON&limit=5"),
        (lambda c: c.events(callsign="D*", cid=flight["cid"], limit=5),
         f"/api/events?callsign=D*&cid={flight['cid']}&limit=5"),
        (lambda c: c.get("/api/events/schemas"), "/api/events/schemas"),
    ]  # fmt: skip
    for question, path in asked:
        assert client.ask(question) == service.get(path)[1], path
    assert client.ask(lambda c: c.status())["counts"]["pilots"] > 0
    table = client.ask(lambda c: c.text("/api/flights", format="csv", fields="callsign"))
    assert table.splitlines()[0] == "callsign"


def test_a_time_that_is_asked_for_has_a_zone(client: Now | Awaited, service: Process) -> None:
    (newest,) = service.get("/api/events?limit=1")[1]["events"]
    after = datetime.fromisoformat(newest["time"]) + timedelta(days=900)
    assert client.ask(lambda c: c.events(since=after))["events"] == []
    matches = client.ask(lambda c: c.frequency_matches(from_=after))
    assert matches["matches"] == []
    with pytest.raises(ValueError, match="zone"):
        client.ask(lambda c: c.events(since=datetime(2026, 1, 1)))


@pytest.mark.parametrize("given", [{"limit": 7}, {}, {"limit": 7, "sort": "-callsign"}])
def test_each_goes_through_all_pages(
    client: Now | Awaited, service: Process, given: dict[str, Any]
) -> None:
    listed = service.get("/api/flights")[1]["flights"]
    found = client.all(lambda c: c.flights.each(**given))
    assert len(found) == len(listed) > 14
    assert {one["callsign"] for one in found} == {one["callsign"] for one in listed}
    events = client.all(lambda c: c.events.each(type="FLIGHT_CREATED", limit=20))
    assert len({event["id"] for event in events}) == len(events) >= len(listed)


def test_what_is_wrong_is_one_error_that_names_it(client: Now | Awaited) -> None:
    with pytest.raises(ProblemReceived) as wrong:
        client.ask(lambda c: c.get("/api/flights", arival="EDDF"))
    error = wrong.value
    assert (error.status, error.title, error.parameter) == (400, "Unknown parameter", "arival")
    assert (error.did_you_mean, error.document["instance"]) == ("arrival", "/api/flights")
    assert error.request_id
    assert "did you mean" in str(error)
    with pytest.raises(ProblemReceived) as unknown:
        client.ask(lambda c: c.flight("NO/BODY ✈"))
    assert (unknown.value.status, unknown.value.parameter) == (404, None)
    with pytest.raises(ProblemReceived) as locked:
        client.ask(lambda c: c.get("/api/keys"))
    assert locked.value.status == 401


def test_a_key_goes_along_and_changes_things(kind: str, service: Process) -> None:
    with asker(kind, service.base, KEY) as client:
        made = client.ask(
            lambda c: c.send("POST", "/api/keys", {"name": "roster", "scopes": ["read"]})
        )
        with pytest.raises(ProblemReceived) as wrong:
            client.ask(lambda c: c.send("POST", "/api/keys", {"name": "roster", "scopes": ["rea"]}))
        assert wrong.value.field == "scopes"
        path = f"/api/keys/{made['id']}"
        assert client.ask(lambda c: c.send("DELETE", path)) is None
        assert client.ask(lambda c: c.get(path))["usable"] is False
        assert KEY not in repr(client.client)


def test_more_than_a_key_may_ask_is_waited_for(kind: str, service: Process) -> None:
    with asker(kind, service.base, SLOW_KEY) as client:
        for _ in range(12):
            assert client.ask(lambda c: c.network())["pilots"] > 0
    with asker(kind, service.base, SLOW_KEY, patience_s=0) as client:

        def ask_often() -> None:
            for _ in range(12):
                client.ask(lambda c: c.network())

        with pytest.raises(ProblemReceived) as refused:
            ask_often()
        assert refused.value.status == 429
        assert refused.value.retry_after_s is not None


def test_the_types_have_the_fields_of_the_answers(service: Process) -> None:
    with Client(service.base) as client:
        flight = client.flights()["flights"][0]
        station = client.controllers()["controllers"][0]
        pairs: list[tuple[Any, Any]] = [
            (client.flights(), flights.FlightsAnswerDict),
            (flight, flights.FlightDict),
            (client.track(flight["callsign"]), flights.TrackBodyDict),
            (client.prefiles()["prefiles"][0], flights.PrefileDict),
            (station, stations.ControllerDict),
            (client.atis()["atis"][0], stations.AtisDict),
            (client.transceivers()["transceivers"][0], stations.RadiosDict),
            (client.network(), stations.NetworkDict),
            (client.airports()["airports"][0], boards.AirportInListDict),
            (client.airport("EDDF"), boards.AirportAnswerDict),
            (client.flight_contacts(flight["flight_id"]), history.FlightContactsDict),
            (client.session_contacts(station["session_id"]), history.SessionContactsDict),
            (client.events()["events"][0], history.EventRowDict),
        ]
    for answered, kind in pairs:
        assert answered.keys() == kind.__required_keys__, kind.__name__


# --- what a server may do -------------------------------------------------------------------------


def asked_of(kind: str, *answers: Answer, **options: Any) -> tuple[Any, Scripted]:
    """What the network is answered with, and the server."""
    with Scripted(*answers) as server, asker(kind, server.url, **options) as client:
        return client.ask(lambda c: c.network()), server


def test_an_unchanged_answer_costs_a_304_and_is_the_same(kind: str) -> None:
    with (
        Scripted(
            answer(body=b'{"pilots": 1}', ETag='"one"'),
            answer("304 Not Modified", b"", ETag='"one"'),
            answer(body=b'{"pilots": 2}', ETag='"two"'),
            answer("304 Not Modified", b"", ETag='"two"'),
        ) as server,
        asker(kind, server.url) as client,
    ):
        first = client.ask(lambda c: c.network())
        first["pilots"] = "spoilt by its user"
        assert [client.ask(lambda c: c.network())["pilots"] for _ in range(3)] == [1, 2, 2]
        sent = [headers.get("if-none-match") for _, headers in server.requests]
        assert sent == [None, '"one"', '"one"', '"two"']


def test_the_service_answers_304_to_what_it_sent(client: Now | Awaited, service: Process) -> None:
    first = client.ask(lambda c: c.flights(limit=2))
    assert client.ask(lambda c: c.flights(limit=2)) == first
    assert client.ask(lambda c: c.flights(limit=3)) != first
    metrics = client.ask(lambda c: c.text("/metrics"))
    assert 'status="304"' in metrics


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_later_is_waited_for(kind: str, status: str) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    for said in ("0", date):
        found, server = asked_of(
            kind, answer(status, Retry_After=said), answer(status), answer(body=b'{"pilots": 1}')
        )
        assert found == {"pilots": 1}
        assert len(server.requests) == 3


@pytest.mark.parametrize("said", ["3600", "Fri, 27 Nov 2099 12:00:00 GMT"])
def test_much_later_is_an_error_that_says_when(kind: str, said: str) -> None:
    problem = json.dumps({"title": "Service Unavailable", "status": 503, "detail": "Not yet."})
    refusal = answer(
        "503 Service Unavailable", problem.encode(), "application/problem+json", Retry_After=said
    )
    with pytest.raises(ProblemReceived) as raised:
        asked_of(kind, refusal)
    assert (raised.value.status, raised.value.detail) == (503, "Not yet.")
    assert (raised.value.retry_after_s or 0) >= 3600


def test_a_change_is_not_sent_twice_where_it_may_have_been_done(kind: str) -> None:
    for refusal, tries in ((answer("503 Service Unavailable", Retry_After="0"), 1), ([], 1),
                           (answer("429 Too Many Requests", Retry_After="0"), 2)):  # fmt: skip
        with Scripted(refusal, answer("202 Accepted")) as server, asker(kind, server.url) as client:
            try:
                client.ask(lambda c: c.send("POST", "/api/events", {}))
            except (ProblemReceived, NoAnswer):
                assert tries == 1
            assert len(server.requests) == tries


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (answer(body=b"<html>hotel wifi</html>", kind="text/html"), NotUnderstood, "text/html"),
        (answer(body=b'{"pilots": '), NotUnderstood, "is this vatwatch"),
        (answer("502 Bad Gateway", b"<html>", "text/html"), ProblemReceived, "502 Bad Gateway"),
        (answer("500 Oh", b"[1]", "application/problem+json"), ProblemReceived, "500 Internal"),
        (answer("404 No", b"{", "application/problem+json"), ProblemReceived, "404 Not Found"),
        (answer("302 Found", b"", Location="http://127.0.0.1:1/"), ProblemReceived, "302 Found"),
        (answer("799 What", b""), ProblemReceived, "799"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], NoAnswer, "cut the connection"),
        (answer(body=b"what", Content_Encoding="gzip"), NoAnswer, "no service answers"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{"], NoAnswer,
         "cut the connection"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_of_ours_is_told_of(
    kind: str, said: Answer, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        asked_of(kind, said)


def test_a_connection_that_is_cut_once_is_made_again(kind: str) -> None:
    assert asked_of(kind, [], answer(body=b'{"pilots": 1}'))[0] == {"pilots": 1}


@pytest.mark.parametrize(
    "slow",
    [
        [60.0],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 60.0],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", *[b" ", 0.05] * 2000],
    ],
    ids=["silent", "silent after the head", "a byte at a time"],
)
def test_a_slow_server_is_not_waited_for_for_ever(kind: str, slow: Answer) -> None:
    with pytest.raises(NoAnswer, match=r"within 0.5 s"):
        asked_of(kind, slow, timeout_s=0.5)


def test_nobody_there_is_told_of(kind: str) -> None:
    with asker(kind, "127.0.0.1:1") as client, pytest.raises(NoAnswer, match="no service answers"):
        client.ask(lambda c: c.network())


@pytest.mark.parametrize("url", ["http://", "ftp://here", "http://[::1", "http://here:port"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Client(url)


def test_the_address_and_the_key_may_be_in_the_environment(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scripted(answer(), host="::1") as server:
        monkeypatch.setenv("VATWATCH_URL", f"{server.url}/behind/a/proxy/")
        monkeypatch.setenv("VATWATCH_KEY", "secret")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        with asker(kind, None) as client:
            client.ask(lambda c: c.flight("A/B?C"))
        ((head, headers),) = server.requests
        assert head == "GET /behind/a/proxy/api/flights/A%2FB%3FC HTTP/1.1"
        assert headers["authorization"] == "Bearer secret"


def test_a_name_of_dots_is_a_name(kind: str) -> None:
    with Scripted(answer()) as server, asker(kind, server.url) as client:
        client.ask(lambda c: c.flight(".."))
        assert server.requests[0][0] == "GET /api/flights/%2E%2E HTTP/1.1"


def test_a_key_goes_to_the_service_and_to_nobody_else(kind: str) -> None:
    with Scripted(answer()) as server, asker(kind, "127.0.0.1:1", "secret") as client:
        with pytest.raises(ValueError, match="no path"):
            client.ask(lambda c: c.get(f"{server.url}/api/flights"))
        with pytest.raises(NoAnswer):
            client.ask(lambda c: c.get(f"//{server.url.removeprefix('http://')}/api/flights"))
        assert server.requests == []


def test_a_password_in_the_address_is_not_shown(kind: str) -> None:
    with asker(kind, "http://me:secret@127.0.0.1:1") as client:
        with pytest.raises(NoAnswer) as raised:
            client.ask(lambda c: c.network())
        assert "secret" not in f"{client.client!r} {raised.value}"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b"", b'{"flights": 7, "next_cursor": null}'])
def test_what_is_no_page_of_a_list_is_told_of(kind: str, body: bytes) -> None:
    with (
        Scripted(answer(body=body)) as server,
        asker(kind, server.url) as client,
        pytest.raises(NotUnderstood),
    ):
        client.all(lambda c: c.flights.each())


def test_an_answer_is_kept_no_longer_than_there_is_room() -> None:
    big = answer(body=json.dumps("x" * 3000).encode(), ETag='"big"')
    with Scripted(big) as server, Client(server.url) as client:
        client._kept._most_bytes = 7000
        for path in ("/1", "/2", "/3", "/3", "/1"):
            client.get(path)
        sent = [headers.get("if-none-match") for _, headers in server.requests]
        assert sent == [None, None, None, '"big"', None]
