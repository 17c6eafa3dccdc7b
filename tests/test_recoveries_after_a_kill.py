"""What a process told as failed and did not live to tell as recovered, the next one tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.actors.harness import Query, as_url, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_cache_and_bus import redis_at
from tests.feed_server import DATA, FeedServer, status
from tests.process import Process, started


def told(sql: Query) -> Counter[str]:
    """How often each part was told as recovered."""
    return Counter(
        path
        for (path,) in sql(
            "SELECT payload->>'path' FROM events WHERE type = 'SERVICE_RECOVERED' ORDER BY time"
        )
    )


def failing(home: Path) -> str:
    """What the next process will know of failures."""
    files = (home / "health.outbox", home / "breakers.outbox")
    return "".join(file.read_text() for file in files if file.exists())


def kill_worker(process: Process) -> None:
    before = process.worker()
    before.kill()
    until(lambda: process.get("/healthz")[0] == 200 and process.worker().pid != before.pid)


@contextmanager
def service(tmp_path: Path, database: str, feeds: FeedServer, **more: object) -> Iterator[Process]:
    with started(
        tmp_path / "home",
        tmp_path / "log",
        DATABASE_URL=as_url(database),
        VATSIM_API_URL=feeds.url,
        VATSIM_POLL_INTERVAL=0.5,
        CIRCUIT_BREAKER_FAILURE_THRESHOLD=2,
        CIRCUIT_BREAKER_TIMEOUT=0.5,
        SERVICE_HEALTH_CHECK_INTERVAL=1,
        **more,
    ) as process:
        process.until_ready()
        yield process


@pytest.mark.parametrize("back", ["before the next worker starts", "later"])
def test_a_database_and_its_breaker_are_told_recovered_once_though_the_worker_was_killed(
    tmp_path: Path, database_url: str, back: str
) -> None:
    sql, home = Query(database_url), tmp_path / "home"
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        FeedServer(pilots=5) as feeds,
        service(tmp_path, proxy.dsn, feeds) as process,
    ):
        proxy.cut()
        until(lambda: '"postgresql"' in failing(home) and "PostgreSQL (history)" in failing(home))
        if back != "later":
            process.worker().suspend()  # else this one might live to tell it
            proxy.mend()
        kill_worker(process)
        if back == "later":
            until(lambda: process.get("/api/database/health")[1]["status"] == "unhealthy")
            proxy.mend()
        wanted = {"postgresql", "breaker/PostgreSQL (history)"}
        until(lambda: wanted <= told(sql).keys(), "both are told recovered")
        process.until_ready()
        feeds.advance()
        kill_worker(process)
        process.until_ready()
        assert {path: told(sql)[path] for path in wanted} == dict.fromkeys(wanted, 1)


def test_redis_and_the_feed_are_told_recovered_once_though_the_worker_was_killed(
    tmp_path: Path, database_url: str
) -> None:
    sql, home, socket = Query(database_url), tmp_path / "home", tmp_path / "redis.sock"
    with FeedServer(pilots=5) as feeds, ExitStack() as stack:
        redis = stack.enter_context(ExitStack())
        redis.enter_context(redis_at(socket))
        process = stack.enter_context(
            service(tmp_path, database_url, feeds, REDIS_URL=f"unix://{socket}")
        )
        until(lambda: process.get("/api/services/redis/health")[0] == 200)
        redis.close()
        feeds.say(DATA, always=status("503 Service Unavailable"))
        until(lambda: '"redis"' in failing(home) and '"feed"' in failing(home))
        kill_worker(process)
        assert not told(sql) & Counter(["redis", "feed"])
        stack.enter_context(redis_at(socket))
        feeds.say(DATA, always=None)
        feeds.advance()
        until(lambda: {"redis", "feed"} <= told(sql).keys(), "both are told recovered")
        kill_worker(process)
        process.until_ready()
        assert (told(sql)["redis"], told(sql)["feed"]) == (1, 1)
