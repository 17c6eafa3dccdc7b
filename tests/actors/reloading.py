"""A tree that runs, with its settings in a vatwatch.toml that the test changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import falcon.testing

from tests.actors.harness import KEY, Running, running
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import FeedServer

SOON = {"VATWATCH_CONFIG_INTERVAL": 0.05, "VATWATCH_API_KEYS": KEY}
# The files are read on order alone.
UNWATCHED = {"VATWATCH_CONFIG_INTERVAL": 3600}


class Reloading:
    """A tree that runs, with its settings in a vatwatch.toml that the test changes."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.toml = directory / "vatwatch.toml"
        self.settings: dict[str, object] = {**SOON, **settings}
        self.running: Running
        self.write()

    def write(self) -> None:
        self.toml.write_text(
            "".join(f"{name.lower()} = {json.dumps(v)}\n" for name, v in self.settings.items())
        )

    def change(self, **settings: object) -> None:
        """Change the file, and nothing else: somebody has to look at it."""
        self.settings |= settings
        self.write()

    def take_over(self, **settings: object) -> None:
        """Change the file, and order a reload, which must be taken."""
        self.change(**settings)
        answer = self.order()
        assert answer.status_code == 200, answer.text
        assert {change["name"] for change in answer.json["changed"]} == set(settings)

    def order(self, key: str = KEY) -> falcon.testing.Result:
        return self.running.http.simulate_post(
            "/api/config/reload", headers={"Authorization": f"Bearer {key}"}
        )

    def get(self, path: str, **options: Any) -> Any:
        return self.running.http.simulate_get(path, **options).json

    def in_force(self, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.get("/api/config")["settings"] if one["name"] == name]
        return dict(found)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return list(self.get("/api/events", params={"type": kind})["events"])


@contextmanager
def reloading(
    tmp_path: Path,
    *,
    database_url: str | None = NOWHERE,
    environment: dict[str, object] | None = None,
    pilots: int = 5,
    **settings: object,
) -> Iterator[tuple[Reloading, FeedServer]]:
    """`settings` stand in the file; those of `environment` cannot change there."""
    fast = {
        "VATSIM_POLL_INTERVAL": 0.1,
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 3,
        "SERVICE_HEALTH_CHECK_INTERVAL": 0.2,
    }
    one = Reloading(tmp_path, **{**fast, **settings})
    left_to_the_file = dict.fromkeys((*one.settings, *fast))
    with (
        FeedServer(pilots=pilots) as feeds,
        running(
            tmp_path, database_url, feeds=feeds, **{**left_to_the_file, **(environment or {})}
        ) as service,
    ):
        one.running = service
        one.order()  # the first look is over
        yield one, feeds


def flights(one: Reloading) -> int:
    """How many are served, once one more update has come through."""
    one.running.until_served(one.running.next_update())
    return int(one.get("/api/flights")["count"])


def hold_times(one: Reloading) -> set[float]:
    """Those of all rules, as the alerter has them."""
    return {rule["hold_s"] for rule in one.get("/api/alerts")["rules"]}
