"""Who may change anything."""

from __future__ import annotations

from pathlib import Path

import falcon
import pytest
from falcon import testing

from vatwatch.http.access import Access

KEY = "a-key-of-some-length"


def request(authorization: str | None = None) -> falcon.Request:
    headers = {} if authorization is None else {"Authorization": authorization}
    return testing.create_req(method="POST", path="/api/x", headers=headers)


def test_a_right_key_is_let_in_and_leaves_a_line_without_the_key(tmp_path: Path) -> None:
    audit = tmp_path / "audit.log"
    access = Access(["other", KEY], rate="5/minute", audit_log=audit)
    access.admit(request(f"Bearer {KEY}"), "restart it")
    access.admit(request(f"bearer   {KEY}"), "restart it again")
    lines = audit.read_text().splitlines()
    assert len(lines) == 2
    assert "restart it" in lines[0]
    assert "127.0.0.1" in lines[0]
    assert KEY not in audit.read_text()


@pytest.mark.parametrize(
    "authorization",
    [None, "", KEY, "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", "Bearer é"],
)
def test_anything_else_is_asked_for_a_key(authorization: str | None, tmp_path: Path) -> None:
    audit = tmp_path / "audit.log"
    access = Access([KEY], rate="5/minute", audit_log=audit)
    with pytest.raises(falcon.HTTPUnauthorized) as refusal:
        access.admit(request(authorization), "restart it")
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"
    assert "key nobody" in audit.read_text()
    assert "refused, 401" in audit.read_text()


def test_without_keys_nothing_can_be_changed() -> None:
    with pytest.raises(falcon.HTTPForbidden):
        Access([], rate="5/minute").admit(request(f"Bearer {KEY}"), "restart it")


def test_a_key_that_is_used_too_often_waits_and_the_others_do_not() -> None:
    access = Access([KEY, "other"], rate="2/minute")
    for _ in range(2):
        access.admit(request(f"Bearer {KEY}"), "restart it")
    with pytest.raises(falcon.HTTPTooManyRequests) as refusal:
        access.admit(request(f"Bearer {KEY}"), "restart it")
    assert 1 <= int(refusal.value.headers["Retry-After"]) <= 60
    access.admit(request("Bearer other"), "restart it")


def test_an_audit_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    access = Access([KEY], rate="5/minute", audit_log=tmp_path)
    access.admit(request(f"Bearer {KEY}"), "restart it")
