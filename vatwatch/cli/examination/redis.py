"""Redis: can vatwatch use it, and does it keep what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vatwatch.cli.examination.clocks import compare
from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.config.cache import CacheSettings
from vatwatch.counting import counted
from vatwatch.errors import RedisUnavailable
from vatwatch.storage.redis_look import RedisFacts, look_closely_at_redis
from vatwatch.storage.sentinel_look import SentinelFacts, look_at_sentinels

CHECK = "redis"
# The live state of 2,000 pilots takes some 12 MB, twice that while it is replaced.
LEAST_MEMORY = 32 * 1024 * 1024
# Beyond it, the next snapshot may not fit.
NEARLY_FULL = 0.9
# With fewer there is no majority when one is lost.
LEAST_SENTINELS = 3
# With 500 an election of sentinels was seen to fail and to be held again, which took 12 s.
LEAST_DOWN_AFTER_MS = 1000
_MEBIBYTE = 1024 * 1024


def examine_redis(cache: CacheSettings) -> Iterator[DoctorFinding]:
    """The server at REDIS_URL, and the sentinels that name it."""
    if cache.redis_url is None:
        yield ok(CHECK, "REDIS_URL is unset: the live state stays in the process.")
        return
    url = cache.redis_url.get_secret_value()
    yield from judge_sentinels(look_at_sentinels(url))
    try:
        facts = look_closely_at_redis(url)
    except RedisUnavailable as error:
        yield fault(
            CHECK,
            f"{error}.",
            "Start the server, or correct REDIS_URL. Until then the "
            "service runs, and its live state stays in the process.",
        )
        return
    yield from judge_redis(facts)


def judge_sentinels(every: Sequence[SentinelFacts]) -> Iterator[DoctorFinding]:
    """The findings from what each of them says."""
    for one in every:
        if one.error:
            yield warning(
                CHECK,
                f"The sentinel at {one.sentinel} {one.error}.",
                "Start it, or correct REDIS_URL: while too few of them answer, a master that is "
                "lost is not replaced.",
            )
            continue
        is_up = "" if one.is_up else ", which it holds to be down"
        yield ok(CHECK, f"The sentinel at {one.sentinel} names the master {one.master}{is_up}.")
    yield from _fail_over([one for one in every if not one.error])


def _fail_over(answering: Sequence[SentinelFacts]) -> Iterator[DoctorFinding]:
    """Whether they can and will replace the master, in time."""
    if not answering:
        return
    masters = sorted({one.master for one in answering})
    if len(masters) > 1:
        yield warning(
            CHECK,
            f"The sentinels name different masters: {', '.join(masters)}.",
            "Look again in a minute. If it stays so, they cannot reach each other.",
        )
    if not any(one.replicas for one in answering):
        yield warning(
            CHECK,
            "The master has no replica that could take its place.",
            "Start one: replicaof HOST PORT.",
        )
    known = max(one.sentinels for one in answering)
    if known < LEAST_SENTINELS:
        yield warning(
            CHECK,
            f"{counted(known, 'sentinel watches', 'sentinels watch')} the master: when one is "
            "lost, no majority is left to replace it.",
            f"Run {LEAST_SENTINELS}, on as many hosts.",
        )
    down_after_ms = min(one.down_after_ms for one in answering)
    if down_after_ms < LEAST_DOWN_AFTER_MS:
        yield warning(
            CHECK,
            f"down-after-milliseconds is {down_after_ms}: a master that is busy for a moment is "
            "replaced, and the sentinels may be in each other's way then.",
            f"SENTINEL SET the service's down-after-milliseconds to {LEAST_DOWN_AFTER_MS} or more.",
        )


def judge_redis(facts: RedisFacts) -> Iterator[DoctorFinding]:
    """The findings from these facts."""
    yield ok(CHECK, f"Redis answers at {facts.server}: version {facts.version}.")
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
