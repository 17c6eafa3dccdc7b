"""A node that follows answers the same as the one that collects, whatever becomes of Redis."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from tests.actors.harness import Poison, Running, eventually, running, until
from tests.actors.node_house import Nodes, following, two_nodes
from tests.actors.test_cache_and_bus import answers, redis_at, ring
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.chaos.area_files import area_settings
from tests.same import assert_same
from vatsim_simulator.areas import area_files
from vatwatch.messages import MarksChanged
from vatwatch.messages.status import CacheStatus
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.state_mirror import HEAD_KEY, StateHead
from vatwatch.supervision import ChildFailed
from vatwatch.traffic.marks import Marks


def test_a_follower_gives_every_live_answer_byte_for_byte(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    given = updates(6, pilots=120)
    for name, content in area_files().items():
        (tmp_path / name).write_bytes(content)
    with two_nodes(tmp_path, database_url, redis_url, **area_settings(tmp_path)) as nodes:
        for publication in given:
            nodes.hand_in(publication)
            nodes.collecting.until_stored(time_of(publication))
        for path in live_paths(nodes.collecting):
            answers = [one.http.simulate_get(path) for one in (nodes.collecting, nodes.following)]
            assert [each.status_code for each in answers] == [200, 200], path
            if "frequency-matches" in path:  # its durations are up to now
                assert lasting(answers[0].json) == lasting(answers[1].json)
                continue
            assert_same(answers[0].content, answers[1].content, path)
            assert answers[0].headers.get("etag") == answers[1].headers.get("etag"), path
        assert_nobody_failed(nodes)


def live_paths(service: Running) -> list[str]:
    """Every endpoint of the live state, its forms, and one of each that can be named."""
    wholes = ("flights", "controllers", "atis", "prefiles", "transceivers")
    boards = ("airports", "firs", "sectors")
    paths = [f"/api/{name}" for name in (*wholes, *boards, "network", "frequency-matches")]
    paths += [f"/api/{name}?format=csv" for name in ("flights", "controllers", "airports", "firs")]
    paths += ["/api/flights?format=geojson", "/api/sectors?format=geojson"]
    paths += [
        "/api/flights?phase=cruise&sort=-altitude&limit=7",
        "/api/flights?fields=callsign,phase,latitude&limit=20",
        "/api/controllers?callsign=*TWR",
        "/api/airports?limit=3",
    ]

    def records(name: str) -> list[Any]:
        found: list[Any] = service.http.simulate_get(f"/api/{name}").json[name]
        assert found, name
        return found

    flight, station = records("flights")[0]["callsign"], records("controllers")[0]["callsign"]
    airport, fir = records("airports")[0]["icao"], records("firs")[0]["id"]
    sector = records("sectors")[0]["name"]
    return [
        *paths,
        f"/api/flights/{flight}",
        f"/api/flights/{flight}/track",
        f"/api/controllers/{station}",
        f"/api/airports/{airport}",
        f"/api/firs/{fir}",
        f"/api/sectors/{sector}",
    ]


def lasting(answer: Any) -> Any:
    return [{k: v for k, v in one.items() if not k.endswith("_s")} for one in answer["matches"]]


def assert_nobody_failed(nodes: Nodes) -> None:
    for one in (nodes.collecting, nodes.following):
        assert not [notice for notice in one.notices if isinstance(notice, ChildFailed)]


def test_what_will_be_derived_again_is_marked_at_both(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        nodes.hand_in(updates(1)[0])
        flight = nodes.collecting.http.simulate_get("/api/flights").json["flights"][0]
        marks = Marks(frozenset({int(flight["flight_id"])}))
        # What its own store says does not count at a node that follows.
        nodes.following.tree.directory.address("cache").tell(MarksChanged(marks))
        nodes.following.settle("cache")
        path = f"/api/flights/{flight['callsign']}"
        assert nodes.following.http.simulate_get(path).json == flight
        nodes.collecting.tree.directory.address("cache").tell(MarksChanged(marks))
        until(lambda: nodes.following.http.simulate_get(path).json != flight, "it is marked")
        both_give(nodes, path)


def both_give(nodes: Nodes, path: str) -> None:
    one, other = (each.http.simulate_get(path) for each in (nodes.collecting, nodes.following))
    assert_same(one.content, other.content, path)


def test_it_tells_what_it_follows_and_leaves_redis_alone(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes, closing(client(redis_url)) as redis:
        for publication in updates(3):
            nodes.hand_in(publication)
        # Behind the snapshot's state comes the database's, which is not there.
        eventually(lambda: assert_at_head(nodes, redis))
        status = following(nodes.following)
        assert (status.follows, status.lag_s, status.last_error) == (True, 0.0, "")
        assert status.update_timestamp == time_of(publication)
        assert not following(nodes.collecting).follows
        assert len(redis.keys("vatwatch:state:*/*")) == 1
        # Whatever is told to its cache, it writes nothing.
        nodes.following.poison("stream")
        nodes.following.poison("cache")
        nodes.following.poison("follower")
        eventually(lambda: both_give(nodes, "/api/flights"))
        writer = head_of_stream(redis)["writer"]
        nodes.hand_in(updates(4)[-1])
        assert head_of_stream(redis)["writer"] == writer


def client(redis_url: str) -> Any:
    return Redis.from_url(redis_url, decode_responses=True)


def head_of_stream(redis: Any) -> Any:
    return json.loads(redis.get("vatwatch:stream:head"))


def head(redis: Any) -> StateHead:
    return msgspec.json.decode(redis.get(HEAD_KEY), type=StateHead)


def assert_at_head(nodes: Nodes, redis: Any) -> None:
    assert following(nodes.following).version == head(redis).version.text


def test_a_lost_message_is_made_up_for_by_a_look(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes, closing(client(redis_url)) as redis:
        given = updates(3)
        nodes.hand_in(given[0])
        listeners = [one["id"] for one in redis.client_list() if int(one["sub"])]
        assert listeners
        for each in listeners:
            redis.client_kill_filter(_id=each)
        nodes.hand_in(given[1])
        until(lambda: following(nodes.following).lost_subscriptions, "it has noticed")
        until(lambda: following(nodes.following).subscribed, "it listens again")
        nodes.hand_in(given[2])
        assert_nobody_failed(nodes)


def test_without_redis_the_last_state_is_served_and_afterwards_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    given = updates(4)
    url = f"unix://{path}"
    with redis_at(path), two_nodes(tmp_path, NOWHERE, url) as nodes:
        nodes.hand_in(given[0])
        take_away(path)
        nodes.collecting.hand_in(given[1])
        nodes.collecting.until_served(time_of(given[1]))
        until(lambda: is_degraded(nodes.following), "it says that it cannot follow")
        assert nodes.following.served() == time_of(given[0])
        assert following(nodes.following).last_error
        assert following(nodes.following).lag_s > 0
        path.unlink(missing_ok=True)
        with redis_at(path):
            # Nothing new comes: what there was is written again, and read.
            nodes.following.until_served(time_of(given[1]))
            until(lambda: not is_degraded(nodes.following), "it is well again")
            nodes.hand_in(given[2])
            eventually(lambda: assert_same_streams(nodes))
        assert_nobody_failed(nodes)


def take_away(path: Path) -> None:
    """End the Redis at this socket, which keeps nothing."""
    with closing(client(f"unix://{path}")) as redis:
        redis.shutdown(nosave=True)
    until(lambda: not answers(path), "Redis is away")


def is_degraded(service: Running) -> bool:
    return service.reports().services["follower"].health is Health.DEGRADED


def assert_same_streams(nodes: Nodes) -> None:
    assert position(nodes.collecting) == position(nodes.following)


def position(service: Running) -> str:
    return service.status("stream", StreamStatus).position


def test_a_redis_that_has_lost_everything_gets_it_again(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes, closing(client(redis_url)) as redis:
        for publication in updates(2):
            nodes.hand_in(publication)
        eventually(lambda: assert_same_streams(nodes))
        entries = redis.llen("vatwatch:stream:log")
        assert entries
        redis.flushall()
        until(lambda: redis.exists(HEAD_KEY, "vatwatch:live:flights") == 2, "it is there again")
        until(lambda: redis.llen("vatwatch:stream:log") >= entries, "and the stream's log")
        assert nodes.following.served() == time_of(publication)
        eventually(lambda: assert_at_head(nodes, redis))
        nodes.hand_in(updates(3)[-1])
        eventually(lambda: assert_same_streams(nodes))
        assert_nobody_failed(nodes)


@pytest.mark.parametrize("damage", ["another form", "rubbish", "rubbish in the head"])
def test_a_state_that_cannot_be_read_costs_only_itself(
    tmp_path: Path, redis_url: str, damage: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes, closing(client(redis_url)) as redis:
        given = updates(2)
        nodes.hand_in(given[0])
        eventually(lambda: assert_at_head(nodes, redis))
        now = head(redis)
        version = now.version._replace(number=now.version.number + 1000)
        if damage == "another form":
            other = replace(now, program="9.9.9", form=now.form + 1, version=version)
            redis.set(HEAD_KEY, msgspec.json.encode(other))
        elif damage == "rubbish":
            redis.set(f"vatwatch:state:{version.text}", b"no state at all")
            redis.set(HEAD_KEY, msgspec.json.encode(replace(now, version=version)))
        else:
            redis.set(HEAD_KEY, b"{rubbish")
        # Before the one that collects has put it right.
        redis.publish("vatwatch:state", version.text)
        nodes.hand_in(given[1])
        until(lambda: not is_degraded(nodes.following), "it is well again")
        status = following(nodes.following)
        assert status.last_error_at is not None
        assert_nobody_failed(nodes)


def test_the_follower_begins_with_what_was_published_before(tmp_path: Path, redis_url: str) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        (given,) = updates(1)
        nodes.hand_in(given)
        nodes.following.poison("follower")
        until(lambda: following(nodes.following).states >= 2, "it has read it again")
        assert not nodes.following.status("cache", CacheStatus).recovered
        nodes.following.tree.directory.address("cache").tell(Poison())
        until(lambda: nodes.following.node("cache").restarts_total == 1)
        nodes.following.until_served(time_of(given))


def test_after_a_change_of_roles_the_other_one_is_followed(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with two_nodes(tmp_path, database_url, redis_url) as nodes, closing(client(redis_url)) as redis:
        given = updates(4)
        nodes.hand_in(given[0])
        nodes.collecting.until_stored(time_of(given[0]))
        before = head(redis).version
        nodes = nodes.swapped()
        until(lambda: head(redis).version > before, "it publishes at once")
        nodes.hand_in(given[1])
        eventually(lambda: both_give(nodes, "/api/flights"))
        nodes = nodes.swapped()
        nodes.hand_in(given[2])
        eventually(lambda: both_give(nodes, "/api/flights"))
        assert_nobody_failed(nodes)


def test_who_collects_next_does_not_take_the_others_back_to_what_it_had_followed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "redis.sock"
    url = f"unix://{path}"
    given = updates(3)
    with redis_at(path), two_nodes(tmp_path, NOWHERE, url) as nodes:
        nodes.hand_in(given[0])
        take_away(path)
        nodes.collecting.hand_in(given[1])
        nodes.collecting.until_served(time_of(given[1]))
        # The other one, which has not heard of it, collects from now on.
        nodes = nodes.swapped()
        path.unlink(missing_ok=True)
        with redis_at(path):
            until(lambda: following(nodes.following).version, "it has read what is published")
            nodes.following.settle("follower", "cache")
            assert nodes.following.served() == time_of(given[1])
            assert nodes.collecting.served() == time_of(given[0])
            nodes.hand_in(given[2])
            eventually(lambda: both_give(nodes, "/api/flights"))
        assert_nobody_failed(nodes)


def test_the_events_of_the_one_that_collects_are_in_the_ring_of_the_other(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        for publication in updates(3):
            nodes.hand_in(publication)
        kinds = frozenset({"FLIGHT_CREATED", "FLIGHT_UPDATED", "CONTROLLER_ONLINE"})
        told = {event.id: event for event in ring(nodes.collecting, kinds)}
        assert told
        until(lambda: {e.id: e for e in ring(nodes.following, kinds)} == told)
        paths = [
            one.http.simulate_get("/api/events", params={"type": "FLIGHT_CREATED"}).json["events"]
            for one in (nodes.collecting, nodes.following)
        ]
        assert paths[0] == paths[1] != []


def test_a_node_that_is_alone_publishes_nothing(tmp_path: Path, redis_url: str) -> None:
    with running(tmp_path, NOWHERE, REDIS_URL=redis_url) as service:
        (given,) = updates(1)
        service.hand_in(given)
        service.until_served(time_of(given))
        with closing(client(redis_url)) as redis:
            until(lambda: redis.exists("vatwatch:live:flights", "vatwatch:stream:head") == 2)
            service.settle("cache", "stream")
            assert redis.keys("vatwatch:state*") == []
        assert "follower" not in service.reports().services
