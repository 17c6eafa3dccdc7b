"""Areas: reads the operator's files of areas, checks them, and tells who derives.

Receives  LookAtAreas, AddressAnswered, SettingsChanged
Sends     AreasChanged to store, processor and follower, ServiceReport
Holds     of each file and address what was good last, and why it cannot be used now
Restart   costs nothing: the last good copies are on the disk, files are read at once and addresses
          asked whether they have changed

A file is read when it has changed and is the same at two looks in a row. It is taken in the place
of the one before only if it passes `given_file`'s checks, and what is taken is first kept on the
disk and then told. So every start, in whatever order, has the same areas.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeAlias, assert_never

from vatwatch.actors.area_places import places_of, told
from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.feed_client import FeedClient, NotModified, shown
from vatwatch.actors.service import Service
from vatwatch.config.area_copies import place_digest
from vatwatch.config.areas import is_address
from vatwatch.config.settings import Settings
from vatwatch.counting import counted
from vatwatch.errors import BreakerOpen, ConfigurationError, FeedError, FetchError
from vatwatch.messages import AreasChanged, SettingsChanged
from vatwatch.messages.areas import ToAreas
from vatwatch.messages.areas_status import AreasStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.area_copies import AreaCopies, GoodFile
from vatwatch.storage.area_files import PlaceReading, look_at_places, read_place, take_body, why
from vatwatch.storage.watched_files import Look
from vatwatch.supervision import Backoff, NativePool, Tell, Timer
from vatwatch.traffic.areas.given_file import MOST_BYTES, GivenPlace
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas, known_areas

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LookAtAreas(Tell):
    """See whether a file has changed, and whether an address is to be asked."""


@dataclass(frozen=True, slots=True)
class AddressAnswered(Tell):
    """What an address has answered; without body and error: nothing has changed."""

    place: GivenPlace
    body: bytes | None
    validators: dict[str, str]
    error: str = ""


Received: TypeAlias = LookAtAreas | AddressAnswered | ToAreas

# Two megabytes take seconds on a slow line; a server that drips is not waited for.
REQUEST_S = 60.0
# An address that failed is asked again after the breaker's time at first, and once an hour at last.
RETRY_CAP_S = 3600.0
# They are told again, in case that they have lost the message.
TELL_AGAIN_S = 60.0
SHOWN_SOURCES = 50
HOUR_S = 3600.0


class AreasActor(Service):
    """Keeps the areas; the module's docstring says what a restart costs."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """`directory`: of the last good copies."""
        super().__init__()
        self._settings = settings
        self._copies = AreaCopies(directory)
        self._pool = NativePool(1, "areas", owns=str(directory.absolute()))
        self._client = FeedClient(
            user_agent=settings.vatsim.full_user_agent,
            timeout_s=REQUEST_S,
            max_body_bytes=MOST_BYTES,
            accept="*/*",
        )
        self._places = places_of(settings.areas)
        self._readings: dict[GivenPlace, PlaceReading] = {}
        self._areas = NO_AREAS
        self._used: tuple[GoodFile, ...] = ()
        self._told_s = monotonic()
        self._kept: tuple[GoodFile, ...] | None = None  # None: not known what is on the disk
        self._unkept = ""
        self._seen: Look = {}
        self._changing: Look | None = None
        # Of each address: when it is asked (monotonic seconds), and how often it failed in a row.
        self._due_s: dict[GivenPlace, float] = {}
        self._failures: dict[GivenPlace, int] = {}
        self._next_look: Timer | None = None
        self._reported: tuple[str, ...] = ()
        self._last_error = ""
        self._last_error_at: datetime | None = None
        self._checked_at: datetime | None = None
        self._changes = self._refused = 0

    def on_start(self) -> None:
        self._begin()
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> None:
        match message:
            case LookAtAreas():
                self._look()
            case AddressAnswered():
                self._take_answer(message)
            case SettingsChanged():
                self._change(message.settings)
            case _:
                assert_never(message)
        self._report()

    def _begin(self) -> None:
        """Use the copies, and what the files have now."""
        good = self._pool.run(self._copies.read, self._places) if self._places else []
        self._kept = tuple(good) if good else None
        for place in self._places:
            of = tuple(g for g in good if _is_of(g, place))
            self._readings.setdefault(place, PlaceReading(of))
            if is_address(place.given):
                self._due_s[place] = monotonic()
                if of:
                    self._client.remember(place.given, of[0].copy.validators)
        self._read_files()
        self._put_together()
        self._tell()
        self._look_later()

    def _change(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        self._client.change(
            user_agent=settings.vatsim.full_user_agent,
            timeout_s=REQUEST_S,
            max_body_bytes=MOST_BYTES,
            may_ask=lambda _: True,
        )
        if settings.areas == before.areas:
            return
        self._places = places_of(settings.areas)
        for known in (self._readings, self._due_s, self._failures):
            for place in [*known]:
                if place not in self._places:
                    known.pop(place)
        self._begin()

    # --- files -------------------------------------------------------------------------------

    def _look_later(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = self.after(self._settings.general.config_interval_s, LookAtAreas())

    def _look(self) -> None:
        if self._places:
            now = self._pool.run(look_at_places, self._of_files())
            if now == self._seen:
                self._changing = None
            elif now != self._changing:
                self._changing = now
            else:
                self._read_files()
            self._ask_addresses()
            self._put_together()
        self._look_later()

    def _of_files(self) -> tuple[GivenPlace, ...]:
        return tuple(place for place in self._places if not is_address(place.given))

    def _read_files(self) -> None:
        files = self._of_files()
        self._seen = self._pool.run(look_at_places, files)
        self._changing = None
        for place in files:
            before = self._readings[place].good
            self._readings[place] = self._pool.run(read_place, place, before)
        if self._places:
            self._checked_at = datetime.now(UTC)

    # --- addresses ---------------------------------------------------------------------------

    def _ask_addresses(self) -> None:
        for place, due_s in self._due_s.items():
            if due_s <= monotonic():
                self._due_s[place] = monotonic() + self._settings.areas.check_hours * HOUR_S
                self.spawn(self._ask, place)

    def _ask(self, place: GivenPlace) -> None:
        """Ask in a separate greenlet: an address that hangs must not delay the files."""
        url = place.given
        breaker = self.circuit_breaker(
            f"areas of {shown(url)}",
            dependency_policy(self._settings.breaker),
            failure_types=(FetchError, FeedError),
        )
        body, error = None, ""
        try:
            body = breaker.call(self._get(url))
        except (FetchError, FeedError) as failure:
            error = str(failure)
        except BreakerOpen as failure:
            error = breaker.info().last_failure or str(failure)
        validators = self._client.validators(url)
        self.address(self.name).tell(AddressAnswered(place, body, validators, error))

    def _get(self, url: str) -> Callable[[], bytes | None]:
        def get() -> bytes | None:
            try:
                return self._client.get(url)
            except NotModified:
                return None

        return get

    def _take_answer(self, answer: AddressAnswered) -> None:
        place = answer.place
        before = self._readings.get(place)
        if before is None:
            return  # it is no longer in the settings
        self._checked_at = datetime.now(UTC)
        good, error = before.good, answer.error
        if answer.body is not None:
            known = good[0] if good else None
            name = shown(place.given)
            try:
                taken = self._pool.run(
                    take_body, place, answer.body, name, known, answer.validators
                )
                good = (taken,)
            except ValueError as refused:
                error = str(refused)
                self._client.forget_validators(place.given)
        elif not error and not good:
            error = f"{shown(place.given)} says that nothing has changed, but there is no copy"
            self._client.forget_validators(place.given)
        self._readings[place] = PlaceReading(good, (error,) if error else ())
        attempt = self._failures[place] = self._failures.get(place, 0) + 1 if error else 0
        period_s = self._settings.areas.check_hours * HOUR_S
        if error:
            base_s = min(self._settings.breaker.timeout_s, RETRY_CAP_S)
            retry = Backoff(base_s=base_s, cap_s=RETRY_CAP_S)
            period_s = min(period_s, base_s + retry.delay(attempt, random.random))
        self._due_s[place] = monotonic() + period_s
        self._put_together()

    # --- what is used ------------------------------------------------------------------------

    def _put_together(self) -> None:
        """Take over what is good now, if that is something else: first onto the disk, then told."""
        good = tuple(g for place in self._places for g in self._readings[place].good)
        copies = tuple(g.copy for g in good)
        if self._kept is None or copies != tuple(g.copy for g in self._kept):
            try:
                if good or self._kept:
                    self._pool.run(self._copies.write, good)
            except OSError as error:
                self._unkept = f"{self._copies.directory} cannot be written: {why(error)}"
                if self._kept is not None or self._areas != NO_AREAS:
                    return
                good = ()
            else:
                self._kept, self._unkept = good, ""
        if good != self._used:
            areas = self._pool.run(known_areas, [g.file for g in good]) if good else NO_AREAS
            self._used = good
            if areas != self._areas:
                self._take_over(areas)
        if monotonic() - self._told_s > TELL_AGAIN_S:
            self._tell()

    def _take_over(self, areas: KnownAreas) -> None:
        if self._areas != NO_AREAS or self._changes:
            self._warn_of_older(areas)
        self._areas = areas
        self._changes += 1
        log.info(
            "%s of %s in use.",
            counted(len(areas.areas), "area"),
            counted(len(areas.sources), "file is", "files are"),
        )
        self._tell()

    def _tell(self) -> None:
        self._told_s = monotonic()
        for name in ("store", "processor", "follower"):
            if self.worker_state(name) is not None:
                self.address(name).offer(AreasChanged(self._areas))

    def _warn_of_older(self, areas: KnownAreas) -> None:
        before = {source.name: source.cycle for source in self._areas.sources}
        for source in areas.sources:
            was = before.get(source.name, "")
            if was.isdigit() and source.cycle.isdigit() and int(source.cycle) < int(was):
                log.warning(
                    "%s is of cycle %s, and was of %s before: it is used, as it may be meant.",
                    source.name,
                    source.cycle,
                    was,
                )

    # --- reporting ---------------------------------------------------------------------------

    def _report(self) -> None:
        self.describe(self._report_status)

    def _errors(self) -> tuple[str, ...]:
        found = (error for place in self._places for error in self._readings[place].errors)
        return (*found, *([self._unkept] if self._unkept else []))

    def _report_status(self) -> None:
        errors = self._errors()
        for error in errors:
            if error not in self._reported:
                log.warning("Areas: %s; %s.", error, self._consequence())
                self.report_failure("read areas", ConfigurationError(error))
                self._refused += 1
                self._last_error, self._last_error_at = error, datetime.now(UTC)
        if self._reported and not errors:
            log.info("All files and addresses of areas can be used again.")
        self._reported = errors
        kinds = [area.kind for area in self._areas.areas.values()]
        wait_s = min(self._due_s.values(), default=0.0) - monotonic()
        status = AreasStatus(
            sources=tuple(told((self._kept or ())[:SHOWN_SOURCES])),
            files=len(self._areas.sources),
            firs=kinds.count("fir"),
            tracons=kinds.count("tracon"),
            digest=self._areas.digest,
            errors=errors[:SHOWN_SOURCES],
            last_error=self._last_error,
            last_error_at=self._last_error_at,
            skipped=sum(reading.skipped for reading in self._readings.values()),
            checked_at=self._checked_at,
            next_check_at=datetime.now(UTC) + timedelta(seconds=wait_s) if self._due_s else None,
            changes=self._changes,
            refused=self._refused,
        )
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            reason = f"{errors[0]}{more}; {self._consequence()}"
            self.report(Health.DEGRADED, reason, status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _consequence(self) -> str:
        if self._areas == NO_AREAS:
            return "without areas every station is shown as a circle"
        return "what was good before is used"

    def _give_back(self) -> None:
        self._client.close()
        self._pool.close()


def _is_of(good: GoodFile, place: GivenPlace) -> bool:
    return (good.copy.setting, good.copy.place) == (place.setting, place_digest(place.given))
