"""Every parameter of the API: a value that no record can have is refused, with the near match.

An empty list says that there is nothing now, never that there cannot be anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from socket import gethostname
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.actors.harness import KEY, Running, running, until
from tests.feed_server import FeedServer
from tests.http.test_api import problem
from tests.http.test_parameters import OPERATIONS
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas
from vatsim_simulator.fir_cells import firs
from vatsim_simulator.sectors import sectors

FIR, SECTOR = firs()[0].fir_id, sectors()[0].name


class Closed(NamedTuple):
    """What no record can have, and what was meant."""

    given: str
    meant: str | None = None


AMOUNT = "an amount"
RANGES = ("altitude", "groundspeed", "vertical_speed_fpm", "distance_flown_nm", "online_s")
CLOSED: dict[str, Closed] = {
    "airline": Closed("BAW1"),
    "bbox": Closed("0,-91,1,0"),
    "block": Closed("115", "15"),
    "category": Closed("databse", "database"),
    "channels": Closed("positons", "positions"),
    "cid": Closed("0"),
    "cursor": Closed("nonsense"),
    "facility": Closed("7"),
    "fields": Closed("callsing", "callsign"),
    "fingerprint": Closed("9f86d0"),
    "fir": Closed(f"{FIR}X", FIR),
    "flight_rules": Closed("VFR"),
    "flights": Closed("perhaps"),
    "format": Closed("jsn", "json"),
    "frequency": Closed("2000"),
    "from": Closed("yesterday"),
    "heading": Closed("361"),
    "icao": Closed("EGLLL", "EGLL"),
    "kind": Closed("sectr", "sector"),
    "limit": Closed("0"),
    "near": Closed("91,0,1"),
    "node": Closed(f"{gethostname()}x", gethostname()),
    "phase": Closed("crusie", "cruise"),
    "rating": Closed("13"),
    "receiver": Closed("alerta", "alerter"),
    "recovered": Closed("perhaps"),
    "rule": Closed("feed_ages", "feed_age"),
    "sector": Closed(f"{SECTOR} X", SECTOR),
    "service": Closed("procesor", "processor"),
    "severity": Closed("citical", "critical"),
    "since": Closed("yesterday"),
    "sort": Closed("callsing", "callsign"),
    "source": Closed("procesor", "processor"),
    "squawk": Closed("7800"),
    "state": Closed("nothing"),
    "to": Closed("tomorrow"),
    "type": Closed("FLIGHT_DEPARTD", "FLIGHT_DEPARTED"),
    "until": Closed("tomorrow"),
    "wake": Closed("X"),
    "window": Closed("32d"),
}
# Of some parameters the words are others elsewhere.
ELSEWHERE = {("/api/events/dead-letters", "kind"): Closed("mesage", "message")}
OPEN = {
    "aircraft": "pilots file what they like",
    "arrival": "pilots file what they like",
    "callsign": "anybody may have any",
    "correlation_id": "a client's, too, for which nothing need have happened",
    "departure": "pilots file what they like",
    "great_circle_nm": AMOUNT,
    "last_event_id": "a place in a stream, from which a client goes on or begins anew",
    "tuned": "a callsign",
} | dict.fromkeys(RANGES, AMOUNT)
# Without what a path names there is a 404; these take parameters of the others alone.
ASKED = [
    (op.path, parameter)
    for op in OPERATIONS
    if op.method == "GET" and not {"X", "restart"} & set(op.path.split("/"))
    for parameter in op.parameters
]
REFUSING = [(path, one) for path, one in ASKED if one.name in CLOSED]
# An answer that does not end is not asked for; pages, areas and flights need more than an example.
ANSWERING = [
    (path, one)
    for path, one in ASKED
    if path != "/api/stream" and one.name not in ("cursor", "fir", "sector", "flights")
]


def named(asked: list[tuple[str, Any]]) -> list[str]:
    return [f"{path} {parameter.name}" for path, parameter in asked]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that has everything: a database, traffic, and the simulator's areas."""
    home = tmp_path_factory.mktemp("values")
    write_areas(home / "areas")
    environment = {
        "VATWATCH_POSITIONS_DATA": ",".join(str(home / "areas" / name) for name in POSITIONS_DATA),
        "VATWATCH_SECTORS": ",".join(str(home / "areas" / name) for name in SECTORS),
    }
    with (
        FeedServer(pilots=10) as feeds,
        running(home, None, feeds=feeds, **environment) as service,
    ):
        get = service.http.simulate_get
        until(lambda: get("/api/sectors").json.get("total", 0) > 100, "the areas are in use")
        until(lambda: get("/api/events").json.get("source") == "database", "the tables are there")
        yield service


def ask(service: Running, path: str, name: str, given: object) -> Any:
    headers = {"Authorization": f"Bearer {KEY}"}
    return service.http.simulate_get(path, query_string=urlencode({name: given}), headers=headers)


def test_every_parameter_is_closed_or_open_for_a_reason() -> None:
    names = {
        parameter.name for op in OPERATIONS if op.method == "GET" for parameter in op.parameters
    }
    assert names == CLOSED.keys() | OPEN.keys()
    assert not CLOSED.keys() & OPEN.keys()


@pytest.mark.parametrize(("path", "parameter"), REFUSING, ids=named(REFUSING))
def test_a_value_that_no_record_can_have_is_refused_and_the_near_match_named(
    service: Running, path: str, parameter: Any
) -> None:
    name = parameter.name
    given, meant = ELSEWHERE.get((path, name), CLOSED[name])
    said = problem(ask(service, path, name, given), 400)
    assert said["parameter"] == name
    assert said.get("did_you_mean") == meant
    assert meant is None or f'id you mean "{meant}"?' in said["detail"]


@pytest.mark.parametrize(("path", "parameter"), ANSWERING, ids=named(ANSWERING))
def test_a_value_that_a_record_can_have_is_answered_whether_one_has_it_or_not(
    service: Running, path: str, parameter: Any
) -> None:
    values = list(parameter.schema.get("enum", [parameter.schema["example"]]))
    if parameter.name == "node":
        values = [gethostname()]  # it is alone
    if parameter.name in OPEN:
        values.append("7" if OPEN[parameter.name] == AMOUNT else "ZZ99Q")
    for value in values:
        given = str(value).lower() if isinstance(value, bool) else value
        answer = ask(service, path, parameter.name, given)
        assert answer.status_code == 200, answer.text
