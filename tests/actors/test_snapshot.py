"""The way of a snapshot, with the database away, actors killed, snapshots that cannot be taken."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import PATIENCE_S, Query, Running, running, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.feed_server import START, FeedServer
from vatsim_simulator.publication import Publication, publish
from vatsim_simulator.world import World
from vatwatch.actors import processor as processor_module
from vatwatch.actors import snapshot_reader
from vatwatch.actors.durable_path import MAX_UNACKNOWLEDGED
from vatwatch.actors.store import StoreActor
from vatwatch.feed.times import parse_time
from vatwatch.messages import BatchStored, CacheStarted, LastEntry
from vatwatch.messages.status import (
    CacheStatus,
    FetcherStatus,
    JournalStatus,
    ProcessorStatus,
    StoreStatus,
)
from vatwatch.monitoring.health import Health
from vatwatch.supervision import ChildFailed, Fault, FaultKind
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.pipeline import DecodedSnapshot, Options

NOWHERE = "host='/nowhere' user=nobody dbname=nothing"


class Updates:
    """The updates of a network, each made when it is asked for first."""

    def __init__(self, pilots: int, seed: int) -> None:
        self._world = World(seed, pilots, START)
        self._made: list[Publication] = []

    def first(self, count: int) -> list[Publication]:
        while len(self._made) < count:
            feed, radios = self._world.feed(), self._world.radios()
            self._made.append(publish(len(self._made), feed, radios))
            self._world.advance()
        return self._made[:count]


# Many modules ask for the same ones, most of them when they are imported.
network = cache(Updates)


def updates(count: int, *, pilots: int = 30, seed: int = 2) -> list[Publication]:
    """So many updates of a network, 15 s apart; always the same."""
    return network(pilots, seed).first(count)


def time_of(publication: Publication) -> datetime:
    return parse_time(publication.counts.update_timestamp)


def pending(service: Running) -> int:
    return service.status("journal", JournalStatus).pending


def shown(sql: Query, moment: datetime) -> Counter[tuple[int, str]]:
    """The flights at a stored snapshot, from the table `flights` alone."""
    return Counter(
        sql(
            "SELECT cid, callsign FROM flights"
            " WHERE %s BETWEEN first_seen AND last_seen AND NOT absences @> %s",
            moment,
            moment,
        )
    )


def pilots_of(publication: Publication) -> Counter[tuple[int, str]]:
    return Counter((p["cid"], p["callsign"]) for p in json.loads(publication.data.raw)["pilots"])


def assert_all_stored_once(service: Running, given: list[Publication]) -> None:
    """Check that each snapshot has one row and the people of its feed."""
    until(lambda: len(service.sql.snapshots()) == len(given), "all are stored")
    assert sorted(service.sql.snapshots()) == [time_of(p) for p in given]
    for publication in given:
        assert shown(service.sql, time_of(publication)) == pilots_of(publication)
    until(lambda: pending(service) == 0, "nothing waits")


def test_without_postgresql_the_api_goes_on_and_on_its_return_all_is_written_in_order_once(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(9)
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        running(tmp_path, cable.dsn, look_at=database_url) as service,
    ):
        for publication in given[:2]:
            service.hand_in(publication)
        until(lambda: pending(service) == 0 and len(service.sql.snapshots()) == 2)

        cable.cut()
        for number, publication in enumerate(given[2:7], 1):
            service.hand_in(publication)
            service.until_served(time_of(publication))
            assert pending(service) == number
        until(lambda: service.status("store", StoreStatus).breaker == "open")
        assert service.reports().services["store"].health is Health.UNHEALTHY
        assert service.reports().health is Health.DEGRADED
        assert service.http.simulate_get("/readyz").status_code == 200
        assert service.http.simulate_get("/api/flights/XXX/track").status_code == 503

        cable.mend()
        for publication in given[7:]:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert service.sql.snapshots() == [time_of(p) for p in given]
        until(lambda: service.reports().health is Health.HEALTHY)
        assert not service.status("processor", ProcessorStatus).behind
        assert service.status("store", StoreStatus).duplicates == 0


def test_a_database_that_comes_after_the_service_gets_everything(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(3)
    cable = PostgresProxy(tmp_path, database_url)
    with running(tmp_path, cable.dsn, look_at=database_url) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        with cable:
            assert_all_stored_once(service, given)


def test_a_store_killed_between_commit_and_acknowledgement_loses_and_doubles_nothing(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(5)
    acknowledge = StoreActor._tell_stored
    killed: list[datetime] = []

    def die_before_saying_so(self: StoreActor, batch: Batch, duplicate: bool) -> None:
        if batch.changes.time == time_of(given[2]) and not killed:
            killed.append(batch.changes.time)
            raise RuntimeError("killed between commit and acknowledgement")
        acknowledge(self, batch, duplicate)

    monkeypatch.setattr(StoreActor, "_tell_stored", die_before_saying_so)
    with running(tmp_path, database_url) as service:
        for publication in given:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert killed
        assert [n.path for n in service.notices if isinstance(n, ChildFailed)] == [
            "vatwatch/data/store"
        ]


@pytest.mark.parametrize("poisonous", [[2], [1, 2, 3]])
def test_a_snapshot_that_always_crashes_the_processor_is_quarantined_and_the_rest_goes_on(
    poisonous: list[int], tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(5)
    tries: Counter[int] = Counter()
    decode_snapshot = snapshot_reader.decode_snapshot

    def trip(data: bytes, transceivers: bytes | None, options: Options) -> DecodedSnapshot:
        for number in poisonous:
            if data == given[number].data.raw:
                tries[number] += 1
                raise RuntimeError("a bug that this snapshot wakes")
        return decode_snapshot(data, transceivers, options)

    monkeypatch.setattr(snapshot_reader, "decode_snapshot", trip)
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=4) as service:
        for publication in given:
            service.hand_in(publication)
        good = [p for number, p in enumerate(given) if number not in poisonous]
        assert_all_stored_once(service, good)
        service.until_served(time_of(given[-1]))
        assert dict(tries) == dict.fromkeys(poisonous, 4)
        assert service.status("journal", JournalStatus).quarantined == len(poisonous)
    quarantine = tmp_path / "home" / "journal" / "quarantine"
    reasons = [path.read_text() for path in quarantine.glob("*.reason.txt")]
    assert len(reasons) == len(poisonous)
    assert all("a bug that this snapshot wakes" in reason for reason in reasons)


def test_a_body_that_is_not_a_feed_costs_only_itself(tmp_path: Path, database_url: str) -> None:
    given = updates(2)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.hand_in_bytes(
            b'{"general": {"update_timestamp": "2024-11-22T12:00:05Z"}, "pilots": 7}'
        )
        service.hand_in(given[1])
        until(lambda: pending(service) == 0)
        assert time_of(given[1]) in service.sql.snapshots()
        assert not [n for n in service.notices if isinstance(n, ChildFailed)]


def test_pending_entries_are_written_after_a_restart_of_the_whole_tree(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(6)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        until(lambda: pending(service) == 0 and service.sql.snapshots())
    with running(tmp_path, NOWHERE) as service:
        for publication in given[1:]:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        assert pending(service) == 5
    with running(tmp_path, database_url) as service:
        assert_all_stored_once(service, given)
        service.until_served(time_of(given[-1]))


def test_the_live_state_comes_back_from_the_database(tmp_path: Path, database_url: str) -> None:
    given = updates(3)
    with running(tmp_path / "one", database_url) as service:
        for publication in given:
            service.hand_in(publication)
        until(lambda: len(service.sql.snapshots()) == 3)
        flights = service.http.simulate_get("/api/flights").json
    # Another home, so no journal knows it.
    with running(tmp_path / "two", database_url) as service:
        service.until_served(time_of(given[-1]))
        assert service.status("cache", CacheStatus).recovered
        again = service.http.simulate_get("/api/flights").json
        assert by_id(again) == by_id(flights)
        assert service.http.simulate_get("/api/status").json["feed"]["recovered"] is True
        assert service.http.simulate_get("/readyz").status_code == 200


def by_id(flights: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    return {
        f["flight_id"]: (f["callsign"], f["cid"], f["latitude"], f["altitude"], f["flight_plan"])
        for f in flights["flights"]
    }


def test_the_live_state_comes_back_from_the_journal_when_there_is_no_database(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(3)
    with running(tmp_path, database_url) as service:
        for publication in given:
            service.hand_in(publication)
        until(lambda: pending(service) == 0 and len(service.sql.snapshots()) == 3)
    with running(tmp_path, NOWHERE) as service:
        service.until_served(time_of(given[-1]))
        assert service.status("cache", CacheStatus).recovered
        assert service.http.simulate_get("/api/status").json["feed"]["recovered"] is True


def test_a_recovered_state_lasts_until_the_feed_has_an_update_that_is_not_known(
    tmp_path: Path, database_url: str
) -> None:
    """What the journal has already is not kept a second time only because of a restart."""
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds) as service:
            service.until_next_is_through()
        with running(tmp_path, database_url, feeds=feeds) as service:
            service.until_served(parse_time(feeds.published.counts.update_timestamp))
            until(lambda: service.status("fetcher", FetcherStatus).outcomes.get("unchanged"))
            assert service.status("cache", CacheStatus).recovered
            service.until_next_is_through()
            until(lambda: not service.status("cache", CacheStatus).recovered)
            assert len(service.sql.snapshots()) == len(set(service.sql.snapshots()))


def test_a_late_snapshot_finds_its_place(tmp_path: Path, database_url: str) -> None:
    given = updates(6)
    order = [0, 1, 4, 5, 3, 2]
    with running(tmp_path, database_url) as service:
        for number in order:
            service.hand_in(given[number])
        assert_all_stored_once(service, given)


def test_the_same_snapshot_handed_in_again_changes_nothing(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(3)
    with running(tmp_path, database_url) as service:
        for publication in [*given, *given, given[2], given[2]]:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert service.status("store", StoreStatus).stored == 3


def test_a_fall_of_all_pilots_is_called_a_fault_upstream_and_is_over_with_it(
    tmp_path: Path, database_url: str
) -> None:
    world = World(2, 30, START)
    full = publish(0, world.feed(), world.radios())
    world.advance()
    empty = publish(1, world.feed(), world.radios(), drop=1.0)
    world.advance()
    back = publish(2, world.feed(), world.radios())
    with running(tmp_path, database_url) as service:
        service.hand_in(full)
        service.until_served(time_of(full))
        service.hand_in(empty)
        until(lambda: "fault upstream" in service.reason("processor"))
        assert service.reports().health is Health.DEGRADED
        service.hand_in(back)
        until(lambda: service.reason("processor") == "")


@pytest.mark.parametrize("how", ["restarted", "failed"])
def test_how_many_pilots_are_usual_is_known_after_a_restart(
    how: str, tmp_path: Path, database_url: str
) -> None:
    world = World(2, 60, START)
    given = [publish(0, world.feed(), world.radios())]
    for number in (1, 2):
        world.advance()
        given.append(publish(number, world.feed(), world.radios(), drop=0.9))
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        service.hand_in(given[1])
        service.until_stored(time_of(given[1]))
        reason = until(lambda: service.reason("processor"))
        assert "far fewer than the usual" in reason
        starts = service.node("processor").restarts_total
        if how == "failed":
            service.tree.faults.inject(Fault(FaultKind.CRASH, "processor"))
            service.tree.directory.address("processor").tell(CacheStarted())
        else:
            service.tree.restart("vatwatch/pipeline/processor")
        until(lambda: service.node("processor").restarts_total > starts)
        service.hand_in(given[2])
        service.until_served(time_of(given[2]))
        until(lambda: "far fewer than the usual" in service.reason("processor"))


@pytest.mark.parametrize("database", ["there", "away"])
def test_how_many_pilots_are_usual_is_known_to_the_next_process(
    database: str, tmp_path: Path, database_url: str
) -> None:
    with FeedServer(pilots=60) as feeds:
        with running(tmp_path, database_url, feeds=feeds) as service:
            service.until_next_is_through()
        where = database_url if database == "there" else NOWHERE
        feeds.world.advance()
        feeds.published = few = publish(1, feeds.world.feed(), feeds.world.radios(), drop=0.9)
        with running(tmp_path, where, feeds=feeds) as service:
            service.until_served(time_of(few))
            until(lambda: "far fewer than the usual" in service.reason("processor"))


def test_a_snapshot_found_in_the_journal_before_its_message_comes_is_new_when_it_comes(
    tmp_path: Path,
) -> None:
    """Without a database the newest entry is served at once; the journal announces it later."""
    given = publish(0, World(2, 60, START).feed(), [])
    with running(tmp_path, NOWHERE) as service:
        journal, processor = (
            service.tree.directory.address(name) for name in ("journal", "processor")
        )
        early = Fault(FaultKind.DROP, "processor", message_type="SnapshotJournaled")
        service.tree.faults.inject(early)
        service.hand_in(given)
        service.until_served(time_of(given))
        recent = "/api/events?type=DATA_PROCESSED"
        assert service.status("processor", ProcessorStatus).fewer_pilots is None
        assert service.http.simulate_get(recent).json["events"] == []
        announced = journal.ask(LastEntry(), timeout_s=PATIENCE_S)
        assert announced is not None
        processor.tell(announced)
        until(lambda: service.status("processor", ProcessorStatus).fewer_pilots == "")
        until(lambda: len(service.http.simulate_get(recent).json["events"]) == 1)
        processor.tell(announced)
        starts = service.node("processor").handled
        until(lambda: service.node("processor").handled > starts)
        assert len(service.http.simulate_get(recent).json["events"]) == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"time": "2024-11-22T12:00:00", "pilots": 500}',
        b'{"time": "2024-11-22T12:00:00Z", "pilots": 1e300}',
        b'{"time": "2024-11-22T12:00:00Z", "pilots": -5}',
        b'{"time": "2024-11-22T12:00:00Z", "pilots": 500, "fewer_since": "2024-11-22T12:00:00"}',
    ],
)
def test_a_broken_file_with_the_usual_numbers_costs_only_these(
    broken: bytes, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "usual-pilots").write_bytes(broken)
    with FeedServer(pilots=5) as feeds, running(tmp_path, NOWHERE, feeds=feeds) as service:
        until(service.served)
        assert service.node("processor").failures == 0
        assert "usual" not in service.reason("processor")


def test_a_snapshot_that_was_fetched_just_before_the_stop_is_stored_after_the_start(
    tmp_path: Path, database_url: str
) -> None:
    """Durable, and nobody has looked at it yet: as Ctrl-C right after "serving" may leave it."""
    given = updates(3)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        service.tree.faults.inject(
            Fault(FaultKind.DROP, "processor", message_type="SnapshotJournaled")
        )
        service.hand_in(given[1])
        until(lambda: not service.tree.faults.active())
    with running(tmp_path, database_url) as service:
        # Without any further one that would lead to it.
        assert_all_stored_once(service, given[:2])
        service.until_served(time_of(given[1]))
        service.hand_in(given[2])
        assert_all_stored_once(service, given)


def test_an_acknowledgement_that_comes_twice_does_no_harm(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(4)
    with running(tmp_path, database_url) as service:
        entry = service.hand_in(given[0])
        until(lambda: pending(service) == 0)
        stored = BatchStored(entry, time_of(given[0]), duplicate=False)
        for name in ("journal", "processor"):
            service.tree.directory.address(name).tell(stored)
        for publication in given[1:]:
            service.hand_in(publication)
        assert_all_stored_once(service, given)


# Much more than a question to the database takes here, and much less than in the service.
ANSWER_TIMEOUT_S = 3.0


def test_an_answer_to_the_question_for_the_state_that_is_lost_is_asked_for_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_module, "ANSWER_TIMEOUT_S", ANSWER_TIMEOUT_S)
    given = updates(3)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        service.tree.faults.inject(
            Fault(FaultKind.DROP, "processor", message_type="NetworkStateRead")
        )
        service.tree.restart("vatwatch/pipeline/processor")
        until(lambda: not service.tree.faults.active(), "it is lost")
        service.hand_in(given[1])
        assert_all_stored_once(service, given[:2])


# All but one of those that the processor lets be on their way at once; and more than those, after
# which it could wait for ever.
@pytest.mark.parametrize("count", [MAX_UNACKNOWLEDGED - 1, MAX_UNACKNOWLEDGED + 3])
@pytest.mark.parametrize("receiver", ["journal", "processor"])
def test_acknowledgements_that_are_lost_are_made_up_for(
    receiver: str,
    count: int,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor_module, "ANSWER_TIMEOUT_S", ANSWER_TIMEOUT_S)
    given = updates(14)
    with running(tmp_path, database_url) as service:
        lost = Fault(FaultKind.DROP, receiver, count=count, message_type="BatchStored")
        service.tree.faults.inject(lost)
        for publication in given[:-1]:
            service.hand_in(publication)
        until(lambda: not service.tree.faults.active())
        service.hand_in(given[-1])
        assert_all_stored_once(service, given)


def test_a_full_journal_refuses_and_a_refused_snapshot_does_not_count_as_fetched(
    tmp_path: Path,
) -> None:
    with (
        FeedServer(pilots=700) as feeds,
        running(tmp_path, NOWHERE, feeds=feeds, VATWATCH_JOURNAL_MAX_MB=1) as service,
    ):
        last = service.next_update()
        while (
            not service.http.simulate_get("/api/status")
            .json["feed"]["outcomes"]
            .get("journal_full")
        ):
            last = service.next_update()
            until_any_poll(service)
        served = service.served()
        assert served is not None
        assert served < last + timedelta(0)


def until_any_poll(service: Running) -> None:
    def polls() -> int:
        outcomes = service.http.simulate_get("/api/status").json["feed"]["outcomes"]
        return sum(outcomes.values())

    before = polls()
    until(lambda: polls() > before)


def test_a_processor_that_is_restarted_after_a_void_batch_is_listened_to(
    tmp_path: Path, database_url: str
) -> None:
    """The store must not take the batches of a new processor for void ones of the old."""
    given = updates(7)
    with running(tmp_path, database_url) as service:
        for one in given[:2]:
            service.hand_in(one)
            service.until_stored(time_of(one))
        for number in (2, 4):
            # The store misses a batch, so the next one does not fit what it has.
            lost = Fault(FaultKind.DROP, "store", message_type="StoreBatch")
            service.tree.faults.inject(lost)
            for one in given[number : number + 2]:
                service.hand_in(one)
                service.until_served(time_of(one))
            service.until_stored(time_of(given[number + 1]))
        starts = service.node("processor").restarts_total
        service.tree.restart("vatwatch/pipeline/processor")
        until(lambda: service.node("processor").restarts_total > starts)
        service.hand_in(given[6])
        service.until_stored(time_of(given[6]))
        until(lambda: service.status("journal", JournalStatus).pending == 0)
