"""Replay: sends captured snapshots through the same pipeline, in order of time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import gevent
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vatwatch.config.settings import Settings
from vatwatch.counting import counted
from vatwatch.errors import FeedError, JournalError, SchemaRefused, StorageError
from vatwatch.feed.decode import peek
from vatwatch.feed.times import parse_time
from vatwatch.interrupts import Interrupted, stopped_by_signals
from vatwatch.messages import AppendSnapshot, GetReports, Reports
from vatwatch.messages.status import JournalStatus, StoreStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.first_look import check_database
from vatwatch.storage.home import take_home
from vatwatch.storage.journal_entry import read_entry
from vatwatch.supervision import Tree
from vatwatch.system import build

# Snapshots in progress at a time; more would only fill the journal.
UNDER_WAY = 8
ASK_TIMEOUT_S = 60.0
# After so long without progress, the fault will not go away by itself.
STALLED_S = 120.0

CAPTURE_SUFFIXES = (".json", ".json.gz")
ENTRY_SUFFIX = ".vwj"


@dataclass(frozen=True, slots=True)
class Capture:
    """One snapshot on disk."""

    path: Path
    update_timestamp: datetime
    transceivers: Path | None = None


@dataclass(frozen=True, slots=True)
class FoundCaptures:
    """The captures to replay, oldest first, and the unusable ones."""

    captures: list[Capture]
    unusable: list[tuple[Path, str]]
    unpaired: list[Path]


@dataclass(slots=True)
class ReplayTally:
    """The result of a replay."""

    handed_in: int = 0
    waited: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    quarantined_records: int = 0


def replay(settings: Settings, paths: Sequence[Path]) -> bool:
    """Replay everything under `paths`. Returns whether all of it could be used.

    Raises VatwatchError if the pipeline cannot be started, or does not get on.
    """
    console = Console(stderr=True)
    found = find(paths)
    for path, why in found.unusable:
        console.print(f"[red]not used:[/] {path}: {why}", highlight=False, soft_wrap=True)
    for path in found.unpaired:
        console.print(
            f"[yellow]left out:[/] {path}: transceivers without a data file of the same time",
            highlight=False,
            soft_wrap=True,
        )
    if not found.captures:
        raise FeedError("no captures found to replay")
    # First, so that nothing is started in the home of a running service.
    home = take_home(settings.general.home, leaving_s=settings.service.shutdown_timeout_s)
    try:
        check_database(settings.database, settings.general.home)
        tally = _replay(settings, found.captures, console)
    finally:
        home.release()
    first, last = found.captures[0].update_timestamp, found.captures[-1].update_timestamp
    waited = f" and {tally.waited} that waited in the journal" if tally.waited else ""
    console.print(
        f"{counted(tally.handed_in, 'snapshot')}, {first:%Y-%m-%d %H:%M:%S} to "
        f"{last:%Y-%m-%d %H:%M:%S} UTC"
        f"{waited}: {tally.stored} stored, {tally.duplicates} stored before, "
        f"{tally.rejected} refused, {counted(tally.quarantined_records, 'record')} in quarantine, "
        f"{counted(len(found.unusable), 'file')} not used",
        highlight=False,
        soft_wrap=True,
    )
    return not found.unusable and not tally.rejected


def _replay(settings: Settings, captures: list[Capture], console: Console) -> ReplayTally:
    refusals: list[str] = []
    tally = ReplayTally(waited=_count_pending(settings.general.home))
    tree = build(settings, polls=False, on_refused=refusals.append)
    with stopped_by_signals():
        try:
            tree.start()
            already = _reports(tree).status_of(JournalStatus).quarantined
            _feed_all(tree, captures, tally, console, refusals)
        except Interrupted:
            console.print(
                f"interrupted: {tally.handed_in} of {counted(len(captures), 'snapshot')} handed "
                "in; a second run skips what is stored",
                highlight=False,
                soft_wrap=True,
            )
            raise
        finally:
            tree.stop(settings.service.shutdown_timeout_s)
    tally.rejected -= already
    tally.duplicates = tally.handed_in + tally.waited - tally.stored - tally.rejected
    return tally


def _count_pending(home: Path) -> int:
    """Count the entries that a killed service has left in the journal; they are stored first."""
    return sum(1 for _ in (home / "journal" / "pending").glob(f"*{ENTRY_SUFFIX}"))


def find(paths: Sequence[Path]) -> FoundCaptures:
    """Find captures and journal entries, also in directories, and sort them."""
    captures: list[Capture] = []
    unusable: list[tuple[Path, str]] = []
    radios: list[Path] = []
    for path in _files(paths):
        try:
            if path.name.endswith(ENTRY_SUFFIX):
                captures.append(Capture(path, read_entry(path).update_timestamp))
                continue
            data = _read(path)
            if data.lstrip()[:1] == b"[":
                radios.append(path)
                continue
            captures.append(Capture(path, parse_time(peek(data).update_timestamp)))
        except (OSError, EOFError, zlib.error, FeedError, JournalError) as error:
            unusable.append((path, str(error)))
    captures.sort(key=lambda capture: capture.update_timestamp)
    return _pair(captures, radios, unusable)


def _pair(
    captures: list[Capture], radios: list[Path], unusable: list[tuple[Path, str]]
) -> FoundCaptures:
    """The transceivers feed contains no time; only its file's name says when it was fetched."""
    by_moment = {_moment(path): path for path in radios}
    paired = [
        Capture(c.path, c.update_timestamp, by_moment.pop(_moment(c.path), None)) for c in captures
    ]
    return FoundCaptures(paired, unusable, list(by_moment.values()))


