"""Subscriptions name FIRs and airports that there are; those that were made live on without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from tests.actors.area_house import NAMES, area_service, areas_of, boundaries
from tests.actors.harness import KEY, Poison, Running, running, until
from tests.feed_server import FeedServer
from vatwatch.messages.subscription_status import SubscriptionsStatus

BEARER = {"Authorization": f"Bearer {KEY}"}
PATH = "/api/subscriptions"
COUNTED = {"of": "airborne", "at_least": 5}
OF_FIRS: list[dict[str, Any]] = [
    {"kind": "fir"},
    {"kind": "fir", "news": ["entry"]},
    {"kind": "count", **COUNTED},
    {"kind": "traffic_without_atc", **COUNTED},
]
OF_AIRPORTS: list[dict[str, Any]] = [
    {"kind": "airport"},
    {"kind": "count", "of": "on_ground", "at_least": 5},
    {"kind": "traffic_without_atc", "of": "arriving", "at_least": 5},
]


def post(service: Running, watch: dict[str, Any]) -> falcon.testing.Result:
    body = {"watch": watch, "target": {"kind": "stream"}}
    return service.http.simulate_post(PATH, json=body, headers=BEARER)


def refused(answer: falcon.testing.Result, field: str, meant: str | None) -> str:
    assert answer.status_code == 422, answer.text
    assert (answer.json["field"], answer.json.get("did_you_mean")) == (field, meant)
    return str(answer.json["detail"])


def made(service: Running, watch: dict[str, Any]) -> str:
    """Made, once the areas are in use and the tables are there."""

    def tried() -> str | None:
        answer = post(service, watch)
        assert answer.status_code in (201, 503), answer.text
        return answer.json["id"] if answer.status_code == 201 else None

    return str(until(tried, "the subscription is made"))


def test_a_fir_or_an_airport_that_there_is_not_is_refused_with_the_near_match(
    tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    with (
        FeedServer(pilots=10) as feeds,
        area_service(tmp_path, database_url, feeds, VATWATCH_POSITIONS_DATA=firs) as service,
    ):
        for watch in OF_FIRS:
            made(service, {**watch, "fir": "aaaa"})
            refused(post(service, {**watch, "fir": "BBBX"}), "watch.fir", "BBBB")
            refused(post(service, {**watch, "fir": "QQQQ"}), "watch.fir", None)
        for watch in OF_AIRPORTS:
            made(service, {**watch, "airport": "eddf"})
            refused(post(service, {**watch, "airport": "EGLLL"}), "watch.airport", "EGLL")
        refused(post(service, {"kind": "person", "cid": 0}), "watch.cid", None)


def test_a_fir_that_vanishes_costs_no_subscription(tmp_path: Path, database_url: str) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    with (
        FeedServer(pilots=10) as feeds,
        area_service(tmp_path, database_url, feeds, VATWATCH_POSITIONS_DATA=firs) as service,
    ):
        watch = {"kind": "fir", "fir": "DDDD", "news": ["atc", "entry"]}
        path = f"{PATH}/{made(service, watch)}"
        firs.write_bytes(boundaries(*NAMES[:3]))
        until(lambda: areas_of(service).firs == 3, "the new file is used")
        until(lambda: service.http.simulate_get("/api/firs").json["total"] == 3, "and is served")
        moment = service.until_next_is_through()
        until(lambda: service.status("subscriptions", SubscriptionsStatus).judged_at == moment)
        refused(post(service, watch), "watch.fir", None)

        def patch(**change: Any) -> falcon.testing.Result:
            return service.http.simulate_patch(path, json=change, headers=BEARER)

        for change in ({"name": "still here"}, {"watch": watch}, {"tell_present": True}):
            answer = patch(**change)
            assert answer.status_code == 200, answer.text
        refused(patch(watch={**watch, "news": ["entry"]}), "watch.fir", None)
        before = service.node("subscriptions").restarts_total
        service.tree.directory.address("subscriptions").tell(Poison())
        until(lambda: service.node("subscriptions").restarts_total > before)
        service.until_next_is_through()

        def listed() -> list[dict[str, Any]]:
            answer = service.http.simulate_get(PATH, headers=BEARER)
            return list(answer.json.get("subscriptions", ()))

        (kept,) = until(listed)
        assert (kept["name"], kept["watch"], kept["active"]) == ("still here", watch, True)


def test_while_nobody_knows_the_firs_only_what_names_one_has_to_wait(
    tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries(*NAMES))
    # No snapshot comes, and with it no areas.
    with running(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs) as service:
        made(service, {"kind": "airport", "airport": "EDDF"})
        made(service, {"kind": "count", "of": "on_ground", "at_least": 5, "airport": "EDDF"})
        for watch in OF_FIRS:
            for fir in ("AAAA", "QQQQ"):
                answer = post(service, {**watch, "fir": fir})
                assert answer.status_code == 503
                assert "VATWATCH_POSITIONS_DATA" in answer.json["detail"]
                assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("watch", OF_FIRS[1:])
def test_without_files_it_is_said_which_setting_names_them(
    tmp_path: Path, database_url: str, watch: dict[str, Any]
) -> None:
    with running(tmp_path, database_url) as service:
        made(service, {"kind": "airport", "airport": "EDDF"})
        said = refused(post(service, {**watch, "fir": "EDGG"}), "watch.fir", None)
        assert "VATWATCH_POSITIONS_DATA" in said
        # Who controls is told by callsigns then.
        made(service, {"kind": "fir", "fir": "EDGG"})
