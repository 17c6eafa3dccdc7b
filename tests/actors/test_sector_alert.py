"""A sector that is too busy has one alert while that lasts."""

from __future__ import annotations

from pathlib import Path

from tests.actors.harness import Poison, running, until
from tests.actors.hook_server import HookServer
from tests.actors.test_alerter import FAST, told
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.http.test_sectors import world_of

GIVEN = updates(4)
KEY = "sector_load:sector All of it"


def test_a_sector_that_is_too_busy_is_told_once_also_if_the_cache_is_restarted(
    tmp_path: Path, hook: HookServer
) -> None:
    sectors = tmp_path / "sectors.geojson"
    sectors.write_bytes(world_of("All of it", warning=3, floor=None))
    with running(
        tmp_path, NOWHERE, VATWATCH_ALERT_WEBHOOKS=hook.url, VATWATCH_SECTORS=sectors, **FAST
    ) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        until(lambda: told(hook, "firing", KEY), "the level in the file is reached")
        (one,) = told(hook, "firing", KEY)
        assert (one["severity"], one["summary"]) == (
            "warning",
            "a sector has reached its warning level",
        )
        found = service.http.simulate_get("/api/sectors/All%20of%20it").json
        assert f"has {found['load']} aircraft" in one["reason"]
        assert "its level is 3" in one["reason"]
        (listed,) = service.http.simulate_get("/api/status").json["cache"]["sectors_over"]
        assert (listed["name"], listed["level"], listed["load"]) == ("All of it", 3, found["load"])
        service.tree.directory.address("cache").tell(Poison())
        until(lambda: service.node("cache").restarts_total == 1)
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        handled = service.node("alerter").handled
        until(lambda: service.node("alerter").handled > handled + 10, "it looks again and again")
        assert len(told(hook, "firing", KEY)) == 1
        assert told(hook, "resolved", KEY) == []
