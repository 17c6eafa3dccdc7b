"""Benchmark: who talks to whom, beside looking at every pair, in the same run.

    python -m benchmarks.contacts [--aircraft N] [--stations N] [--seed S] [--rounds N]

Aircraft and stations are around the same airports, as on the network. An aircraft is tuned to a
station near it, with its first radio or with the second, which two in three have; the other radio
is on UNICOM, guard, nothing, or some other station. A station has one to five aerials. In the
second network everybody is on one channel: that never happens, and bounds what any event can cost.

Taken is the processor time of a call with a network state, the median of some and the least; of the
naive pairing, which takes a minute on one channel, one call. The contacts must be the same.
"""

from __future__ import annotations

import argparse
import statistics
from math import cos, radians
from random import Random
from time import process_time

from msgspec.structs import replace

from tests.traffic.build import controller, pilot, snapshot
from tests.traffic.naive_contacts import naive_contacts
from vatsim_simulator.places import places
from vatwatch.feed.records import Controller, Pilot
from vatwatch.traffic.contact_rules import UNICOM_HZ, ContactRules
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Radio, Rules
from vatwatch.traffic.radio_contacts import contacts

CROWDED_HZ = 118_500_000
MAST_M = 15.0
# Facility, ending, aerials, and how often.
KINDS = ((2, "DEL", 1, 2), (3, "GND", 1, 3), (4, "TWR", 1, 5), (5, "APP", 2, 5), (6, "CTR", 5, 5))


def main() -> None:
    """Pair both networks in both ways, compare, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--aircraft", type=int, default=10_000)
    parser.add_argument("--stations", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    print(f"{given.aircraft} aircraft, {given.stations} stations; ms of processor time")
    print("| channels | radios | contacts | naive | paired | fastest | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for crowded in (False, True):
        state = network(Random(given.seed), given.aircraft, given.stations, crowded)
        print(_row("one for all" if crowded else "as on the network", state, given.rounds))


def _row(what: str, state: NetworkState, rounds: int) -> str:
    rules = ContactRules()
    began = process_time()
    expected = naive_contacts(state, rules)
    naive_ms = 1000 * (process_time() - began)
    times_ms = []
    # The first call imports numpy and fills the memory of channels, once in a process.
    contacts(state, rules)
    for _ in range(rounds):
        began = process_time()
        told = contacts(state, rules)
        times_ms.append(1000 * (process_time() - began))
        if told != expected:
            raise SystemExit(f"{what}: the pairing differs from the naive one")
    median_ms = statistics.median(times_ms)
    radios = sum(map(len, state.radios.values()))
    return (
        f"| {what} | {radios:,} | {len(expected):,} | {naive_ms:,.0f} | {median_ms:.1f} "
        f"| {min(times_ms):.1f} | {naive_ms / median_ms:,.0f} |"
    )


def network(random: Random, aircraft: int, stations: int, crowded: bool) -> NetworkState:
    """A state after one snapshot."""
    pilots: list[Pilot] = []
    controllers: list[Controller] = []
    radios: dict[str, tuple[Radio, ...]] = {}
    near: list[tuple[float, float, int]] = []
    hubs = places().hubs
    for number in range(stations):
        facility, ending, aerials, _ = random.choices(KINDS, [kind[3] for kind in KINDS])[0]
        hub = random.choice(hubs)
        hertz = CROWDED_HZ if crowded else random.randrange(118_000_000, 136_975_000, 25_000)
        # The infix makes it another station of the same airport.
        callsign = f"{hub.icao}_{number}_{ending}"
        controllers.append(
            replace(
                controller(10**6 + number, callsign, frequency=f"{hertz / 1e6:.3f}"),
                facility=facility,
            )
        )
        spread_nm = 0 if aerials == 1 else 80
        masts = [_around(random, hub.latitude, hub.longitude, spread_nm) for _ in range(aerials)]
        radios[callsign] = tuple(
            Radio(index, hertz, *mast, hub.elevation_ft * 0.3048 + MAST_M, MAST_M)
            for index, mast in enumerate(masts)
        )
        near.append((*masts[0], hertz))
    for number in range(aircraft):
        callsign = f"ABC{number}"
        latitude, longitude, tuned_hz = random.choice(near)
        there = _around(random, latitude, longitude, random.choice([1, 20, 150]))
        height_m = random.choice([100.0, 1_000.0, 11_000.0])
        pilots.append(
            replace(
                pilot(number, callsign),
                latitude=there[0],
                longitude=there[1],
                altitude=round(height_m / 0.3048),
            )
        )
        other_hz = random.choice([UNICOM_HZ, 121_500_000, 0, random.choice(near)[2]])
        if not crowded and random.random() < 0.5:
            tuned_hz, other_hz = UNICOM_HZ, tuned_hz
        radios[callsign] = tuple(
            Radio(index, hertz + random.choice([0, 0, 10]), *there, height_m, 0.0)
            for index, hertz in enumerate([tuned_hz, other_hz][: random.choice([1, 2, 2])])
        )
    shown = snapshot(0, pilots=pilots, controllers=controllers, radios=radios)
    return apply(NetworkState(), diff(NetworkState(), shown, Rules()))


def _around(
    random: Random, latitude: float, longitude: float, reach_nm: float
) -> tuple[float, float]:
    north, east = (random.uniform(-reach_nm, reach_nm) / 60 for _ in range(2))
    beside = (longitude + east / max(0.1, cos(radians(latitude))) + 180) % 360 - 180
    return max(-90.0, min(90.0, latitude + north)), beside


if __name__ == "__main__":
    main()
