"""What a node has fetched and not stored goes to the one that collects, also what it had held."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.actors.harness import PATIENCE_S, running, until
from tests.feed_server import FeedServer
from vatwatch.feed.times import parse_time
from vatwatch.messages import GetHeld, HoldSnapshot


def test_an_update_whose_clock_was_in_doubt_is_handed_over_once_others_have_later_ones(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    shared = {"several_nodes": True, "REDIS_URL": redis_url}
    with (
        FeedServer(pilots=5) as feeds,
        running(tmp_path / "one", database_url, feeds=feeds, **shared) as collects,
    ):
        collects.until_next_is_through()
        # One that this node alone sees, as the collector does not get it.
        feeds.say("/vatsim-data.json", always=lambda c: c.answer("503 Service Unavailable"))
        missed = feeds.advance()
        moment = parse_time(missed.counts.update_timestamp)
        with running(tmp_path / "two", database_url, feeds=feeds, **shared) as follows:
            journal = follows.tree.directory.address("journal")
            given = HoldSnapshot(
                moment, datetime.now(UTC), missed.data.raw, missed.transceivers.raw, "test"
            )
            assert journal.ask(given, timeout_s=PATIENCE_S)
            feeds.say("/vatsim-data.json")
            later = collects.until_next_is_through()
            collects.until_stored(moment)
            until(lambda: journal.ask(GetHeld(), timeout_s=PATIENCE_S) == ())
            collects.until_served(later)
