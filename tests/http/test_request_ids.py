"""Each request has an id, in its answer and in whatever is logged or asked because of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import falcon
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from tests.supervision.helpers import root, running, scribe
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.rates import RateLimit
from vatwatch.http.request_ids import HEADER, RequestIds, accepted
from vatwatch.logs.context import current_ids
from vatwatch.redaction import hide

MADE = re.compile(r"[0-9a-f]{32}")
SAFE = [
    "4f1c",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "Root=1-67891233-abcdef012345678912345678",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "AbC+/9==",
    "x" * 128,
]
UNSAFE = [
    "",
    " ",
    "a b",
    "x" * 129,
    "a\r\nSet-Cookie: b",
    "<script>",
    "${jndi:ldap://x}",
    "a,b",
    '"',
    "é",
    "-rf",
    "\x1b[31m",
    "٣",
]


class Echo:
    """Answers with the id that a line of the log would have."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = current_ids()._asdict()


@pytest.fixture
def echo() -> testing.TestClient:
    app = falcon.App(middleware=[RequestIds()])
    app.add_route("/", Echo())
    return testing.TestClient(app)


@pytest.mark.parametrize("given_id", SAFE)
def test_a_safe_id_is_taken_over(echo: testing.TestClient, given_id: str) -> None:
    result = echo.simulate_get("/", headers={HEADER: given_id})
    assert result.headers[HEADER] == given_id
    assert result.json["request_id"] == given_id


@pytest.mark.parametrize("given_id", UNSAFE)
def test_any_other_is_replaced(given_id: str) -> None:
    assert MADE.fullmatch(accepted(given_id))


@given(st.text())
def test_an_accepted_id_is_short_and_printable(text: str) -> None:
    taken = accepted(text)
    assert taken.isascii()
    assert taken.isprintable()
    assert not re.search(r"""[\s"'<>\\,;]""", taken)
    assert len(taken) <= 128


def test_a_secret_is_not_taken_as_a_request_id() -> None:
    hide(["a-key-as-an-id"])
    assert MADE.fullmatch(accepted("a-key-as-an-id"))


def test_without_one_each_request_has_another(echo: testing.TestClient) -> None:
    made = {echo.simulate_get("/").headers[HEADER] for _ in range(50)}
    assert len(made) == 50
    assert all(MADE.fullmatch(one) for one in made)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/api/supervision/tree", 200),
        ("HEAD", "/api/supervision/tree", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/api/status", 405),
        ("POST", "/api/supervision/root/a/restart", 401),
        ("GET", "/api/flights", 503),
        ("GET", "/api/supervision/tree?unknown=1", 400),
        ("GET", "/api/supervision/tree", 429),
    ],
)
def test_every_answer_says_it_and_every_problem_too(method: str, path: str, status: int) -> None:
    rate = RateLimit("1/minute") if status == 429 else None
    authorization = WriteAuthorization(["key"], rate="1/minute")
    with running(root(scribe("a", []))) as (tree, _):
        service = AppContext(tree, datetime.now(UTC), authorization, read_rate=rate)
        client = testing.TestClient(create_app(service))
        if status == 429:
            client.simulate_request(method, path)
        result = client.simulate_request(method, path, headers={HEADER: "an-id-of-mine"})
    assert result.status_code == status
    assert result.headers[HEADER] == "an-id-of-mine"
    if status >= 400:
        assert result.json["request_id"] == "an-id-of-mine"
