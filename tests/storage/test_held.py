"""Updates whose clock is in doubt: each is in exactly one place, whatever the disk does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vatwatch.errors import JournalFull
from vatwatch.feed.clock import Moment
from vatwatch.storage.held import HeldEntries
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import SUFFIX, Header, encode, read_entry

NOON = datetime(2026, 5, 1, 12, 0, 10, 123456, tzinfo=UTC)
AT = datetime(2026, 5, 1, 11, 0, 12, tzinfo=UTC)
MEGABYTE = 2**20


EXTREMES = [
    datetime.min.replace(tzinfo=UTC),
    datetime(2000, 12, 31, tzinfo=UTC),
    datetime(2101, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    NOON.replace(tzinfo=None),
]
OPEN: list[Journal] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


class House:
    """A journal and its held entries, as the actor has them."""

    def __init__(self, directory: Path, *, max_bytes: int = 10 * MEGABYTE) -> None:
        self.directory = directory
        self.journal = Journal(directory, max_bytes=max_bytes)
        self.held = HeldEntries(directory, self.journal)
        self.journal.open()
        self.held.open()
        OPEN.append(self.journal)

    def hold(self, time: datetime, data: bytes = b"feed") -> bool:
        return self.held.hold(
            update_timestamp=time, fetched_at=AT, data=data, transceivers=None, source="test"
        )

    def append(self, time: datetime, data: bytes = b"feed") -> int:
        return self.journal.append(
            update_timestamp=time, fetched_at=AT, data=data, transceivers=None, source="test"
        ).id

    def restart(self) -> House:
        self.journal.close()
        return House(self.directory)

    def files(self, folder: str) -> list[Path]:
        return sorted((self.directory / folder).rglob(f"*{SUFFIX}"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "journal")


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_held_update_is_durable_and_is_not_pending(house: House) -> None:
    assert house.hold(NOON)
    assert house.hold(later(15))
    again = house.restart()
    assert again.held.moments() == (Moment(NOON, AT), Moment(later(15), AT))
    assert again.journal.pending() == []
    assert again.journal.last() is None


def test_released_updates_are_pending_in_the_order_of_the_release_after_all_others(
    house: House,
) -> None:
    house.hold(NOON, b"first")
    house.hold(later(15), b"second")
    before = house.append(later(3600))
    released = [house.held.release(later(15)), house.held.release(NOON)]
    again = house.restart()
    waiting = again.journal.pending()
    assert [info.id for info in waiting[1:]] == [info.id for info in released if info is not None]
    assert [again.journal.read(info.id).data for info in waiting] == [b"feed", b"second", b"first"]
    assert waiting[0].id == before < waiting[1].id < waiting[2].id
    assert len(again.held) == 0
    assert again.journal.read(waiting[2].id).update_timestamp == NOON


def test_a_dropped_update_is_in_quarantine_with_its_reason(house: House) -> None:
    house.hold(NOON)
    done = house.held.drop(NOON, "a wrong clock")
    assert done is not None
    assert done.path is not None
    assert read_entry(done.path).data == b"feed"
    assert done.path.with_suffix(".reason.txt").read_text() == "a wrong clock\n"
    assert house.journal.stats().quarantined == 1
    assert house.held.drop(NOON, "again") is None
    assert house.held.release(NOON) is None


@pytest.mark.parametrize("place", ["held", "pending", "archive", "quarantine"])
def test_an_update_that_is_kept_already_is_not_held(house: House, place: str) -> None:
    if place == "held":
        house.hold(NOON)
    else:
        entry = house.append(NOON)
        if place == "archive":
            house.journal.commit(entry)
        elif place == "quarantine":
            house.journal.quarantine(entry, "for a reason")
    assert not house.hold(NOON)
    assert house.hold(NOON + timedelta(microseconds=1))  # not by its name alone


def test_ids_do_not_come_again_when_only_held_entries_tell_the_last_one(house: House) -> None:
    house.hold(NOON)
    held_id = int(house.files("held")[0].name.split("-")[0])
    again = house.restart()
    assert again.append(later(60)) > held_id


def test_held_bytes_count_against_the_bound(tmp_path: Path) -> None:
    noise = os.urandom(400_000)
    house = House(tmp_path / "journal", max_bytes=MEGABYTE)
    for number in range(5):
        house.journal.commit(house.append(later(number), noise[number:]))
    before = house.journal.stats().archived
    house.hold(later(100), noise)
    house.hold(later(115), noise)
    stats = house.journal.stats()
    assert stats.archived < before
    assert stats.archived_bytes + house.held.size_bytes <= MEGABYTE
    house.append(later(200), noise)
    house.append(later(215), noise)
    with pytest.raises(JournalFull):
        house.hold(later(130), noise)


def test_a_release_that_the_bound_refuses_leaves_it_held(tmp_path: Path) -> None:
    noise = os.urandom(400_000)
    house = House(tmp_path / "journal", max_bytes=MEGABYTE)
    house.hold(NOON, noise)
    first = house.append(later(200), noise)
    house.append(later(215), noise)
    with pytest.raises(JournalFull):
        house.held.release(NOON)
    assert house.held.moments() == (Moment(NOON, AT),)
    house.journal.commit(first)
    assert house.held.release(NOON) is not None


@pytest.mark.parametrize("damage", ["cut off", "a folder", "deleted", "a strange name"])
def test_a_damaged_held_entry_costs_itself(house: House, damage: str) -> None:
    house.hold(NOON)
    house.hold(later(15))
    first = house.files("held")[0]
    if damage == "cut off":
        first.write_bytes(first.read_bytes()[:5])
    else:
        first.unlink()
    if damage == "a folder":
        first.mkdir()
    if damage == "a strange name":
        (first.parent / "notes.vwj").write_text("hello")
        (first.parent / "000000000009-20260501T120000Z.tmp").write_text("half")
    if damage == "deleted":
        assert house.held.release(NOON) is None
    again = house.restart()
    assert again.held.moments() == (Moment(later(15), AT),)
    assert again.held.release(later(15)) is not None
    assert not list((again.directory / "held").glob("*.tmp"))


def test_a_file_in_the_place_of_the_folder_costs_only_held_updates(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    directory.mkdir()
    (directory / "held").write_text("in the way")
    house = House(directory)
    with pytest.raises(OSError, match="held"):
        house.hold(NOON)
    assert house.append(NOON)


def test_an_update_without_a_time_is_in_quarantine_under_the_time_of_the_fetch(
    house: House,
) -> None:
    info = house.journal.reject("no time", fetched_at=AT, data=b"{}", source="test")
    assert info.path.parent.name == "quarantine"
    assert read_entry(info.path).data == b"{}"
    again = house.restart()
    assert again.journal.stats().quarantined == 1
    assert again.journal.pending() == []


@pytest.mark.parametrize("time", EXTREMES, ids=str)
@pytest.mark.parametrize("which", ["the feed's", "ours"])
def test_a_file_with_an_impossible_time_is_set_aside_and_the_others_are_held(
    which: str, time: datetime, tmp_path: Path
) -> None:
    house = House(tmp_path)
    assert house.hold(NOON)
    header = Header(
        7,
        time if which == "the feed's" else NOON,
        time if which == "ours" else AT,
        "test",
        transceivers=False,
    )
    odd = tmp_path / "held" / f"000000000007-20260501T120000Z{SUFFIX}"
    odd.write_bytes(encode(header, b"feed", None))
    house = house.restart()
    assert house.held.moments() == (Moment(NOON, AT),)
    assert [path.name for path in house.files("quarantine")] == [odd.name]
