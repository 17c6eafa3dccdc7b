"""Pages of other origins: all may read, or those that are named; none may write or use cookies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from falcon import testing

from vatwatch.config.settings import load
from vatwatch.errors import ConfigurationError
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.cors import ANY
from vatwatch.http.rates import RateLimit
from vatwatch.supervision import Tree
from vatwatch.system import declare

PAGE = "https://map.example.org"
OTHER = "https://evil.example.net"
KEY = "key-of-the-tests"
ClientFor = Callable[..., testing.TestClient]
# What is answered by a tree that does not run, and how.
ANSWERS = [
    ("/healthz", 200),
    ("/metrics", 200),
    ("/api/flights?colour=red", 400),
    ("/api/nothing", 404),
    ("/api/flights/A/B", 503),
    ("/api/flights", 503),
]


@pytest.fixture
def client_for(tmp_path: Path) -> ClientFor:
    def client_for(
        origins: tuple[str, ...] | None = (ANY,), rate: str | None = None
    ) -> testing.TestClient:
        tree = Tree(declare(load(env={}, directory=tmp_path)))
        service = AppContext(
            tree,
            datetime.now(UTC),
            WriteAuthorization([KEY], rate="1000/minute"),
            cors_origins=origins,
            read_rate=None if rate is None else RateLimit(rate),
            ask_timeout_s=0.05,
        )
        return testing.TestClient(create_app(service))

    return client_for


def cors_headers(answer: testing.Result) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.lower().startswith("access-control-")}


@pytest.mark.parametrize("headers", [{}, {"Origin": PAGE}, {"Origin": "null"}])
@pytest.mark.parametrize(("path", "status"), ANSWERS)
def test_by_default_every_page_may_read_every_answer_and_its_headers(
    client_for: ClientFor, path: str, status: int, headers: dict[str, str]
) -> None:
    """Also without an Origin: a shared cache may keep this answer for a page."""
    for method in ("GET", "HEAD"):
        answer = client_for().simulate_request(method, path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in (
            "ETag",
            "Link",
            "Retry-After",
            "RateLimit-Reset",
            "X-Request-ID",
            "X-Total-Count",
        ):
            assert name in exposed
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_can_read_that_it_asks_too_often(client_for: ClientFor) -> None:
    client = client_for(rate="1/minute")
    client.simulate_get("/api/status", headers={"Origin": PAGE})
    answer = client.simulate_get("/api/status", headers={"Origin": PAGE})
    assert answer.status_code == 429
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Retry-After"]


def preflight(
    client: testing.TestClient, path: str, method: str, origin: str = PAGE
) -> testing.Result:
    return client.simulate_options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "if-none-match",
        },
    )


@pytest.mark.parametrize(
    "path", ["/api/flights", "/api/flights/A/B", "/api/events", "/api/events?limit=1", "/metrics"]
)
def test_a_preflight_request_allows_reading_and_nothing_else(
    client_for: ClientFor, path: str
) -> None:
    for asked in ("GET", "POST", "DELETE"):
        answer = preflight(client_for(), path, asked)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
        assert "Authorization" not in answer.headers["Access-Control-Allow-Headers"]
        assert int(answer.headers["Access-Control-Max-Age"]) > 0
        assert answer.content == b""


def test_endpoints_that_write_send_no_cors_headers(client_for: ClientFor) -> None:
    for headers in ({}, {"Authorization": f"Bearer {KEY}"}):
        answer = client_for().simulate_post(
            "/api/events", headers={"Origin": PAGE, **headers}, body=b"{"
        )
        assert answer.status_code in (400, 401)
        assert cors_headers(answer) == {}


@pytest.mark.parametrize(("path", "status"), ANSWERS)
def test_with_a_list_only_its_origins_may_read_and_vary_tells_caches_so(
    client_for: ClientFor, path: str, status: int
) -> None:
    client = client_for((PAGE, "http://localhost:5173"))
    allowed = client.simulate_get(path, headers={"Origin": PAGE})
    assert allowed.status_code == status
    assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
    assert "ETag" in allowed.headers["Access-Control-Expose-Headers"]
    assert "Origin" in allowed.headers["Vary"]
    for headers in ({}, {"Origin": OTHER}, {"Origin": "null"}, {"Origin": PAGE + ".evil.net"}):
        answer = client.simulate_get(path, headers=headers)
        assert answer.status_code == status
        assert cors_headers(answer) == {}
        assert "Origin" in answer.headers["Vary"]
    assert preflight(client, path, "GET").headers["Access-Control-Allow-Origin"] == PAGE
    assert cors_headers(preflight(client, path, "GET", OTHER)) == {}


def test_off_means_that_no_other_origin_may_read(client_for: ClientFor) -> None:
    client = client_for(None)
    assert cors_headers(client.simulate_get("/healthz", headers={"Origin": PAGE})) == {}
    assert cors_headers(preflight(client, "/healthz", "GET")) == {}


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        (None, ("*",)),
        ("*", ("*",)),
        ("off", None),
        ("OFF", None),
        ("https://example.org", ("https://example.org",)),
        (
            "HTTPS://Example.org:443/, http://localhost:5173",
            ("https://example.org", "http://localhost:5173"),
        ),
        ("http://[::1]:8080", ("http://[::1]:8080",)),
    ],
)
def test_origins_are_taken_as_browsers_send_them(
    tmp_path: Path, given: str | None, origins: tuple[str, ...] | None
) -> None:
    env = {} if given is None else {"VATWATCH_CORS_ORIGINS": given}
    assert load(env=env, directory=tmp_path).access.cors_origins == origins


@pytest.mark.parametrize(
    "given",
    [
        "example.org", "https://example.org/map", "https://*.example.org", "ftp://example.org",
        "https://me@example.org", "*, https://example.org", "https://", "null",
        "https://example.org:port", "on", ",",
    ],
)  # fmt: skip
def test_an_invalid_origin_is_refused_by_name(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigurationError, match="VATWATCH_CORS_ORIGINS"):
        load(env={"VATWATCH_CORS_ORIGINS": given}, directory=tmp_path)
