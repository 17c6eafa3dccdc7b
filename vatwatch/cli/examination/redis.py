"""Redis: can vatwatch use it, and does it keep what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from vatwatch.cli.examination.clocks import compare
from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.config.cache import CacheSettings
from vatwatch.errors import RedisUnavailable
from vatwatch.storage.redis_look import RedisFacts, look_closely_at_redis

CHECK = "redis"
# The live state of 2,000 pilots takes some 12 MB, twice that while it is replaced.
LEAST_MEMORY = 32 * 1024 * 1024
# Beyond it, the next snapshot may not fit.
NEARLY_FULL = 0.9
_MEBIBYTE = 1024 * 1024


def examine_redis(cache: CacheSettings) -> Iterator[DoctorFinding]:
    """The server at REDIS_URL."""
    if cache.redis_url is None:
        yield ok(CHECK, "REDIS_URL is unset: the live state stays in the process.")
        return
    try:
        facts = look_closely_at_redis(cache.redis_url.get_secret_value())
    except RedisUnavailable as error:
        yield fault(
            CHECK,
            f"{error}.",
            "Start the server, or correct REDIS_URL. Until then the "
            "service runs, and its live state stays in the process.",
        )
        return
    yield from judge_redis(facts)


def judge_redis(facts: RedisFacts) -> Iterator[DoctorFinding]:
    """The findings from these facts."""
    yield ok(CHECK, f"Redis answers: version {facts.version}.")
    if facts.refuses_writes:
        yield fault(
            CHECK,
            f"Redis {facts.refuses_writes}.",
            "Mend that: until then the live state "
            "and rates stay in the process. docs/operating.md lists the rights.",
        )
    yield from _memory(facts)
    if facts.max_clients is not None and facts.clients >= NEARLY_FULL * facts.max_clients:
        yield warning(
            CHECK,
            f"{facts.clients} of {facts.max_clients} connections of Redis are in use.",
            "Raise maxclients, or find out who has them: CLIENT LIST.",
        )
    if facts.clock_ahead is not None:
        yield from compare("that of Redis", facts.clock_ahead)


def _memory(facts: RedisFacts) -> Iterator[DoctorFinding]:
    if not facts.max_memory:
        yield ok(
            CHECK,
            f"It uses {_mib(facts.used_memory)} and has no bound, so it deletes nothing by itself.",
        )
        return
    of = f"{_mib(facts.used_memory)} of {_mib(facts.max_memory)}"
    if facts.policy != "noeviction":
        yield warning(
            CHECK,
            f"It deletes keys when its memory is full (maxmemory-policy {facts.policy}; {of} are "
            f"used, {facts.evicted_keys} keys deleted so far): the live state, rates and log-ins "
            "may be gone at any time.",
            "CONFIG SET maxmemory-policy noeviction, on a Redis for vatwatch alone.",
        )
    if facts.max_memory < LEAST_MEMORY or facts.used_memory > NEARLY_FULL * facts.max_memory:
        yield warning(
            CHECK,
            f"Its memory is nearly full or small: {of} are used, and a busy network needs "
            f"{_mib(LEAST_MEMORY)}.",
            "Raise maxmemory, or find out what else is in it: redis-cli --bigkeys.",
        )
    elif facts.policy == "noeviction":
        yield ok(CHECK, f"It uses {of}, and deletes nothing by itself.")


def _mib(size: int) -> str:
    return f"{size / _MEBIBYTE:,.0f} MiB"
