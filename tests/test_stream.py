"""The stream of the running service, as clients get it from their sockets."""

from __future__ import annotations

import json
import re
import signal
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.live.stream.client import Follower
from tests.process import Process, started


class Listener(Follower):
    """A client with a connection of its own."""

    def __init__(self, process: Process, path: str = "/api/stream", **headers: str) -> None:
        super().__init__()
        self.connection = HTTPConnection("127.0.0.1", process.port, timeout=60)
        self.connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        self.answer: HTTPResponse = self.connection.getresponse()
        packed = self.answer.headers["Content-Encoding"] == "gzip"
        self._unpacking = zlib.decompressobj(31) if packed else None

    def read(self) -> bool:
        """Take what comes next; False at the end."""
        content = self.answer.read1(65536)
        if self._unpacking is not None:
            self.feed(self._unpacking.decompress(content))
        else:
            self.feed(content)
        return bool(content)

    def until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            assert self.read(), "the stream has ended"

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@contextmanager
def listening(process: Process, path: str = "/api/stream", **headers: str) -> Iterator[Listener]:
    with closing(Listener(process, path, **headers)) as listener:
        yield listener


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as feeds:
        yield feeds


LIMIT, LIMIT_OF_ONE = 12, 9
KEY = "a-key-of-the-tests"


@pytest.fixture(scope="module")
def service(shared_home: Path, feeds: FeedServer) -> Iterator[Process]:
    with started(
        shared_home,
        shared_home.parent / "log",
        VATSIM_API_URL=feeds.url,
        VATSIM_POLL_INTERVAL=0.2,
        VATWATCH_STREAM_CLIENTS=LIMIT,
        VATWATCH_STREAM_CLIENTS_PER_ADDRESS=LIMIT_OF_ONE,
        VATWATCH_API_KEYS=KEY,
    ) as process:
        process.until_ready()
        until(lambda: process.get("/api/flights")[0] == 200)
        yield process


def lists(process: Process) -> dict[str, Any]:
    found = {}
    for name in ("flights", "controllers", "atis"):
        for record in process.get(f"/api/{name}")[1][name]:
            found[Follower.id_of(record)] = record
    return found


def next_time(process: Process, feeds: FeedServer) -> str:
    """The time of the next update, when it is served."""
    served = process.get("/api/network")[1]["updated_at"]
    moment = str(feeds.advance().counts.update_timestamp)
    until(lambda: process.get("/api/network")[1]["updated_at"] != served, moment)
    return str(process.get("/api/network")[1]["updated_at"])


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_client_has_what_the_lists_say(
    service: Process, feeds: FeedServer, encoding: str
) -> None:
    with listening(service, Accept_Encoding=encoding) as client:
        assert client.answer.status == 200
        assert client.answer.headers["Content-Type"] == "text/event-stream"
        assert client.answer.headers["Cache-Control"] == "no-store"
        assert client.answer.headers.get("Content-Encoding", "identity") == encoding
        client.until(lambda: client.kinds)
        assert client.kinds[0] == "snapshot"
        for _ in range(2):
            moment = next_time(service, feeds)
            client.until(lambda moment=moment: client.written == moment)
            assert client.records == lists(service)
        # It may have been told as frozen while nothing moved it.
        fine = {"reachable": True, "frozen": False, "recovered": False}
        client.until(lambda: client.events and client.status and client.status["feed"] == fine)
        assert client.status["status"] in ("healthy", "degraded")


def test_all_who_ask_the_same_get_the_same(service: Process, feeds: FeedServer) -> None:
    path = "/api/stream?channels=positions"
    with listening(service, path) as one, listening(service, path, Accept_Encoding="gzip") as two:
        for client in (one, two):
            client.until(lambda client=client: client.kinds)
        moment = next_time(service, feeds)
        for client in (one, two):
            client.until(lambda client=client: client.written == moment)
            assert set(client.kinds) == {"snapshot", "delta"}
        assert one.records == two.records
        assert one.last_id == two.last_id


def test_who_comes_back_goes_on_where_he_was(service: Process, feeds: FeedServer) -> None:
    with listening(service) as client:
        client.until(lambda: client.last_id)
        left, records = client.last_id, dict(client.records)
    moment = next_time(service, feeds)
    by_header = Listener(service, Last_Event_ID=left)
    by_url = Listener(service, f"/api/stream?last_event_id={left}")
    # A browser sends the header to the URL that it was given at first.
    by_both = Listener(service, "/api/stream?last_event_id=long+ago/1", Last_Event_ID=left)
    for back in (by_header, by_url, by_both):
        with closing(back):
            back.records = dict(records)
            back.until(lambda back=back: back.written == moment)
            assert back.records == lists(service)
            assert "snapshot" not in back.kinds


