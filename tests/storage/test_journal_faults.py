"""Whatever the disk refuses: what was acknowledged is there, and the journal goes on."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.failing_disk import OPERATIONS, FailingDisk
from vatwatch.errors import JournalCorrupt, JournalError
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import id_in, read_entry

TIME = datetime(2024, 2, 29, 23, 59, 0, tzinfo=UTC)
ERRNOS = (errno.EIO, errno.ENOSPC, errno.ENOENT, errno.EACCES, errno.EROFS)


class Keeper:
    """A journal, and what it has said that it keeps."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.disk = FailingDisk(directory)
        self.number = 0
        self.waits: dict[int, bytes] = {}
        self.contents: dict[int, bytes] = {}
        self.done: set[int] = set()
        self.journal = Journal(directory, max_bytes=60_000)
        self.journal.open()

    def append(self) -> bool:
        self.number += 1
        data = b'{"number": %d, "%s": 1}' % (self.number, str(self.number).encode() * 40)
        try:
            info = self.journal.append(
                update_timestamp=TIME + timedelta(seconds=15 * self.number),
                fetched_at=TIME,
                data=data,
                transceivers=None,
                source="test",
            )
        except (OSError, JournalError):
            return False
        assert info.id not in self.waits, "an id is given once"
        assert info.id not in self.done, "an id is given once"
        self.waits[info.id] = self.contents[info.id] = data
        return True

    def take(self) -> int | None:
        """What the processor does: the oldest that can be read."""
        after = 0
        while (info := self.journal.next_pending(after)) is not None:
            try:
                entry = self.journal.read(info.id)
            except JournalCorrupt:
                self._is_done(info.id)
            except OSError:
                return None
            else:
                # After a start, one that could not be moved comes again, and so does one that was
                # refused and could not be deleted.
                assert entry.data == self.contents.get(info.id, entry.data)
                return info.id
            after = info.id
        return None

    def commit(self) -> None:
        entry_id = self.take()
        if entry_id is not None:
            self.journal.commit(entry_id)
            self._is_done(entry_id)

    def quarantine(self) -> None:
        entry_id = self.take()
        if entry_id is not None:
            self.journal.count_failure(entry_id)
            assert self.journal.quarantine(entry_id, "no use") is not None
            self._is_done(entry_id)

    def _is_done(self, entry_id: int) -> None:
        self.done.add(entry_id)
        self.waits.pop(entry_id, None)

    def tidy(self) -> None:
        self.journal.clean()
        self.journal.evict(500)
        self.journal.stats()

    def reopen(self) -> None:
        self.journal.close()
        self.journal = Journal(self.directory, max_bytes=60_000)
        with suppress(OSError):
            self.journal.open()

    def check(self) -> None:
        """The disk is well again, and the next process looks."""
        self.journal.close()
        self.journal = Journal(self.directory, max_bytes=60_000)
        self.journal.open()
        pending = {info.id for info in self.journal.pending()}
        assert set(self.waits) <= pending, "what was acknowledged and is not done waits"
        for entry_id, data in self.waits.items():
            assert self.journal.read(entry_id).data == data
        files = [path for path in self.directory.rglob("*.vwj") if path.is_file()]
        ids = [id_in(path.name) for path in files]
        assert len(set(ids)) == len(ids), "no id has two files"
        for path in files:
            read_entry(path)  # under such a name everything is whole
        last = max((0, *self.waits, *self.done))
        assert self.append(), "and it goes on"
        assert max(self.waits) > last


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path)
    yield keeper
    keeper.journal.close()


def refused(keeper: Keeper, step: str, refusals: dict[str, int]) -> None:
    keeper.disk.refuses = refusals
    with keeper.disk.mounted():
        getattr(keeper, step)()
    keeper.disk.refuses = {}


