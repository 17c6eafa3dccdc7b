"""The simulated network: its clients and its feeds, every 15 s.

Pure and deterministic: the same seed, number of pilots, start and steps give the same feeds, to the
byte, and the same truth. Events are drawn from one random source, and details of a feed (such as
the times of its records) from another one for each step, so that drawing a feed does not change the
world.
"""

from __future__ import annotations

from datetime import datetime
from random import Random

from vatsim_simulator.controllers import SimulatedSession
from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_S, People
from vatsim_simulator.picture import Picture, draw_picture
from vatsim_simulator.pilot_traffic import PilotTraffic
from vatsim_simulator.pilots import PilotConnection
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks, to_ticks
from vatsim_simulator.station_traffic import StationTraffic
from vatsim_simulator.teller import Teller
from vatsim_simulator.truth import TruthRecord
from vatsim_simulator.watch import Watch
from vatwatch.feed.records import ClientRadios, Feed


class World:
    """The network. `advance` lets time pass; `feed` and `radios` draw its present state."""

    def __init__(
        self,
        seed: int,
        pilots: int,
        start: datetime,
        rates: Rates | None = None,
        *,
        watched: bool = False,
    ) -> None:
        """`watched`: the truth has contacts, crossings of areas and boards, too; it takes time."""
        self.now_ticks = to_ticks(start)
        self._seed, self._rates = seed, rates or Rates()
        self._random = random = Random(f"{seed}/traffic")  # noqa: S311 - traffic, no secret
        self._step = 0
        self._teller = Teller()
        people = People(random, pilots // 4)
        self._pilots = PilotTraffic(random, self._rates, people, self._teller, pilots)
        aside = Random(f"{seed}/radios")  # noqa: S311 - no secret
        self._stations = StationTraffic(random, self._rates, people, self._teller, pilots, aside)
        self._next_restart_ticks = self._draw_restart()
        self._picture: Picture | None = None
        self._pilots.populate(self.now_ticks)
        self._stations.populate(self.now_ticks, self._pilots.online.values())
        self._watch = Watch(self._teller.log) if watched else None
        self._look_around()

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return from_ticks(self.now_ticks)

    def advance(self, seconds: float = UPDATE_S) -> None:
        """Let this much time pass."""
        self.now_ticks += round(seconds * TICKS_PER_S)
        self._step += 1
        self._picture = None
        updates = seconds / UPDATE_S
        self._pilots.advance(self.now_ticks, updates)
        self._stations.advance(self.now_ticks, updates, self._pilots.online.values())
        self._look_around()
        if self.now_ticks >= self._next_restart_ticks:
            self.restart_data_server()
            self._next_restart_ticks = self._draw_restart()

    def restart_data_server(self) -> None:
        """Cut all logon times to whole seconds, as a restart of VATSIM's data server does."""
        self._picture = None
        clients: list[PilotConnection | SimulatedSession] = [
            *self._pilots.online.values(),
            *self._stations.online.values(),
        ]
        for client in clients:
            client.logon_ticks -= client.logon_ticks % TICKS_PER_S

    def feed(self) -> Feed:
        """The main feed at this moment."""
        return self._look().feed

    def radios(self) -> list[ClientRadios]:
        """The radios' feed at this moment."""
        return self._look().radios

    def take_truth(self) -> list[TruthRecord]:
        """What has happened since this was asked for the last time."""
        return self._teller.log.take()

    def _look_around(self) -> None:
        if self._watch is not None:
            pilots, stations = self._pilots.online.values(), self._stations.online.values()
            self._watch.look(self.now_ticks, pilots, stations)

    def _look(self) -> Picture:
        if self._picture is None:
            self._picture = draw_picture(
                Random(f"{self._seed}/{self._step}"),  # noqa: S311 - no secret
                self._rates,
                self.now_ticks,
                self._pilots.online.values(),
                self._stations.online.values(),
                self._pilots.prefiles.values(),
            )
        return self._picture

    def _draw_restart(self) -> int:
        if not self._rates.restarts_a_day:
            return 1 << 62
        wait_s = self._random.expovariate(self._rates.restarts_a_day / 86_400)
        return self.now_ticks + round(wait_s * TICKS_PER_S)
