"""The actor `nodes`: who is there, and requests that one node passes on to another.

Two trees in one process, on a real Redis.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import pytest
from msgspec import structs

from tests.actors.harness import KEY, Running, eventually, until
from tests.actors.hook_server import HookServer
from tests.actors.node_house import Nodes, two_nodes
from tests.actors.test_alerter import told
from tests.actors.test_cache_and_bus import redis_at
from tests.actors.test_snapshot import NOWHERE
from vatwatch import http
from vatwatch.access.caller import Caller
from vatwatch.access.scopes import ALL
from vatwatch.cluster.node import ClusterRole
from vatwatch.cluster.passed_on import NodeRequest
from vatwatch.errors import NodeUnreachable
from vatwatch.http.nodes import TOLD
from vatwatch.messages import AskNode
from vatwatch.monitoring.health import Health
from vatwatch.storage.node_board import NodeBoard

CACHE = "/api/supervision/vatwatch/data/cache"
POSTGRESQL = "unhealthy:postgresql"
ADMIN = {"Authorization": f"Bearer {KEY}"}


def names(service: Running) -> list[str]:
    """The nodes that are alive, as this one sees it."""
    return [one.node for one in service.service.nodes().all if one.alive]


def until_they_see_each_other(nodes: Nodes) -> None:
    until(lambda: names(nodes.collecting) == names(nodes.following) == ["first", "second"])


def with_ghost(nodes: Nodes, redis_url: str, **said: Any) -> NodeBoard:
    """A third node is on the board, and nobody listens there; `said` is what it says of itself."""
    board = NodeBoard(redis_url)
    ghost = structs.replace(nodes.collecting.service.nodes().own, node="ghost", **said)

    def it_is_seen() -> bool:
        board.say(ghost)
        return "ghost" in names(nodes.following)

    until(it_is_seen)
    return board


def get(service: Running, path: str, **more: Any) -> Any:
    return service.http.simulate_get(path, headers=ADMIN, **more)


def test_nodes_see_each_other_and_whoever_ends_in_order_is_gone_at_once(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        nodes.following.tree.stop(10)
        until(lambda: names(nodes.collecting) == ["first"])
        listed = get(nodes.collecting, "/api/status").json["nodes"]
        assert [one["node"] for one in listed] == ["first"]


def test_a_node_answers_for_another_one_with_its_status_and_headers(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        for path in ("/api/supervision/vatwatch/data/store", "/api/alerts", "/metrics"):
            here = get(nodes.collecting, path, params={"node": "second"})
            there = get(nodes.following, path)
            assert (here.status_code, here.headers["Content-Type"]) == (
                200,
                there.headers["Content-Type"],
            )
        missing = get(
            nodes.collecting, "/api/supervision/vatwatch/nobody", params={"node": "second"}
        )
        assert missing.status_code == 404
        assert missing.headers["Content-Type"] == "application/problem+json"
        unknown = get(nodes.collecting, "/api/status", params={"node": "secnd"})
        assert (unknown.status_code, unknown.json["did_you_mean"]) == (400, "second")


def test_an_order_is_carried_out_where_it_is_meant_and_audited_there(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        path = "/api/supervision/vatwatch/data/history/restart"
        order = nodes.collecting.http.simulate_post
        before = nodes.following.node("history").restarts_total
        assert order(path, params={"node": "second"}).status_code == 401
        assert order(path, params={"node": "second"}, headers=ADMIN).status_code == 202
        until(lambda: nodes.following.node("history").restarts_total > before)
        assert nodes.collecting.node("history").restarts_total == 0
        # A fault, with a body.
        fault = {"kind": "crash", "target": "history", "skip": 1000}
        made = order(
            "/api/supervision/faults", params={"node": "second"}, json=fault, headers=ADMIN
        )
        assert made.status_code == 201
        assert len(nodes.following.tree.faults.active()) == 1
        assert nodes.collecting.tree.faults.active() == ()


def test_what_nobody_takes_in_time_is_never_carried_out_later(redis_url: str) -> None:
    board = NodeBoard(redis_url)
    request = NodeRequest(environ={}, body=b"", client="1.2.3.4", caller=None)
    with pytest.raises(NodeUnreachable) as told:
        board.ask("nobody", request, 0.2)
    assert not told.value.taken
    assert board.next_request("nobody") is None
    board.close()


def test_an_asker_learns_that_its_order_was_taken_though_no_answer_came(redis_url: str) -> None:
    taker, asker = NodeBoard(redis_url), NodeBoard(redis_url)
    request = NodeRequest(environ={}, body=b"x", client="1.2.3.4", caller=None)
    asked = gevent.spawn(asker.ask, "busy", request, 1.5)
    found = until(lambda: taker.next_request("busy"))
    assert found[1] == request
    asked.join()
    error = asked.exception
    assert isinstance(error, NodeUnreachable)
    assert error.taken
    for board in (taker, asker):
        board.close()


def test_a_node_that_gives_no_answer_is_503_if_it_was_named_and_else_the_own_answer_comes(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        board = with_ghost(nodes, redis_url)
        answer = get(nodes.following, "/api/status", params={"node": "ghost"})
        assert answer.status_code == 503
        assert "ghost" in answer.json["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        board.close()


def test_without_redis_each_node_answers_for_itself_and_says_that_it_sees_nobody(
    tmp_path: Path,
) -> None:
    path = tmp_path / "redis.sock"
    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        server.enter_context(redis_at(path))
        nodes = stack.enter_context(two_nodes(tmp_path, NOWHERE, f"unix://{path}"))
        until_they_see_each_other(nodes)
        server.close()
        until(lambda: names(nodes.following) == ["second"])
        assert get(nodes.following, "/api/status").status_code == 200

        def it_says_so() -> None:
            part = get(nodes.following, "/api/services/nodes/health").json
            assert part["health"] == "degraded"
            assert "cannot be seen" in part["reason"]

        eventually(it_says_so)


def test_a_request_to_another_node_needs_an_answer_of_it(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/healthz", "QUERY_STRING": ""}
        request = NodeRequest(environ=environ, body=b"", client="1.2.3.4", caller=None)
        address = nodes.collecting.tree.directory.address("nodes")
        answer = address.ask(AskNode("second", request, 5.0), timeout_s=10)
        assert (answer.status, answer.body) == ("200 OK", b'{"status":"alive"}')


def test_no_secret_goes_to_another_node_and_no_client_can_pretend_to_be_one(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        board = with_ghost(nodes, redis_url)
        # Also those that a proxy adds, whatever their names are.
        odd = ("Cookie", "Proxy-Authorization", "X-Api-Key", "X-Forwarded-Access-Token")
        headers = {**ADMIN, **dict.fromkeys(odd, "it-is-secret"), "Accept": "application/json"}
        asking = gevent.spawn(
            nodes.following.http.simulate_get,
            "/api/status",
            params={"node": "ghost"},
            headers=headers,
        )
        _, request = until(lambda: board.next_request("ghost"))
        asking.join()
        assert request.environ["HTTP_ACCEPT"] == "application/json"
        assert request.caller is not None
        shown = repr(request)
        assert KEY not in shown
        assert "it-is-secret" not in shown
        board.close()
        for name in ("vatwatch.passed_on", "Vatwatch-Passed-On", "HTTP_vatwatch.passed_on"):
            answer = nodes.following.http.simulate_post(
                "/api/supervision/vatwatch/data/cache/restart", headers={name: "x"}
            )
            assert answer.status_code == 401


def test_an_order_that_the_collector_has_not_taken_is_carried_out_here(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatwatch.http.nodes.ORDER_TIMEOUT_S", 1.0)
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        board = with_ghost(nodes, redis_url, role=ClusterRole.COLLECTOR, epoch=7)
        event = {"type": "SERVICE_STARTED", "payload": {"path": "a/part"}}
        made = nodes.following.http.simulate_post("/api/events", json=event, headers=ADMIN)
        assert made.status_code == 202, made.text
        board.close()


# They say who asks, which goes along in another way, or are for the first node alone.
OF_THE_FIRST = {
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    "HTTP_AUTHORIZATION",
    "HTTP_COOKIE",
    "HTTP_LAST_EVENT_ID",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_REQUEST_ID",
}


def test_every_header_that_decides_about_an_answer_goes_along() -> None:
    read = set()
    for file in Path(http.__path__[0]).glob("*.py"):
        if file.name == "nodes.py":
            continue
        text = file.read_text()
        read |= set(re.findall(r'"(HTTP_[A-Z_]+)"', text))
        named = re.findall(r'get_header\("([A-Za-z-]+)"\)', text)
        read |= {f"HTTP_{name.upper().replace('-', '_')}" for name in named}
    assert {"HTTP_ACCEPT", "HTTP_COOKIE", "HTTP_ORIGIN"} <= read
    assert read - OF_THE_FIRST <= {*TOLD}


def test_an_order_of_the_operators_page_behind_a_proxy_is_one_at_the_other_node_too(
    tmp_path: Path, redis_url: str
) -> None:
    """Where the page is from is told by the proxy, which the first node trusts."""
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        until_they_see_each_other(nodes)
        board = with_ghost(nodes, redis_url)
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": f"{CACHE}/restart", "QUERY_STRING": ""}
        environ |= {
            "CONTENT_TYPE": "application/json",
            "HTTP_HOST": "127.0.0.1:8001",
            "HTTP_ORIGIN": "https://vatwatch.example",
            "HTTP_X_FORWARDED_HOST": "vatwatch.example",
        }
        operator = Caller("operator", "operator", ALL, by_cookie=True)
        for forwarded, status in ((True, "202 Accepted"), (False, "403 Forbidden")):
            request = NodeRequest(environ, b"", "1.2.3.4", operator, forwarded=forwarded)
            answer = board.ask("second", request, 10.0)
            assert answer.status == status, answer.body
        board.close()


def test_people_are_told_of_an_alert_by_one_node_and_by_the_next_one_when_that_has_gone(
    tmp_path: Path, redis_url: str, hook: HookServer
) -> None:
    settings = {
        "VATWATCH_ALERT_WEBHOOKS": hook.url,
        "VATWATCH_ALERT_HOLD": 0,
        "VATWATCH_ALERT_INTERVAL": 0.1,
    }
    with two_nodes(tmp_path, NOWHERE, redis_url, **settings) as nodes:
        until_they_see_each_other(nodes)
        until(lambda: told(hook, "firing", POSTGRESQL), "the first one tells")
        # Both know of it, and have judged often since.
        until(lambda: nodes.following.reports().parts["postgresql"].health is Health.UNHEALTHY)
        handled = nodes.following.node("alerter").handled
        until(lambda: nodes.following.node("alerter").handled > handled + 10)
        assert len(told(hook, "firing", POSTGRESQL)) == 1
        nodes.collecting.tree.stop(10)
        # The table is away, from which the next one would know that it was told.
        until(lambda: len(told(hook, "firing", POSTGRESQL)) == 2, "the next one tells")
