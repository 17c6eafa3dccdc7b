"""How wrong the expected loads of FIRs and sectors were, beside the naive guess: as many as now."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

import numpy as np
from msgspec import Struct

from vatwatch.traffic.areas.area_grid import Ints
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.sector_loads import expected_loads

AHEAD_MIN = (10, 20, 30, 60)
EVERY = timedelta(minutes=5)


class LoadResult(Struct):
    """Of all moments and all sectors that had somebody, or were expected to: one number each."""

    ahead_min: int
    loads: list[int] = []
    """What there was."""
    errors: list[int] = []
    """Expected less what there was."""
    naive_errors: list[int] = []
    """The load of the moment at which it was told, less what there was."""

    def mean_load(self) -> float | None:
        """None of nothing."""
        return float(np.mean(self.loads)) if self.loads else None

    def bias(self) -> float | None:
        """By how much too high the expected loads were, in the mean; negative: too low."""
        return float(np.mean(self.errors)) if self.errors else None


def mean_error(errors: list[int]) -> float | None:
    """Without their sign; None of nothing."""
    return float(np.abs(errors).mean()) if errors else None


def ninety_error(errors: list[int]) -> int | None:
    """Nine of ten errors are no larger, without their sign; None of nothing."""
    return int(np.sort(np.abs(errors))[ceil(0.9 * len(errors)) - 1]) if errors else None


class _Told(Struct):
    """What was told for one moment."""

    due: datetime
    result: LoadResult
    expected: Ints
    naive: Ints


class LoadObserver:
    """Notes what is expected every five minutes, and holds it against what comes."""

    def __init__(self, areas: KnownAreas) -> None:
        self._map = areas.sector_map
        self._numbers = {
            (sector.kind, sector.name): number for number, sector in enumerate(self._map.sectors)
        }
        self._results = [LoadResult(ahead) for ahead in AHEAD_MIN]
        self._told: list[_Told] = []
        self._noted: datetime | None = None

    def observe(self, state: NetworkState) -> None:
        """Take the state after a snapshot, in order."""
        time = state.time
        if time is None:
            return
        now = self._loads(state)
        for told in [each for each in self._told if each.due <= time]:
            self._told.remove(told)
            self._hold(told, now)
        if self._noted is None or time - self._noted >= EVERY:
            self._noted = time
            flights = [flight for flight in state.flights.values() if flight.shown]
            expected = expected_loads(flights, self._map, time, AHEAD_MIN)
            for due, result, loads in zip(
                expected.times(), self._results, expected.loads, strict=True
            ):
                self._told.append(_Told(due, result, loads, now))

    def results(self) -> list[LoadResult]:
        """What came of it, for each time ahead."""
        return self._results

    def _hold(self, told: _Told, loads: Ints) -> None:
        some = np.flatnonzero((loads > 0) | (told.expected > 0) | (told.naive > 0))
        result = told.result
        result.loads += loads[some].tolist()
        result.errors += (told.expected - loads)[some].tolist()
        result.naive_errors += (told.naive - loads)[some].tolist()

    def _loads(self, state: NetworkState) -> Ints:
        shown = {flight.flight_id for flight in state.flights.values() if flight.shown}
        numbers = [
            self._numbers[stay.kind, stay.sector]
            for stay in state.stays.values()
            if stay.flight_id in shown
        ]
        return np.bincount(np.array(numbers, np.int64), minlength=len(self._map))
