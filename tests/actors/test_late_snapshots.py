"""Answers say of those whom a late snapshot has touched that they will be derived again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.actors.harness import Running, running, until
from tests.actors.test_snapshot import time_of, updates
from vatwatch.supervision import Fault, FaultKind


def marked(service: Running, name: str) -> set[str]:
    """The callsigns whose records carry the mark, if there are records."""
    answer = service.http.simulate_get(f"/api/{name}")
    assert answer.status_code == 200, answer.text
    return {one["callsign"] for one in answer.json[name] if one["derive_again"]}


def of_table(service: Running, table: str, open_rows: str) -> set[str]:
    sql = f"SELECT callsign FROM {table} WHERE derive_again AND {open_rows}"
    return {callsign for (callsign,) in service.sql(sql)}


def record(service: Running, path: str) -> Any:
    answer = service.http.simulate_get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_answers_carry_the_mark_of_a_late_snapshot(tmp_path: Path, database_url: str) -> None:
    given = updates(8)
    late = given.pop(4)
    with running(tmp_path, database_url) as service:
        for one in given[:-1]:
            service.hand_in(one)
            service.until_stored(time_of(one))
        assert marked(service, "flights") == marked(service, "controllers") == set()
        service.hand_in(late)
        service.until_stored(time_of(late))
        service.hand_in(given[-1])
        service.until_stored(time_of(given[-1]))
        service.until_served(time_of(given[-1]))
        flights = until(lambda: marked(service, "flights"))
        assert flights == of_table(service, "flights", "ended_as IS NULL")
        controllers = marked(service, "controllers")
        assert controllers == of_table(service, "controllers", "NOT ended")
        assert controllers
        callsign = min(flights)
        assert record(service, f"/api/flights/{callsign}")["derive_again"] is True
        assert record(service, f"/api/flights/{callsign}/track")["derive_again"] is True
        # A cache that has started anew knows it, too.
        service.tree.faults.inject(Fault(FaultKind.CRASH, "cache", message_type="GetLive"))
        service.http.simulate_get("/readyz")
        until(lambda: service.node("cache").restarts_total == 1)
        until(lambda: service.served() == time_of(given[-1]))
        until(lambda: marked(service, "flights") == flights)
