"""Which station each aircraft hears best: the pairing of radios, on numpy.

Radios are joined by channel. Within a channel the aircraft are sorted by latitude, and a station
looks only at the band that it can reach: no way is shorter than the difference of the latitudes. So
a channel with thousands of radios costs little more than its near pairs.

A distance is rounded to a thousandth of a mile before it is compared. So stations on one mast are
equally near, however the last digit is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vatwatch.traffic.geometry import EARTH_RADIUS_NM
from vatwatch.traffic.radio_horizon import HORIZON_NM, LEAST_HEIGHT_FT

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NM_PER_DEGREE = EARTH_RADIUS_NM * np.pi / 180
# Two metres; places in the feed are known to one.
DIGITS = 3
# What a processor's cache holds; and memory stays bounded, however many there are.
PAIRS_AT_ONCE = 50_000
# Of the key by which radios are sorted; more than two latitudes, and two bands, can differ by.
DEGREES_A_CHANNEL = 1_000.0
# A tenth of a metre, so that no rounding leaves out a radio at the edge of a band.
SLACK_DEG = 1e-6


class Aerials(NamedTuple):
    """Radios, one in each row of all columns."""

    owner: Indices
    """The id of the flight or session."""
    channel: Indices
    latitude: Floats
    longitude: Floats
    """Degrees WGS84."""
    height_ft: Floats
    """Above the sea; infinite where nothing is in the way."""

    @classmethod
    def of(
        cls,
        owner: list[int],
        channel: list[int],
        latitude: list[float],
        longitude: list[float],
        height_ft: list[float],
    ) -> Aerials:
        """Columns that were collected row by row."""
        whole = np.array(owner, np.int64), np.array(channel, np.int64)
        return cls(*whole, np.array(latitude), np.array(longitude), np.array(height_ft))

    def take(self, rows: Indices) -> Aerials:
        """These rows, in this order."""
        return Aerials(
            self.owner[rows],
            self.channel[rows],
            self.latitude[rows],
            self.longitude[rows],
            self.height_ft[rows],
        )


class Heard(NamedTuple):
    """What was found, one in each row of all columns."""

    flight: Indices
    """The owner of the aircraft's radio."""
    station_row: Indices
    """The nearest radio of a station."""
    distance_nm: Floats


class _Sorted(NamedTuple):
    """The aircraft in the order of channel and latitude, and what each station looks at."""

    listener: Indices
    """A number for each flight on a channel, from 0 on."""
    place: Floats
    horizon_nm: Floats
    band: Floats
    """How far each station looks, in radians."""
    first: Indices
    candidates: Indices


