"""For some seconds two nodes may collect: one stood still, and does not know yet that it does not.

What it tells the others then is not heard.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from redis import Redis

from tests.actors.harness import PATIENCE_S, Running, eventually, running, until
from tests.actors.node_house import following, leave_in_journal, tell_role, two_nodes
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.actors.test_stream import RECORDS, Following
from vatwatch.feed.times import parse_time
from vatwatch.messages import AppendSnapshot
from vatwatch.storage.state_mirror import StateMirror
from vatwatch.storage.stream_mirror import StreamMirror, writer_in


def test_others_follow_the_later_one_whatever_the_earlier_one_still_says(
    tmp_path: Path, redis_url: str
) -> None:
    given = updates(6)
    with (
        two_nodes(tmp_path, NOWHERE, redis_url) as nodes,
        closing(StateMirror(redis_url)) as states,
        closing(StreamMirror(redis_url)) as streams,
    ):
        stale, new = nodes.collecting, nodes.following
        nodes.hand_in(given[0])
        tell_role(new.tree, collects=True)
        new.hand_in(given[2])
        new.until_served(time_of(given[2]))

        def new_is_heard() -> None:
            head, log = states.read_head(), streams.head()
            assert head is not None
            assert log is not None
            assert parse_time(head.version.updated_at) == time_of(given[2])

        eventually(new_is_heard)
        until(lambda: writer_in(streams.head() or b"") > 0)
        told, writer = states.read_head(), writer_in(streams.head() or b"")
        assert told is not None
        stale.hand_in(given[1])
        stale.until_served(time_of(given[1]))
        stale.hand_in(given[3])
        stale.until_served(time_of(given[3]))
        until(lambda: writes_no_more(stale), "the earlier one has found out")
        assert states.read_head() == told
        assert writer_in(streams.head() or b"") == writer
        # Then it hears that it does not collect, and follows, without going back.
        tell_role(stale.tree, collects=False)
        until(lambda: following(stale).version == told.version.text, "it has read what is there")
        stale.settle("follower", "cache")
        assert stale.served() == time_of(given[3])
        client = Following(stale, RECORDS)
        client.open()
        new.hand_in(given[4])
        client.until_at(time_of(given[4]))
        stale.until_served(time_of(given[4]))


def writes_no_more(service: Running) -> bool:
    """Its cache and its stream know that another node writes."""
    cache, stream = (
        service.tree.directory.find(name).incarnation.actor  # type: ignore[union-attr]
        for name in ("cache", "stream")
    )
    return bool(cache._redis._publisher.is_superseded and stream._redis.is_superseded)


def test_a_snapshot_that_another_node_hands_over_is_stored_and_not_served(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(4)
    with running(tmp_path, database_url) as service:
        for one in (given[0], given[2]):
            service.hand_in(one)
            service.until_stored(time_of(one))
        late = given[1]
        service.tree.directory.address("journal").ask(
            AppendSnapshot(
                time_of(late),
                time_of(late),
                late.data.raw,
                late.transceivers.raw,
                "another node",
                is_late=True,
            ),
            timeout_s=30,
        )
        service.until_stored(time_of(late))
        service.settle("processor", "cache")
        assert service.served() == time_of(given[2])
        service.hand_in(given[3])
        service.until_stored(time_of(given[3]))
        service.until_served(time_of(given[3]))


def test_what_waits_in_the_journal_of_a_node_that_begins_to_collect_is_not_live_if_it_is_late(
    tmp_path: Path, database_url: str
) -> None:
    """It was killed with a snapshot that it had not stored, and others have collected since."""
    given = updates(5)
    late = given[1]
    (tmp_path / "others").mkdir()
    with running(tmp_path / "others", database_url) as service:
        for one in (given[0], given[2], given[3]):
            service.hand_in(one)
            service.until_stored(time_of(one))
    leave_in_journal(tmp_path / "home" / "journal", [late])
    with running(tmp_path, database_url) as service:
        service.until_stored(time_of(late))
        service.until_served(time_of(given[3]))
        service.hand_in(given[4])
        service.until_served(time_of(given[4]))
        service.until_stored(time_of(given[4]))
        errors = service.http.simulate_get("/api/errors").json["errors"]
        assert [one for one in errors if "OutOfSequence" in str(one)] == []


def test_a_node_that_stops_while_it_reads_from_redis_has_no_failure(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        nodes.hand_in(updates(1)[0])
        place = nodes.following.tree.directory.find("stream")
        stream = place.incarnation.actor  # type: ignore[union-attr]
        # No answer until both have begun to ask, and been told to stop.
        Redis.from_url(redis_url).client_pause(1500)
        until(lambda: stream._following._reading is not None, "it asks")
        nodes.following.tree.stop(PATIENCE_S)
        failures = {name: nodes.following.node(name).failures for name in ("stream", "follower")}
        assert failures == {"stream": 0, "follower": 0}
