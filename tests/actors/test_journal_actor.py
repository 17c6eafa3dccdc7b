"""The journal in the tree: what the disk refuses costs one entry, and a hung thread no id."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import monkey

from tests.actors.harness import PATIENCE_S, Running, running, until
from tests.actors.test_snapshot import (
    NOWHERE,
    assert_all_stored_once,
    pending,
    time_of,
    updates,
)
from vatwatch.actors.processor import ProcessorActor
from vatwatch.actors.store import StoreActor
from vatwatch.errors import JournalError
from vatwatch.messages.status import JournalStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage import journal_writer
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_stats import JournalStats
from vatwatch.supervision import Actor, ChildFailed


def journal_of(home: Path) -> Path:
    return home / "home" / "journal"


def waiting(home: Path) -> list[Path]:
    return sorted((journal_of(home) / "pending").glob("*.vwj"))


def failures(service: Running) -> list[str]:
    return [notice.path for notice in service.notices if isinstance(notice, ChildFailed)]


def status(service: Running) -> JournalStatus:
    return service.status("journal", JournalStatus)


def spoil(path: Path, how: str) -> None:
    """Let a file be unreadable in one of the ways that happen.

    In one step where that can be: a journal that reads meanwhile must not find it gone.
    """
    beside = path.with_name("spoilt")
    match how:
        case "gone":
            path.unlink()
        case "cut":
            beside.write_bytes(b"\x28\xb5\x2f\xfd")
            beside.replace(path)
        case "a folder":
            path.unlink()
            path.mkdir()
        case "a loop":
            beside.symlink_to(path.name)
            beside.replace(path)
        case "a dangling link":
            beside.symlink_to("nowhere")
            beside.replace(path)


@pytest.mark.parametrize("how", ["gone", "cut", "a folder", "a loop", "a dangling link"])
@pytest.mark.parametrize("running_meanwhile", [True, False])
def test_a_pending_file_that_cannot_be_read_costs_itself(
    how: str, running_meanwhile: bool, tmp_path: Path, database_url: str
) -> None:
    given = updates(6)
    with running(tmp_path, NOWHERE) as service:
        for publication in given[:4]:
            service.hand_in(publication)
            service.until_served(time_of(publication))
        if running_meanwhile:
            spoil(waiting(tmp_path)[0], how)
            service.hand_in(given[4])
            service.until_served(time_of(given[4]))
            until(lambda: pending(service) == 4, "the journal notices")
            assert failures(service) == []
    if not running_meanwhile:
        spoil(waiting(tmp_path)[0], how)
    with running(tmp_path, database_url) as service:
        for publication in given[4 + running_meanwhile :]:
            service.hand_in(publication)
        assert_all_stored_once(service, given[1:])
        service.until_served(time_of(given[-1]))
        assert failures(service) == []


def test_an_entry_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        service.hand_in(updates(1)[0])
        until(lambda: pending(service) == 1)
        spoil(waiting(tmp_path)[0], "cut")
        until(lambda: status(service).quarantined == 1)
        (error,) = until(
            lambda: [
                e
                for e in service.http.simulate_get("/api/errors").json["errors"]
                if e["operation"] == "read entry"
            ]
        )
        assert (error["service"], error["category"]) == ("journal", "resource")
        assert error["correlation_id"] == "20241122T120000Z"


@pytest.mark.parametrize("where", ["archive", "archive/2024", "archive/2024/11/22"])
def test_stored_snapshots_that_cannot_be_moved_stay_where_they_are_until_they_can(
    where: str, tmp_path: Path, database_url: str
) -> None:
    given = updates(5)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        until(lambda: pending(service) == 0 and len(service.sql.snapshots()) == 1)
        folder = journal_of(tmp_path) / where
        aside = folder.with_name("aside")
        folder.rename(aside)
        folder.write_text("in the way")
        for publication in given[1:4]:
            service.hand_in(publication)
            service.until_served(time_of(publication))
        assert_all_stored_once(service, given[:4])
        until(lambda: status(service).unmoved == 3)
        assert service.reports().services["journal"].health is Health.DEGRADED
        assert failures(service) == []

        folder.unlink()
        aside.rename(folder)
        service.hand_in(given[4])
        assert_all_stored_once(service, given)
        until(lambda: status(service).unmoved == 0)
        assert waiting(tmp_path) == []
        assert len(list((journal_of(tmp_path) / "archive").rglob("*.vwj"))) == 5


def test_a_disk_that_is_full_at_midnight_loses_nothing(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day's folder cannot be made; appends find room again and again."""
    given = updates(8)
    mkdir = Path.mkdir
    full = [True]

    def no_new_day(self: Path, *args: Any, **kwargs: Any) -> None:
        if full[0] and "archive" in self.parts and not self.is_dir():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", no_new_day)
    with running(tmp_path, database_url) as service:
        for publication in given[:4]:
            service.hand_in(publication)
        assert_all_stored_once(service, given[:4])
        assert status(service).unmoved == 4
        assert failures(service) == []
    # They are handed out again, and the database knows them.
    with running(tmp_path, database_url) as service:
        full[0] = False
        for publication in given[4:]:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert failures(service) == []


