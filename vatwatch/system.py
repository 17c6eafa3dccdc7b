"""The supervision tree: who starts whom, in which order, and who goes down with whom.

Children start from top to bottom and stop from bottom to top: sinks before sources, so nobody
speaks before the listener is there, and what was said is written before the writer goes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from vatwatch.actors.alerter import AlerterActor, AlertRecords
from vatwatch.actors.cache import CacheActor
from vatwatch.actors.error_manager import ErrorManagerActor
from vatwatch.actors.event_bus import EventBusActor
from vatwatch.actors.fetcher import FetcherActor
from vatwatch.actors.health_monitor import HealthMonitorActor, Records
from vatwatch.actors.history import HistoryActor
from vatwatch.actors.journal import JournalActor
from vatwatch.actors.notices import subscribe_to_notices
from vatwatch.actors.postgres import PostgresActor
from vatwatch.actors.processor import ProcessorActor
from vatwatch.actors.resource_monitor import ResourceMonitorActor
from vatwatch.actors.store import StoreActor
from vatwatch.config.settings import Settings
from vatwatch.redaction import hide
from vatwatch.supervision import (
    Backoff,
    MailboxPolicy,
    Strategy,
    SupervisorSpec,
    Tree,
    supervisor,
)
from vatwatch.supervision import worker as child
from vatwatch.wiring import (
    MEGABYTE,
    POSTGRES_DEADLINE_S,
    POSTGRES_START_S,
    POSTGRES_STOP_S,
    SUBSCRIPTIONS,
    WRITERS,
    alerts,
    breaker,
    bus,
    bus_memory,
    cache_ttl_s,
    child_breaker,
    database,
    feed,
    options,
    patience_s,
    poll_deadline_s,
    resources,
    retentions,
    rules,
    secret,
    write_deadline_s,
)

ONE_FOR_ONE, REST_FOR_ONE = Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE


# fmt: off
def declare(
    s: Settings,
    *,
    polls: bool = True,
    replace_worker: Callable[[str], None] | None = None,
    on_refused: Callable[[str], None] = lambda _why: None,
) -> SupervisorSpec:
    """The whole tree. Without `polls` nothing is fetched: a replay brings the snapshots, and leaves
    no trace of itself in the table of events, so that a second one changes no row."""
    worker = partial(
        child, breaker=child_breaker(s), handler_deadline_s=s.service.handler_deadline_s
    )
    return supervisor("vatwatch", REST_FOR_ONE, intensity=3, period_s=600, children=[
        supervisor("core", ONE_FOR_ONE, children=[
            worker("event_bus", EventBusActor, bus_memory(s), bus(s, keeps_own=polls),
                   SUBSCRIPTIONS),
            worker("error_manager", ErrorManagerActor, mailbox=20_000, enabled=s.errors.enabled,
                   retention=timedelta(hours=s.errors.retention_hours),
                   outbox=s.general.home / "errors.outbox"),
        ]),
        supervisor("data", REST_FOR_ONE, children=[
            *([worker("postgres", PostgresActor, s.general.home, bindir=s.database.bindir,
                      stop_timeout_s=POSTGRES_STOP_S, start_s=POSTGRES_START_S,
                      shutdown_s=POSTGRES_STOP_S + 5,
                      handler_deadline_s=POSTGRES_DEADLINE_S)] if s.database.is_embedded else []),
            worker("journal", JournalActor, s.general.home / "journal",
                   max_bytes=s.journal.max_mb * MEGABYTE, max_failures=s.journal.max_failures,
                   finishes=True),
            worker("store", StoreActor, database(s, connections=WRITERS), rules(s),
                   retentions(s) if polls else (), finishes=True, on_refused=on_refused,
                   handler_deadline_s=write_deadline_s(s), shutdown_s=s.service.shutdown_timeout_s),
            worker("cache", CacheActor, redis_url=secret(s.cache.redis_url),
                   ttl_s=cache_ttl_s(s), redis_breaker=breaker(s)),
            # The last: that a question fails must not cost anybody the live state.
            worker("history", HistoryActor,
                   database(s, connections=max(1, s.database.max_connections - WRITERS))),
        ]),
        # Two snapshots in a row may bring the processor down until they are quarantined; not for
        # long, as an update that is missed meanwhile is missed for good.
        supervisor("pipeline", REST_FOR_ONE, intensity=2 * s.journal.max_failures,
                   backoff=Backoff(cap_s=1.0), children=[
            worker("processor", ProcessorActor, options(s), journal=s.general.home / "journal",
                   finishes=True),
            *([worker("fetcher", FetcherActor, feed(s), handler_deadline_s=poll_deadline_s(s))]
              if polls else []),
        ]),
        supervisor("operations", ONE_FOR_ONE, children=[
            worker("health_monitor", HealthMonitorActor, Records(),
                   interval_s=s.service.health_check_interval_s,
                   probe_timeout_s=s.service.probe_timeout_s, patience_s=patience_s(s)),
            worker("resource_monitor", ResourceMonitorActor, resources(s),
                   replace_worker=replace_worker if s.resources.replace_worker else None),
            # Who tells it that something changed must never wait for it.
            worker("alerter", AlerterActor, AlertRecords(), alerts(s), mailbox=100,
                   policy=MailboxPolicy.DROP_OLDEST),
        ]),
    ])
# fmt: on


def build(
    settings: Settings,
    *,
    polls: bool = True,
    on_exhausted: Callable[[str], None] | None = None,
    on_refused: Callable[[str], None] = lambda _why: None,
) -> Tree:
    """The tree, not started yet, with the error manager hearing of all that happens in it."""
    hide(settings.secrets())
    spec = declare(settings, polls=polls, replace_worker=on_exhausted, on_refused=on_refused)
    tree = Tree(spec, on_exhausted=on_exhausted)
    subscribe_to_notices(tree)
    return tree
