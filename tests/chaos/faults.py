"""What can be done to a service. Each does its harm, ends by itself, and says what it did."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import gevent
import psutil

from tests.chaos.areas import spoil_areas
from tests.chaos.house import LIBFAKETIME, House, wait_until
from tests.chaos.settings import change_settings
from vatsim_simulator.odd_bodies import ODD_BODIES

# The actors that users ask, and the question.
WATCHED_BY = {"health_monitor": "/api/status", "event_bus": "/api/events/analytics",
              "error_manager": "/api/errors/analytics", "alerter": "/api/alerts",
              "config_watcher": "/api/config"}  # fmt: skip
WATCHERS = tuple(WATCHED_BY)

# So many updates of a fault may be set aside, at most.
DOUBTED = {"step the feed's clock": 2}

Harm = Callable[[House, Random], str]

FEED_FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "freeze"},
    {"fault": "older"},
    {"fault": "mass_drop"},
    {"fault": "bad_records"},
    {"fault": "restart"},
    {"fault": "status", "code": 500},
    {"fault": "timeout"},
    {"fault": "drip", "seconds": 5},
    {"fault": "empty"},
    {"fault": "html"},
    {"fault": "truncated"},
    {"fault": "redirect_loop"},
    {"fault": "reset"},
)
# At least one question for each actor that users ask.
ASKING = ("/api/airports", "/api/airports/EGLL", "/api/alerts", "/api/config", "/api/errors",
          "/api/approaches", "/api/errors/analytics", "/api/events/analytics", "/api/firs",
          "/api/flights", "/api/frequency-matches", "/api/keys", "/api/sectors", "/api/session",
          "/api/subscriptions")  # fmt: skip
# They get only their own timers, which cannot be lost.
ALONE = frozenset({"areas", "fetcher", "resource_monitor"})
# For so long an order may wait for its actor's next message.
BEFALL_S = 60.0


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A way to do harm, and how often it is chosen."""

    name: str
    weight: int
    harm: Harm


def _actors(house: House) -> list[str]:
    return [node["name"] for node in house.nodes() if node["kind"] == "worker"]


def _ordered(kind: str, **more: Any) -> Harm:
    def harm(house: House, random: Random) -> str:
        actors = _actors(house)
        if not actors:
            return "nobody answered"
        actor = random.choice([a for a in actors if kind != "drop" or a not in ALONE])
        order = {"kind": kind, "target": actor, "skip": random.randrange(3), **more}
        house.order(order)
        # It must happen now, not during a later fault.
        wait_until(f"{kind} of {actor}", lambda: _has_befallen(house), BEFALL_S)
        return actor

    return harm


def _ask_everybody(house: House) -> None:
    """Some actors get no messages for a long time."""
    for path in ASKING:
        house.get(path, timeout_s=1.0)


def _has_befallen(house: House) -> bool:
    """Whether no order is left."""
    _ask_everybody(house)
    faults = house.get("/api/supervision/faults")
    return faults is not None and not faults["active"]


def _crash_again_and_again(house: House, random: Random) -> str:
    """Beyond the restart intensity: the breaker opens."""
    actors = _actors(house)
    if not actors:
        return "nobody answered"
    actor = random.choice(actors)
    # More than any supervisor's intensity.
    house.order({"kind": "crash", "target": actor, "count": 20})

    def has_opened() -> bool:
        _ask_everybody(house)
        return any(
            node["name"] == actor and node["breaker"]["state"] != "closed" for node in house.nodes()
        )

    wait_until(f"the breaker of {actor} to open", has_opened, BEFALL_S)
    house.take_back_orders()
    return actor


def _fail_dependency(house: House, random: Random) -> str:
    answer = house.get("/api/errors/circuit-breakers") or {"breakers": []}
    names = [b["name"] for b in answer["breakers"] if b["kind"] == "dependency"]
    if not names:
        return "nobody answered"
    name = random.choice(names)
    house.order({"kind": "fail", "target": name, "count": random.randint(1, 8)})
    # While its breaker is open it is not called, so this takes one or two timeouts.
    wait_until(f"failures of {name}", lambda: _has_befallen(house), BEFALL_S)
    return str(name)


def _kill_postgres(house: House, random: Random) -> str:
    house.kill_postgres()
    gevent.sleep(random.choice((0.0, 0.3, 2.0)))
    house.start_postgres()
    return ""


