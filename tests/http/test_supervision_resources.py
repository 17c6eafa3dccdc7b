"""The tree from outside: looking, restarting, injecting faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import pytest
from falcon import testing

from tests.supervision.helpers import (
    Echo,
    Fail,
    Note,
    Notices,
    root,
    running,
    scribe,
    wait_until_handled,
)
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.supervision import (
    Backoff,
    BreakerChanged,
    BreakerPolicy,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    Strategy,
    Tree,
)

KEY = {"Authorization": "Bearer key"}


@pytest.fixture
def house() -> Iterator[tuple[Tree, Notices]]:
    spec = root(root(scribe("a", [], breaker=BreakerPolicy()), name="inner"), scribe("b", []))
    with running(spec) as (tree, notices):
        yield tree, notices


def client_of(tree: Tree, *, faults: bool = True) -> testing.TestClient:
    service = AppContext(
        tree,
        datetime.now(UTC),
        WriteAuthorization(["key"], rate="100/minute"),
        faults_allowed=faults,
    )
    return testing.TestClient(create_app(service))


@pytest.fixture
def client(house: tuple[Tree, Notices]) -> testing.TestClient:
    return client_of(house[0])


def test_the_tree_shows_all_that_is_known_of_each_node(client: testing.TestClient) -> None:
    tree = client.simulate_get("/api/supervision/tree").json
    assert (tree["path"], tree["strategy"], tree["kind"]) == ("root", "one_for_one", "supervisor")
    inner, b = tree["children"]
    a = inner["children"][0]
    assert a["path"] == "root/inner/a"
    assert {
        "state",
        "breaker",
        "uptime_s",
        "restarts_total",
        "restarts_in_window",
        "mailbox",
        "handled",
        "latency",
        "last_failure",
    } <= a.keys()
    assert a["breaker"]["state"] == "closed"
    assert b["breaker"] is None
    assert {"depth", "high_water", "capacity", "policy"} <= a["mailbox"].keys()


def test_a_node_is_found_by_its_path(client: testing.TestClient) -> None:
    node = client.simulate_get("/api/supervision/root/inner").json
    assert [child["name"] for child in node["children"]] == ["a"]
    missing = client.simulate_get("/api/supervision/root/nobody")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def test_a_restart_is_ordered_with_a_key(
    client: testing.TestClient, house: tuple[Tree, Notices]
) -> None:
    result = client.simulate_post("/api/supervision/root/inner/a/restart", headers=KEY)
    assert result.status_code == 202
    house[1].wait(ChildStarted, "root/inner/a", count=2)
    assert wait_until_handled(house[0], "a")
    assert client.simulate_get("/api/supervision/root/inner/a").json["restarts_total"] == 1


def test_a_node_on_standby_is_shown_and_not_restarted() -> None:
    inner = root(scribe("a", []), name="inner", standby=True)
    with running(root(inner, scribe("b", []))) as (tree, notices):
        client = client_of(tree)
        tree.directory.address("a").tell(Note("for nobody"))
        shown = client.simulate_get("/api/supervision/tree").json["children"]
        a = shown[0]["children"][0]
        assert [shown[0]["state"], a["state"], shown[1]["state"]] == [
            "standby",
            "standby",
            "running",
        ]
        assert a["retry_in_s"] is a["retry_at"] is None
        assert (a["uptime_s"], a["restarts_total"]) == (0, 0)
        assert a["mailbox"]["dropped_on_standby"] == 1
        for path in ("root/inner", "root/inner/a"):
            result = client.simulate_post(f"/api/supervision/{path}/restart", headers=KEY)
            assert result.status_code == 409
            assert result.headers["content-type"] == "application/problem+json"
            assert result.json["detail"] == (
                "root/inner is on standby: it is started when it is wanted"
            )
        tree.want("root/inner", wanted=True)
        notices.wait(ChildStarted, "root/inner/a")
        result = client.simulate_post("/api/supervision/root/inner/a/restart", headers=KEY)
        assert result.status_code == 202
        notices.wait(ChildStarted, "root/inner/a", count=2)


def test_a_node_that_does_not_run_says_when_it_is_started() -> None:
    never = BreakerPolicy(timeout_s=3600, max_timeout_s=3600)
    inner = root(
        scribe("waits", []),
        scribe("suspended", [], breaker=never),
        scribe("runs", []),
        name="inner",
        intensity=0,
        backoff=Backoff(100, 100),
    )
    # The breaker's limit is the intensity, and nothing else is to fail its supervisor.
    spec = root(
        inner, scribe("later", []), backoff=Backoff(100, 100), strategy=Strategy.REST_FOR_ONE
    )
    with running(spec, random=lambda: 0.999) as (tree, notices):
        client = client_of(tree)

        def shown(path: str) -> dict[str, Any]:
            node: dict[str, Any] = client.simulate_get(f"/api/supervision/root/{path}").json
            return node

        tree.directory.address("suspended").tell(Fail(RuntimeError("bug")))
        notices.wait(BreakerChanged)
        node = shown("inner/suspended")
        assert node["state"] == "suspended"
        assert node["retry_in_s"] == pytest.approx(node["breaker"]["retry_in_s"], abs=5)
        at = datetime.fromisoformat(node["retry_at"])
        assert (at - datetime.now(UTC)).total_seconds() == pytest.approx(3600, abs=60)
        assert shown("inner/runs")["retry_in_s"] is shown("inner/runs")["retry_at"] is None
        # The supervisor fails: all that go with it wait for it, the suspended one for its breaker.
        tree.directory.address("waits").tell(Fail(RuntimeError("bug")))
        notices.wait(ChildRestarting, "root/inner")
        notices.wait(ChildStopped, "root/later")
        gevent.idle()  # until the supervisor has noted it
        for path in ("inner", "inner/waits", "inner/runs", "later"):
            assert shown(path)["state"] == "restarting", path
            assert shown(path)["retry_in_s"] == pytest.approx(100, abs=30), path
        assert shown("inner/suspended")["retry_in_s"] == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/supervision/root/inner/a/restart", {}, 401),
        ("/api/supervision/root/nobody/restart", KEY, 404),
        ("/api/supervision/root/inner/a", KEY, 404),
        ("/api/supervision/root/restart", KEY, 409),
    ],
)
def test_an_order_that_cannot_be_followed_is_a_problem(
    client: testing.TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    result = client.simulate_post(path, headers=headers)
    assert result.status_code == status
    assert result.json["status"] == status


def test_a_fault_is_ordered_listed_and_taken_back(
    client: testing.TestClient, house: tuple[Tree, Notices]
) -> None:
    order = {"kind": "crash", "target": "a", "count": 2}
    ordered = client.simulate_post("/api/supervision/faults", json=order, headers=KEY)
    assert ordered.status_code == 201
    fault = ordered.json["ordered"]
    assert client.simulate_get("/api/supervision/faults").json["active"] == [fault]
    house[0].directory.address("a").tell(Echo("crashes"))  # type: ignore[arg-type]
    house[1].wait(ChildStarted, "root/inner/a", count=2)
    shown = client.simulate_get("/api/supervision/faults").json
    assert (shown["injected"], shown["active"][0]["count"]) == (1, 1)
    taken = client.simulate_delete(
        "/api/supervision/faults", params={"id": fault["id"]}, headers=KEY
    )
    assert taken.json["active"] == []
    assert wait_until_handled(house[0], "a")
    again = client.simulate_delete(
        "/api/supervision/faults", params={"id": fault["id"]}, headers=KEY
    )
    assert again.status_code == 404
    assert client.simulate_delete("/api/supervision/faults", headers=KEY).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"kind": "explode", "target": "a"}',
        b'{"kind": "crash"}',
        b'{"kind": "crash", "target": "nobody"}',
        b'{"kind": "crash", "target": "a", "count": 0}',
        b'{"kind": "slow", "target": "a"}',
        b'{"kind": "fail", "target": "nothing that has a breaker"}',
        b'{"kind": "crash", "target": "a", "message_type": "Nonsense"}',
        b"[" * 5000,
        b'{"kind": "crash", "target": "a", "moreover": 1}',
        b"\xff",
    ],
)
def test_an_invalid_order_is_refused_and_does_no_harm(
    client: testing.TestClient, body: bytes
) -> None:
    result = client.simulate_post("/api/supervision/faults", body=body, headers=KEY)
    assert result.status_code == 400
    assert result.json["detail"]
    assert client.simulate_get("/api/supervision/faults").json["active"] == []


def test_faults_of_existing_actors_are_accepted(
    client: testing.TestClient, house: tuple[Tree, Notices]
) -> None:
    house[0].circuit_breakers.get("PostgreSQL (store)", BreakerPolicy())
    for order in (
        {"kind": "fail", "target": "PostgreSQL (store)"},
        {"kind": "slow", "target": "a", "seconds": 0.1, "message_type": "StoreBatch"},
    ):
        ordered = client.simulate_post("/api/supervision/faults", json=order, headers=KEY)
        assert ordered.status_code == 201, ordered.json
    near = {"kind": "crash", "target": "a", "message_type": "StoreBach"}
    refused = client.simulate_post("/api/supervision/faults", json=near, headers=KEY)
    assert "StoreBatch" in refused.json["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/supervision/root/nobody/restart"),
        ("POST", "/api/supervision/root/inner/a"),
        ("POST", "/api/supervision/faults"),
        ("DELETE", "/api/supervision/faults?id=x"),
        ("POST", "/api/events"),
        ("DELETE", "/api/events/dead-letters/nonsense"),
        ("POST", "/api/events/dead-letters/nonsense/redeliver"),
    ],
)
def test_the_key_is_looked_at_before_anything_else(
    client: testing.TestClient, method: str, path: str
) -> None:
    """Whoever has none learns nothing of what there is."""
    assert client.simulate_request(method, path, body=b"nonsense").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "outcome"),
    [
        ("POST", "root/nobody/restart", "restart root/nobody: refused, 404"),
        ("POST", "root/restart", "restart root: refused, 409"),
        ("POST", "root/inner/a/restart", "restart root/inner/a: done, 202"),
        ("POST", "faults", "inject a fault: refused, 400"),
        ("DELETE", "faults?id=7", "take back fault 7: refused, 404"),
        ("DELETE", "faults?id=x", "take back fault x: refused, 400"),
    ],
)
def test_each_attempt_with_a_key_has_its_line_with_the_outcome(
    house: tuple[Tree, Notices], tmp_path: Path, method: str, path: str, outcome: str
) -> None:
    audit = tmp_path / "audit.log"
    authorization = WriteAuthorization(["key"], rate="100/minute", audit_log=audit)
    service = AppContext(house[0], datetime.now(UTC), authorization, faults_allowed=True)
    client = testing.TestClient(create_app(service))
    client.simulate_request(method, f"/api/supervision/{path}", headers=KEY)
    (line,) = audit.read_text().splitlines()
    assert line.endswith(outcome)


def test_a_service_that_takes_no_faults_says_so(house: tuple[Tree, Notices]) -> None:
    client = client_of(house[0], faults=False)
    order = {"kind": "crash", "target": "a"}
    for result in (
        client.simulate_post("/api/supervision/faults", json=order, headers=KEY),
        client.simulate_delete("/api/supervision/faults", headers=KEY),
    ):
        assert result.status_code == 403
        assert "VATWATCH_FAULTS" in result.json["detail"]