@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("step", ["append", "commit", "quarantine", "tidy", "reopen"])
def test_a_refusal_of_the_disk_costs_no_more_than_the_entry_in_hand(
    step: str, operation: str, number: int, keeper: Keeper
) -> None:
    for _ in range(4):
        assert keeper.append()
    keeper.commit()
    keeper.commit()
    waits = dict(keeper.waits)
    refused(keeper, step, {operation: number})
    if step in ("append", "tidy"):
        assert waits.items() <= keeper.waits.items()
    keeper.check()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "append", "commit", "quarantine", "tidy", "reopen"]),
            st.dictionaries(st.sampled_from(OPERATIONS), st.sampled_from(ERRNOS), max_size=3),
        ),
        max_size=25,
    )
)
@settings(max_examples=100, deadline=None)
def test_acknowledged_entries_survive_any_sequence_of_disk_failures(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, dict[str, int]]]
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    keeper = Keeper(directory)
    try:
        for step, refusals in steps:
            refused(keeper, step, refusals)
            if step == "reopen":
                keeper.reopen()  # it tries again when the disk is well
        keeper.check()
    finally:
        keeper.journal.close()
        shutil.rmtree(directory)


# --- the order of what is done -------------------------------------------------------------------


def test_an_entry_is_written_synced_renamed_and_its_directory_synced_in_this_order(
    keeper: Keeper,
) -> None:
    with keeper.disk.mounted():
        assert keeper.append()
    aside = "000000000001-20240229T235915Z.tmp"
    assert keeper.disk.done == [
        ("open", aside),
        ("write", aside),
        ("fsync", aside),
        ("rename", aside),
        ("sync directory", "pending"),
    ]


def test_the_last_id_is_durable_before_the_last_file_that_shows_it_is_deleted(
    keeper: Keeper, tmp_path: Path
) -> None:
    assert keeper.append()
    keeper.commit()
    with keeper.disk.mounted():
        keeper.journal.max_bytes = 300  # the next one needs all the room
        assert keeper.append()
    assert keeper.disk.done[:5] == [
        ("open", "high-water.tmp"),
        ("write", "high-water.tmp"),
        ("fsync", "high-water.tmp"),
        ("rename", "high-water.tmp"),
        ("sync directory", tmp_path.name),
    ]
    assert keeper.disk.done[5][0] == "unlink"


# --- strange names -------------------------------------------------------------------------------

NAMES = [
    "backup.vwj",
    "²-20240229T235915Z.vwj",
    "000000000001-.vwj",
    "-20240229T235915Z.vwj",
    "000000000000-20240229T235915Z.vwj",
    "9" * 60 + "-20240229T235915Z.vwj",
    "000000000007-20240229T235915Z.vwj.vwj",
    "\udcff.vwj",
    "000000000009-20240229T235915Z.tmp",
    "lost+found",
]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("place", ["pending", "archive/2024/02/29", "quarantine"])
@pytest.mark.parametrize("name", [*NAMES, "000000000007-20240229T235915Z.vwj"], ids=ascii)
def test_a_strange_name_costs_itself(
    name: str, place: str, kind: str, keeper: Keeper, tmp_path: Path
) -> None:
    for _ in range(3):
        assert keeper.append()
    keeper.commit()
    strange = tmp_path / place / name
    strange.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        strange.mkdir()
        (strange / "inside").write_text("x")
    else:
        strange.write_text("no entry")
    keeper.reopen()
    assert keeper.take() == 2
    keeper.journal.clean()
    keeper.quarantine()
    keeper.commit()
    assert keeper.append()
    assert keeper.waits
    assert min(keeper.waits) > 3


def test_two_files_with_one_id_are_two_entries(keeper: Keeper, tmp_path: Path) -> None:
    assert keeper.append()
    keeper.commit()
    assert keeper.append()
    (path,) = (tmp_path / "pending").glob("*.vwj")
    # As two journals leave them that write at the same time.
    for name in ("000000000002-20240229T235959Z.vwj", "000000000001-20240229T235959Z.vwj"):
        shutil.copy(path, path.with_name(name))
    keeper.reopen()
    assert [info.id for info in keeper.journal.pending()] == [2, 3, 4]
    keeper.reopen()
    assert [info.id for info in keeper.journal.pending()] == [2, 3, 4]
    assert keeper.journal.stats().unusable == 0


