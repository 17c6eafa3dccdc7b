"""The primary dies, and its replica takes over: the service goes on there by itself."""

from __future__ import annotations

from pathlib import Path

from tests.actors.harness import as_url, eventually, running
from tests.actors.test_snapshot import time_of, updates
from tests.replicas import pair_in
from vatwatch.messages.status import HistoryStatus, JournalStatus


def test_snapshots_go_to_the_successor_and_none_is_missing_or_there_twice(tmp_path: Path) -> None:
    made = updates(6)
    with (
        pair_in(tmp_path / "pair") as pair,
        running(
            tmp_path,
            pair.both(),
            look_at=pair.replica,
            DATABASE_READ_URL=as_url(pair.both()),
        ) as service,
    ):
        for one in made[:3]:
            service.hand_in(one)
            service.until_stored(time_of(one))
        pair.kill("primary")
        for one in made[3:5]:  # they wait in the journal
            service.hand_in(one)
        pair.promote()
        service.hand_in(made[5])
        service.until_stored(time_of(made[5]))
        assert service.sql.snapshots() == [time_of(one) for one in made]
        assert service.status("journal", JournalStatus).pending == 0

        def reads_are_well() -> None:
            reads = service.status("history", HistoryStatus).reads
            assert reads is not None
            assert (reads.answers, reads.lag_s) == ("replica", 0), reads

        eventually(reads_are_well)
