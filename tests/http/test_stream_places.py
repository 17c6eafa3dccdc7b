"""One address, or one key, has so many clients of the stream and no more; each gives its place
back, however it ends."""

from __future__ import annotations

import gc
import json
import socket
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon
import gevent
import pytest
from falcon.testing import TestClient, create_environ
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.actors.harness import KEY, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from vatwatch.config.settings import load
from vatwatch.http import stream_client
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.connection import AskerWatch, _Connection
from vatwatch.http.described_app import DescribedApp
from vatwatch.http.stream import StreamHub
from vatwatch.supervision import Tree
from vatwatch.system import declare

OTHER_KEY = "another-key-of-the-tests"
PROXY = "192.0.2.1"
SLOW_S = 0.02


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("places"), NOWHERE) as service:
        yield service


class Fails:
    """Middleware that has a bug, for whom asks for it."""

    def process_response(
        self, req: falcon.Request, _resp: falcon.Response, _resource: object, _ok: bool
    ) -> None:
        if req.get_header("X-Fail"):
            raise RuntimeError("a bug")


class House:
    """The app with limits of its own, on the tree of all tests."""

    def __init__(self, tree: Tree, *, limit: int, of_one: int) -> None:
        context = AppContext(
            tree,
            datetime.now(UTC),
            WriteAuthorization([KEY, OTHER_KEY], rate="1/minute"),
            trusted_proxies=(PROXY,),
            stream_clients=limit,
            stream_clients_per_address=of_one,
        )
        self.app: DescribedApp = create_app(context)
        self.app.add_middleware(Fails())
        self.hub: StreamHub = self.app.routes["/api/stream"]._hub  # type: ignore[attr-defined]
        self.hub.slow_s = SLOW_S

    def __len__(self) -> int:
        return len(self.hub.places)

    def is_empty(self) -> bool:
        """Nobody has a place, and nobody who has gone is remembered."""
        return not len(self) and not self.hub.places._taken and not [*self.hub.feeds.seats()]

    def metrics(self) -> dict[str, float]:
        lines = TestClient(self.app).simulate_get("/metrics").text.splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines)
            if name.startswith("vatwatch_stream_clients")
        }


class Visit:
    """A request for the stream, as gunicorn hands it to the app."""

    def __init__(self, house: House, address: str = "10.0.0.1", **headers: str) -> None:
        self.ours, self.theirs = socket.socketpair()
        environ = create_environ(
            "/api/stream",
            query_string="channels=positions",
            remote_addr=address,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        environ["gunicorn.socket"] = self.ours
        self.status, self.headers = 0, dict[str, str]()
        self.body: Any = house.app(environ, self._begin)
        if self.status != 200:  # nobody will listen
            self.ours.close()
            self.theirs.close()

    def _begin(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = int(status.split()[0]), dict(headers)

    def problem(self) -> Any:
        return json.loads(b"".join(self.body))

    def begin(self) -> None:
        """Read its first bytes."""
        assert next(iter(self.body)).startswith(b"retry: ")

    def serve(self) -> None:
        """Iterate over it to its end, as gunicorn does."""

        def serving() -> None:
            try:
                for _ in self.body:
                    pass
            finally:
                self.close()

        gevent.spawn(serving)

    def take_nothing(self) -> None:
        """All that the kernel holds for a client is full."""
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, stream_client.SEND_BUFFER_BYTES)
        self.ours.setblocking(False)
        with suppress(BlockingIOError):
            while self.ours.send(b"x" * 4096):
                pass
        self.ours.setblocking(True)

    def close(self) -> None:
        """The server's end of it."""
        if hasattr(self.body, "close"):
            self.body.close()
        self.ours.close()
        self.theirs.close()


def key(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_one_address_cannot_take_all_places(service: Running) -> None:
    house = House(service.tree, limit=5, of_one=3)
    of_one = [Visit(house, "10.0.0.1") for _ in range(3)]
    assert [one.status for one in of_one] == [200] * 3
    refused = Visit(house, "10.0.0.1")
    assert refused.status == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert "VATWATCH_STREAM_CLIENTS_PER_ADDRESS" in refused.problem()["detail"]
    others = [Visit(house, f"10.0.0.{number}") for number in (2, 3)]
    assert [one.status for one in others] == [200] * 2
    # Now there is no place for anybody, and who has too many is told that.
    assert [Visit(house, f"10.0.0.{number}").status for number in (4, 1)] == [503, 429]
    figures = house.metrics()
    assert figures["vatwatch_stream_clients"] == 5
    assert figures["vatwatch_stream_clients_limit"] == 5
    assert figures["vatwatch_stream_clients_per_address_limit"] == 3
    assert figures["vatwatch_stream_clients_refused_total"] == 1
    assert figures["vatwatch_stream_clients_refused_per_address_total"] == 2
    of_one[0].close()
    again = Visit(house, "10.0.0.1")
    assert again.status == 200
    for one in (*of_one, *others, again):
        one.close()
    assert house.is_empty()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("2001:db8:0:1::1", {}), ("2001:db8:0:1:ffff::2", {}), True),
        (("2001:db8:0:1::1", {}), ("2001:db8:0:2::1", {}), False),
        (("10.0.0.1", {}), ("::ffff:10.0.0.1", {}), True),
        ((PROXY, {"X_Forwarded_For": "10.0.0.1"}), ("10.0.0.1", {}), True),
        ((PROXY, {"X_Forwarded_For": "10.0.0.1"}), (PROXY, {"X_Forwarded_For": "10.0.0.2"}), False),
        # Who is no trusted proxy may say what he likes.
        (("10.0.0.9", {"X_Forwarded_For": "8.8.8.8"}), ("10.0.0.9", {}), True),
        (("10.0.0.1", key(KEY)), ("10.0.0.2", key(KEY)), True),
        (("10.0.0.1", key(KEY)), ("10.0.0.1", {}), False),
        (("10.0.0.1", key(KEY)), ("10.0.0.1", key(OTHER_KEY)), False),
        (("10.0.0.1", key("no-key-that-is-known")), ("10.0.0.1", {}), True),
    ],
)  # fmt: skip
def test_a_client_counts_for_whom_its_requests_count(
    service: Running, one: Any, other: Any, same: bool
) -> None:
    house = House(service.tree, limit=9, of_one=1)
    first, second = (Visit(house, address, **headers) for address, headers in (one, other))
    assert (first.status, second.status) == (200, 429 if same else 200)
    if other[1].get("Authorization") == f"Bearer {KEY}":
        assert second.problem()["detail"].startswith("One key ")
    first.close()
    second.close()
    assert house.is_empty()


