"""The endpoints: the status, the two feeds, the control, and the files of areas."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from vatsim_simulator.clock import Clock
from vatsim_simulator.faults import AnyFault, from_json
from vatsim_simulator.publication import FeedBody, FeedName, UpdateCounts
from vatsim_simulator.publisher import Publisher
from vatsim_simulator.schedule import Schedule
from vatsim_simulator.served import Served
from vatsim_simulator.served_areas import ServedFile

DATA_PATH = "/v3/vatsim-data.json"
TRANSCEIVERS_PATH = "/v3/transceivers-data.json"
STATUS_PATH = "/status.json"
CONTROL_PATH = "/control"
AREAS_PATH = "/areas"
FEEDS = {
    STATUS_PATH: FeedName.STATUS,
    DATA_PATH: FeedName.DATA,
    TRANSCEIVERS_PATH: FeedName.TRANSCEIVERS,
}


class SimulatorSettings(Struct, frozen=True):
    """What the simulator was started with."""

    seed: int
    pilots: int
    speed: float
    faulty_areas: bool = False
    """The files of areas have the faults of real ones."""


class Site:
    """The simulator, as its handler of requests needs it."""

    def __init__(
        self,
        settings: SimulatorSettings,
        clock: Clock,
        schedule: Schedule,
        publisher: Publisher,
        areas: Callable[[], Mapping[str, ServedFile]],
    ) -> None:
        """`areas` gives the files of areas by their names."""
        self._settings, self._clock = settings, clock
        self._schedule, self._publisher = schedule, publisher
        self._served = Served()
        self.areas = areas

    def fault(self, feed: FeedName) -> AnyFault | None:
        """The fault for this request of the feed."""
        return self._schedule.answer(feed, time.monotonic())

    def feed(self, feed: FeedName, host: str, back: int) -> tuple[UpdateCounts | None, FeedBody]:
        """The published body; `back`: that of so many updates before."""
        if feed is FeedName.STATUS:
            return None, FeedBody.of(_status(host))
        return self._publisher.shown(feed, back)

    def served(self, feed: FeedName, counts: UpdateCounts | None) -> None:
        """A feed was served whole, with status 200."""
        if feed is FeedName.DATA and counts is not None:
            self._served.add(counts)

    def tell(self) -> bytes:
        """The state, as JSON."""
        now_s = time.monotonic()
        told: dict[str, Any] = {
            **msgspec.structs.asdict(self._settings),
            "simulated_time": self._clock.now(now_s),
            "newest": self._publisher.newest,
            "shown": {
                feed: self._publisher.shown(feed)[0].number
                for feed in (FeedName.DATA, FeedName.TRANSCEIVERS)
            },
            "faults": self._schedule.tell(now_s),
            "served": self._served.tell(),
        }
        return msgspec.json.encode(told)

    def add_fault(self, body: bytes) -> bytes:
        """Add a fault given as JSON. Returns it with its id and bounds. Raises ValueError with the
        reason."""
        return msgspec.json.encode(self._schedule.add(from_json(body), time.monotonic()))

    def end_faults(self) -> None:
        """End all faults."""
        self._schedule.clear()


def _status(host: str) -> bytes:
    return msgspec.json.encode(
        {
            "data": {
                "v3": [f"http://{host}{DATA_PATH}"],
                "transceivers": [f"http://{host}{TRANSCEIVERS_PATH}"],
            }
        }
    )
