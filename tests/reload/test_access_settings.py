"""Settings of who may ask and write, changed while the tree runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import KEY, until
from tests.actors.reloading import UNWATCHED, Reloading, reloading
from tests.reload.effects import takes_effect
from vatwatch.feed.times import parse_time


def may_ask(one: Reloading) -> int:
    return one.running.http.simulate_get("/api/network").status_code


PASSWORD = "correct horse battery"
# With fixed salts, as the parts of a parametrized test must be the same in every process.
HASH = "scrypt:16384:8:5:fnH2HneZ8QlEjr4Msty_Tg:q-2txB_5hmfNUyOOvFos9t9b8hs8RBeDnRGZVQLMaF4"
OTHER_HASH = "scrypt:16384:8:5:_MHBkxKquDwqPaKNPZiXQg:lMech7zJtrgp86d7a_L2qr-VuE5gTrZEB7jTVh7azqE"


def may_log_in(one: Reloading) -> int:
    return one.running.http.simulate_post("/api/session", json={"password": PASSWORD}).status_code


@takes_effect("VATWATCH_SESSION_HOURS")
def test_the_next_login_lasts_as_long_as_the_settings_say(tmp_path: Path) -> None:
    with reloading(tmp_path, **UNWATCHED, VATWATCH_OPERATOR_PASSWORD_HASH=HASH) as (one, _feeds):
        one.take_over(VATWATCH_SESSION_HOURS=2)

        def lasts() -> timedelta:
            answer = one.running.http.simulate_post("/api/session", json={"password": PASSWORD})
            return parse_time(answer.json["expires_at"]) - datetime.now(UTC)

        assert timedelta(hours=1, minutes=50) < lasts() < timedelta(hours=2)


def may_ask_with_a_key(one: Reloading) -> int:
    return one.running.http.simulate_get(
        "/api/network", headers={"Authorization": f"Bearer {KEY}"}
    ).status_code


def answers_behind_a_proxy(one: Reloading, clients: Iterator[int]) -> set[int]:
    """What two clients get, who have not asked before and come by a proxy on this machine."""
    return {
        one.running.http.simulate_get(
            "/api/services", headers={"X-Forwarded-For": f"192.0.2.{next(clients)}"}
        ).status_code
        for _ in range(2)
    }


def may_write_with(key: str) -> Callable[[Reloading], int]:
    return lambda one: (
        one.running.http.simulate_delete(
            "/api/supervision/faults", headers={"Authorization": f"Bearer {key}"}
        ).status_code
    )


def origin(one: Reloading) -> str | None:
    found = one.running.http.simulate_get("/healthz", headers={"Origin": "https://example.org"})
    value: str | None = found.headers.get("Access-Control-Allow-Origin")
    return value


OTHER = "another-key-of-ours"
TABLE: list[tuple[str, object, object, Callable[[Reloading], Any], object]] = [
    ("VATWATCH_READ_RATE", "off", "1/day", may_ask, 429),
    ("VATWATCH_KEY_RATE", "off", "1/day", may_ask_with_a_key, 429),
    ("VATWATCH_OPERATOR_PASSWORD_HASH", HASH, OTHER_HASH, may_log_in, 401),
    ("VATWATCH_PUBLIC_READS", True, False, may_ask, 401),
    ("VATWATCH_API_KEYS", KEY, f"{KEY},{OTHER}", may_write_with(OTHER), 200),
    ("VATWATCH_API_KEYS", f"{KEY},{OTHER}", KEY, may_write_with(OTHER), 401),
    ("VATWATCH_WRITE_RATE", "1000/minute", "1/day", may_write_with(KEY), 429),
    ("VATWATCH_FAULTS", True, False, may_write_with(KEY), 403),
    ("VATWATCH_CORS_ORIGINS", "*", "https://example.org", origin, "https://example.org"),
    ("VATWATCH_CORS_ORIGINS", "*", "off", origin, None),
]


@takes_effect(*(row[0] for row in TABLE))
@pytest.mark.parametrize(("setting", "before", "after", "answer", "then"), TABLE)
def test_a_changed_setting_of_access_takes_effect(
    tmp_path: Path,
    setting: str,
    before: object,
    after: object,
    answer: Callable[[Reloading], Any],
    then: object,
) -> None:
    with reloading(tmp_path, **UNWATCHED, VATWATCH_FAULTS=True) as (one, _feeds):
        one.change(**{setting: before})
        assert one.order().status_code == 200
        assert answer(one) != then
        one.take_over(**{setting: after})
        found = [answer(one) for _ in range(3)]
        assert found[-1] == then


@takes_effect("VATWATCH_TRUSTED_PROXIES")
def test_the_clients_of_a_trusted_proxy_are_counted_separately(tmp_path: Path) -> None:
    # Nobody can order a reload any more: the files are looked at.
    clients = count(1)
    with reloading(tmp_path, VATWATCH_READ_RATE="off") as (one, _feeds):
        one.change(VATWATCH_READ_RATE="1/day")
        until(lambda: answers_behind_a_proxy(one, clients) == {429}, "they count as one")
        one.change(VATWATCH_TRUSTED_PROXIES="127.0.0.1")
        until(lambda: answers_behind_a_proxy(one, clients) == {200}, "they are told apart")
        one.change(VATWATCH_TRUSTED_PROXIES="10.0.0.1")
        until(lambda: answers_behind_a_proxy(one, clients) == {429}, "they count as one again")