def nearest_stations(aircraft: Aerials, stations: Aerials, reach_nm: Floats) -> Heard:
    """For each flight and channel on which it hears a station, the nearest one.

    A station is heard on the channel, within its reach, and within the sum of both horizons. Of
    those that are equally near it is the one in the first row.

    Args:
        aircraft: their radios
        stations: their radios
        reach_nm: how far each of these is heard at most
    """
    if not len(aircraft.channel) or not len(stations.channel):
        return Heard(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    place, horizon_nm = _places(stations), _horizons(stations)
    listener, flight = _listeners(aircraft)
    by_band = _sort(aircraft, listener, stations, reach_nm, horizon_nm)
    best_nm = np.full(len(flight), inf)
    best_row = np.zeros(len(best_nm), np.int64)
    for one, row in _pairs(by_band):
        # No coordinate differs by more than the whole way. The third is the latitude's.
        for axis in (0, 1):
            apart = np.abs(by_band.place[axis][one] - place[axis][row])
            close = np.flatnonzero(apart <= by_band.band[row])
            one, row = one[close], row[close]
        limit_nm = np.minimum(reach_nm[row], by_band.horizon_nm[one] + horizon_nm[row])
        chord = np.sqrt(((by_band.place[:, one] - place[:, row]) ** 2).sum(axis=0))
        # A chord is shorter than its arc, so this leaves out none, and few are left for the arcs.
        near = np.flatnonzero(chord * EARTH_RADIUS_NM <= limit_nm + 10**-DIGITS)
        arc_nm = np.round(2 * EARTH_RADIUS_NM * np.arcsin(np.minimum(chord[near] / 2, 1)), DIGITS)
        heard = arc_nm <= limit_nm[near]
        near = near[heard]
        _keep_nearest(best_nm, best_row, by_band.listener[one[near]], row[near], arc_nm[heard])
    found = np.flatnonzero(best_nm < inf)
    return Heard(flight[found], best_row[found], best_nm[found])


def _listeners(aircraft: Aerials) -> tuple[Indices, Indices]:
    """A number for each flight on a channel, row by row; and the flight of each number."""
    order = np.lexsort((aircraft.channel, aircraft.owner))
    owner, channel = aircraft.owner[order], aircraft.channel[order]
    is_new = np.append(True, (owner[1:] != owner[:-1]) | (channel[1:] != channel[:-1]))
    listener = np.empty(len(order), np.int64)
    listener[order] = np.cumsum(is_new) - 1
    return listener, owner[is_new]


def _sort(
    aircraft: Aerials, listener: Indices, stations: Aerials, reach_nm: Floats, horizon_nm: Floats
) -> _Sorted:
    """Find the band of each station among the aircraft on its channel."""
    channels, on = np.unique(aircraft.channel, return_inverse=True)
    sees_nm = _horizons(aircraft)
    key = on * DEGREES_A_CHANNEL + aircraft.latitude
    order = np.argsort(key, kind="stable")
    key = key[order]
    highest_nm = np.zeros(len(channels))
    np.maximum.at(highest_nm, on, sees_nm)

    at = np.minimum(np.searchsorted(channels, stations.channel), len(channels) - 1)
    band = np.minimum(reach_nm, highest_nm[at] + horizon_nm) / NM_PER_DEGREE + SLACK_DEG
    band = np.minimum(band, 180)
    middle = at * DEGREES_A_CHANNEL + stations.latitude
    first = np.searchsorted(key, middle - band, "left")
    last = np.searchsorted(key, middle + band, "right")
    candidates = np.where(channels[at] == stations.channel, last - first, 0)
    place = _places(aircraft)[:, order]
    return _Sorted(listener[order], place, sees_nm[order], np.radians(band), first, candidates)


def _pairs(by_band: _Sorted) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of the bands, as rows of sorted aircraft and of stations; some at a time."""
    first, count = by_band.first, by_band.candidates
    ends = np.cumsum(count)
    begin, done = 0, 0
    while begin < len(count):
        end = max(begin + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, "right")))
        rows = np.arange(begin, end)
        counted = count[begin:end]
        total = int(ends[end - 1]) - done
        # Counts from each station's first on.
        skipped = first[begin:end] - (ends[begin:end] - counted - done)
        if total:
            yield np.arange(total) + np.repeat(skipped, counted), np.repeat(rows, counted)
        begin, done = end, int(ends[end - 1])


def _keep_nearest(
    best_nm: Floats, best_row: Indices, listener: Indices, row: Indices, distance_nm: Floats
) -> None:
    """Take over what is nearer than the best so far; earlier rows have come before."""
    nearest_nm = np.full(len(best_nm), inf)
    np.minimum.at(nearest_nm, listener, distance_nm)
    is_nearest = distance_nm == nearest_nm[listener]
    nearest_row = np.full(len(best_nm), np.iinfo(np.int64).max)
    np.minimum.at(nearest_row, listener[is_nearest], row[is_nearest])
    better = nearest_nm < best_nm
    best_nm[better] = nearest_nm[better]
    best_row[better] = nearest_row[better]


def _horizons(aerials: Aerials) -> Floats:
    return HORIZON_NM * np.sqrt(np.maximum(aerials.height_ft, LEAST_HEIGHT_FT))


def _places(aerials: Aerials) -> Floats:
    """Points on a sphere of radius 1, which have neither poles nor a date line; shape (3, n)."""
    latitude, longitude = np.radians(aerials.latitude), np.radians(aerials.longitude)
    across = np.cos(latitude)
    return np.array([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])
