"""Whoever follows the stream by a client has what the lists say, whatever happens in between."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import until
from tests.chaos.proxy import Proxy
from tests.client.askers import KINDS, Follower, Now, asker
from tests.client.scripted import Scripted, answer, stream
from tests.feed_server import FeedServer
from tests.ports import free_port
from tests.process import Process, started, until_served
from vatwatch.client import NoAnswer, NotUnderstood, ProblemReceived

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as feeds:
        yield feeds


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, feeds: FeedServer) -> Iterator[Process]:
    home = tmp_path_factory.mktemp("service")
    with started(home / "home", home / "log", **environment(feeds)) as process:
        until(lambda: process.get("/api/flights")[0] == 200)
        yield process


def environment(feeds: FeedServer) -> dict[str, object]:
    return {
        "VATSIM_API_URL": feeds.url,
        "VATSIM_POLL_INTERVAL": 0.2,
        "DATABASE_URL": NOWHERE,
    }


def lists(process: Process, query: str = "") -> dict[str, Any]:
    return {
        record[field]: record
        for name, field in (
            ("flights", "flight_id"), ("controllers", "session_id"), ("atis", "callsign")
        )
        for record in process.get(f"/api/{name}{query}")[1][name]
    }  # fmt: skip


def advance(process: Process, feeds: FeedServer) -> str:
    """The time of the next update, when it is served."""
    feeds.advance()
    return until_served(process, feeds)


def test_what_is_kept_is_what_the_lists_say(kind: str, service: Process, feeds: FeedServer) -> None:
    with asker(kind, service.base) as client:
        follower = Follower(client)
        until(lambda: follower.kinds)
        for _ in range(3):
            moment = advance(service, feeds)
            until(lambda moment=moment: follower.present.updated_at == moment)
            assert follower.records() == lists(service)
        until(lambda: follower.present.status and "event" in follower.kinds)
        assert follower.kinds.count("snapshot") == 1
        follower.end_with_the_next_message()
        feeds.advance()
        follower.join()
        assert follower.error is None


def test_filters_and_channels_are_those_of_the_service(
    kind: str, service: Process, feeds: FeedServer
) -> None:
    with asker(kind, service.base) as client:
        follower = Follower(client, channels=["positions"], altitude="..20000")
        until(lambda: follower.kinds)
        moment = advance(service, feeds)
        until(lambda: follower.present.updated_at == moment)
        listed = service.get("/api/flights?altitude=..20000")[1]["flights"]
        assert follower.records() == {one["flight_id"]: one for one in listed}
        assert set(follower.kinds) == {"snapshot", "delta"}
        follower.kill()
        wrong = Follower(client, channels="position")
        wrong.join()
        assert isinstance(wrong.error, ProblemReceived)
        assert wrong.error.did_you_mean == "positions"


@pytest.fixture
def cable(service: Process) -> Iterator[Proxy]:
    cable = Proxy(("127.0.0.1", service.port))
    yield cable
    cable.stop()


def test_after_a_cut_it_goes_on_where_it_was(
    kind: str, service: Process, feeds: FeedServer, cable: Proxy
) -> None:
    with asker(kind, f"http://127.0.0.1:{cable.port}") as client:
        follower = Follower(client)
        until(lambda: follower.kinds)
        for _ in range(2):
            told = len(follower.messages)
            cable.refuse(True)
            moment = advance(service, feeds)
            while_cut = str(feeds.published.counts.update_timestamp)
            assert len(follower.messages) == told
            cable.refuse(False)
            until(lambda moment=moment: follower.present.updated_at == moment)
            assert follower.records() == lists(service)
        assert follower.kinds.count("snapshot") == 1
        assert cable.connections >= 3
        # No event was told twice, and none was left out.
        path = f"/api/events?limit=1000&correlation_id={while_cut}"
        told_of = [one for one in follower.messages if one.kind == "event"]
        until(
            lambda: (
                {one.data["id"] for one in follower.messages if one.kind == "event"}
                >= {one["id"] for one in service.get(path)[1]["events"]}
            )
        )
        assert len(told_of) == len({one.data["id"] for one in told_of}) > 5


def test_another_stream_goes_on_where_one_was_left(
    kind: str, service: Process, feeds: FeedServer
) -> None:
    with asker(kind, service.base) as client:
        one = Follower(client, channels="positions")
        until(lambda: one.kinds)
        one.end_with_the_next_message()
        advance(service, feeds)
        one.join()  # one loop of asyncio at a time
        moment = advance(service, feeds)
        two = Follower(
            client, channels="positions", keep=one.present, last_event_id=one.messages[-1].id
        )
        until(lambda: one.present.updated_at == moment)
        assert "snapshot" not in two.kinds
        listed = service.get("/api/flights")[1]["flights"]
        assert one.present.flights == {each["flight_id"]: each for each in listed}


@pytest.mark.parametrize(
    ("by", "redis"),
    [(signal.SIGTERM, False), (signal.SIGKILL, False), (signal.SIGKILL, True)],
    ids=["ended", "killed", "killed, with Redis"],
)
def test_a_restart_of_the_service_leaves_no_hole(
    kind: str,
    by: signal.Signals,
    redis: bool,
    tmp_path: Path,
    feeds: FeedServer,
    redis_url: str,
) -> None:
    given = environment(feeds) | {"PORT": free_port()} | ({"REDIS_URL": redis_url} if redis else {})
    home = tmp_path / "home"
    with asker(kind, f"http://127.0.0.1:{given['PORT']}") as client:
        # Nobody is there yet: it waits.
        follower = Follower(client, channels=["positions", "controllers"])
        with started(home, tmp_path / "log", **given) as process:
            until(lambda: process.get("/api/flights")[0] == 200)
            moment = advance(process, feeds)
            until(lambda: follower.present.updated_at == moment)
            family = process.family()
            process.popen.send_signal(by)
            for each in family if by is signal.SIGKILL else ():
                each.kill()
            process.popen.wait(60)
        feeds.advance(2)
        with started(home, tmp_path / "log2", **given) as process:
            until(lambda: process.get("/api/flights")[0] == 200)
            moment = advance(process, feeds)
            until(lambda: follower.present.updated_at == moment)
            assert follower.records() == lists(process)
        assert follower.error is None


# --- what a server may do -------------------------------------------------------------------------


RETRY = b"retry: 10\n\n"


def told(kind: str, at: str, data: Any) -> bytes:
    return f"id: {at}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


SNAPSHOT = told("snapshot", "t/1", {"updated_at": "t", "flights": [{"flight_id": "1"}]})
DELTA = told("delta", "t/2", {"updated_at": "u", "previous": "t",
                             "changed": [{"flight_id": "2"}], "gone": ["1"]})  # fmt: skip


def places(server: Scripted) -> list[str | None]:
    return [headers.get("last-event-id") for _, headers in server.requests]


def test_an_event_that_is_not_json_is_asked_for_again(kind: str) -> None:
    with (
        Scripted(
            stream(RETRY, SNAPSHOT, b"id: t/2\nevent: delta\ndata: {\n\n", 60.0),
            stream(RETRY, b"event: delta\ndata: nonsense\n\n", 60.0),
            stream(RETRY, SNAPSHOT, DELTA, 60.0),
        ) as server,
        asker(kind, server.url) as client,
    ):
        follower = Follower(client)
        until(lambda: follower.kinds == ["snapshot", "snapshot", "delta"])
        # Once more from where it was; then all anew.
        assert places(server) == [None, "t/1", None]
        assert list(follower.present.flights) == ["2"]


@pytest.mark.parametrize(
    "between",
    [
        stream(RETRY),
        stream(RETRY, SNAPSHOT[:20]),
        answer(body=b"<html>we are back soon</html>", kind="text/html"),
        answer("503 Service Unavailable", Retry_After="0"),
        answer("429 Too Many Requests"),
        answer("502 Bad Gateway", b"<html>", "text/html"),
        [],
        [b"SSH-2.0-OpenSSH_9.2\r\n"],
    ],
    ids=["ended", "cut", "a page", "503", "429", "502", "hung up", "no HTTP"],
)
def test_what_comes_between_is_waited_out(kind: str, between: list[bytes | float]) -> None:
    with (
        Scripted(stream(RETRY, SNAPSHOT), between, stream(RETRY, DELTA, 60.0)) as server,
        asker(kind, server.url) as client,
    ):
        follower = Follower(client)
        until(lambda: follower.kinds == ["snapshot", "delta"])
        assert places(server) == [None, "t/1", "t/1"]


def test_a_connection_without_heartbeats_is_taken_for_dead(kind: str) -> None:
    with (
        Scripted(stream(RETRY, SNAPSHOT, 60.0), stream(RETRY, DELTA, 60.0)) as server,
        asker(kind, server.url) as client,
    ):
        follower = Follower(client, silence_s=0.3)
        until(lambda: "delta" in follower.kinds)
        assert places(server)[:2] == [None, "t/1"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(), NotUnderstood),
        (answer("401 Unauthorized"), ProblemReceived),
        (answer("404 Not Found"), ProblemReceived),
        (answer("301 Moved Permanently", b"", Location="/"), ProblemReceived),
    ],
)
def test_what_will_not_be_otherwise_is_an_error(
    kind: str, said: list[bytes | float], error: type[Exception]
) -> None:
    with Scripted(said) as server, asker(kind, server.url) as client:
        follower = Follower(client)
        follower.join()
        assert isinstance(follower.error, error)


def test_it_gives_up_if_it_is_told_to(kind: str) -> None:
    with Scripted([]) as server, asker(kind, server.url) as client:
        follower = Follower(client, give_up_after_s=0)
        follower.join()
        assert isinstance(follower.error, NoAnswer)


def test_a_stream_that_is_left_closes_its_connection() -> None:
    with Scripted(stream(RETRY, SNAPSHOT, DELTA, 60.0)) as server:
        asking = Now(server.url)
        messages = asking.client.stream()
        assert next(messages).kind == "snapshot"
        assert messages.last_id == "t/1"
        messages.close()
        assert next(messages, None) is None
        asking.close()
