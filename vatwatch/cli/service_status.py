"""`vatwatch status`: asks the service once, and puts its answers on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from textwrap import wrap
from typing import Any

import click
import msgspec

from vatwatch.cli.nodes_view import node_troubles, nodes_fact
from vatwatch.cli.service_client import RequestRefused, ServiceClient
from vatwatch.cli.spans import span
from vatwatch.counting import counted
from vatwatch.errors import FetchError
from vatwatch.http.status import FeedPart, StatusBody
from vatwatch.monitoring.health import Health

HEALTHY, NOT_HEALTHY, NO_ANSWER = 0, 1, 2
STANDBY = Health.STANDBY.value
COLOURS = {Health.HEALTHY.value: "green", Health.DEGRADED.value: "yellow"}
# A terminal has 80 columns and 24 lines at least; the head and the facts need some 13 of them.
COLUMNS, MOST_LISTED = 80, 5
MARGIN = " " * 12
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StatusFound:
    """What a service answered.

    `status` is its health in a word, None if it did not say; `reason` is the service's own, or why
    there is no answer. `body` is that of `/api/status`, `alerts` those that are active; both are
    None if they were not to be had.
    """

    url: str
    reachable: bool
    status: str | None
    reason: str
    body: dict[str, Any] | None = None
    alerts: list[dict[str, Any]] | None = None


def ask(client: ServiceClient) -> StatusFound:
    """Ask a service how it is. Never raises FetchError."""
    url = client.shown_url
    try:
        body = client.get("/api/status")
    except FetchError as error:
        if isinstance(error, RequestRefused) and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            # In its own words: it starts, or has lost the part that knows how it is.
            return StatusFound(url, True, Health.UNHEALTHY.value, str(error))
        return StatusFound(url, False, None, str(error))
    status = body.get("status") if isinstance(body, dict) else None
    if status not in [one.value for one in Health]:
        return StatusFound(url, False, None, f"{url} answers, but it is not vatwatch")
    try:
        alerts = client.get("/api/alerts?state=active")["active"]
    except (FetchError, KeyError, TypeError):  # an alerter that is away, or has another form
        alerts = None
    return StatusFound(url, True, status, str(body.get("reason", "")), body, alerts)


def exit_code(found: StatusFound) -> int:
    """0 healthy, 1 degraded or unhealthy, 2 not known."""
    if found.status is None:
        return NO_ANSWER
    return HEALTHY if found.status == Health.HEALTHY.value else NOT_HEALTHY


def as_document(found: StatusFound) -> dict[str, Any]:
    """The same for programs; `service` is the answer of `/api/status`."""
    return {
        "url": found.url,
        "reachable": found.reachable,
        "status": found.status,
        "reason": found.reason,
        "alerts": found.alerts,
        "service": found.body,
    }


def screen(found: StatusFound) -> Iterator[str]:
    """The lines for people."""
    if found.status is None:
        yield f"vatwatch at {found.url}: {click.style('no answer', fg='red')}"
        yield from _indented(found.reason)
        return
    word = click.style(found.status, fg=COLOURS.get(found.status, "red"), bold=True)
    body = _typed(found.body)
    version = "" if body is None else f" {body.version}"
    yield f"vatwatch{version} at {found.url}: {word}"
    yield from _indented(found.reason)
    if body is None:
        return
    yield ""
    for name, text in (*_facts(body), *nodes_fact(body.nodes)):
        yield _cut(f"{name:{len(MARGIN)}}{text}")
    yield from _listed(node_troubles(body.nodes, datetime.now(UTC)))
    yield _cut(f"{'alerts':{len(MARGIN)}}{_how_many(found.alerts)}")
    yield from _listed(_alerts(found.alerts))
    sick = [*_not_healthy(body)]
    standby = [name for name, part in body.services.items() if part.health == STANDBY]
    well = len(body.services) - len(sick) - len(standby)
    off = f"; on standby: {', '.join(standby)}" if standby else ""
    yield _cut(f"{'services':{len(MARGIN)}}{well} of {len(body.services)} are healthy{off}")
    yield from _listed(sick)


def _typed(body: dict[str, Any] | None) -> StatusBody | None:
    """None if the service is of a version with another body: its health is shown all the same."""
    try:
        return None if body is None else msgspec.convert(body, StatusBody)
    except msgspec.ValidationError:
        return None


def _facts(body: StatusBody) -> Iterator[tuple[str, str]]:
    counts, store, journal = body.counts, body.database.store, body.journal
    yield "up", span(body.uptime_s)
    yield "feed", _feed(body.feed)
    yield (
        "network",
        f"{counted(counts.pilots, 'pilot')}, {counted(counts.controllers, 'controller')}, "
        f"{counts.atis:,} ATIS, {counted(counts.prefiles, 'prefile')}",
    )
    version = f" {store.server_version}" if store.server_version else ""
    state = "" if store.reachable else ", not reachable"
    yield "database", f"{store.kind or 'not known'}, PostgreSQL{version}{state}"
    wrote = "" if store.last_write_ms is None else f", the last in {store.last_write_ms:.0f} ms"
    yield "stored", f"{counted(store.stored, 'snapshot')} since the start{wrote}"
    size, bound = (f"{n / _MEBIBYTE:,.0f}" for n in (journal.bytes, journal.max_bytes))
    waiting = counted(journal.pending, "snapshot waits", "snapshots wait")
    yield "journal", f"{waiting}; {size} of {bound} MiB are used"
    cache = "Redis" if body.cache.backend == "redis" else "in the process"
    yield "live state", cache if body.cache.reachable else f"{cache}, not reachable"
    readings = body.resources.readings
    if "memory" in readings:
        yield "memory", f"{readings['memory']:,.0f} MiB"
    if "disk" in readings:
        yield "disk", f"{readings['disk']:,.0f} MiB are free"


def _feed(feed: FeedPart) -> str:
    age = "none yet" if feed.age_s is None else f"{span(feed.age_s)} old"
    notes = [
        note
        for note, holds in (
            ("it stands still", feed.frozen),
            ("recovered after a start", feed.recovered),
            ("not reachable", not feed.reachable),
        )
        if holds
    ]
    outcome = f"the last poll: {feed.last_outcome}" if feed.last_outcome else "not polled yet"
    return "; ".join([age, *notes, outcome])


def _alerts(alerts: list[dict[str, Any]] | None) -> list[str]:
    return [
        f"{alert.get('severity', '')}: {alert.get('summary', '')} {_since(alert.get('since'))}"
        for alert in alerts or ()
    ]


def _since(moment: object) -> str:
    try:
        return f"since {datetime.fromisoformat(str(moment)):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""


def _not_healthy(body: StatusBody) -> Iterator[str]:
    for name, part in body.services.items():
        if part.health not in (Health.HEALTHY.value, STANDBY):
            yield f"{name} is {part.health} ({part.state}): {part.reason}"


def _how_many(alerts: list[dict[str, Any]] | None) -> str:
    if alerts is None:
        return "not known: the alerter does not answer"
    return f"{len(alerts)} active" if alerts else "none"


def _listed(lines: list[str]) -> Iterator[str]:
    """The first few, each cut to the width of the screen."""
    for line in lines[:MOST_LISTED]:
        yield _cut(MARGIN + " ".join(line.split()))
    if len(lines) > MOST_LISTED:
        yield f"{MARGIN}and {len(lines) - MOST_LISTED} more"


def _cut(line: str) -> str:
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…"


def _indented(text: str) -> Iterator[str]:
    yield from wrap(text, COLUMNS, initial_indent="  ", subsequent_indent="  ")
