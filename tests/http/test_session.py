"""The operator's login: with the password alone, for a time, and never by another site's page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
import redis
from pydantic import SecretStr

from tests.actors.harness import KEY, Poison, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from vatwatch.access.passwords import hash_password
from vatwatch.http.cookies import NAME, SECURE_NAME
from vatwatch.http.rates import RateLimit
from vatwatch.http.session import SessionResource
from vatwatch.messages import SettingsChanged

PASSWORD = "correct horse battery"
HASH, OTHER_HASH = hash_password(PASSWORD).text, hash_password("another password").text
EVENT = {"type": "POSITION_UPDATE", "payload": {"flights": 5, "moved": 3}}
NOBODY = {"who": None, "name": None, "scopes": [], "expires_at": None, "login": True}


@contextmanager
def with_login(home: Path, **environment: object) -> Iterator[Running]:
    """A service without a database, in which one can log in as often as one likes."""
    settings = {"VATWATCH_OPERATOR_PASSWORD_HASH": HASH, **environment}
    with running(home, NOWHERE, **settings) as service:
        resource = resource_of(service)
        resource._by_address = resource._by_all = RateLimit("1000/minute")
        yield service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with with_login(tmp_path) as service:
        yield service


def resource_of(service: Running) -> SessionResource:
    found = service.app._router.find("/api/session")
    assert isinstance(found[0], SessionResource)
    return found[0]


def log_in(service: Running, password: object = PASSWORD, **headers: str) -> falcon.testing.Result:
    return service.http.simulate_post(
        "/api/session", json={"password": password}, headers=named(headers)
    )


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def token_of(answer: falcon.testing.Result) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.cookies[NAME].value)


def who(service: Running, token: str = "") -> Any:
    headers = {"Cookie": f"{NAME}={token}"} if token else {}
    return service.http.simulate_get("/api/session", headers=headers).json


def publish(service: Running, token: str, **headers: str) -> falcon.testing.Result:
    return service.http.simulate_post(
        "/api/events", json=EVENT, headers={"Cookie": f"{NAME}={token}", **named(headers)}
    )


def test_whoever_has_the_password_may_do_everything_until_he_logs_out(service: Running) -> None:
    assert who(service) == NOBODY
    answer = log_in(service)
    token = token_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert token not in answer.text
    assert who(service, token) == answer.json
    assert answer.json["who"] == "operator"
    assert answer.json["scopes"] == ["admin"]
    assert publish(service, token).status_code == 202
    left = service.http.simulate_delete("/api/session", headers={"Cookie": f"{NAME}={token}"})
    assert left.status_code == 204
    assert left.cookies[NAME].value == ""
    expires = left.cookies[NAME].expires
    assert expires is not None
    assert expires.year == 2000
    assert who(service, token) == NOBODY
    assert publish(service, token).status_code == 401


def test_no_script_and_no_other_site_gets_at_the_cookie(service: Running) -> None:
    cookie = log_in(service).cookies[NAME]
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Strict", "/")
    assert cookie.domain is None
    assert cookie.expires is not None
    assert not cookie.secure, "by http the browser would not keep it"


def test_behind_a_proxy_with_tls_the_cookie_is_for_https_alone(tmp_path: Path) -> None:
    with with_login(tmp_path) as service:
        access = service.settings.access.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
        for change in service.service.on_change:
            change(access)
        secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        answer = log_in(service, **secure, X_Forwarded_Host="a.example", Origin="https://a.example")
        assert answer.cookies[SECURE_NAME].secure
        token = answer.cookies[SECURE_NAME].value
        schemes = service.http.simulate_get("/openapi.json").json["components"]["securitySchemes"]
        assert schemes["secure_session"]["name"] == SECURE_NAME
        for cookie, known in ((SECURE_NAME, True), (NAME, False)):
            headers = {**secure, "Cookie": f"{cookie}={token}"}
            found = service.http.simulate_get("/api/session", headers=headers).json
            assert (found["who"] is not None) is known


def test_the_cookie_opens_what_the_document_says(service: Running) -> None:
    token = token_of(log_in(service))
    document = service.http.simulate_get("/openapi.json").json
    scheme = document["components"]["securitySchemes"]["session"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", NAME)
    access = service.settings.access.model_copy(update={"public_reads": False})
    for change in service.service.on_change:
        change(access)

    opened = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            schemes = {name for each in operation.get("security", ()) for name in each}
            # The body of the stream has no end.
            asked = "HEAD" if path == "/api/stream" else method.upper()

            def status(path: str = path, asked: str = asked, **headers: str) -> int:
                place = re.sub(r"\{\w+\}", "X", path)
                return service.http.simulate_request(asked, place, headers=headers).status_code

            if "session" in schemes:
                assert status() == 401, f"{method} {path} without the cookie"
                assert status(Cookie=f"{NAME}={token}") not in (401, 403), f"{method} {path}"
                opened += 1
            elif path != "/api/session":
                assert status() != 401, f"{method} {path}"
    assert opened > 50


def test_a_client_cannot_pretend_to_have_come_by_https(service: Running) -> None:
    assert not log_in(service, X_Forwarded_Proto="https").cookies[NAME].secure


@pytest.mark.parametrize("password", ["wrong password", PASSWORD.upper(), f"{PASSWORD} ", "\x00"])
def test_a_wrong_password_lets_nobody_in(service: Running, password: str) -> None:
    answer = log_in(service, password)
    assert answer.status_code == 401
    assert NAME not in answer.cookies


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"password": 5}, 422), ({"password": ""}, 422), ({"password": "a" * 1025}, 422),
     ({"pasword": PASSWORD}, 400), ([], 422)],
)  # fmt: skip
def test_a_body_that_is_no_login_is_refused(service: Running, body: object, status: int) -> None:
    answer = service.http.simulate_post("/api/session", json=body)
    assert answer.status_code == status
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_another_sites_page_can_neither_log_in_nor_use_the_cookie(
    service: Running, headers: dict[str, str]
) -> None:
    assert log_in(service, **headers).status_code == 403
    token = token_of(log_in(service))
    assert publish(service, token, **headers).status_code == 403
    cookie = {"Cookie": f"{NAME}={token}"}
    left = service.http.simulate_delete("/api/session", headers={**cookie, **headers})
    assert left.status_code == 403
    assert who(service, token)["who"] == "operator"
    # A key is not sent by itself.
    by_key = service.http.simulate_post(
        "/api/events", json=EVENT, headers={"Authorization": f"Bearer {KEY}", **headers}
    )
    assert by_key.status_code == 202


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_a_form_could_send_is_refused(service: Running, kind: str | None) -> None:
    token = token_of(log_in(service))
    headers = {"Cookie": f"{NAME}={token}"} | ({"Content-Type": kind} if kind else {})
    for path, body in (("/api/events", EVENT), ("/api/session", {"password": PASSWORD})):
        answer = service.http.simulate_post(path, body=json.dumps(body), headers=headers)
        assert answer.status_code == 415, path
    # What has no body needs no type.
    restart = service.http.simulate_post(
        "/api/supervision/vatwatch/data/cache/restart", headers={"Cookie": f"{NAME}={token}"}
    )
    assert restart.status_code == 202


def test_a_wrong_key_is_not_made_good_by_a_cookie(service: Running) -> None:
    token = token_of(log_in(service))
    assert publish(service, token, Authorization="Bearer wrong").status_code == 401
    assert publish(service, token, Authorization="Basic x").status_code == 401


def test_who_uses_a_key_is_told_so_and_a_wrong_one_is_a_401(service: Running) -> None:
    def ask(key: str) -> falcon.testing.Result:
        return service.http.simulate_get("/api/session", headers={"Authorization": f"Bearer {key}"})

    assert ask(KEY).json["scopes"] == ["read", "events", "subscriptions", "admin"]
    assert ask("wrong").status_code == 401


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 5000, "ä", '"', "a b"])
def test_no_other_token_lets_in(service: Running, token: str) -> None:
    assert who(service, token) == NOBODY
    assert publish(service, token).status_code == 401


def test_tries_are_limited_by_address_and_in_all(service: Running) -> None:
    resource = resource_of(service)
    resource._by_address, resource._by_all = RateLimit("2/minute"), RateLimit("3/minute")
    access = service.settings.access.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    for change in service.service.on_change:
        change(access)

    def status(address: str, password: str = "wrong password") -> int:
        answer = log_in(service, password, X_Forwarded_For=address)
        assert answer.status_code != 429 or int(answer.headers["Retry-After"]) >= 1
        return answer.status_code

    assert [status("192.0.2.1") for _ in range(3)] == [401, 401, 429]
    # The right one does not get through either, or a hundred wrong ones would cost nothing.
    assert status("192.0.2.1", PASSWORD) == 429
    assert status("192.0.2.2", PASSWORD) == 200
    assert status("192.0.2.3", PASSWORD) == 429
    # An address that is refused does not use up what all may try.
    assert service.http.simulate_get("/api/session").status_code == 200


def test_another_password_ends_all_sessions_and_none_switches_the_login_off(
    service: Running,
) -> None:
    token = token_of(log_in(service))

    def use(hash_: str | None) -> None:
        given = None if hash_ is None else SecretStr(hash_)
        access = service.settings.access.model_copy(update={"operator_password_hash": given})
        settings = replace(service.settings, access=access)
        service.tree.directory.address("sessions").tell(SettingsChanged(settings, None))  # type: ignore[arg-type]

    use(OTHER_HASH)
    until(lambda: who(service, token) == NOBODY, "the session is over")
    assert log_in(service).status_code == 401
    use(None)
    until(lambda: log_in(service).status_code == 404, "the login is off")
    assert who(service)["login"] is False


def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    with with_login(tmp_path, VATWATCH_SESSION_HOURS=1 / 3600) as service:
        token = token_of(log_in(service))
        until(lambda: who(service, token) == NOBODY, "it is over")
        assert publish(service, token).status_code == 401


def test_attempts_are_in_the_audit_log_without_the_password(tmp_path: Path) -> None:
    with with_login(tmp_path) as service:
        audit = tmp_path / "audit.log"
        service.service.authorization.audit._path = audit
        log_in(service, "wrong password")
        token = token_of(log_in(service))
        publish(service, token)
        service.http.simulate_delete("/api/session", headers={"Cookie": f"{NAME}={token}"})
        text = re.sub(r" \[request_id=\w+\]", "", audit.read_text())
        for line in (
            "key nobody from 127.0.0.1: log in: refused, 401",
            "key operator from 127.0.0.1: log in: done, 200",
            "key operator from 127.0.0.1: publish an event: done, 202",
            "key operator from 127.0.0.1: log out: done, 204",
        ):
            assert line in text
        assert token not in text
        assert "password" not in text


# --- with Redis ----------------------------------------------------------------------------------


def test_with_redis_a_session_holds_on_every_host_and_ends_on_all(
    tmp_path: Path, redis_url: str
) -> None:
    with (
        with_login(tmp_path / "a", REDIS_URL=redis_url) as one,
        with_login(tmp_path / "b", REDIS_URL=redis_url) as other,
    ):
        token = token_of(log_in(one))
        assert who(other, token)["who"] == "operator"
        mirror = redis.Redis.from_url(redis_url)
        (name,) = mirror.scan_iter("vatwatch:session:*")
        assert token.encode() not in name + (mirror.get(name) or b"")  # type: ignore[operator]
        assert 0 < mirror.ttl(name) <= 12 * 3600  # type: ignore[operator]
        other.http.simulate_delete("/api/session", headers={"Cookie": f"{NAME}={token}"})
        assert who(other, token) == NOBODY
        until(lambda: who(one, token) == NOBODY, "it has ended there, too")


def test_a_session_outlives_a_restart_of_the_actor(service: Running) -> None:
    token = token_of(log_in(service))
    service.tree.directory.address("sessions").tell(Poison())
    until(lambda: service.node("sessions").restarts_total == 1)
    assert who(service, token)["who"] == "operator"


def test_while_redis_is_away_one_logs_in_and_out_in_this_process(tmp_path: Path) -> None:
    with with_login(tmp_path, REDIS_URL=f"unix://{tmp_path}/nobody.sock") as service:
        resource_of(service)._by_all = RateLimit("1000/minute")
        token = token_of(log_in(service))
        assert who(service, token)["who"] == "operator"
        service.http.simulate_delete("/api/session", headers={"Cookie": f"{NAME}={token}"})
        assert who(service, token) == NOBODY
