"""The actor `nodes`: who is there, and requests that one node passes on to another.

Two trees in one process, on a real Redis.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import pytest
from msgspec import structs

from tests.actors.harness import KEY, Running, eventually, until
from tests.actors.node_house import Nodes, two_nodes
from tests.actors.test_cache_and_bus import redis_at
from tests.actors.test_snapshot import NOWHERE
from vatwatch.cluster.node import ClusterRole
from vatwatch.cluster.passed_on import NodeRequest
from vatwatch.errors import NodeUnreachable
from vatwatch.messages import AskNode
from vatwatch.storage.node_board import NodeBoard

ADMIN = {"Authorization": f"Bearer {KEY}"}


def names(service: Running) -> list[str]:
    """The nodes that are alive, as this one sees it."""
    return [one.node for one in service.service.nodes().all if one.alive]


def until_they_see_each_other(nodes: Nodes) -> None:
    until(lambda: names(nodes.collecting) == names(nodes.following) == ["first", "second"])


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
        # It is on the board, and nobody listens.
        board = NodeBoard(redis_url)
        ghost = structs.replace(nodes.collecting.service.nodes().own, node="ghost")

        def it_is_seen() -> bool:
            board.say(ghost)
            return "ghost" in names(nodes.following)

        until(it_is_seen)
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
        board = NodeBoard(redis_url)
        ghost = structs.replace(nodes.collecting.service.nodes().own, node="ghost")

        def it_is_seen() -> bool:
            board.say(ghost)
            return "ghost" in names(nodes.following)

        until(it_is_seen)
        headers = {**ADMIN, "Cookie": "vatwatch_session=secret", "X-Other": "yes"}
        asking = gevent.spawn(
            nodes.following.http.simulate_get,
            "/api/status",
            params={"node": "ghost"},
            headers=headers,
        )
        _, request = until(lambda: board.next_request("ghost"))
        asking.join()
        assert request.environ["HTTP_X_OTHER"] == "yes"
        assert request.caller is not None
        shown = repr(request)
        assert KEY not in shown
        assert "secret" not in shown
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
        board = NodeBoard(redis_url)
        own = nodes.collecting.service.nodes().own
        ghost = structs.replace(own, node="ghost", role=ClusterRole.COLLECTOR, epoch=7)

        def it_is_seen() -> bool:
            board.say(ghost)
            return "ghost" in names(nodes.following)

        until(it_is_seen)
        event = {"type": "SERVICE_STARTED", "payload": {"path": "a/part"}}
        made = nodes.following.http.simulate_post("/api/events", json=event, headers=ADMIN)
        assert made.status_code == 202, made.text
        board.close()