def _kill_redis(house: House, random: Random) -> str:
    house.kill_redis()
    gevent.sleep(random.choice((0.0, 0.3, 2.0)))
    house.start_redis()
    return ""


def _kill_worker(house: House, random: Random) -> str:
    workers = house.workers()
    for worker in workers:
        worker.kill()
    return f"{len(workers)} killed"


def _kill_all(house: House, random: Random) -> str:
    """The service and its database at once: a power cut, but for the disk."""
    house.kill_service()
    house.kill_postgres()
    house.start_postgres()
    house.start_service()
    return ""


def _kill_master(house: House, random: Random) -> str:
    assert house.service is not None
    workers = house.workers()
    house.service.kill()
    house.service.wait()
    # The worker notices that its master has gone; the port is free when it has ended.
    gevent.sleep(random.choice((0.0, 0.5)))
    for worker in workers:
        if worker.is_running():
            worker.kill()
            worker.wait()
    house.start_service()
    return ""


def _stop_and_start(house: House, random: Random) -> str:
    code = house.stop_service()
    house.start_service()
    return f"exit code {code}"


def _move_clock(house: House, random: Random) -> str:
    seconds = random.choice((-7_200, -60, -1, 1, 60, 3_600, 90_000))
    house.set_clock(seconds)
    # It is noticed within a second.
    gevent.sleep(1 + 4 * house.scale.update_s)
    house.set_clock(0)
    return f"{seconds:+d} s"


def _stand_still(house: House, random: Random) -> str:
    """The worker process is stopped, as when a virtual machine is moved, and continues."""
    workers = house.workers()
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)
    gevent.sleep(random.choice((0.5, 2.0)))
    for worker in workers:
        os.kill(worker.pid, signal.SIGCONT)
    return ""


def _feed(house: House, random: Random) -> str:
    fault = random.choice(FEED_FAULTS)
    house.control({**fault, "for": random.randint(1, 4) if fault["fault"] != "restart" else 1})
    gevent.sleep(3 * house.scale.update_s)
    house.control()
    return str(fault["fault"])


def _proxies(house: House) -> dict[str, Any]:
    return {"postgres": house.to_postgres, "redis": house.to_redis, "feed": house.to_feed}


def _cut(house: House, random: Random) -> str:
    name, proxy = random.choice(list(_proxies(house).items()))
    for _ in range(random.randint(1, 4)):
        proxy.cut()
        gevent.sleep(0.1)
    return name


def _delay(house: House, random: Random) -> str:
    name, proxy = random.choice(list(_proxies(house).items()))
    proxy.delay(random.choice((0.05, 0.4)))
    gevent.sleep(4 * house.scale.update_s)
    proxy.delay(0)
    return name


def _refuse(house: House, random: Random) -> str:
    name, proxy = random.choice(list(_proxies(house).items()))
    proxy.refuse(True)
    gevent.sleep(random.choice((0.5, 3.0)))
    proxy.refuse(False)
    return name


def _odd_input(house: House, random: Random) -> str:
    """The feed is whole, but for one oddity; its record or value is repaired or set aside."""
    kind, feed = random.choice([*ODD_BODIES]), random.choice(("data", "transceivers", "all"))
    house.control({"fault": "odd", "kind": kind, "feed": feed, "for": random.randint(1, 3)})
    gevent.sleep(3 * house.scale.update_s)
    house.control()
    return f"{kind} in {feed}"


def _order_restarts(house: House, random: Random) -> str:
    """An operator restarts parts in whatever state they are, one order right after the other."""
    nodes = house.nodes()
    if not nodes:
        return "nobody answered"
    workers = [node["name"] for node in nodes if node["kind"] == "worker"]
    crashing = random.choice([None, random.choice(workers)])
    if crashing is not None:
        house.order({"kind": "crash", "target": crashing, "count": random.randint(1, 3)})
        _ask_everybody(house)
    # Not the root: that is the whole service.
    paths = [node["path"] for node in nodes if "/" in node["path"]]
    ordered = [random.choice(paths) for _ in range(random.randint(1, 4))]
    for path in ordered:
        house.restart_node(path)
        gevent.sleep(random.choice((0.0, 0.0, 0.05, 0.3)))
    house.take_back_orders()
    return " ".join(path.rpartition("/")[2] for path in ordered)


def _hang_a_watcher(house: House, random: Random) -> str:
    """The actor that all others ask hangs, while many clients ask."""
    watcher = random.choice(WATCHERS)
    house.order({"kind": "hang", "target": watcher, "seconds": 4})
    path = WATCHED_BY[watcher]
    clients = [gevent.spawn(_ask_for, house, path, 4.0) for _ in range(30)]
    gevent.joinall(clients, timeout=BEFALL_S)
    house.take_back_orders()
    return watcher