@pytest.mark.parametrize("high_water", [b"", b"many", b"\xff", "²".encode(), b"-5"])
def test_an_id_does_not_come_again_when_the_note_of_the_last_one_is_spoilt(
    high_water: bytes, keeper: Keeper, tmp_path: Path
) -> None:
    assert keeper.append()
    (tmp_path / "high-water").write_bytes(high_water)
    keeper.reopen()
    assert keeper.append()
    assert max(keeper.waits) > 1


@pytest.mark.parametrize("number", [10**14 + 1, 10**15 - 1])
@pytest.mark.parametrize("where", ["pending", "archive", "quarantine", "high-water", "far beyond"])
def test_a_number_that_leaves_no_room_costs_no_later_entry(
    where: str, number: int, keeper: Keeper, tmp_path: Path
) -> None:
    assert keeper.append()
    if where in ("high-water", "far beyond"):
        text = str(number) * (1 if where == "high-water" else 2)
        (tmp_path / "high-water").write_text(text)
    else:
        (path,) = (tmp_path / "pending").glob("*.vwj")
        path.rename(tmp_path / where / f"{number}-20240229T235959Z.vwj")
    keeper.reopen()
    before = [info.id for info in keeper.journal.pending()]
    assert len(before) == (where not in ("archive", "quarantine"))
    for _ in range(3):
        assert keeper.append()
    ids = [info.id for info in keeper.journal.pending()]
    assert ids[: len(before)] == before
    keeper.reopen()
    assert [info.id for info in keeper.journal.pending()] == ids


def test_the_failures_of_an_entry_are_counted_across_processes_until_it_is_done(
    keeper: Keeper,
) -> None:
    for _ in range(3):
        assert keeper.append()
    assert [keeper.journal.count_failure(1) for _ in range(2)] == [1, 2]
    assert keeper.journal.count_failure(99) == 0
    keeper.reopen()
    assert keeper.journal.count_failure(1) == 3
    assert keeper.journal.count_failure(2) == 1
    assert [info.id for info in keeper.journal.failed_often(3)] == [1]
    keeper.journal.commit(1)
    keeper.journal.quarantine(2, "no use")
    keeper.reopen()
    assert keeper.journal.count_failure(1) == 1
    assert keeper.journal.failed_often(1) == []


@pytest.mark.parametrize("spoilt", [b"", b"[]", b"{", b'{"1": "x"}', b"\xff\xfe", b'{"1": -4}'])
def test_a_spoilt_count_of_failures_counts_for_nothing(
    spoilt: bytes, keeper: Keeper, tmp_path: Path
) -> None:
    assert keeper.append()
    (tmp_path / "failures").write_bytes(spoilt)
    keeper.reopen()
    assert keeper.journal.count_failure(1) == 1


# --- what has an entry's name and is none --------------------------------------------------------


def put(what: str, path: Path) -> None:
    match what:
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "a folder":
            path.mkdir()
            (path / "inside").write_text("x")


@pytest.mark.parametrize("when", ["before the start", "meanwhile"])
@pytest.mark.parametrize("what", ["a pipe", "a device", "a socket", "a folder"])
def test_an_entry_that_is_not_a_file_is_quarantined_with_a_reason(
    what: str, when: str, keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    for _ in range(3):
        assert keeper.append()
    strange = keeper.journal.pending()[0].path.relative_to(tmp_path)
    strange.unlink()
    put(what, strange)
    if when == "before the start":
        keeper.reopen()
    assert keeper.take() == 2
    assert keeper.done == {1}
    assert keeper.journal.set_aside_total == 1
    assert not os.path.lexists(strange)
    assert os.path.lexists(Path("quarantine") / strange.name)
    reason = (Path("quarantine") / strange.name).with_suffix(".reason.txt").read_text()
    assert strange.name in reason
    keeper.reopen()
    assert [info.id for info in keeper.journal.pending()] == [2, 3]
    assert not keeper.journal.has(TIME)
