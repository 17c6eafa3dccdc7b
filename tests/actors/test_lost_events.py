"""A Redis that has lost events gets them again: each once, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import Running, eventually, running, until
from tests.actors.node_house import two_nodes
from tests.actors.test_cache_and_bus import answers, redis_at, ring
from tests.actors.test_follower import client
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from vatwatch import __version__
from vatwatch.messages.status import CacheStatus
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.storage.redis_mirror import EVENTS_KEY
from vatwatch.storage.stream_mirror import StreamMirror, read_stream

ALL = {"EVENT_BUS_MAX_HISTORY_SIZE": 10_000}
Accident = Callable[[Any], None]


def streamed(url: str) -> list[str]:
    with closing(client(url)) as redis:
        return [fields["id"] for _, fields in redis.xrange(EVENTS_KEY)]


def assert_each_is_there_once(service: Running, url: str) -> None:
    told = {str(event.id) for event in ring(service)}
    found = streamed(url)
    assert told == {*found}
    assert len(found) == len({*found}) > 0


def assert_in_order(url: str) -> None:
    """Those that each snapshot has; others have the time of this machine."""
    with closing(client(url)) as redis:
        entries = [fields for _, fields in redis.xrange(EVENTS_KEY)]
    times = [one["time"] for one in entries if one["type"] == "POSITION_UPDATE"]
    assert times == sorted(times)
    assert len({*times}) > 1


def killed(redis: Any, path: Path) -> None:
    redis.shutdown(nosave=True)
    until(lambda: not answers(path), "Redis is away")
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("keeps", [False, True], ids=["nothing", "what was saved"])
def test_one_that_was_restarted_gets_what_it_has_not_kept(keeps: bool, tmp_path: Path) -> None:
    """Its connections are idle meanwhile: no call fails."""
    path, given = tmp_path / "redis.sock", updates(4)
    url = f"unix://{path}"
    with redis_at(path), running(tmp_path, NOWHERE, REDIS_URL=url, **ALL) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        eventually(lambda: assert_each_is_there_once(service, url))
        saved = streamed(url)
        with closing(client(url)) as redis:
            if keeps:
                redis.save()
            service.hand_in(given[1])
            service.until_served(time_of(given[1]))
            eventually(lambda: assert_each_is_there_once(service, url))
            had = streamed(url)
            killed(redis, path)
        with redis_at(path):
            # An event may come just before it saves.
            kept = streamed(url)
            assert kept == had[: len(kept)]
            assert len(saved) <= len(kept) < len(had) if keeps else kept == []
            service.hand_in(given[2])
            service.until_served(time_of(given[2]))
            eventually(lambda: assert_each_is_there_once(service, url))
            assert_in_order(url)
            eventually(lambda: assert_the_log_is_whole(service, url))
            # And then it is as ever.
            service.hand_in(given[3])
            service.until_served(time_of(given[3]))
            eventually(lambda: assert_each_is_there_once(service, url))


def assert_the_log_is_whole(service: Running, url: str) -> None:
    with closing(StreamMirror(url)) as mirror:
        stored = mirror.read()
    assert stored is not None
    found = read_stream(stored, __version__)
    assert found is not None
    log, status = found[0], service.status("stream", StreamStatus)
    assert len(log.entries) == status.states + status.events
    assert log.end.text == status.position


def test_one_that_was_emptied_gets_all_with_the_next_snapshot(
    tmp_path: Path, redis_url: str
) -> None:
    given = updates(2)
    with running(tmp_path, NOWHERE, REDIS_URL=redis_url, **ALL) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        eventually(lambda: assert_each_is_there_once(service, redis_url))
        with closing(client(redis_url)) as redis:
            redis.flushall()
        service.hand_in(given[1])
        service.until_served(time_of(given[1]))
        eventually(lambda: assert_each_is_there_once(service, redis_url))
        assert_in_order(redis_url)
        assert service.status("cache", CacheStatus).reachable


def test_of_several_nodes_the_one_that_collects_sees_it_by_itself(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        for publication in updates(2):
            nodes.hand_in(publication)
        eventually(lambda: assert_each_is_there_once(nodes.collecting, redis_url))
        with closing(client(redis_url)) as redis:
            redis.flushall()
        eventually(lambda: assert_each_is_there_once(nodes.collecting, redis_url))


def test_a_node_that_collects_from_now_on_adds_what_only_it_knows(
    tmp_path: Path, redis_url: str
) -> None:
    with two_nodes(tmp_path, NOWHERE, redis_url) as nodes:
        for publication in updates(2):
            nodes.hand_in(publication)
        told = {str(event.id) for event in ring(nodes.collecting)}
        until(lambda: told <= {str(event.id) for event in ring(nodes.following)}, "it follows")
        with closing(client(redis_url)) as redis:
            newest, _ = redis.xrevrange(EVENTS_KEY, count=1)[0]
            redis.xdel(EVENTS_KEY, newest)
        nodes = nodes.swapped()
        until(lambda: told <= {*streamed(redis_url)}, "what was lost is there again")
        found = streamed(redis_url)
        assert len(found) == len({*found})