@pytest.mark.parametrize("left", ["2020-01-01T00:00:00Z/7", "nonsense", "/"])
def test_who_was_away_for_too_long_gets_a_snapshot(service: Process, left: str) -> None:
    with listening(service, Last_Event_ID=left) as client:
        client.until(lambda: client.kinds)
        assert client.kinds[0] == "snapshot"


@pytest.mark.parametrize(
    ("query", "meant"),
    [("channels=position", "positions"), ("chanels=events", "channels"), ("channels=", None)],
)
def test_what_cannot_be_asked_for_is_named(service: Process, query: str, meant: str | None) -> None:
    status, problem = service.get(f"/api/stream?{query}")
    assert status == 400
    assert problem["parameter"] == query.partition("=")[0]
    assert problem.get("did_you_mean") == meant


def test_filters_in_the_url_decide_which_records_are_told_of(
    service: Process, feeds: FeedServer
) -> None:
    low = "/api/stream?channels=positions&altitude=..20000"
    with listening(service, low) as client, listening(service, f"{low}&phase=cruise") as nobody:
        for one in (client, nobody):
            one.until(lambda one=one: one.kinds)
        for _ in range(3):
            moment = next_time(service, feeds)
            for one in (client, nobody):
                one.until(lambda one=one, moment=moment: one.written == moment)
            listed = service.get("/api/flights?altitude=..20000")[1]["flights"]
            assert client.records == {one["flight_id"]: one for one in listed}
        cruising = service.get("/api/flights?altitude=..20000&phase=cruise")[1]["flights"]
        assert nobody.records == {one["flight_id"]: one for one in cruising}


@pytest.mark.parametrize(
    ("query", "name"),
    [("bbox=1,2,3", "bbox"), ("phase=climbing", "phase"), ("state=flying", "state")],
)
def test_a_filter_that_cannot_be_read_is_named(service: Process, query: str, name: str) -> None:
    status, problem = service.get(f"/api/stream?{query}")
    assert (status, problem["parameter"]) == (400, name)


def test_a_state_of_controllers_leaves_out_flights(service: Process) -> None:
    with listening(service, "/api/stream?state=controlling") as client:
        client.until(lambda: client.kinds)
        listed = service.get("/api/controllers?state=controlling")[1]["controllers"]
        assert client.records == {one["session_id"]: one for one in listed}


def test_the_client_in_the_docs_has_what_the_lists_say(service: Process, feeds: FeedServer) -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    section = page.partition("### GET /api/stream")[2]
    (code,) = re.findall(r"^```python\n(.*?)^```", section.partition("\n## ")[0], re.M | re.S)
    names: dict[str, Any] = {}
    program = code.replace("127.0.0.1:8001", f"127.0.0.1:{service.port}")
    assert program != code
    running = gevent.spawn(exec, program, names)  # it never ends by itself
    try:
        until(lambda: names.get("records"))
        for _ in range(2):
            next_time(service, feeds)
            until(lambda: names["records"] == lists(service))
    finally:
        running.kill()


def test_head_opens_no_stream(service: Process) -> None:
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
        for _ in range(2 * LIMIT):
            connection.request("HEAD", "/api/stream")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.headers["Content-Type"] == "text/event-stream"


def test_a_client_without_chunks_is_served(service: Process) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(b"GET /api/stream?channels=positions HTTP/1.0\r\n\r\n")
        head, _, body = _read_until(client, b"\n\nid: ").partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        follower = Follower()
        follower.feed(body)
        while not follower.kinds:
            follower.feed(client.recv(65536))
        assert follower.kinds == ["snapshot"]


def _read_until(client: socket.socket, text: bytes) -> bytes:
    content = b""
    while text not in content:
        content += client.recv(65536)
    return content


def test_more_clients_than_may_be_are_refused_and_cost_nobody_else_anything(
    service: Process, feeds: FeedServer
) -> None:
    # Those of the tests before go within moments.
    until(lambda: metric(service, "vatwatch_stream_clients") == 0)
    path, key = "/api/stream?channels=positions", f"Bearer {KEY}"
    clients = [Listener(service, path) for _ in range(LIMIT_OF_ONE)]
    try:
        with listening(service, path) as refused:
            assert refused.answer.status == 429
            assert refused.answer.headers["Content-Type"] == "application/problem+json"
            assert int(refused.answer.headers["Retry-After"]) > 0
            problem = json.loads(refused.answer.read())
        assert "VATWATCH_STREAM_CLIENTS_PER_ADDRESS" in problem["detail"]
        assert metric(service, "vatwatch_stream_clients_refused_per_address_total") == 1
        # Who has a key counts for it.
        clients += [Listener(service, path, Authorization=key) for _ in range(LIMIT_OF_ONE, LIMIT)]
        with listening(service, path, Authorization=key) as refused:
            assert refused.answer.status == 503
            assert "(VATWATCH_STREAM_CLIENTS)" in json.loads(refused.answer.read())["detail"]
        assert metric(service, "vatwatch_stream_clients") == LIMIT
        assert metric(service, "vatwatch_stream_clients_refused_total") >= 1
        moment = next_time(service, feeds)
        for client in clients:
            client.until(lambda client=client: client.written == moment)
    finally:
        for client in clients:
            client.close()
    until(lambda: metric(service, "vatwatch_stream_clients") == 0)


