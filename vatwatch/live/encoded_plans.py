"""Plans as JSON. They make up two thirds of a flight as served, and hardly ever change."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import Raw

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.network_state import Flight
from vatwatch.traffic.parsed_plan import ParsedPlan


class _EncodedPlan(NamedTuple):
    read: ParsedPlan | None
    revision_id: int
    filed: Raw
    parsed: Raw


class EncodedPlans:
    """The plans of the flights that were encoded last. For one thread."""

    def __init__(self) -> None:
        self._before: dict[int, _EncodedPlan] = {}
        self._now: dict[int, _EncodedPlan] = {}

    def next_snapshot(self) -> None:
        """Forget the plans that were not asked for since this was called last."""
        self._before, self._now = self._now, {}

    def of(self, flight: Flight) -> tuple[Raw, Raw]:
        """The plan as filed, and what it means: JSON each, `null` if there is none."""
        plan, plan_id = flight.pilot.flight_plan, flight.plan_id
        if plan is None or plan_id is None:
            return _encode(plan), _encode(flight.parsed_plan)
        known = self._before.get(plan_id)
        # A plan is read once, and again when it says something else (`flights.plan_differs`): so
        # one look tells that it is the same, but for the number of the revision.
        if (
            known is None
            or known.read is not flight.parsed_plan
            or known.revision_id != plan.revision_id
        ):
            read = flight.parsed_plan
            known = _EncodedPlan(read, plan.revision_id, _encode(plan), _encode(read))
        self._now[plan_id] = known
        return known.filed, known.parsed


def _encode(plan: FlightPlan | ParsedPlan | None) -> Raw:
    return Raw(msgspec.json.encode(plan))
