"""Runs of snapshots, judged one after another, with and without restarts in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec

from tests.traffic.build import controller, pilot, snapshot
from vatwatch.feed.records import Controller, FlightPlan, Pilot
from vatwatch.subscriptions.judgement import judge
from vatwatch.subscriptions.occasions import Occasion, SubscriptionState
from vatwatch.subscriptions.view import NetworkView
from vatwatch.subscriptions.watches import UserWatch
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

SUBSCRIPTION = UUID("00000000-0000-0000-0000-00000000000a")
RULES = Rules()
NO_FREQUENCY = "199.998"


def station(callsign: str = "EDDF_TWR", cid: int = 100, frequency: str = "119.900") -> Controller:
    return controller(cid, callsign, frequency=frequency)


def flying(
    callsign: str = "DLH1", cid: int = 1, *, latitude: float = 50.0, arrival: str = "EDDM"
) -> Pilot:
    """Level at FL350, 450 kt, at 5 degrees east."""
    plan = FlightPlan(
        flight_rules="I",
        aircraft_short="A320",
        departure="EHAM",
        arrival=arrival,
        altitude="FL350",
        cruise_tas="450",
        enroute_time="0100",
    )
    return pilot(
        cid, callsign, latitude=latitude, altitude=35_000, groundspeed=450, flight_plan=plan
    )


def stored_and_read(state: SubscriptionState) -> SubscriptionState:
    """The state as it is after a restart."""
    return msgspec.json.decode(msgspec.json.encode(state), type=SubscriptionState)


class Judging:
    """One subscription, and the network that it looks at."""

    def __init__(
        self,
        watch: UserWatch,
        *,
        tell_present: bool = False,
        areas: KnownAreas = NO_AREAS,
        restarts: Callable[[int], bool] = lambda _number: False,
    ) -> None:
        """`restarts`: whether there is one before the snapshot of this number."""
        self.watch, self.tell_present, self.areas, self.restarts = (
            watch,
            tell_present,
            areas,
            restarts,
        )
        self.network = NetworkState()
        self.state = SubscriptionState()
        self.number = 0

    def take(self, given: Snapshot) -> tuple[Occasion, ...]:
        """Judge the next snapshot."""
        rules = Rules(areas=self.areas)
        self.network = apply(self.network, diff(self.network, given, rules))
        return self.look()

    def look(self) -> tuple[Occasion, ...]:
        if self.restarts(self.number):
            self.state = stored_and_read(self.state)
        self.number += 1
        view = NetworkView(self.network, self.areas, RULES)
        judged = judge(SUBSCRIPTION, self.watch, self.state, view, tell_present=self.tell_present)
        self.state = judged.state
        return judged.occasions

    def run(self, snapshots: Iterable[Snapshot]) -> list[Occasion]:
        return [occasion for each in snapshots for occasion in self.take(each)]


def every_15_s(
    steps: Sequence[Sequence[Controller]] = (), *, pilots: Sequence[Sequence[Pilot]] = ()
) -> list[Snapshot]:
    """One snapshot a step, with these controllers and these pilots."""
    count = max(len(steps), len(pilots))
    return [
        snapshot(
            15 * number,
            controllers=steps[number] if number < len(steps) else (),
            pilots=pilots[number] if number < len(pilots) else (),
        )
        for number in range(count)
    ]


def texts(occasions: Iterable[Occasion]) -> list[str]:
    return [each.text for each in occasions]