def metric(process: Process, name: str) -> float:
    with closing(HTTPConnection("127.0.0.1", process.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_a_stop_of_the_service_ends_streams_at_once(
    tmp_path: Path, feeds: FeedServer, shared_home: Path
) -> None:
    with started(
        tmp_path / "home", tmp_path / "log", VATSIM_API_URL=feeds.url, DATABASE_URL=NOWHERE
    ) as process:
        until(lambda: process.get("/api/flights")[0] == 200)
        with (
            listening(process) as one,
            listening(process, Accept_Encoding="gzip") as two,
            listening(process) as unread,
        ):
            for client in (one, two):
                client.until(lambda client=client: client.kinds)
            process.popen.send_signal(signal.SIGTERM)
            while one.read():
                pass
            while two.read():
                pass
            assert process.wait() == 0
            assert unread.answer.status == 200
        assert "without an answer" not in process.said()
        assert "Traceback" not in process.said()


NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def test_without_a_feed_and_a_database_the_stream_waits_for_the_first_state(
    tmp_path: Path, feeds: FeedServer
) -> None:
    with started(
        tmp_path / "home",
        tmp_path / "log",
        VATSIM_API_URL="http://127.0.0.1:1/",
        DATABASE_URL=NOWHERE,
    ) as process:
        until(lambda: process.get("/healthz")[0] == 200)
        with listening(process) as client:
            client.until(lambda: client.status and not client.status["feed"]["reachable"])
            assert client.kinds[0] == "snapshot"
            assert (client.written, client.records) == (None, {})


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_with_redis_a_client_goes_on_after_a_restart_of_the_service(
    tmp_path: Path, feeds: FeedServer, redis_url: str, by: signal.Signals
) -> None:
    environment = {
        "VATSIM_API_URL": feeds.url,
        "VATSIM_POLL_INTERVAL": 0.2,
        "REDIS_URL": redis_url,
        "DATABASE_URL": NOWHERE,
    }
    path = "/api/stream?channels=positions,controllers"
    with started(tmp_path / "home", tmp_path / "log", **environment) as process:
        until(lambda: process.get("/api/flights")[0] == 200)
        with listening(process, path) as client:
            moment = next_time(process, feeds)
            client.until(lambda: client.written == moment)
            left, records = client.last_id, dict(client.records)
            if by is signal.SIGKILL:
                until(lambda: _is_in_redis(process, left))
            for each in process.family() if by is signal.SIGKILL else ():
                each.kill()
            process.popen.send_signal(by)
            process.popen.wait(60)
    with started(tmp_path / "home", tmp_path / "log2", **environment) as process:
        until(lambda: process.get("/api/flights")[0] == 200)
        with listening(process, path, Last_Event_ID=left) as client:
            client.records = records
            moment = next_time(process, feeds)
            client.until(lambda: client.written == moment)
            assert client.records == lists(process)
            assert "snapshot" not in client.kinds


def _is_in_redis(process: Process, left: str) -> bool:
    report = process.get("/api/services/stream/health")[1]["status"]
    return int(report["mirrored"].rpartition("/")[2] or 0) >= int(left.rpartition("/")[2])


def test_the_access_log_has_all_bytes_of_a_stream(tmp_path: Path, feeds: FeedServer) -> None:
    with started(
        tmp_path / "home",
        tmp_path / "log",
        VATSIM_API_URL=feeds.url,
        DATABASE_URL=NOWHERE,
        VATWATCH_LOG_FORMAT="json",
    ) as process:
        until(lambda: process.get("/api/flights")[0] == 200)
        with listening(process, "/api/stream?channels=positions") as client:
            client.until(lambda: client.kinds)
            process.popen.send_signal(signal.SIGTERM)
            while client.read():
                pass
            process.wait()
    lines = (tmp_path / "home" / "access.log").read_text().splitlines()
    (line,) = [json.loads(line) for line in lines if "/api/stream" in line]
    assert line["bytes"] > len(json.dumps(client.records)) / 2
