"""A client of the stream goes on at another node, and misses nothing and hears nothing twice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from redis import Redis

from tests.actors.harness import Running, eventually, running, until
from tests.actors.node_house import Nodes, tell_role, two_nodes
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.actors.test_stream import RECORDS, Following, lists
from vatwatch.live.query.filters import read_filters
from vatwatch.live.stream.query import StreamQuery
from vatwatch.live.stream.records import ID_FIELDS
from vatwatch.messages.stream_status import StreamStatus


def position(service: Running) -> str:
    return service.status("stream", StreamStatus).position


def until_same(nodes: Nodes) -> None:
    def same() -> None:
        assert position(nodes.collecting) == position(nodes.following)

    eventually(same)


def move(client: Following, to: Running) -> None:
    """The client's node is gone, and it asks another one with the id that it has."""
    client.service = to
    client.open()


def test_a_client_goes_on_at_the_other_node(tmp_path: Path, redis_url: str) -> None:
    given = iter(updates(12, pilots=60))
    filters = {one: read_filters({"callsign": "*1*"}, one) for one in ID_FIELDS}
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        first = next(given)
        nodes.hand_in(first)
        until_same(nodes)
        client = Following(nodes.collecting)
        filtered = Following(nodes.collecting, StreamQuery(filters=filters))
        client.open()
        filtered.open()
        places = (nodes.following, nodes.collecting)
        for number, publication in enumerate(given):
            nodes.hand_in(publication)
            until_same(nodes)
            for one in (client, filtered):
                move(one, places[number % 2])
                if one.updated_at != time_of(publication):
                    one.until_at(time_of(publication))
            assert client.records == lists(nodes.collecting)
            assert filtered.records == {
                key: record
                for key, record in lists(nodes.following).items()
                if "1" in record["callsign"]
            }
        assert (client.kinds.count("snapshot"), filtered.kinds.count("snapshot")) == (1, 1)
        told = [event["id"] for event in client.events]
        assert len(told) == len({*told}) > 0


def test_a_client_that_waits_at_a_follower_is_told_as_soon_as_it_knows(
    tmp_path: Path, redis_url: str
) -> None:
    given = updates(3)
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        nodes.hand_in(given[0])
        until_same(nodes)
        client = Following(nodes.following)
        client.open()
        nodes.collecting.hand_in(given[1])
        client.until_at(time_of(given[1]))
        assert client.kinds.count("snapshot") == 1


def test_the_log_goes_on_at_the_node_that_takes_over(tmp_path: Path, redis_url: str) -> None:
    given = iter(updates(6))
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        nodes.hand_in(next(given))
        until_same(nodes)
        # Without events: of those nobody knows whether the other one has told all.
        client = Following(nodes.following, RECORDS)
        everything = Following(nodes.following)
        client.open()
        everything.open()
        before = client.at
        nodes = nodes.swapped()
        publication = next(given)
        nodes.hand_in(publication)
        client.until_at(time_of(publication))
        assert client.kinds.count("snapshot") == 1
        assert before is not None
        assert client.at is not None
        assert client.at.sequence > before.sequence
        everything.until_at(time_of(publication))
        assert everything.kinds.count("snapshot") == 2, "rather again than with a hole"
        # The one that has collected before takes the log over, and all its clients go on.
        until_same(nodes)
        move(client, nodes.following)
        assert client.kinds.count("snapshot") == 1
        last = next(given)
        nodes.hand_in(last)
        client.until_at(time_of(last))
        assert client.records == lists(nodes.collecting)
        assert client.kinds.count("snapshot") == 1


def test_a_log_that_was_begun_anew_is_taken_over_with_a_fresh_snapshot(
    tmp_path: Path, redis_url: str
) -> None:
    given = iter(updates(6))
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        nodes.hand_in(next(given))
        until_same(nodes)
        client = Following(nodes.following)
        client.open()
        tell_role(nodes.collecting.tree, collects=False)
        with closing(Redis.from_url(redis_url)) as redis:
            redis.flushall()
        (tmp_path / "third").mkdir()
        with running(
            tmp_path / "third", NOWHERE, several_nodes=True, REDIS_URL=redis_url
        ) as stranger:
            tell_role(stranger.tree, collects=True)
            publication = next(given)
            stranger.hand_in(publication)
            client.until_at(time_of(publication))
            assert client.kinds.count("snapshot") == 2
            until(lambda: position(nodes.following) == position(stranger), "it has its log")
            assert client.records == lists(stranger)
