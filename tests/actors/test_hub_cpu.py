"""Nothing keeps the hub for long: the longest time on the processor between two switches.

Taken is the time of the hub's own thread on the processor, so that it does not matter what else the
machine has to do.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import cos, sin, tau
from pathlib import Path

import gevent
import greenlet
import pytest

from tests.feed_server import START
from vatsim_simulator.publication import Publication, publish
from vatsim_simulator.world import World

from .area_house import area_service, areas_of
from .harness import running, until
from .test_snapshot import time_of

PILOTS = 2_000
# What is promised.
LIMIT_S = 0.010


class Holds:
    """The longest time on the processor without a switch, and whose it was; not the test's own."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.whose = ""
        self._test = gevent.getcurrent()
        self._since = time.thread_time()

    def switched(self, _event: str, args: tuple[object, object]) -> None:
        """For `greenlet.settrace`: called at each switch, with from where and to where."""
        held_s = time.thread_time() - self._since
        if held_s > self.longest_s and args[0] is not self._test:
            run = getattr(args[0], "_run", args[0])
            slot = getattr(getattr(run, "__self__", None), "slot", None)
            self.longest_s, self.whose = held_s, getattr(slot, "path", repr(run))
        self._since = time.thread_time()


@contextmanager
def watched() -> Iterator[Holds]:
    """What the service does meanwhile."""
    gc.collect()
    gc.freeze()  # as the service does: objects of the test must not count as the service's garbage
    holds = Holds()
    before = greenlet.settrace(holds.switched)
    try:
        yield holds
    finally:
        greenlet.settrace(before)
        gc.unfreeze()


@pytest.fixture(scope="module")
def first_snapshots() -> list[Publication]:
    """Of different networks: to the service all of each is new, and all of the one before gone."""
    made = []
    for number in range(3):
        world = World(number, PILOTS, START)
        for _ in range(number):
            world.advance()
        made.append(publish(number, world.feed(), world.radios()))
    return made


def test_no_snapshot_of_2000_pilots_holds_the_hub_for_long(
    first_snapshots: list[Publication], tmp_path: Path, database_url: str
) -> None:
    longest: list[tuple[float, str]] = []
    with running(tmp_path, database_url) as service:
        for publication in first_snapshots:
            moment = time_of(publication)
            with watched() as holds:
                service.hand_in(publication)
                service.until_stored(moment)
                gevent.sleep(1)
            longest.append((holds.longest_s, holds.whose))
    assert min(longest) < (LIMIT_S, ""), longest


def test_areas_of_the_whole_world_do_not_hold_the_hub_for_long(
    tmp_path: Path, database_url: str
) -> None:
    """As many areas as VATSpy's file has, of as many points."""
    ring = [[cos(turn * tau / 60), sin(turn * tau / 60)] for turn in range(60)]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    names = [f"A{number}" for number in range(1_100)]
    firs = [{"type": "Feature", "properties": {"id": name}, "geometry": geometry} for name in names]
    file = tmp_path / "firs.geojson"
    longest: list[tuple[float, str]] = []
    file.write_text(json.dumps({"features": firs}))
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=file) as service:
        for tried in range(3):
            with watched() as holds:
                file.write_text(json.dumps({"cycle": str(tried), "features": firs}))
                until(lambda tried=tried: areas_of(service).sources[0].cycle == str(tried))
            longest.append((holds.longest_s, holds.whose))
        assert areas_of(service).firs == len(names)
    assert min(longest) < (LIMIT_S, ""), longest
