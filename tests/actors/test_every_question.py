"""The cache fails at each question that users can ask: nothing is lost, and the next one has its
answer."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from tests.actors.harness import Running, until
from tests.actors.test_every_actor import a_service, failures_of, until_well
from vatsim_simulator.areas import BOUNDARIES, SECTORS, write_areas
from vatsim_simulator.fir_cells import firs
from vatsim_simulator.sectors import sectors
from vatwatch.messages import (
    FindFlightId,
    GetAirport,
    GetAirports,
    GetApproaches,
    GetFir,
    GetFirs,
    GetLive,
    GetLiveMatches,
    GetSector,
    GetSectors,
    InspectCache,
    ListAreaNames,
    ListFirIds,
    ListSectors,
    QueryLive,
)
from vatwatch.messages.cache import ToCache
from vatwatch.supervision import Ask, Fault, FaultKind


class Question(NamedTuple):
    """A path that asks it, and the status of the answer; `{callsign}`: of somebody online."""

    asked: type
    path: str
    status: int = 200
    in_place_of: str = ""
    """It is asked only if this question fails, which another actor is asked first."""
    without: int = 503
    """The status while it fails."""


# What one service is asked after another: fewer than its supervisor would take for hopeless.
GROUPS: dict[str, tuple[Question, ...]] = {
    "live": (
        Question(GetLive, "/readyz"),
        Question(QueryLive, "/api/flights?limit=1"),
        Question(FindFlightId, "/api/flights/{callsign}/track"),
    ),
    "airports and FIRs": (
        Question(GetAirports, "/api/airports"),
        Question(GetAirport, "/api/airports/EGLL"),
        Question(GetFirs, "/api/firs"),
        Question(GetApproaches, "/api/approaches"),
        Question(GetFir, f"/api/firs/{firs()[0].fir_id}"),
        Question(ListFirIds, "/api/firs/NONE", 404),
    ),
    "sectors and contacts": (
        Question(GetSectors, "/api/sectors"),
        Question(GetSector, f"/api/sectors/{sectors()[0].name}"),
        Question(ListSectors, "/api/sectors/NONE", 404),
        # Without an answer to it, the list is served all the same.
        Question(ListAreaNames, "/api/flights?sector=NONE", 400, without=200),
        Question(GetLiveMatches, "/api/frequency-matches", in_place_of="FindMatches"),
        Question(InspectCache, "/api/cache/health"),
    ),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_question_that_breaks_the_cache_costs_its_own_answer_and_no_other(
    group: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write_areas(tmp_path / "areas")
    boundaries, low = tmp_path / "areas" / BOUNDARIES, tmp_path / "areas" / SECTORS[0]
    with a_service(
        "cache", tmp_path, request, VATWATCH_POSITIONS_DATA=boundaries, VATWATCH_SECTORS=low
    ) as service:
        callsign = service.http.simulate_get("/api/flights").json["flights"][0]["callsign"]
        for question in GROUPS[group]:
            until(lambda one=question: is_answered(service, one, callsign), question.path)
            crash_at(service, question)
            # The monitor of the services may have put the same question, and lost its answer.
            assert status_of(service, question, callsign) in (
                question.status,
                question.without,
                503,
            )
            until(lambda: not service.tree.faults.active(), f"{question.asked} fails")
        until_well(service, "cache")
        for question in GROUPS[group]:
            until(lambda one=question: is_answered(service, one, callsign), question.path)
        failed = failures_of(service, "cache", alone=False)
        asked = [question.asked.__name__ for question in GROUPS[group]]
        assert [(one.reason, one.message_type) for one in failed] == [
            ("crash", name) for name in asked
        ]


def crash_at(service: Running, question: Question) -> None:
    """Let the cache fail when it is asked this."""
    name = question.asked.__name__
    service.tree.faults.inject(Fault(FaultKind.CRASH, "cache", message_type=name))
    if question.in_place_of:
        first = Fault(FaultKind.CRASH, "history", message_type=question.in_place_of)
        service.tree.faults.inject(first)


def status_of(service: Running, question: Question, callsign: str) -> int:
    """The status of the answer."""
    path = question.path.format(callsign=callsign)
    return int(service.http.simulate_get(path).status_code)


def is_answered(service: Running, question: Question, callsign: str) -> bool:
    """Whether it has its answer."""
    return status_of(service, question, callsign) == question.status


def test_there_is_a_case_for_every_question_to_the_cache() -> None:
    asks = {one for one in get_args(ToCache) if issubclass(one, Ask)}
    assert {question.asked for group in GROUPS.values() for question in group} == asks
