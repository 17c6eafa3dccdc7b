"""Publishes one update after the other; each is computed while the previous one is shown."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import BinaryIO

import gevent

from vatsim_simulator.clock import Clock
from vatsim_simulator.faults import MOST_UPDATES_BACK
from vatsim_simulator.hostile import made_hostile
from vatsim_simulator.publication import FeedBody, FeedName, Publication, UpdateCounts, publish
from vatsim_simulator.schedule import Schedule, UpdateFaults
from vatsim_simulator.truth import truth_line
from vatsim_simulator.world import World
from vatwatch.supervision.offload import NativePool

log = logging.getLogger(__name__)


class Publisher:
    """The published state of the world. No request ever waits for it.

    Ten thousand pilots take a third of a second, which would block the hub, so the world is
    computed in a separate native thread.
    """

    def __init__(
        self,
        clock: Clock,
        schedule: Schedule,
        studio: NativePool,
        truth: BinaryIO | None = None,
    ) -> None:
        """`truth` is where the truth is written, each update's before the update is shown."""
        self._clock, self._schedule, self._studio = clock, schedule, studio
        self._truth = truth
        self._easel: _Easel | None = None
        self._newest: Publication | None = None
        self._shown: dict[FeedName, deque[Publication]] = {
            feed: deque(maxlen=MOST_UPDATES_BACK + 1)
            for feed in (FeedName.DATA, FeedName.TRANSCEIVERS)
        }
        self._late_told = False

    @property
    def newest(self) -> UpdateCounts:
        """The newest update, shown or, while a feed is frozen, not."""
        assert self._newest is not None
        return self._newest.counts

    def shown(self, feed: FeedName, back: int = 0) -> tuple[UpdateCounts, FeedBody]:
        """The published body of a feed, or of `back` updates before (or the oldest known)."""
        updates = self._shown[feed]
        update = updates[max(0, len(updates) - 1 - back)]
        return update.counts, update.body(feed)

    def begin(self, seed: int, pilots: int) -> None:
        """Create the world, and show the first update, which has no faults."""
        self._easel = self._studio.run(_Easel, seed, pilots, self._clock, self._truth)
        self._show(self._studio.run(self._easel.draw, UpdateFaults()), UpdateFaults())
        # At speed, time would have run away while the world was made.
        self._keep_pace(1)

    def run(self) -> None:
        """Show one update after the other, until the process ends."""
        assert self._easel is not None
        number = 0
        while True:
            number += 1
            changes = self._schedule.changes(number, time.monotonic())
            publication = self._studio.run(self._easel.draw_next, changes)
            self._wait_for(number)
            # Faults that were asked for, or have ended, since it was worked out.
            while (now := self._schedule.changes(number, time.monotonic())) != changes:
                changes = now
                publication = self._studio.run(self._easel.draw, changes)
            self._show(publication, changes)

    def _wait_for(self, number: int) -> None:
        early_s = self._clock.due_s(number) - time.monotonic()
        # Also if it is late, so that other greenlets get their turn.
        gevent.sleep(max(0.0, early_s))
        if self._keep_pace(number) and not self._late_told:
            self._late_told = True
            log.warning("This machine is too slow for --speed: simulated time runs slower.")

    def _keep_pace(self, number: int) -> bool:
        """Delay simulated time if this update is late by more than a whole period."""
        late_s = time.monotonic() - self._clock.due_s(number)
        if late_s <= self._clock.period_s:
            return False
        self._clock.fall_behind(late_s)
        return True

    def _show(self, publication: Publication, changes: UpdateFaults) -> None:
        self._newest = publication
        for feed, updates in self._shown.items():
            if feed not in changes.frozen:
                updates.append(publication)
        self._schedule.show(publication.counts.number, time.monotonic())


class _Easel:
    """The world and its next picture. Used only in the studio's single thread."""

    def __init__(self, seed: int, pilots: int, clock: Clock, truth: BinaryIO | None) -> None:
        self._world = World(seed, pilots, clock.first_update, watched=truth is not None)
        self._number, self._truth = 0, truth
        self._write_truth()

    def draw_next(self, changes: UpdateFaults) -> Publication:
        """Let time pass, and draw."""
        self._number += 1
        self._world.advance()
        self._write_truth()
        return self.draw(changes)

    def draw(self, changes: UpdateFaults) -> Publication:
        """Draw the present picture, with the effects of the faults."""
        if changes.restart:
            self._world.restart_data_server()
        feed, radios = self._world.feed(), self._world.radios()
        if changes.hostile:
            feed, radios = made_hostile(feed, radios, changes.hostile)
        return publish(
            self._number,
            feed,
            radios,
            drop=changes.drop,
            bad_records=changes.bad_records,
            clock_s=changes.clock_s,
        )

    def _write_truth(self) -> None:
        records = self._world.take_truth()
        if self._truth is not None and records:
            self._truth.write(b"".join(map(truth_line, records)))
            self._truth.flush()