def _moment(path: Path) -> str:
    """`vatsim-data-20241122T124840Z.json.gz` and `transceivers-data-2024…` share the last part."""
    return path.name.split(".")[0].rsplit("-", 1)[-1]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and file.name.endswith((*CAPTURE_SUFFIXES, ENTRY_SUFFIX))
            )
        else:
            yield path


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _load(capture: Capture) -> AppendSnapshot:
    if capture.path.name.endswith(ENTRY_SUFFIX):
        entry = read_entry(capture.path)
        return AppendSnapshot(
            entry.update_timestamp, entry.fetched_at, entry.data, entry.transceivers, entry.source
        )
    return AppendSnapshot(
        capture.update_timestamp,
        datetime.now(UTC),
        _read(capture.path),
        None if capture.transceivers is None else _read(capture.transceivers),
        capture.path.name,
    )


def _feed_all(
    tree: Tree,
    captures: list[Capture],
    tally: ReplayTally,
    console: Console,
    refusals: Sequence[str],
) -> None:
    journal = tree.directory.address("journal")
    with Progress(
        TextColumn("replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("", total=len(captures))
        for capture in captures:
            journal.ask(_load(capture), timeout_s=ASK_TIMEOUT_S)
            tally.handed_in += 1
            _wait(tree, UNDER_WAY, refusals)
            progress.advance(task)
        _wait(tree, 0, refusals)
    reports = _reports(tree)
    store = reports.status_of(StoreStatus)
    tally.stored, tally.quarantined_records = store.stored, store.quarantined_records
    tally.rejected = reports.status_of(JournalStatus).quarantined


def _wait(tree: Tree, pending: int, refusals: Sequence[str]) -> None:
    """Wait until at most `most` snapshots are on their way to the database.

    `refusals`: the store's reasons why this version cannot use the database.
    """
    before, since = -1, monotonic()
    while True:
        reports = _reports(tree)
        now = reports.status_of(JournalStatus).pending
        if now <= pending:
            return
        if refusals:
            raise SchemaRefused(refusals[0])
        if now != before:
            before, since = now, monotonic()
        elif monotonic() - since > STALLED_S:
            reasons = "; ".join(
                f"{name}: {report.reason}"
                for name, report in reports.services.items()
                if report.health is not Health.HEALTHY
            )
            raise StorageError(
                f"{counted(now, 'snapshot waits', 'snapshots wait')}; no progress: {reasons}"
            )
        gevent.sleep(0.02)


def _reports(tree: Tree) -> Reports:
    return tree.directory.address("health_monitor").ask(GetReports(), timeout_s=ASK_TIMEOUT_S)