def _ask_for(house: House, path: str, seconds: float) -> None:
    with gevent.Timeout(seconds, False):
        while True:
            house.get(path, timeout_s=1.0)


def _step_the_feeds_clock(house: House, random: Random) -> str:
    """The data server's clock is wrong for an update or two, by minutes to years."""
    seconds = random.choice((-86_400, -3_600, 3_600, 86_400, 10 * 365 * 86_400))
    house.control({"fault": "clock", "seconds": seconds, "for": random.randint(1, 2)})
    gevent.sleep(4 * house.scale.update_s)
    house.control()
    return f"{seconds:+d} s"


def _fail_files(house: House, random: Random) -> str:
    """The worker's system calls fail: no file may grow, or none may be opened."""
    limit = random.choice((psutil.RLIMIT_FSIZE, psutil.RLIMIT_NOFILE))
    for worker in house.workers():
        with suppress(psutil.Error):
            soft, hard = worker.rlimit(limit)
            # Standard streams and what is open already stay open.
            worker.rlimit(limit, (0 if limit == psutil.RLIMIT_FSIZE else 3, hard))
            gevent.sleep(3 * house.scale.update_s)
            worker.rlimit(limit, (soft, hard))
    return "no file grows" if limit == psutil.RLIMIT_FSIZE else "no file opens"


def _start_at_once(house: House, random: Random) -> str:
    """A start within milliseconds of a kill: what was killed is still on its way out."""
    assert house.service is not None
    killed = house.service
    for process in [*house.workers(), psutil.Process(killed.pid)]:
        with suppress(psutil.Error):
            os.kill(process.pid, signal.SIGKILL)
    house.start_service()
    killed.wait()
    return ""


def _fill_journal(house: House, random: Random) -> str:
    """The service runs with the smallest journal, and the database is away until it is full."""
    house.kill_service()
    house.to_postgres.refuse(True)
    house.start_service(VATWATCH_JOURNAL_MAX_MB="1")
    full = 0
    for _ in range(200):
        status = house.get("/api/status")
        full = 0 if status is None else status["feed"]["outcomes"].get("journal_full", 0)
        if full:
            break
        gevent.sleep(0.1)
    house.to_postgres.refuse(False)
    house.kill_service()
    house.start_service()
    return f"{full} refused"


KINDS = (
    FaultKind("crash an actor", 18, _ordered("crash")),
    FaultKind("crash it again and again", 4, _crash_again_and_again),
    FaultKind("hang an actor", 5, _ordered("hang")),
    FaultKind("slow an actor", 8, _ordered("slow", seconds=1.5)),
    FaultKind("drop a message", 6, _ordered("drop")),
    FaultKind("fail a dependency", 8, _fail_dependency),
    FaultKind("kill -9 PostgreSQL", 8, _kill_postgres),
    FaultKind("kill -9 Redis", 6, _kill_redis),
    FaultKind("kill -9 the worker", 6, _kill_worker),
    FaultKind("kill -9 the master", 4, _kill_master),
    FaultKind("kill -9 service and database", 4, _kill_all),
    FaultKind("stop and start", 3, _stop_and_start),
    FaultKind("stop the worker for a while", 4, _stand_still),
    *([FaultKind("move the clock", 5, _move_clock)] if LIBFAKETIME else []),
    FaultKind("spoil the feed", 14, _feed),
    FaultKind("cut connections", 8, _cut),
    FaultKind("delay connections", 6, _delay),
    FaultKind("refuse connections", 6, _refuse),
    FaultKind("fill the journal", 1, _fill_journal),
    FaultKind("send odd input", 12, _odd_input),
    FaultKind("order restarts", 10, _order_restarts),
    FaultKind("hang a watcher under load", 3, _hang_a_watcher),
    FaultKind("step the feed's clock", 5, _step_the_feeds_clock),
    FaultKind("let file operations fail", 6, _fail_files),
    FaultKind("start right after a kill", 5, _start_at_once),
    FaultKind("change the settings", 8, change_settings),
    FaultKind("spoil the files of areas", 6, spoil_areas),
)


def choose(random: Random) -> FaultKind:
    """The next fault."""
    return random.choices(KINDS, [kind.weight for kind in KINDS])[0]
