"""What is refused before anything looks at it, and what a client is told of its rate."""

from __future__ import annotations

from io import BytesIO

import falcon
import pytest
import redis
from falcon import testing

from vatwatch.http.bounds import MOST_ADDRESS_CHARS, Bounds
from vatwatch.http.problems import add_error_handlers
from vatwatch.http.rates import RateLimit
from vatwatch.http.request_bodies import MAX_BODY_BYTES, read_body
from vatwatch.http.request_counts import OTHER_METHOD, RequestCounts


class Echo:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = "here"

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = read_body(req)


def client_of(rate: RateLimit | None = None, *more: object) -> testing.TestClient:
    app = falcon.App(middleware=[*more, Bounds(rate)])  # type: ignore[arg-type]
    add_error_handlers(app)
    for path in ("/api/x", "/healthz", "/readyz"):
        app.add_route(path, Echo())
    return testing.TestClient(app)


def get(
    client: testing.TestClient, path: str = "/api/x", address: str = "10.0.0.1"
) -> testing.Result:
    return client.simulate_get(path, remote_addr=address)


# --- rates ---------------------------------------------------------------------------------------


def test_every_answer_says_how_many_requests_are_left_and_one_too_many_is_429() -> None:
    client = client_of(RateLimit("3/minute"))
    for left in (2, 1, 0):
        answer = get(client)
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Limit"] == "3"
        assert answer.headers["RateLimit-Remaining"] == str(left)
        assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 60
        assert answer.headers["RateLimit-Policy"] == "3;w=60"
    refusal = get(client)
    assert refusal.status_code == 429
    assert refusal.headers["content-type"] == "application/problem+json"
    assert refusal.headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(refusal.headers["Retry-After"]) <= 60
    assert "VATWATCH_READ_RATE" in refusal.json["detail"]


def test_another_client_is_not_concerned_and_neither_are_probes() -> None:
    client = client_of(RateLimit("1/minute"))
    assert get(client).status_code == 200
    assert get(client).status_code == 429
    assert get(client, address="10.0.0.2").status_code == 200
    for path in ("/healthz", "/readyz"):
        assert [get(client, path).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "", True),
    ],
)
def test_an_ipv6_network_is_one_client(one: str, other: str, same: bool) -> None:
    client = client_of(RateLimit("1/minute"))
    assert get(client, address=one).status_code == 200
    assert get(client, address=other).status_code == (429 if same else 200)


def test_the_text_that_a_proxy_sends_as_an_address_is_bounded() -> None:
    seen: list[str] = []

    class Seen:
        def process_response(self, req: falcon.Request, *_others: object) -> None:
            seen.append(req.context.client)

    app = falcon.App(middleware=[Seen(), Bounds(None, ["10.0.0.0/8"])])  # type: ignore[list-item]
    app.add_route("/api/x", Echo())
    for sent in ("8.8.8.8", "x" * 5000):
        testing.TestClient(app).simulate_get(
            "/api/x", remote_addr="10.0.0.1", headers={"X-Forwarded-For": sent}
        )
    assert seen == ["8.8.8.8", "x" * MOST_ADDRESS_CHARS]


def test_without_a_rate_there_are_no_headers_and_no_refusals() -> None:
    client = client_of()
    answers = [get(client) for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    assert not [name for name in answers[0].headers if name.lower().startswith("ratelimit")]


def test_a_window_ends() -> None:
    rate = RateLimit("1/second")
    assert rate.hit("a").allowed
    while not rate.hit("a").allowed:
        pass


def test_a_clock_that_was_set_back_locks_no_client_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = RateLimit("1/minute")
    assert rate.hit("a").allowed
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    monkeypatch.setattr("vatwatch.http.rates.time", lambda: 1_000_000.0)
    assert rate.hit("a").reset_s <= 60
    assert rate.hit("a").allowed


def test_a_crowd_of_clients_takes_no_more_memory_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vatwatch.http.rates.MOST_CLIENTS", 50)
    rate = RateLimit("1/minute")
    for number in range(500):
        assert rate.hit(f"10.0.{number // 250}.{number % 250}").allowed
    assert len(rate._memory.expirations) <= 51
    assert len(rate._memory.storage) <= 51


def test_windows_that_are_over_are_forgotten_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vatwatch.http.rates.MOST_CLIENTS", 3)
    rate = RateLimit("1/minute")
    for number in range(4):
        assert rate.hit(f"10.0.0.{number}").allowed
    over = sorted(rate._memory.expirations)[:2]
    for name in over:
        rate._memory.expirations[name] = 0.0
    assert not rate.hit("10.0.0.3").allowed
    assert not set(over) & rate._memory.expirations.keys()


def test_several_processes_count_together_in_redis(redis_url: str) -> None:
    one, other = (
        RateLimit("2/minute", redis_url=redis_url),
        RateLimit("2/minute", redis_url=redis_url),
    )
    assert one.hit("key").allowed
    assert other.hit("key").allowed
    assert not one.hit("key").allowed
    assert not other.hit("key").allowed
    assert redis.Redis.from_url(redis_url).keys("vatwatch:rates*")


def test_without_redis_each_counts_for_itself_and_asks_it_seldom() -> None:
    now = [0.0]
    rate = RateLimit("2/minute", redis_url="redis://127.0.0.1:1", clock=lambda: now[0])
    assert [rate.hit("key").allowed for _ in range(3)] == [True, True, False]
    now[0] = 100.0
    assert not rate.hit("key").allowed


# --- methods and bodies --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_an_unknown_http_method_is_refused_and_makes_no_label() -> None:
    counts = RequestCounts()
    client = client_of(None, counts)
    for number in range(300):
        answer = client.simulate_request(f"X{number}", "/api/x")
        assert answer.status_code == 405
        assert answer.json["status"] == 405
    assert [(route.method, route.requests) for route in counts.routes()] == [(OTHER_METHOD, 300)]


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    class Untouchable(BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise AssertionError("read")

    client = client_of()
    answer = client.simulate_post(
        "/api/x",
        headers={"Content-Length": str(MAX_BODY_BYTES + 1)},
        extras={"wsgi.input": Untouchable()},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    ("size", "status"), [(0, 200), (MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)]
)
def test_a_body_is_read_up_to_the_bound_with_and_without_a_content_length(
    told: bool, size: int, status: int
) -> None:
    extras = {} if told else {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    answer = client_of().simulate_post("/api/x", body=b"x" * size, extras=extras)
    assert answer.status_code == status
    if status == 200:
        assert len(answer.content) == size
