"""Areas: a file that is bad, in whatever way, never takes the place of the last good one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.actors.area_house import NAMES, VATSPY, area_service, areas_of, boundaries
from tests.actors.harness import Running, until
from tests.feed_server import Conversation, FeedServer, body, drip, loop, status
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas
from vatwatch.actors.area_places import places_of
from vatwatch.config.area_copies import LIST_NAME
from vatwatch.monitoring.health import Health
from vatwatch.storage.area_copies import AreaCopies

PATH = "/areas.geojson"


def kept(service: Running) -> tuple[str, ...]:
    """The ids of the areas that a processor would find at its start."""
    copies = AreaCopies(service.settings.general.home / "areas")
    return tuple(sorted(copies.known(places_of(service.settings.areas)).areas))


def health(service: Running) -> Health:
    return service.reports().services["areas"].health


def test_without_files_the_service_is_healthy_and_knows_nothing(
    tmp_path: Path, database_url: str
) -> None:
    with area_service(tmp_path, database_url) as service:
        assert (health(service), areas_of(service).files) == (Health.HEALTHY, 0)
        assert not (service.settings.general.home / "areas").exists()


def test_a_changed_file_is_used_and_kept_and_served(tmp_path: Path, database_url: str) -> None:
    vatspy, firs = tmp_path / "VATSpy.dat", tmp_path / "firs.geojson"
    vatspy.write_bytes(VATSPY)
    firs.write_bytes(boundaries(*NAMES))
    with (
        FeedServer(pilots=10) as feeds,
        area_service(
            tmp_path, database_url, feeds, VATWATCH_POSITIONS_DATA=f"{vatspy},{firs}"
        ) as service,
    ):
        found = areas_of(service)
        assert (found.files, found.firs, [one.kind for one in found.sources]) == (
            2,
            4,
            ["vatspy", "fir"],
        )
        firs.write_bytes(boundaries(*NAMES, "EEEE", cycle="2608"))
        until(lambda: areas_of(service).firs == 5, "the new file is used")
        assert kept(service) == (*NAMES, "EEEE")
        assert areas_of(service).sources[1].cycle == "2608"
        answer = service.http.simulate_get("/api/services/areas/health").json
        assert json.dumps(answer).count("2608") == 1
        service.until_next_is_through()
        stations = service.http.simulate_get("/api/controllers").json["controllers"]
        assert {one["position"]["rule"] for one in stations} == {"unknown"}


def spoil_half(path: Path) -> None:
    path.write_bytes(boundaries(*NAMES)[:200])


def spoil_html(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><title>Sign in</title>")


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_small(path: Path) -> None:
    path.write_bytes(boundaries("AAAA"))


def spoil_gone(path: Path) -> None:
    path.unlink()


def spoil_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def spoil_huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(40 * 1024 * 1024)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_half,
        spoil_html,
        spoil_empty,
        spoil_small,
        spoil_gone,
        spoil_directory,
        spoil_pipe,
        spoil_huge,
    ],
)
def test_a_bad_file_never_takes_the_place_of_the_last_good_one(
    spoil: Callable[[Path], None], tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs) as service:
        spoil(firs)
        until(lambda: areas_of(service).errors, "the fault is told")
        assert health(service) is Health.DEGRADED
        assert "what was good before is used" in service.reason("areas")
        assert (areas_of(service).firs, kept(service)) == (4, NAMES)
        service.tree.restart("vatwatch/core/areas")
        until(lambda: service.node("areas").restarts_total > 0)
        until(lambda: areas_of(service).firs == 4, "after its restart, too")
        if firs.is_dir():
            firs.rmdir()
        firs.unlink(missing_ok=True)
        firs.write_bytes(boundaries("AAAA", "BBBB", "CCCC"))
        until(lambda: health(service) is Health.HEALTHY, "it is good again")
        assert kept(service) == ("AAAA", "BBBB", "CCCC")


def test_a_file_that_was_never_good_costs_only_its_areas(tmp_path: Path, database_url: str) -> None:
    good, bad = tmp_path / "good.geojson", tmp_path / "bad.geojson"
    good.write_bytes(boundaries("AAAA"))
    spoil_half(bad)
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=f"{bad},{good}") as service:
        assert (areas_of(service).firs, health(service)) == (1, Health.DEGRADED)
        bad.write_bytes(boundaries("BBBB"))
        until(lambda: areas_of(service).firs == 2)


def test_a_directory_is_read_with_all_below_it_and_other_files_are_left_out(
    tmp_path: Path, database_url: str
) -> None:
    folder = tmp_path / "geo"
    (folder / "below").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "README.md").write_text("# Read me")
    (folder / "firs.geojson").write_bytes(boundaries("AAAA"))
    (folder / "below" / "more.geojson").write_bytes(boundaries("BBBB"))
    (folder / ".git" / "hidden.geojson").write_bytes(boundaries("CCCC"))
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=folder) as service:
        found = areas_of(service)
        assert (found.firs, found.skipped, health(service)) == (2, 1, Health.HEALTHY)
        (folder / "below" / "more.geojson").unlink()
        until(lambda: areas_of(service).firs == 1, "what is gone from a directory is gone")
        (folder / "firs.geojson").unlink()
        until(lambda: health(service) is Health.DEGRADED, "but not the last of it")
        assert kept(service) == ("AAAA",)


def test_what_the_disk_refuses_to_keep_is_not_used_yet(tmp_path: Path, database_url: str) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    (tmp_path / "home").mkdir()
    in_the_way = tmp_path / "home" / "areas"
    in_the_way.write_text("a file where the directory should be")
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs) as service:
        assert (areas_of(service).firs, health(service)) == (0, Health.DEGRADED)
        assert "cannot be written" in service.reason("areas")
        in_the_way.unlink()
        until(lambda: areas_of(service).firs == 4, "there is room now")
        assert kept(service) == NAMES


def test_a_start_after_a_kill_between_the_contents_and_the_list_has_the_list_before(
    tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs) as service:
        copies = service.settings.general.home / "areas"
        (copies / "0123456789abcdef.gz").write_bytes(b"a content that no list names")
        (copies / f"{LIST_NAME}.tmp").write_bytes(b"half a li")
        assert kept(service) == NAMES
        firs.write_bytes(boundaries("AAAA", "BBBB"))
        until(lambda: kept(service) == ("AAAA", "BBBB"))
        until(lambda: len([*copies.iterdir()]) == 2, "what no list names is deleted")


def test_an_address_is_asked_and_an_unchanged_file_is_not_sent_again(
    tmp_path: Path, database_url: str
) -> None:
    asked: list[str | None] = []

    def answer(c: Conversation) -> None:
        asked.append(c.headers.get("if-none-match"))
        if asked[-1] == '"one"':
            c.answer("304 Not Modified")
        else:
            c.answer("200 OK", boundaries(*NAMES), ETag='"one"')

    with FeedServer(pilots=5) as feeds:
        feeds.say(PATH, always=answer)
        url = feeds.base.replace("//", "//me:the-password@") + PATH
        given = {"VATWATCH_POSITIONS_DATA": url, "VATWATCH_AREAS_CHECK_HOURS": 0.1 / 3600}
        with area_service(tmp_path, database_url, feeds, **given) as service:
            until(lambda: areas_of(service).firs == 4, "the address has answered")
            until(lambda: asked.count('"one"') >= 2, "it is asked whether anything has changed")
            # The first try may have been too slow for a busy machine.
            assert None not in asked[asked.index('"one"') :]
            for path in ("/api/services/areas/health", "/api/config", "/api/status"):
                assert "the-password" not in service.http.simulate_get(path).text
            assert "the-password" not in (tmp_path / "home/areas" / LIST_NAME).read_text()
        with area_service(tmp_path, database_url, feeds, **given) as service:
            # From the copy: whoever asks with its tag is sent nothing.
            until(lambda: areas_of(service).firs == 4)
            before = asked.count('"one"')
            until(lambda: asked.count('"one"') >= before + 2)
            assert None not in asked[asked.index('"one"') :]


@pytest.mark.parametrize(
    "answer", [status("404 Not Found"), loop, body(b"<html>"), body(boundaries()), body(b"{")]
)
def test_a_bad_answer_never_takes_the_place_of_the_last_good_one(
    answer: Callable[[Conversation], None], tmp_path: Path, database_url: str
) -> None:
    with FeedServer(pilots=5) as feeds:
        feeds.say(PATH, body(boundaries(*NAMES)), always=answer)
        given = {
            "VATWATCH_POSITIONS_DATA": feeds.base + PATH,
            "VATWATCH_AREAS_CHECK_HOURS": 0.1 / 3600,
        }
        with area_service(tmp_path, database_url, feeds, **given) as service:
            until(lambda: areas_of(service).firs == 4, "the good answer")
            until(lambda: health(service) is Health.DEGRADED, "the bad one")
            assert (areas_of(service).firs, kept(service)) == (4, NAMES)
            feeds.say(PATH, always=body(boundaries("AAAA", "BBBB")))
            until(lambda: areas_of(service).firs == 2, "it is asked again")
            until(lambda: health(service) is Health.HEALTHY)


def test_an_address_that_drips_delays_nothing_else(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatwatch.actors.areas.REQUEST_S", 1.0)
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries("AAAA"))
    with FeedServer(pilots=5) as feeds:
        feeds.say(PATH, always=drip)
        given = {"VATWATCH_POSITIONS_DATA": f"{feeds.base}{PATH},{firs}"}
        with area_service(tmp_path, database_url, feeds, **given) as service:
            until(lambda: areas_of(service).firs == 1)
            service.until_next_is_through()
            until(lambda: areas_of(service).errors, "the drip is given up")
            assert "within 1 s" in service.reason("areas")


def unit(prefix: str, suffix: str) -> bytes:
    """A file in SimAware's form."""
    document = json.loads(boundaries("MINE"))
    said = {"id": "MINE", "name": "Mine", "prefix": [prefix], "suffix": suffix}
    document["features"][0]["properties"] = said
    return json.dumps(document).encode()


