"""How wrong the ETA was, by how long before the landing it was told, beside the naive estimate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.eta import naive_eta
from vatwatch.traffic.network_state import NetworkState
from vatwatch.verification.accounts import Happening

LEADS_MIN = (10, 30, 60, 120, 240)
# Of each flight it is noted no more often than this: a day has a million moments of flights.
EVERY = timedelta(minutes=1)


class Forecast(NamedTuple):
    """What was told of one flight in the air at one moment. None: nothing."""

    time: datetime
    arrival: str
    eta: datetime | None
    naive: datetime | None


class LeadResult(Struct):
    """Errors so long before the landing, in seconds, without their sign."""

    lead_min: int
    flights: int = 0
    """That were in the air, on the way to where they landed, and had a naive estimate."""
    errors_s: list[float] = []
    """Of those of which an ETA was told."""
    naive_errors_s: list[float] = []
    """Of the same."""

    def told(self) -> float:
        """Of how many an ETA was told, as a share."""
        return len(self.errors_s) / self.flights if self.flights else 1.0


def middle_s(errors_s: list[float]) -> float | None:
    """The median; None of nothing."""
    return median(errors_s) if errors_s else None


def ninety_s(errors_s: list[float]) -> float | None:
    """Nine of ten errors are no larger; None of nothing."""
    return sorted(errors_s)[ceil(0.9 * len(errors_s)) - 1] if errors_s else None


class ArrivalObserver:
    """Notes what is told of each flight in the air, once a minute."""

    def __init__(self) -> None:
        self._forecasts: dict[int, list[Forecast]] = {}
        self._noted: datetime | None = None

    def observe(self, state: NetworkState) -> None:
        """Take the state after a snapshot, in order."""
        time = state.time
        if time is None or (self._noted is not None and time - self._noted < EVERY):
            return
        self._noted = time
        for flight in state.flights.values():
            progress, plan = flight.progress, flight.parsed_plan
            if not progress.airborne or plan is None or plan.arrival_icao is None:
                continue
            self._forecasts.setdefault(flight.pilot.cid, []).append(
                Forecast(
                    time,
                    plan.arrival_icao,
                    estimates(progress, plan).eta,
                    naive_eta(progress, load_airports()[plan.arrival_icao]),
                )
            )

    def results(self, happenings: Iterable[Happening]) -> list[LeadResult]:
        """Hold what was told against the true landings, for each lead time."""
        results = [LeadResult(lead_min) for lead_min in LEADS_MIN]
        last_take_off: dict[int, datetime] = {}
        for one in sorted(happenings, key=lambda each: each.time):
            if one.kind == "take_off":
                last_take_off[one.owner] = one.time
            elif one.kind == "landing":
                for result in results:
                    self._hold(result, one, last_take_off.get(one.owner))
        return results

    def _hold(self, result: LeadResult, landing: Happening, took_off: datetime | None) -> None:
        moment = landing.time - timedelta(minutes=result.lead_min)
        told = self._at(landing.cid, moment)
        if told is None or told.arrival != landing.airport or told.naive is None:
            return
        if took_off is not None and told.time <= took_off:
            return
        result.flights += 1
        if told.eta is not None:
            result.errors_s.append(abs((told.eta - landing.time).total_seconds()))
            result.naive_errors_s.append(abs((told.naive - landing.time).total_seconds()))

    def _at(self, cid: int, moment: datetime) -> Forecast | None:
        """The latest of a person's forecasts at a moment, if it is no older than a minute."""
        forecasts = self._forecasts.get(cid, [])
        index = bisect_right(forecasts, moment, key=lambda one: one.time)
        if index == 0 or moment - forecasts[index - 1].time > EVERY:
            return None
        return forecasts[index - 1]
