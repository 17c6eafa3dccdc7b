"""Who may change anything, and what is written down of it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import falcon
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.http.access import AuditTrail, WriteAuthorization
from vatwatch.http.audit import MOST_CHARS, NOBODY, QUIET_S, AuditLog, printable
from vatwatch.http.bounds import Bounds
from vatwatch.http.params import Declared, KnownParameters, text

KEY = "a-key-of-some-length"
THEN = text("then", about="A test's.", example="x")


class Resource:
    """Needs a key, and then ends as it is asked to."""

    parameters: ClassVar[Declared] = {"POST": (THEN,)}

    def __init__(self, authorization: WriteAuthorization) -> None:
        self._authorization = authorization

    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        self._authorization.require(req, f"restart {name}")
        resp.status = THEN.of(req) or falcon.HTTP_202
        if resp.status.startswith("5"):
            raise falcon.HTTPServiceUnavailable


def client_of(authorization: WriteAuthorization, *proxies: str) -> testing.TestClient:
    app = falcon.App(
        middleware=[AuditTrail(authorization.audit), Bounds(None, proxies), KnownParameters()]
    )
    app.add_route("/{name}", Resource(authorization))
    return testing.TestClient(app)


def post(
    client: testing.TestClient, authorization: str | None, path: str = "/it", **more: str
) -> testing.Result:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.simulate_post(path, headers={**headers, **more})


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def test_a_right_key_is_let_in_and_leaves_a_line_without_the_key(audit: Path) -> None:
    client = client_of(WriteAuthorization(["other", KEY], rate="5/minute", audit_log=audit))
    assert post(client, f"Bearer {KEY}").status_code == 202
    assert post(client, f"bearer   {KEY}", "/another").status_code == 202
    lines = audit.read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("from 127.0.0.1: restart it: done, 202")
    assert lines[1].endswith("restart another: done, 202")
    assert KEY not in audit.read_text()


@pytest.mark.parametrize(
    ("then", "told"),
    [("404 Not Found", "refused, 404"), ("409 Conflict", "refused, 409"), ("503", "failed, 503")],
)
def test_the_line_contains_the_outcome(audit: Path, then: str, told: str) -> None:
    client = client_of(WriteAuthorization([KEY], rate="5/minute", audit_log=audit))
    client.simulate_post("/it", headers={"Authorization": f"Bearer {KEY}"}, params={"then": then})
    assert audit.read_text().rstrip().endswith(f"restart it: {told}")


@pytest.mark.parametrize(
    "authorization",
    [None, "", KEY, "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", "Bearer é"],
)
def test_anything_else_is_asked_for_a_key(authorization: str | None, audit: Path) -> None:
    client = client_of(WriteAuthorization([KEY], rate="5/minute", audit_log=audit))
    refusal = post(client, authorization)
    assert refusal.status_code == 401
    assert refusal.headers["WWW-Authenticate"] == "Bearer"
    assert "key nobody" in audit.read_text()
    assert "refused, 401" in audit.read_text()


def test_without_keys_nothing_can_be_changed() -> None:
    assert (
        post(client_of(WriteAuthorization([], rate="5/minute")), f"Bearer {KEY}").status_code == 403
    )


def test_a_key_that_is_used_too_often_waits_and_the_others_do_not(audit: Path) -> None:
    client = client_of(WriteAuthorization([KEY, "other"], rate="2/minute", audit_log=audit))
    for _ in range(2):
        assert post(client, f"Bearer {KEY}").status_code == 202
    refusal = post(client, f"Bearer {KEY}")
    assert refusal.status_code == 429
    assert 1 <= int(refusal.headers["Retry-After"]) <= 60
    assert audit.read_text().rstrip().endswith("refused, 429")
    assert post(client, "Bearer other").status_code == 202


def test_an_audit_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    client = client_of(WriteAuthorization([KEY], rate="5/minute", audit_log=tmp_path))
    assert post(client, f"Bearer {KEY}").status_code == 202


# --- nobody writes what he likes -----------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8"), max_size=2 * MOST_CHARS))
def test_every_request_is_on_one_short_line(text: str) -> None:
    line = printable(text)
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    assert len(line) <= 10 * MOST_CHARS + 1


@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_a_line_cannot_be_forged_by_a_path(audit: Path, key: str) -> None:
    client = client_of(WriteAuthorization([KEY], rate="5/minute", audit_log=audit))
    post(
        client,
        f"Bearer {key}",
        "/x%0A2026-11-26T13:37:00Z%20key%203f2a9c11%20from%2010.0.0.5:%20hi",
    )
    (line,) = audit.read_text().splitlines()
    assert "\\n2026-11-26" in line


def test_requests_without_a_key_are_counted_and_cost_a_line_now_and_then(audit: Path) -> None:
    now = [0.0]
    log = AuditLog(audit, clock=lambda: now[0])
    for _ in range(1_000):
        log.attempt(NOBODY, "10.0.0.1", "restart it", "refused, 401")
    assert len(audit.read_text().splitlines()) == 1
    now[0] = QUIET_S + 1
    log.attempt(NOBODY, "10.0.0.1", "restart it", "refused, 401")
    assert "(and 999 more since" in audit.read_text().splitlines()[1]
    assert log.refused == 1_001
    # Whoever has a key has each line.
    for _ in range(3):
        log.attempt("3f2a9c11", "10.0.0.1", "restart it", "done, 202")
    assert len(audit.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        ((), "10.9.9.9", "127.0.0.1"),  # nobody is believed
        (("127.0.0.0/8",), "10.9.9.9", "10.9.9.9"),
        (("127.0.0.0/8",), "1.1.1.1, 10.9.9.9", "10.9.9.9"),  # the first was invented
        (("127.0.0.0/8", "10.0.0.0/8"), "8.8.8.8, 10.9.9.9", "8.8.8.8"),
        (("127.0.0.0/8",), "", "127.0.0.1"),
        (("10.0.0.0/8",), "8.8.8.8", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_says_which_address_the_client_has(
    audit: Path, proxies: tuple[str, ...], forwarded: str, client: str
) -> None:
    authorization = WriteAuthorization([KEY], rate="5/minute", audit_log=audit)
    post(client_of(authorization, *proxies), f"Bearer {KEY}", **{"X-Forwarded-For": forwarded})
    assert f" from {client}: " in audit.read_text()


@pytest.mark.parametrize(
    ("peer", "proxies", "forwarded", "client"),
    [
        ("::ffff:127.0.0.1", (), "", "127.0.0.1"),
        ("::FFFF:10.1.2.3", (), "", "10.1.2.3"),
        ("::ffff:127.0.0.1", ("127.0.0.0/8",), "10.9.9.9", "10.9.9.9"),
        ("127.0.0.1", ("127.0.0.0/8",), "::ffff:10.9.9.9", "10.9.9.9"),
        ("2001:db8::1", (), "", "2001:db8::1"),
        ("::ffff:no address", (), "", "::ffff:no address"),
    ],
)
def test_an_ipv4_client_is_shown_with_its_ipv4_address_by_a_service_that_listens_on_ipv6(
    audit: Path, peer: str, proxies: tuple[str, ...], forwarded: str, client: str
) -> None:
    api = client_of(WriteAuthorization([KEY], rate="5/minute", audit_log=audit), *proxies)
    headers = {"Authorization": f"Bearer {KEY}", "X-Forwarded-For": forwarded}
    api.simulate_post("/it", headers=headers, extras={"REMOTE_ADDR": peer})
    assert f" from {client}: " in audit.read_text()