def test_a_processor_that_restarts_has_the_same_areas(tmp_path: Path, database_url: str) -> None:
    file = tmp_path / "tracons.geojson"
    file.write_bytes(unit("NOBODY", "APP"))
    with (
        FeedServer(pilots=60) as feeds,
        area_service(tmp_path, database_url, feeds, VATWATCH_POSITIONS_DATA=file) as service,
    ):
        service.until_next_is_through()
        stations = service.http.simulate_get("/api/controllers").json["controllers"]
        working = [one["callsign"] for one in stations if one["state"] == "controlling"]
        prefix, _, suffix = working[0].rpartition("_")

        def position() -> dict[str, Any]:
            one = service.http.simulate_get(f"/api/controllers/{working[0]}").json
            return dict(one["position"])

        wanted = {"name": "Mine", "area": "MINE", "areas": ["MINE"], "rule": "exact"}
        assert position() == {"name": None, "area": None, "areas": [], "rule": "unknown"}
        file.write_bytes(unit(prefix, suffix))
        until(lambda: position() == wanted, "the position is served")
        stations = service.http.simulate_get("/api/controllers").json["controllers"]
        assert [s["callsign"] for s in stations if s["position"] == wanted] == [working[0]]
        service.tree.restart("vatwatch/pipeline/processor")
        until(lambda: service.node("processor").restarts_total > 0)
        service.until_next_is_through()
        assert position() == wanted


