"""Settings of areas, changed while the tree runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actors.area_house import NAMES, areas_of, boundaries
from tests.actors.harness import until
from tests.actors.reloading import Reloading, reloading
from tests.feed_server import FeedServer, body
from tests.http.test_sectors import world_of
from tests.reload.effects import takes_effect
from vatwatch.monitoring.health import Health


@takes_effect("VATWATCH_POSITIONS_DATA")
def test_other_files_are_used_and_those_no_longer_named_are_not(tmp_path: Path) -> None:
    first, second = tmp_path / "first.geojson", tmp_path / "second.geojson"
    first.write_bytes(boundaries(*NAMES))
    second.write_bytes(boundaries("EEEE"))
    with reloading(tmp_path) as (one, _feeds):
        for files, count in ((f"{first}", 4), (f"{first},{second}", 5), (f"{second}", 1), ("", 0)):
            one.take_over(VATWATCH_POSITIONS_DATA=files)
            until(lambda count=count: areas_of(one.running).firs == count, files)
        refused = tmp_path / "nowhere.geojson"
        one.change(VATWATCH_POSITIONS_DATA=str(refused))
        assert "must be a file or a directory that exists" in one.order().text


def test_a_file_that_is_gone_is_told_and_refuses_no_other_setting_and_no_start(
    tmp_path: Path,
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    with reloading(tmp_path, VATWATCH_POSITIONS_DATA=str(firs)) as (one, _feeds):
        until(lambda: areas_of(one.running).firs == 4)
        firs.unlink()
        one.take_over(VATWATCH_RANGE_CTR_NM=300)
        until(lambda: areas_of(one.running).errors, "it is told")
        assert areas_of(one.running).firs == 4
    with reloading(tmp_path, VATWATCH_POSITIONS_DATA=str(firs)) as (one, _feeds):
        until(lambda: areas_of(one.running).firs == 4, "the copy is used")
        assert one.running.reports().services["areas"].health is Health.DEGRADED
        assert "what was good before is used" in one.running.reason("areas")


@takes_effect("VATWATCH_SECTORS")
def test_a_file_of_sectors_is_read_when_it_is_named(tmp_path: Path) -> None:
    sectors = tmp_path / "sectors.geojson"
    sectors.write_bytes(b"<html>")
    with reloading(tmp_path) as (one, _feeds):
        one.take_over(VATWATCH_SECTORS=str(sectors))
        until(lambda: "sectors.geojson is HTML" in "".join(areas_of(one.running).errors))
        one.take_over(VATWATCH_SECTORS="")
        until(lambda: not areas_of(one.running).errors)


@takes_effect("VATWATCH_AREAS_CHECK_HOURS")
def test_an_address_is_asked_as_often_as_is_set_now(tmp_path: Path) -> None:
    with FeedServer(pilots=5) as other:
        other.say("/areas", always=body(boundaries(*NAMES)))
        with reloading(tmp_path, VATWATCH_POSITIONS_DATA=f"{other.base}/areas") as (one, _feeds):
            until(lambda: areas_of(one.running).firs == 4)
            assert other.requests["/areas"] == 1
            one.take_over(VATWATCH_AREAS_CHECK_HOURS=0.1 / 3600)
            until(lambda: other.requests["/areas"] > 3, "it is asked again and again")


def over(one: Reloading) -> set[str]:
    """The sectors that have an alert."""
    active = one.get("/api/alerts")["active"]
    return {alert["subject"] for alert in active if alert["rule"] == "sector_load"}


@takes_effect("VATWATCH_SECTOR_WARNING", "VATWATCH_SECTOR_WARNINGS")
@pytest.mark.parametrize(
    ("first", "then", "alert"),
    [
        ({"VATWATCH_SECTOR_WARNING": ""}, {"VATWATCH_SECTOR_WARNING": "5"}, "sector Wide"),
        ({"VATWATCH_SECTOR_WARNINGS": ""}, {"VATWATCH_SECTOR_WARNINGS": "wide=5"}, "sector Wide"),
        (
            {"VATWATCH_SECTOR_WARNINGS": "Warned=off"},
            {"VATWATCH_SECTOR_WARNINGS": "Warned=5"},
            "sector Warned",
        ),
    ],
)
def test_a_sector_has_an_alert_by_the_level_that_is_set_now(
    tmp_path: Path, first: dict[str, str], then: dict[str, str], alert: str
) -> None:
    sectors = tmp_path / "sectors.geojson"
    wide = world_of("Wide", warning=None, floor=None)
    sectors.write_bytes(wide)
    files = [sectors]
    if "Warned" in alert:
        files.append(tmp_path / "warned.geojson")
        files[1].write_bytes(world_of("Warned", warning=3, floor=None))
    fast = {"VATWATCH_ALERT_SECTOR_LOAD_HOLD": 0, "VATWATCH_ALERT_SECTOR_LOAD_CLEAR": 0}
    with reloading(
        tmp_path,
        pilots=60,
        VATWATCH_SECTORS=",".join(map(str, files)),
        VATWATCH_ALERT_INTERVAL=0.1,
        **fast,
        **first,
    ) as (one, _feeds):
        name = alert.removeprefix("sector ")
        until(lambda: one.get("/api/sectors").get("total") == len(files))
        one.running.until_served(one.running.next_update())
        until(lambda: one.get(f"/api/sectors/{name}")["load"] >= 5, "enough are in the air")
        handled = one.running.node("alerter").handled
        until(lambda: one.running.node("alerter").handled > handled + 5, "it has looked")
        assert alert not in over(one)
        one.take_over(**then)
        until(lambda: alert in over(one), "the alert fires")
        assert one.get(f"/api/sectors/{name}")["warning"] == 5
        one.take_over(**first)
        until(lambda: alert not in over(one), "the alert is resolved")
