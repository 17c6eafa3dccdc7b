"""Settings of the replica, in a running tree."""

from __future__ import annotations

from pathlib import Path

from tests.actors.harness import as_url, until
from tests.actors.reloading import reloading
from tests.reload.effects import takes_effect
from tests.replicas import pair_in
from vatwatch.messages.status import HistoryStatus


@takes_effect("DATABASE_READ_MAX_LAG")
def test_a_replica_may_lag_as_far_as_is_set_now(tmp_path: Path) -> None:
    with (
        pair_in(tmp_path / "pair") as pair,
        reloading(
            tmp_path,
            database_url=pair.primary,
            DATABASE_READ_URL=as_url(pair.replica),
            DATABASE_READ_MAX_LAG=3600,
        ) as (one, _feeds),
    ):

        def answers() -> str:
            reads = one.running.status("history", HistoryStatus).reads
            return reads.answers if reads else ""

        until(lambda: answers() == "replica", "the replica answers")
        pair.pause()
        one.running.until_next_is_through()

        def lags() -> bool:
            reads = one.running.status("history", HistoryStatus).reads
            return reads is not None and bool(reads.lag_s)

        until(lags, "it lags")
        assert answers() == "replica"
        one.take_over(DATABASE_READ_MAX_LAG=0.001)
        until(lambda: answers() == "primary", "it lags too far")
        one.take_over(DATABASE_READ_MAX_LAG=3600)
        until(lambda: answers() == "replica", "it may again")
        pair.resume()
