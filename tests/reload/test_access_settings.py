"""Settings of who may ask and write, changed while the tree runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import KEY, until
from tests.actors.reloading import UNWATCHED, Reloading, reloading
from tests.reload.effects import takes_effect


def may_ask(one: Reloading) -> int:
    return one.running.http.simulate_get("/api/network").status_code


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
