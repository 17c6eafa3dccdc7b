"""Simulators to ask, and worlds that have run for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.vatsim_simulator.client import Client
from vatsim_simulator.faults import from_option
from vatsim_simulator.server import Simulator
from vatsim_simulator.site import SimulatorSettings
from vatsim_simulator.world import World
from vatwatch.feed.records import ClientRadios, Feed

# On VATSIM's phase: the next update is a whole period away.
START = datetime(2026, 5, 1, 12, 0, 10, 120_000, tzinfo=UTC)

Start = Callable[..., Client]


class Step(NamedTuple):
    """What both feeds said at one moment."""

    feed: Feed
    radios: list[ClientRadios]


@pytest.fixture(scope="session")
def day() -> list[Step]:
    """A network of VATSIM's size after half an hour, and each update of the 20 minutes after it."""
    world = World(7, 950, START)
    for _ in range(120):
        world.advance()
    steps = []
    for _ in range(80):
        world.advance()
        steps.append(Step(world.feed(), world.radios()))
    return steps


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts simulators on free ports: speed 1 by default, so that one update lasts the test."""
    running: list[Simulator] = []

    def starts(*faults: str, pilots: int = 40, speed: float = 1.0) -> Client:
        simulator = Simulator(
            SimulatorSettings(1, pilots, speed),
            "127.0.0.1",
            0,
            start=START,
            faults=[from_option(text) for text in faults],
        )
        running.append(simulator)
        simulator.start()
        return Client(int(simulator.address.rpartition(":")[2]))

    yield starts
    for simulator in running:
        simulator.stop()


@pytest.fixture
def client(start: Start) -> Client:
    """A simulator whose first update is shown during the whole test."""
    return start()
