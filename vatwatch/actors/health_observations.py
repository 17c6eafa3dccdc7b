"""What services report about the outside world and about their own work. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator

from vatwatch.actors.fetch_outcomes import NOT_KEPT
from vatwatch.messages import ServiceReport
from vatwatch.messages.status import CacheStatus, FetcherStatus, Status, StoreStatus
from vatwatch.monitoring.health import ON_STANDBY, WELL, Health, Observation, of_state, worst
from vatwatch.supervision import NodeInfo, State


def of_service(
    node: NodeInfo, state: State, missing: str | None, said: ServiceReport | None
) -> Observation:
    """The worst of what the supervisor (`state`), the probe (`missing`: it has not answered) and
    the service itself say."""
    if state is State.STANDBY:
        return ON_STANDBY
    failure = node.last_failure
    why = "" if failure is None else f"{failure.error_type}: {failure.error_text}"
    observations = [of_state(state, why.strip(": "))]
    if missing is not None:
        observations.append(Observation(Health.UNHEALTHY, missing))
    if said is not None:
        observations.append(Observation(said.health, said.reason))
    gravest = worst(observations)
    if gravest == WELL and said is not None:
        # A healthy service may have something to say, such as that a setting switches it off.
        return Observation(Health.HEALTHY, said.reason)
    return gravest


def of_feeds(
    report: ServiceReport | None, on_standby: Container[str] = ()
) -> Iterator[tuple[str, Observation]]:
    """The health of both feeds from the fetcher's report: names and observations.

    While the fetcher is on standby it reports nothing, and the feeds that were known before are
    `on_standby`, too.
    """
    yield from ((name, ON_STANDBY) for name in ("feed", "transceivers") if name in on_standby)
    if report is None or not isinstance(report.status, FetcherStatus):
        return
    status = report.status
    if status.last_error and status.last_outcome not in NOT_KEPT:
        yield "feed", Observation(Health.UNHEALTHY, status.last_error)
    elif status.frozen:
        yield "feed", Observation(Health.DEGRADED, "it has stopped updating")
    else:
        # An update that is known says only that there is a server.
        yield "feed", Observation(unproven=status.last_outcome != "advanced")
    if status.transceivers_missing:
        yield "transceivers", Observation(Health.DEGRADED, status.transceivers_error)
    elif status.transceivers_frozen:
        yield "transceivers", Observation(Health.DEGRADED, "it has stopped updating")
    else:
        unproven = status.last_outcome != "advanced" or bool(status.transceivers_error)
        yield "transceivers", Observation(unproven=unproven)


def of_dependency(report: ServiceReport | None) -> Observation:
    """What a service says about its dependency."""
    status = None if report is None else report.status
    match status:
        case StoreStatus(last_error=why, broken=False) | CacheStatus(last_error=why) if why:
            return Observation(Health.UNHEALTHY, why)
    return WELL


def cannot_work(status: Status | None) -> bool:
    """Whether a service says that it cannot do its work, for a reason other than weather."""
    match status:
        case StoreStatus(broken=True):
            return True
        case FetcherStatus(last_outcome=outcome):
            return outcome in NOT_KEPT
    return False


def can_serve(cache: ServiceReport | None) -> bool:
    """Whether there is a live state to serve, as the cache has reported."""
    return (
        cache is not None
        and isinstance(cache.status, CacheStatus)
        and cache.status.update_timestamp is not None
    )