def test_while_its_directory_cannot_be_opened_the_journal_waits_for_it(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(2)
    journal_of(tmp_path).parent.mkdir(parents=True)
    journal_of(tmp_path).write_text("in the way")
    with running(tmp_path, database_url) as service:
        with pytest.raises(JournalError, match="cannot be opened"):
            service.hand_in(given[0])
        assert service.reports().services["journal"].health is Health.UNHEALTHY
        assert failures(service) == []
        journal_of(tmp_path).unlink()
        for publication in given:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        until(lambda: service.reports().services["journal"].health is Health.HEALTHY)
        assert failures(service) == []


def test_a_thread_left_over_from_a_killed_journal_never_writes_beside_its_successor(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(4)
    lock = monkey.get_original("_thread", "allocate_lock")()
    write = journal_writer.write_durably
    hung: list[str] = []

    def hang_once(path: Path, content: bytes) -> None:
        if path.name.startswith("000000000002") and not hung:
            hung.append(path.name)
            with lock:
                pass
        write(path, content)

    monkeypatch.setattr(journal_writer, "write_durably", hang_once)
    with running(tmp_path, database_url, VATWATCH_HANDLER_DEADLINE=1) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        until(lambda: waiting(tmp_path) == [], "the first one is in the archive")
        with lock:
            hanging = gevent.spawn(service.hand_in, given[1])
            until(lambda: "vatwatch/data/journal" in failures(service), "it is killed")
            others = [gevent.spawn(service.hand_in, publication) for publication in given[2:]]
            gevent.sleep(0.5)  # time enough for a successor that does not wait
            assert not any(other.ready() for other in others)
            assert waiting(tmp_path) == []
        handed_in = gevent.joinall([hanging, *others], timeout=PATIENCE_S)
        ids = [greenlet.get() for greenlet in handed_in]
        assert len(set(ids)) == 3
        assert_all_stored_once(service, given)
        until(lambda: waiting(tmp_path) == [])
    names = [path.name for path in journal_of(tmp_path).rglob("*.vwj")]
    numbers = [name.partition("-")[0] for name in names]
    assert len(set(numbers)) == len(numbers)
    assert hung


def test_a_failure_while_reporting_numbers_affects_no_snapshot(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(3)

    def broken(_journal: Journal) -> JournalStats:
        raise ArithmeticError("a bug in the numbers")

    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "stats", broken)
            # It is answered, so it is not fetched again; it is announced, so it is not late.
            assert service.hand_in(given[1]) == 2
            service.until_served(time_of(given[1]))
            service.until_stored(time_of(given[1]))
            errors = until(lambda: reported(service, "describe"))
            assert errors[0]["service"] == "journal"
            assert failures(service) == []
        service.hand_in(given[2])
        assert_all_stored_once(service, given)


@pytest.mark.parametrize("actor", [StoreActor, ProcessorActor])
def test_a_report_that_fails_does_not_count_against_its_snapshot(
    actor: type[StoreActor | ProcessorActor],
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = updates(2)

    def broken(_actor: Actor) -> None:
        raise ArithmeticError("a bug in the numbers")

    with running(tmp_path, database_url) as service:
        monkeypatch.setattr(actor, "_report_status", broken)
        for publication in given:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert failures(service) == []
        assert status(service).quarantined == 0


def reported(service: Running, operation: str) -> list[dict[str, Any]]:
    errors = service.http.simulate_get("/api/errors").json["errors"]
    return [error for error in errors if error["operation"] == operation]