def test_who_hangs_up_gives_his_place_back_though_there_is_nothing_to_send_him(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_client, "HEARTBEAT_S", 1e6)
    house = House(service.tree, limit=9, of_one=1)
    visit = Visit(house)
    visit.serve()
    assert b"event: snapshot" in visit.theirs.recv(65536)
    assert Visit(house).status == 429
    visit.theirs.close()
    until(house.is_empty)
    again = Visit(house)
    assert again.status == 200
    again.close()


def test_nothing_of_a_client_stays_when_it_has_left(service: Running) -> None:
    house = House(service.tree, limit=9, of_one=1)
    gc.disable()  # what goes round in a circle would be found by it, some day
    try:
        visit = Visit(house)
        visit.begin()
        visit.close()
        left = weakref.ref(visit.body)
        del visit
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("sends", [b"GET / HTTP/1.1\r\n\r\n", b""])
def test_the_hub_is_woken_once_by_whoever_sends_something_into_his_stream(sends: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        told: list[bool] = []
        watch = AskerWatch(_Connection(ours), lambda: told.append(True))
        if sends:
            theirs.sendall(sends)
        else:
            theirs.close()
        until(lambda: watch._watcher is None)
        assert told == ([] if sends else [True])
        watch.close()


def test_an_answer_that_fails_after_the_stream_was_opened_keeps_no_place(service: Running) -> None:
    house = House(service.tree, limit=9, of_one=1)
    for _ in range(3):
        failed = Visit(house, X_Fail="yes")
        assert failed.status == 500
        assert house.is_empty()


def test_a_stream_that_cannot_be_opened_keeps_no_place(tmp_path: Path) -> None:
    # Of a tree that was not started.
    house = House(Tree(declare(load(env={}, directory=tmp_path))), limit=9, of_one=1)
    for _ in range(3):
        assert Visit(house).status == 503
        assert house.is_empty()
    assert house.metrics()["vatwatch_stream_clients_refused_total"] == 0


OWNERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("10.0.0.1", {}), ("10.0.0.2", {}), ("10.0.0.1", key(KEY)),
)  # fmt: skip
WAYS = ("is never read", "ends", "hangs up", "takes nothing", "is cut off")
STEPS = st.lists(
    st.tuples(st.just("opens"), st.integers(0, len(OWNERS) - 1))
    | st.tuples(st.just("fails"), st.integers(0, len(OWNERS) - 1))
    | st.tuples(st.sampled_from(WAYS), st.integers(0, 20)),
    max_size=30,
)


def finish(visit: Visit, way: str) -> None:
    """Have a client end in one of the ways."""
    if way == "is never read":
        visit.close()
    elif way == "ends":
        visit.begin()
        visit.close()
    elif way == "hangs up":
        visit.serve()
        visit.theirs.close()
    elif way == "takes nothing":
        visit.take_nothing()
        visit.serve()
    else:
        visit.serve()
        visit.body.end()


@settings(max_examples=60)
@given(steps=STEPS)
def test_however_clients_come_and_go_the_places_are_those_of_who_is_there(
    service: Running, steps: list[tuple[str, int]]
) -> None:
    house = House(service.tree, limit=6, of_one=3)
    there: list[tuple[int, Visit]] = []
    slow = 0
    for what, number in steps:
        if what in ("opens", "fails"):
            address, headers = OWNERS[number]
            of_all = Counter(owner for owner, _ in there)
            full = 429 if of_all[number] == 3 else 503 if len(there) == 6 else 0
            more = {"X_Fail": "yes"} if what == "fails" else {}
            visit = Visit(house, address, **headers, **more)
            assert visit.status == (500 if what == "fails" else full or 200)
            if visit.status == 200:
                there.append((number, visit))
        elif there:
            _, visit = there.pop(number % len(there))
            finish(visit, what)
            slow += what == "takes nothing"
            until(lambda: len(house) == len(there))
        assert len(house) == len(there)
    for _, visit in there:
        visit.close()
    assert house.is_empty()
    assert house.hub.dropped == slow
