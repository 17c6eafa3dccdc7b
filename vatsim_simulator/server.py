"""The simulator's process: it listens, publishes one update after the other, and ends by a
signal."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

import gevent
from gevent.event import Event

from vatsim_simulator.clock import Clock
from vatsim_simulator.faults import AnyFault
from vatsim_simulator.handler import Handler, SimulatorServer
from vatsim_simulator.publisher import Publisher
from vatsim_simulator.schedule import Schedule
from vatsim_simulator.served_areas import ServedFile, served_areas
from vatsim_simulator.site import (
    AREAS_PATH,
    CONTROL_PATH,
    DATA_PATH,
    STATUS_PATH,
    TRANSCEIVERS_PATH,
    SimulatorSettings,
    Site,
)
from vatwatch.counting import counted
from vatwatch.listening import authority, listen
from vatwatch.supervision.offload import NativePool


class Simulator:
    """The stand-in for VATSIM, on a port."""

    def __init__(
        self,
        settings: SimulatorSettings,
        host: str,
        port: int,
        *,
        start: datetime | None = None,
        faults: Sequence[AnyFault] = (),
        truth: BinaryIO | None = None,
    ) -> None:
        """Listen; the truth is written to a file if one is given.

        Raises ConfigurationError if the port is taken; 0 is any that is free.
        """
        self._settings, self._start, self._faults = settings, start, faults
        self._truth = truth
        self._server = _listen(host, port)
        self._studio = NativePool(1, "simulator")
        self._area_files: Mapping[str, ServedFile] | None = None
        self._publishing: gevent.Greenlet[[], None] | None = None

    @property
    def address(self) -> str:
        """`http://host:port`."""
        return f"http://{authority(*self._server.address[:2])}"

    def start(self) -> gevent.Greenlet[[], None]:
        """Create the world and start to answer. Returns the greenlet that continues it, which ends
        only by a bug."""
        start = self._start or datetime.now(UTC)
        clock, schedule = Clock(start, self._settings.speed, time.monotonic()), Schedule()
        publisher = Publisher(clock, schedule, self._studio, self._truth)
        publisher.begin(self._settings.seed, self._settings.pilots)
        for fault in self._faults:
            schedule.add(fault, time.monotonic())
        self._server.site = Site(self._settings, clock, schedule, publisher, self._areas)
        self._server.start()
        self._publishing = gevent.spawn(publisher.run)
        return self._publishing

    def _areas(self) -> Mapping[str, ServedFile]:
        # Made when somebody asks for the first time, which few do; not on the hub.
        if self._area_files is None:
            make = partial(served_areas, faulty=self._settings.faulty_areas)
            self._area_files = self._studio.run(make)
        return self._area_files

    def stop(self) -> None:
        """Take no more requests, and let the world end."""
        self._server.stop(timeout=0)
        if self._publishing is not None:
            self._publishing.kill()
        self._studio.close()


def simulate(
    settings: SimulatorSettings,
    host: str,
    port: int,
    *,
    start: datetime | None = None,
    faults: Sequence[AnyFault] = (),
    truth: BinaryIO | None = None,
) -> None:
    """Run until SIGINT or SIGTERM. Raises ConfigurationError if the port is taken."""
    simulator = Simulator(settings, host, port, start=start, faults=faults, truth=truth)
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, ended.set)
    # So that a signal is handled while the world is created.
    starting = gevent.spawn(simulator.start)
    gevent.wait(_either(starting, ended), count=1)
    publishing = None
    if not ended.is_set():
        publishing = starting.get()
        # The world stays: a collection that walks it holds up all requests for 0.2 s.
        gc.collect()
        gc.freeze()
        _greet(simulator.address, settings)
        gevent.wait(_either(publishing, ended), count=1)
    starting.kill()
    simulator.stop()
    if publishing is not None and publishing.exception is not None:
        raise publishing.exception


def _greet(address: str, settings: SimulatorSettings) -> None:
    sys.stderr.write(
        f"Simulating {counted(settings.pilots, 'pilot')}, seed {settings.seed}, "
        f"speed {settings.speed:g}:\n"
        f"  {address}{STATUS_PATH}\n"
        f"  {address}{DATA_PATH}\n"
        f"  {address}{TRANSCEIVERS_PATH}\n"
        f"  {address}{CONTROL_PATH}\n"
        f"  {address}{AREAS_PATH}\n"
        f"Collect it with:  VATSIM_STATUS_URL={address}{STATUS_PATH} vatwatch run\n"
    )
    sys.stderr.flush()


def _either(
    greenlet: gevent.Greenlet[..., Any], event: Event
) -> list[gevent.Greenlet[..., Any] | Event]:
    return [greenlet, event]


def _nothing(_environ: object, _start_response: object) -> list[bytes]:
    """gevent wants an application; the handler answers without it."""
    raise AssertionError("the handler answers")


def _listen(host: str, port: int) -> SimulatorServer:
    listener = listen(
        host,
        port,
        what_else="Is a simulator running already? Stop it, or choose another port with --port.",
    )
    return SimulatorServer(listener, _nothing, handler_class=Handler, log=None)