def test_the_files_of_the_simulators_world_are_used_clean_or_faulty(
    tmp_path: Path, database_url: str
) -> None:
    for faulty in (False, True):
        folder = tmp_path / f"world-{faulty}"
        write_areas(folder, faulty=faulty)
        named = {
            "VATWATCH_POSITIONS_DATA": ",".join(str(folder / name) for name in POSITIONS_DATA),
            "VATWATCH_SECTORS": ",".join(str(folder / name) for name in SECTORS),
        }
        (tmp_path / str(faulty)).mkdir()
        with area_service(tmp_path / str(faulty), database_url, **named) as service:
            found = areas_of(service)
            assert (found.errors, health(service)) == ((), Health.HEALTHY)
            assert [one.kind for one in found.sources] == [
                "vatspy",
                "fir",
                "tracon",
                *["sector"] * 3,
            ]
            assert any(one.mended for one in found.sources) == faulty


def test_an_alert_tells_of_a_file_that_cannot_be_used_until_it_can(
    tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(b"<html>")
    quick = {
        "VATWATCH_ALERT_INTERVAL": 0.1,
        "VATWATCH_ALERT_HOLD": 0,
        "VATWATCH_ALERT_DEGRADED_HOLD": 0,
    }
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs, **quick) as service:

        def firing() -> list[dict[str, Any]]:
            alerts = service.http.simulate_get("/api/alerts").json["alerts"]
            return [
                one for one in alerts if "areas" in json.dumps(one) and one["state"] == "firing"
            ]

        until(firing, "the alert fires")
        firs.write_bytes(boundaries("AAAA"))
        until(lambda: not firing(), "it is resolved")
