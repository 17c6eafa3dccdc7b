"""A small VATSIM that shows exactly the people that a test puts into it."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from tests.feed import invented
from tests.feed_server import START, FeedServer
from vatsim_simulator.publication import Publication, publish
from vatwatch.feed.records import Controller, Pilot, Prefile
from vatwatch.feed.times import time_text

NO_FREQUENCY = "199.998"


class OwnNetwork(FeedServer):
    """`controllers`, `pilots` and `prefiles` are in its next updates; nobody else is."""

    none: ClassVar[list[dict[str, Any]]] = []

    def __init__(self) -> None:
        self.controllers = self.pilots = self.prefiles = self.none
        super().__init__(pilots=0)

    def _publish(self) -> Publication:
        feed = replace(
            self.world.feed(),
            pilots=msgspec.convert(self.pilots, list[Pilot]),
            controllers=msgspec.convert(self.controllers, list[Controller]),
            atis=[],
            prefiles=msgspec.convert(self.prefiles, list[Prefile]),
        )
        return publish(self.number, feed, [])


def station(callsign: str = "EDDF_TWR", number: int = 1, **other: Any) -> dict[str, Any]:
    """A controller who has logged on as the network began."""
    return invented.controller(number, callsign, **{"logon_time": time_text(START), **other})
