"""At which airport a flight stands, beside another one that is nearer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.traffic.build import pilot, plan, snapshot
from tests.traffic.test_diff import advance
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airport_traffic import AirportUse, use_of
from vatwatch.traffic.network_state import NetworkState

# Anchorage, and the water of Lake Hood beside it: where a taxiway is nearer to the lake.
ANCHORAGE, BESIDE_LAKE_HOOD = (61.1734, -150.0061), (61.1790, -149.9640)
STEPS = 12


def taxied(
    start: tuple[float, float], end: tuple[float, float], filed: FlightPlan | None
) -> AirportUse:
    """After a way on the ground, with a snapshot each quarter of a minute."""
    state = NetworkState()
    for step in range(-4, STEPS + 1):
        share = max(0, step) / STEPS
        at = [one + (other - one) * share for one, other in zip(start, end, strict=True)]
        shown = replace(
            pilot(altitude=140, flight_plan=filed),
            latitude=at[0],
            longitude=at[1],
            groundspeed=15 if 0 < step < STEPS else 0,
        )
        state = advance(state, snapshot(15 * (step + 4), pilots=[shown]))
    return use_of(state.flights["ABC1"])


@pytest.mark.parametrize("filed", [plan(departure="PANC"), None])
def test_who_taxies_stays_at_his_airport_where_another_one_is_nearer(
    filed: FlightPlan | None,
) -> None:
    use = taxied(ANCHORAGE, BESIDE_LAKE_HOOD, filed)
    assert (use.airborne, use.stands_at, use.departs_from) == (False, "PANC", "PANC")


def test_who_is_first_seen_there_is_at_the_nearer_one() -> None:
    assert taxied(BESIDE_LAKE_HOOD, ANCHORAGE, None).stands_at == "PALH"
    # The airport of the plan counts as half as far away.
    near = (61.1765, -149.9700)
    assert taxied(near, near, plan(departure="PANC")).stands_at == "PANC"


def test_a_plan_that_names_the_other_one_is_believed() -> None:
    filed = plan(departure="PALH")
    assert taxied(ANCHORAGE, BESIDE_LAKE_HOOD, filed).stands_at == "PANC"
