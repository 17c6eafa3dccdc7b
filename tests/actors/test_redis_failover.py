"""Two nodes and a Redis behind sentinels: its master is lost, and the next one has everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import Running, eventually, until
from tests.actors.node_house import Nodes, following, two_nodes
from tests.actors.test_cache_and_bus import ring
from tests.actors.test_follower import (
    assert_at_head,
    assert_nobody_failed,
    assert_same_streams,
    both_give,
    is_degraded,
)
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.actors.test_stream import Following
from tests.same import assert_same
from tests.sentinels import HOST, Guarded, guarded_in
from tests.several_nodes import timed
from vatwatch.actors.breakers import redis_policy
from vatwatch.config.breaker import BreakerSettings

# What a fault interrupts differs each time, so `make test-ha` does each of them again and again.
FAULTS = ("killed", "stopped") if "HA_TURNS" in os.environ else ("killed",)
TURNS = range(1, int(os.environ.get("HA_TURNS", "1")) + 1)


@contextmanager
def lost(redis: Guarded, fault: str) -> Iterator[None]:
    """The master is gone; one that was only stopped is back at the end."""
    if fault == "killed":
        redis.kill(redis.first)
        yield
    else:
        with redis.stopped(redis.first):
            yield


def events_in(client: Any) -> list[str]:
    return [fields["id"] for _, fields in client.xrange("vatwatch:events")]


def where(service: Running) -> str:
    return str(service.http.simulate_get("/api/cache/health").json["redis_server"])


def assert_all_is_there(nodes: Nodes, client: Any) -> None:
    assert_at_head(nodes, client)
    flights = nodes.collecting.http.simulate_get("/api/flights").text
    assert_same(client.get("vatwatch:live:flights"), flights)
    told = {str(event.id) for event in ring(nodes.collecting)}
    streamed = events_in(client)
    assert told <= {*streamed}
    assert len(streamed) == len({*streamed})


@pytest.mark.parametrize(
    ("url", "timeout_s", "waits_s"),
    [
        ("redis://cache", 60, 60),
        ("redis+sentinel://a,b/m", 60, 2),
        ("rediss+sentinel://a,b/m", 0.5, 0.5),
    ],
)
def test_behind_sentinels_it_is_soon_tried_again(
    url: str, timeout_s: float, waits_s: float
) -> None:
    policy = redis_policy(BreakerSettings(CIRCUIT_BREAKER_TIMEOUT=timeout_s), url)
    assert (policy.timeout_s, policy.max_timeout_s) == (waits_s, waits_s)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_master_gets_all_that_the_lost_one_had(
    fault: str, turn: int, tmp_path: Path
) -> None:
    given = iter(updates(turn + 6))
    with (
        guarded_in(tmp_path / "redis") as redis,
        two_nodes(tmp_path, NOWHERE, redis.url) as nodes,
        closing(redis.server(redis.second)) as second,
    ):
        for _ in range(turn):
            nodes.hand_in(next(given))
        eventually(lambda: assert_same_streams(nodes))
        assert where(nodes.collecting) == f"{HOST}:{redis.first}"
        client = Following(nodes.following)
        client.open()
        with redis.not_replicated():
            # The next master has never heard of this one.
            unheard = next(given)
            nodes.hand_in(unheard)
            eventually(lambda: assert_same_streams(nodes))
            with closing(redis.server(redis.first)) as first:
                eventually(lambda: assert_all_is_there(nodes, first))
        client.until_at(time_of(unheard))
        with lost(redis, fault), timed(f"the master of Redis is {fault}: the next state is served"):
            publication = next(given)
            nodes.hand_in(publication)
            eventually(lambda: assert_same_streams(nodes))
        until(redis.has_moved, "there is another master")
        eventually(lambda: assert_all_is_there(nodes, second))
        both_give(nodes, "/api/flights")
        # A client of the stream notices nothing.
        client.until_at(time_of(publication))
        assert client.kinds.count("snapshot") == 1
        heard = [event["id"] for event in client.events]
        assert len(heard) == len({*heard}) > 0
        for one in (nodes.collecting, nodes.following):
            until(lambda one=one: where(one) == f"{HOST}:{redis.second}")  # type: ignore[misc]
        until(lambda: following(nodes.following).subscribed, "it listens to the other one")
        until(lambda: not is_degraded(nodes.following), "it is well again")
        nodes.hand_in(next(given))
        eventually(lambda: assert_all_is_there(nodes, second))
        assert_nobody_failed(nodes)
