"""The supervision tree: its actors, their order, and which restart together.

Children start from top to bottom and stop from bottom to top: receivers before senders, so every
message has a receiver, and everything is written before the writer stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from socket import gethostname

from vatwatch.actors.alerter import AlerterActor
from vatwatch.actors.area_places import places_of
from vatwatch.actors.areas import AreasActor
from vatwatch.actors.breakers import child_policy
from vatwatch.actors.cache import CacheActor
from vatwatch.actors.config_watcher import ConfigWatcherActor
from vatwatch.actors.deadlines import busy_limits_s, poll_deadline_s, write_deadline_s
from vatwatch.actors.error_manager import ErrorManagerActor
from vatwatch.actors.event_bus import EventBusActor
from vatwatch.actors.event_memory import Subscription
from vatwatch.actors.fetcher import FetcherActor
from vatwatch.actors.follower import FollowerActor
from vatwatch.actors.handover import HandoverActor
from vatwatch.actors.health_monitor import HealthMonitorActor
from vatwatch.actors.history import HistoryActor
from vatwatch.actors.journal import JournalActor
from vatwatch.actors.keys import KeysActor
from vatwatch.actors.leadership import LeadershipActor
from vatwatch.actors.nodes import NodesActor
from vatwatch.actors.notices import subscribe_to_notices
from vatwatch.actors.postgres import PostgresActor
from vatwatch.actors.processor import ProcessorActor
from vatwatch.actors.refill import RefillActor
from vatwatch.actors.resource_monitor import ResourceMonitorActor
from vatwatch.actors.sessions import SessionsActor
from vatwatch.actors.store import StoreActor
from vatwatch.actors.stream import StreamActor
from vatwatch.actors.subscriptions import SubscriptionsActor
from vatwatch.actors.traffic_options import read_options
from vatwatch.config.area_copies import AREAS
from vatwatch.config.settings import Settings, describe
from vatwatch.redaction import hide
from vatwatch.storage.area_copies import AreaCopies
from vatwatch.storage.retention import retentions_of
from vatwatch.supervision import (
    Backoff,
    MailboxPolicy,
    Strategy,
    SupervisorSpec,
    Tree,
    supervisor,
)
from vatwatch.supervision import worker as child
from vatwatch.traffic.pipeline import Options
from vatwatch.wiring import (
    EVENTS_OUTBOX,
    KEEPERS,
    OF_THE_ROLE,
    POSTGRES_DEADLINE_S,
    POSTGRES_START_S,
    POSTGRES_STOP_S,
    ROLE_OF_MANY,
    ROLE_OF_ONE,
    SUBSCRIPTIONS,
    WRITERS,
    Membership,
)

ONE_FOR_ONE, REST_FOR_ONE = Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE


# fmt: off
def declare(
    s: Settings,
    options: Options | None = None,
    *,
    polls: bool = True,
    replace_worker: Callable[[str], None] | None = None,
    on_refused: Callable[[str], None] = lambda _why: None,
    subscriptions: Sequence[Subscription] = SUBSCRIPTIONS,
    use: Callable[[Settings, Options], None] = lambda _settings, _options: None,
    home: Path | None = None,
    member: Membership | None = None,
    on_role: Callable[[bool], None] = lambda _collects: None,
) -> SupervisorSpec:
    """The whole tree. Without `polls` nothing is fetched: a replay brings the snapshots, and leaves
    no trace of itself in the table of events, so that a second one changes no row.

    `options`: what the settings say about the traffic, if that was read already; `use`: see
    `ConfigWatcherActor`; `home`: that of this node, if it is not VATWATCH_HOME itself; `member`:
    what it is among others, None if it is alone; `on_role`: see `LeadershipActor`.
    """
    home = s.general.home if home is None else home
    # With an embedded database nobody else can collect.
    led = polls and not s.database.is_embedded
    others = WRITERS + KEEPERS + (OF_THE_ROLE if led else 0)
    redis_url = "" if s.cache.redis_url is None else s.cache.redis_url.get_secret_value()
    options = read_options(s.traffic, s.contacts) if options is None else options
    areas = partial(AreaCopies(home / AREAS).known, places_of(s.areas))
    worker = partial(
        child, breaker=child_policy(s.breaker), handler_deadline_s=s.service.handler_deadline_s
    )
    return supervisor("vatwatch", REST_FOR_ONE, intensity=3, period_s=600, children=[
        supervisor("core", ONE_FOR_ONE, children=[
            # Both hear of those who stop before them.
            worker("event_bus", EventBusActor, s.events, s.breaker, subscriptions,
                   keeps_own=polls, outbox=home / EVENTS_OUTBOX if polls else None,
                   drain_on_stop=True, several_nodes=member is not None),
            worker("error_manager", ErrorManagerActor, s.errors, outbox=home / "errors.outbox",
                   breakers=home / "breakers.outbox" if polls else None, mailbox=20_000,
                   drain_on_stop=True),
            *([worker("config_watcher", ConfigWatcherActor, s, options, use)] if polls else []),
            worker("areas", AreasActor, s, home / AREAS),
            *([worker("leadership", LeadershipActor, s.database,
                      node=member.node if member else gethostname(),
                      tells=ROLE_OF_MANY if member else ROLE_OF_ONE, on_role=on_role,
                      on_refused=_others_go_on if member else on_refused)] if led else []),
            *([worker("nodes", NodesActor, member.node, redis_url, s.breaker,
                      answer=member.answer)] if member else []),
        ]),
        supervisor("data", REST_FOR_ONE, children=[
            *([worker("postgres", PostgresActor, home, bindir=s.database.bindir,
                      stop_timeout_s=POSTGRES_STOP_S, start_s=POSTGRES_START_S,
                      shutdown_s=POSTGRES_STOP_S + 5,
                      handler_deadline_s=POSTGRES_DEADLINE_S)] if s.database.is_embedded else []),
            worker("journal", JournalActor, home / "journal", s.journal, drain_on_stop=True),
            worker("store", StoreActor, s.database, s.breaker, options.rules,
                   retentions_of(s) if polls else (), connections=WRITERS, on_refused=on_refused,
                   areas=areas, led=led,
                   drain_on_stop=True, handler_deadline_s=write_deadline_s(s),
                   shutdown_s=s.service.shutdown_timeout_s),
            worker("cache", CacheActor, s.cache, s.breaker, s.areas,
                   stream_length=s.events.max_history_size, shown=tuple(describe(s)),
                   several_nodes=member is not None),
            # The last ones, so that a failed question does not restart the live state.
            worker("history", HistoryActor, s.database, s.breaker,
                   connections=max(1, s.database.max_connections - others)),
            worker("keys", KeysActor, s.database, s.breaker),
            worker("sessions", SessionsActor, s.access, s.cache, s.breaker),
            worker("stream", StreamActor, s.cache.redis_url, s.breaker,
                   several_nodes=member is not None, drain_on_stop=True),
            # Behind those that it tells what it reads.
            *([worker("follower", FollowerActor, s.cache.redis_url, s.breaker, areas)]
              if member and s.cache.redis_url is not None else []),
        ]),
        supervisor("analysis", ONE_FOR_ONE, children=[
            # A replay is about what is past: nobody is told of it.
            worker("subscriptions", SubscriptionsActor, s.subscriptions, s.database, s.breaker,
                   options.rules, s.areas, judges=polls, several_nodes=member is not None,
                   handler_deadline_s=write_deadline_s(s)),
            *([worker("handover", HandoverActor, s.database, s.breaker, node=member.node,
                      handler_deadline_s=write_deadline_s(s))] if led and member else []),
            *([worker("refill", RefillActor, s.database, s.breaker,
                      handler_deadline_s=write_deadline_s(s))] if led else []),
        ]),
        # Two snapshots in a row may bring the processor down until they are quarantined; not for
        # long, as an update that is missed meanwhile is missed for good.
        supervisor("pipeline", REST_FOR_ONE, intensity=2 * s.journal.max_failures,
                   backoff=Backoff(cap_s=1.0), standby=led, children=[
            worker("processor", ProcessorActor, options, journal=home / "journal",
                   usual=home / "usual-pilots" if polls else None,
                   areas=areas, drain_on_stop=True),
            *([worker("fetcher", FetcherActor, s.vatsim, s.breaker, last_poll=home / "last-poll",
                      handler_deadline_s=poll_deadline_s(s))] if polls else []),
        ]),
        supervisor("operations", ONE_FOR_ONE, children=[
            worker("health_monitor", HealthMonitorActor, s.service,
                   busy_limits_s=busy_limits_s(s),
                   outbox=home / "health.outbox" if polls else None),
            worker("resource_monitor", ResourceMonitorActor, s.resources, s.logs, home,
                   replace_worker=replace_worker),
            # Who tells it that something changed must never wait for it.
            worker("alerter", AlerterActor, s.alerts, s.breaker,
                   outbox=home / "alerts.outbox" if polls else None, mailbox=100,
                   policy=MailboxPolicy.DROP_OLDEST),
        ]),
    ])
# fmt: on


def build(
    settings: Settings,
    options: Options | None = None,
    *,
    polls: bool = True,
    on_exhausted: Callable[[str], None] | None = None,
    on_refused: Callable[[str], None] = lambda _why: None,
    on_settings: Callable[[Settings, Options], None] = lambda _settings, _options: None,
    home: Path | None = None,
    member: Membership | None = None,
) -> Tree:
    """The tree, not started yet, with the error manager hearing of all that happens in it.

    `options`, `home`, `member`: see `declare`. `on_settings(settings, options)` is called when they
    change, for what is outside of the tree.
    """

    def declared(s: Settings, options: Options | None = None) -> SupervisorSpec:
        return declare(s, options, polls=polls, replace_worker=on_exhausted,
                       on_refused=on_refused, use=use, home=home, member=member,
                       on_role=on_role)  # fmt: skip

    def on_role(collects: bool) -> None:
        tree.want("vatwatch/pipeline", wanted=collects)

    def use(s: Settings, options: Options) -> None:
        tree.use_spec(declared(s, options))  # restarts use these from now on
        on_settings(s, options)

    hide(settings.secrets())
    tree = Tree(declared(settings, options), on_exhausted=on_exhausted)
    outbox = (settings.general.home if home is None else home) / EVENTS_OUTBOX
    subscribe_to_notices(tree, outbox=outbox if polls else None)
    return tree


def _others_go_on(_why: str) -> None:
    """A node that cannot collect stays, and serves what it can; its health says why."""
