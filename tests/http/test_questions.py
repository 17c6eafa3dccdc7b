"""Questions over HTTP: a line of their own for each actor, and an answer at once beyond it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import falcon
import falcon.testing
import gevent
import pytest
from gevent.event import Event

from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.messages import GetAlerts
from vatwatch.monitoring.alert_records import Alerts
from vatwatch.supervision import Actor, BreakerPolicy, Tell, Tree, supervisor, worker
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY

PATIENCE_S = 30.0
# Whose answer is one question, to one actor.
PATH = "/api/alerts?state=active"
NO_ALERTS = Alerts(rules=(), alerts=(), active=(), history=(), webhooks=())


@dataclass(frozen=True, slots=True)
class Wait(Tell):
    """Until it is opened."""

    gate: Event


@dataclass(frozen=True, slots=True)
class Break(Tell):
    """Fail."""


class Alerter(Actor):
    """In the place of the one that `PATH` asks."""

    asked = 0

    def on_receive(self, message: Any) -> Any:
        match message:
            case Wait(gate):
                gate.wait()
            case GetAlerts():
                Alerter.asked += 1
                return NO_ALERTS
            case _:
                raise RuntimeError("bug")
        return None


class House:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        authorization = WriteAuthorization(["k" * 20], rate="30/minute")
        self.http = falcon.testing.TestClient(
            create_app(AppContext(tree, datetime.now(UTC), authorization))
        )
        self.gate = Event()
        Alerter.asked = 0

    def hold(self) -> None:
        self.tree.directory.address("alerter").tell(Wait(self.gate))
        gevent.idle()

    def ask(self, **options: Any) -> falcon.testing.Result:
        return self.http.simulate_get(PATH, **options)

    def waiting(self) -> int:
        (node,) = self.tree.snapshot().children
        assert node.mailbox is not None
        return node.mailbox.public_depth


@contextmanager
def house() -> Iterator[House]:
    policy = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)
    child = worker("alerter", Alerter, breaker=policy)
    tree = Tree(supervisor("root", intensity=0, children=[child]))
    tree.start()
    try:
        yield House(tree)
    finally:
        tree.stop(PATIENCE_S)


def test_beyond_the_line_the_answer_is_503_at_once_with_the_time_to_come_back() -> None:
    with house() as here:
        here.hold()
        waiting = [gevent.spawn(here.ask) for _ in range(PUBLIC_CAPACITY)]
        while here.waiting() < PUBLIC_CAPACITY:
            gevent.sleep(0.001)
        answer = here.ask()  # nobody lets the others go before it is here
        assert answer.status == falcon.HTTP_503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert here.waiting() == PUBLIC_CAPACITY
        here.gate.set()
        gevent.joinall(waiting, timeout=PATIENCE_S)
        assert {each.value.status for each in waiting} == {falcon.HTTP_200}
        assert here.ask().status == falcon.HTTP_200


def test_a_client_that_repeats_refused_questions_does_not_keep_the_hub() -> None:
    with house() as here:
        here.hold()

        def ask_on() -> None:
            while not here.gate.is_set():
                here.ask()

        # More than fit: each of them that is refused asks again at once.
        asking = [gevent.spawn(ask_on) for _ in range(PUBLIC_CAPACITY + 20)]
        gevent.sleep(0.01)
        here.gate.set()
        gevent.joinall(asking, timeout=PATIENCE_S, raise_error=True)
        assert all(each.successful() for each in asking)


def test_a_suspended_service_says_when_it_is_tried_again() -> None:
    with house() as here:
        here.tree.directory.address("alerter").tell(Break())
        while (answer := here.ask()).status != falcon.HTTP_503:
            gevent.sleep(0.001)
        assert 3000 < int(answer.headers["Retry-After"]) <= 3600


@pytest.mark.parametrize("how", ["closed", "shut down", "forgotten"])
def test_a_client_that_hung_up_is_not_answered_and_leaves_room(how: str) -> None:
    with house() as here:
        here.hold()
        pairs = [socket.socketpair() for _ in range(PUBLIC_CAPACITY)]
        waiting = [
            gevent.spawn(here.ask, extras={"gunicorn.socket": server}) for server, _ in pairs
        ]
        while here.waiting() < PUBLIC_CAPACITY:
            gevent.sleep(0.001)
        assert here.ask().status == falcon.HTTP_503
        for server, client in pairs[:10]:
            if how == "closed":
                client.close()
            elif how == "shut down":
                client.shutdown(socket.SHUT_WR)
            else:
                server.close()
        late = gevent.spawn(here.ask)
        gevent.joinall(waiting[:10], timeout=PATIENCE_S)
        assert {each.value.status for each in waiting[:10]} == {falcon.HTTP_503}
        pairs[-1][1].close()  # and this one when its turn comes
        here.gate.set()
        assert late.get(timeout=PATIENCE_S).status == falcon.HTTP_200
        gevent.joinall(waiting, timeout=PATIENCE_S)
        assert waiting[-1].value.status == falcon.HTTP_503
        assert Alerter.asked == PUBLIC_CAPACITY - 11 + 1
        for server, client in pairs:
            server.close()
            client.close()


def test_a_client_with_another_request_on_its_connection_has_not_hung_up() -> None:
    server, client = socket.socketpair()
    with house() as here, server, client:
        client.send(b"GET /api/status HTTP/1.1\r\n")
        assert here.ask(extras={"gunicorn.socket": server}).status == falcon.HTTP_200
