"""Every setting once: its name, unit, default, and why.

The names are those of the environment. Where a setting is looked for, first come first served: the
command line, the environment, `.env`, `vatwatch.toml` (same names, lower case), the default. An
empty text is as good as none. All faults are reported together.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import limits
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

from vatwatch import __version__
from vatwatch.errors import ConfigurationError

DEFAULT_API_URL = "https://data.vatsim.net/v3/vatsim-data.json"
DEFAULT_TRANSCEIVERS_URL = "https://data.vatsim.net/v3/transceivers-data.json"
DEFAULT_STATUS_URL = "https://status.vatsim.net/status.json"
# FEED.md, etiquette: poll no faster than the feed is written.
MIN_VATSIM_POLL_S = 15
# Environment variables with these are ours: one that we do not know is likely misspelt.
PREFIXES = ("VATWATCH_", "VATSIM_")
# Whole secrets: not even in what is said of a wrong one.
HIDDEN = frozenset({"VATWATCH_API_KEYS", "VATWATCH_ALERT_WEBHOOKS"})
_PASSWORD = re.compile(r"((?:^|&)(?:\w*password|sslkey)=)[^&]*", re.IGNORECASE)


def _url(*schemes: str) -> AfterValidator:
    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        parts = urlsplit(text)
        if parts.scheme not in schemes or not (parts.netloc or parts.query or parts.path):
            raise ValueError(f"must be an address that begins with {' or '.join(schemes)}://")
        return value

    return AfterValidator(check)


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from error
    return value


def _file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("must be a file that exists")
    return value


def _on(value: object) -> object:
    return {"on": True, "off": False}.get(value.lower(), value) if isinstance(value, str) else value


def _rate(value: str) -> str:
    try:
        limits.parse(value)
    except ValueError as error:
        raise ValueError("must be a rate such as 30/minute") from error
    return value


def _keys(value: object) -> object:
    if isinstance(value, str):
        return [key.strip() for key in value.split(",") if key.strip()]
    return value


def _webhooks(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # Of the whole, not of each: what is wrong is shown, and an address of these is a secret.
    for number, url in enumerate(value, 1):
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"number {number} must be an address that begins with https://")
    return value


HttpUrl = Annotated[str, _url("http", "https")]
Switch = Annotated[bool, BeforeValidator(_on)]


class _Section(BaseModel):
    # Nothing here means anything at infinity: a time that never comes is a misspelt one.
    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=False, allow_inf_nan=False
    )


def _setting(name: str, default: Any, why: str, *, unit: str = "", **limits: Any) -> Any:
    extra: dict[str, Any] = {"unit": unit}
    return Field(default, alias=name, description=why, json_schema_extra=extra, **limits)


class Database(_Section):
    """PostgreSQL."""

    url: Annotated[SecretStr, _url("postgresql", "postgres")] | None = _setting(
        "DATABASE_URL", None, "Where PostgreSQL is; unset: an embedded cluster in VATWATCH_HOME."
    )
    max_connections: int = _setting(
        "DATABASE_MAX_CONNECTIONS", 20, "Connections of one worker, two of them to write.", ge=3
    )
    timeout_s: PositiveFloat = _setting(
        "DATABASE_TIMEOUT", 30.0, "How long one transaction may take.", unit="s"
    )
    bindir: Path | None = _setting(
        "VATWATCH_POSTGRES_BINDIR",
        None,
        "Where the embedded cluster's binaries are; unset: they are looked for.",
    )

    @property
    def is_embedded(self) -> bool:
        """Whether PostgreSQL is our own child."""
        return self.url is None


class Vatsim(_Section):
    """The feeds."""

    api_url: HttpUrl | None = _setting(
        "VATSIM_API_URL",
        None,
        f"The data feed; unset: found through VATSIM_STATUS_URL, else {DEFAULT_API_URL}.",
    )
    transceivers_url: HttpUrl | None = _setting(
        "VATSIM_TRANSCEIVERS_URL",
        None,
        "The transceivers feed; unset: beside VATSIM_API_URL, or found through VATSIM_STATUS_URL.",
    )
    status_url: HttpUrl = _setting(
        "VATSIM_STATUS_URL", DEFAULT_STATUS_URL, "The list of the feeds' addresses."
    )
    api_timeout_s: PositiveFloat = _setting(
        "VATSIM_API_TIMEOUT", 10.0, "How long one request may take, to its last byte.", unit="s"
    )
    retry_attempts: int = _setting(
        "VATSIM_API_RETRY_ATTEMPTS", 3, "Tries after the first, within one poll.", ge=0, le=20
    )
    poll_interval_s: PositiveFloat = _setting(
        "VATSIM_POLL_INTERVAL",
        15.0,
        "Between two polls. VATSIM's own hosts are not asked more often than every 15 s.",
        unit="s",
    )
    max_body_mb: PositiveInt = _setting(
        "VATSIM_MAX_BODY_MB",
        64,
        "A larger body is no feed: thirty times the busiest seen.",
        unit="MiB",
    )
    user_agent: str = _setting(
        "VATSIM_USER_AGENT",
        f"vatwatch/{__version__}",
        "How we introduce ourselves; VATSIM asks for the software's name and a contact.",
    )
    contact: str = _setting(
        "VATSIM_CONTACT", "", "A mail address or page, added to the user agent in brackets."
    )

    def may_ask(self, url: str) -> bool:
        """Whether an address may be asked at our pace: VATSIM's own not too often."""
        return self.poll_interval_s >= MIN_VATSIM_POLL_S or not _is_vatsim(url)

    @property
    def full_user_agent(self) -> str:
        """The user agent with the contact."""
        return f"{self.user_agent} ({self.contact})" if self.contact else self.user_agent


class Service(_Section):
    """The process."""

    max_workers: PositiveInt = _setting(
        "SERVICE_MAX_WORKERS", 4, "The most worker processes that may be asked for."
    )
    health_check_interval_s: PositiveFloat = _setting(
        "SERVICE_HEALTH_CHECK_INTERVAL", 30.0, "Between two checks of everybody's health.", unit="s"
    )
    probe_timeout_s: PositiveFloat = _setting(
        "VATWATCH_PROBE_TIMEOUT",
        5.0,
        "How long a service may take to answer the health monitor.",
        unit="s",
    )
    handler_deadline_s: PositiveFloat = _setting(
        "VATWATCH_HANDLER_DEADLINE",
        60.0,
        "A part that handles one message for longer hangs, and is restarted; the store, the "
        "fetcher and the embedded PostgreSQL may take as long as their own time-outs add up to.",
        unit="s",
    )
    shutdown_timeout_s: PositiveFloat = _setting(
        "SERVICE_SHUTDOWN_TIMEOUT", 30.0, "How long stopping in order may take.", unit="s"
    )


class Breaker(_Section):
    """Circuit breakers, of what is outside and of the service's own parts."""

    failure_threshold: PositiveInt = _setting(
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD", 5, "Failures in a row that open a breaker."
    )
    timeout_s: PositiveFloat = _setting(
        "CIRCUIT_BREAKER_TIMEOUT", 60.0, "How long it stays open before a trial.", unit="s"
    )
    max_timeout_s: PositiveFloat = _setting(
        "CIRCUIT_BREAKER_MAX_TIMEOUT",
        600.0,
        "Each trial that fails doubles the time of a part of the service, up to this.",
        unit="s",
    )
    trials: PositiveInt = _setting(
        "CIRCUIT_BREAKER_TRIALS", 1, "Messages that a part must handle on trial to be in again."
    )


class Errors(_Section):
    """What is made of the service's own errors."""

    enabled: Switch = _setting(
        "ERROR_MANAGER_ENABLED",
        True,
        "Whether errors are counted, kept and told of; what is done about them does not depend "
        "on it.",
    )
    retention_hours: PositiveInt = _setting(
        "ERROR_ANALYTICS_RETENTION_HOURS", 24, "How long they are kept.", unit="h"
    )


class Events(_Section):
    """The event bus."""

    max_history_size: PositiveInt = _setting(
        "EVENT_BUS_MAX_HISTORY_SIZE", 1000, "Events kept in memory; the table keeps all."
    )
    max_dead_letter_size: PositiveInt = _setting(
        "EVENT_BUS_MAX_DEAD_LETTER_SIZE", 100, "Dead letters kept in memory; the table keeps all."
    )
    handler_timeout_s: PositiveFloat = _setting(
        "EVENT_BUS_HANDLER_TIMEOUT", 30.0, "How long a handler may take for one event.", unit="s"
    )
    retry_attempts: int = _setting(
        "EVENT_BUS_RETRY_ATTEMPTS",
        3,
        "Tries after the first, until an event is a dead letter.",
        ge=0,
        le=20,
    )
    lane_size: PositiveInt = _setting(
        "EVENT_BUS_LANE_SIZE",
        10_000,
        "Events that wait for one handler; of more the oldest becomes a dead letter.",
    )
    backlog_size: PositiveInt = _setting(
        "EVENT_BUS_BACKLOG_SIZE",
        50_000,
        "Events, and dead letters, that wait for the database; of more the oldest is given up.",
    )
    retention_hours: PositiveFloat = _setting(
        "VATWATCH_EVENT_RETENTION_HOURS",
        168.0,
        "How long the tables keep events and dead letters.",
        unit="h",
    )


class Cache(_Section):
    """The live state."""

    redis_url: Annotated[SecretStr, _url("redis", "rediss", "unix")] | None = _setting(
        "REDIS_URL", None, "Where Redis is; unset: the live state stays in the process."
    )
    ttl_default_s: PositiveInt = _setting(
        "CACHE_TTL_DEFAULT", 300, "Life in Redis of what is neither flights nor ATC.", unit="s"
    )
    ttl_flight_data_s: PositiveInt = _setting(
        "CACHE_TTL_FLIGHT_DATA", 60, "Life in Redis of flights and radios.", unit="s"
    )
    ttl_atc_data_s: PositiveInt = _setting(
        "CACHE_TTL_ATC_DATA", 30, "Life in Redis of controllers and ATIS.", unit="s"
    )


class Journal(_Section):
    """The raw snapshots on disk."""

    max_mb: PositiveInt = _setting(
        "VATWATCH_JOURNAL_MAX_MB",
        4096,
        "Bound of journal, archive and quarantine: some four days of a busy network.",
        unit="MiB",
    )
    max_failures: PositiveInt = _setting(
        "VATWATCH_SNAPSHOT_TRIES",
        5,
        "How often one snapshot may bring the processor down before it is set aside.",
    )


class Traffic(_Section):
    """What the traffic means, and what of it is kept."""

    reconnect_window_s: PositiveFloat = _setting(
        "VATWATCH_RECONNECT_WINDOW",
        900.0,
        "Who comes back within this time goes on with the same flight or session.",
        unit="s",
    )
    position_keepalive_s: PositiveFloat = _setting(
        "VATWATCH_POSITION_KEEPALIVE",
        300.0,
        "A standing aircraft gets a position row this often.",
        unit="s",
    )
    keep_names: Switch = _setting(
        "VATWATCH_KEEP_NAMES",
        True,
        "Whether people's names are stored and served; they are personal data.",
    )
    boundary: Annotated[Path, AfterValidator(_file)] | None = _setting(
        "VATWATCH_FILTER_BOUNDARY",
        None,
        "A GeoJSON file; only what is inside its polygons is kept.",
    )
    callsign: Annotated[str, AfterValidator(_pattern)] | None = _setting(
        "VATWATCH_FILTER_CALLSIGN",
        None,
        "A regular expression; only callsigns in which it is found are kept.",
    )
    min_rating: int | None = _setting(
        "VATWATCH_FILTER_MIN_RATING",
        None,
        "VATSIM's id of a rating; controllers and ATIS below it are not kept.",
    )


class Web(_Section):
    """Where the service listens."""

    host: str = _setting(
        "VATWATCH_HOST", "127.0.0.1", "Address to listen on; 0.0.0.0 for every interface."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = _setting("PORT", 8001, "Port to listen on.")
    workers: PositiveInt = _setting(
        "VATWATCH_WORKERS", 1, "Worker processes. One collects and serves."
    )


class Access(_Section):
    """Who may change anything."""

    api_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_keys)] = _setting(
        "VATWATCH_API_KEYS",
        (),
        "Keys for what changes anything, separated by commas; none: nothing can be changed.",
    )
    write_rate: Annotated[str, AfterValidator(_rate)] = _setting(
        "VATWATCH_WRITE_RATE", "30/minute", "How often one key may change something."
    )
    faults: Switch = _setting(
        "VATWATCH_FAULTS", False, "Whether faults may be injected: on for staging systems only."
    )


class Resources(_Section):
    """What the process may take. At a soft limit it sheds, at a hard one it degrades."""

    interval_s: PositiveFloat = _setting(
        "VATWATCH_RESOURCE_INTERVAL", 10.0, "Between two readings.", unit="s"
    )
    memory_soft_mb: PositiveFloat | None = _setting(
        "VATWATCH_MEMORY_SOFT_MB",
        None,
        "Resident memory; unset: a half of the machine's, or of what its container may have.",
        unit="MiB",
    )
    memory_hard_mb: PositiveFloat | None = _setting(
        "VATWATCH_MEMORY_HARD_MB", None, "The same; unset: three quarters.", unit="MiB"
    )
    replace_worker: Switch = _setting(
        "VATWATCH_MEMORY_REPLACE_WORKER",
        False,
        "Whether the worker is replaced, in order, when all else leaves it over the hard limit.",
    )
    disk_soft_mb: float | None = _setting(
        "VATWATCH_DISK_SOFT_MB",
        None,
        "Free space under VATWATCH_HOME; unset: 2048, on a small disk a tenth of it.",
        unit="MiB",
        ge=0,
    )
    disk_hard_mb: float | None = _setting(
        "VATWATCH_DISK_HARD_MB",
        None,
        "The same; unset: 512, on a small disk a fortieth of it.",
        unit="MiB",
        ge=0,
    )
    hub_soft_ms: PositiveFloat = _setting(
        "VATWATCH_HUB_SOFT_MS", 500.0, "How late the hub may be before it is told.", unit="ms"
    )
    hub_hard_ms: PositiveFloat = _setting(
        "VATWATCH_HUB_HARD_MS", 5000.0, "How late the hub is when all suffers.", unit="ms"
    )
    hub_timeout_s: PositiveInt = _setting(
        "VATWATCH_HUB_TIMEOUT",
        60,
        "A worker whose hub is blocked for longer is killed by the master, and replaced.",
        unit="s",
    )
    cleanup_interval_s: PositiveFloat = _setting(
        "VATWATCH_CLEANUP_INTERVAL", 3600.0, "Between two removals of useless files.", unit="s"
    )
    log_max_mb: PositiveFloat = _setting(
        "VATWATCH_LOG_MAX_MB",
        16.0,
        "A log file under VATWATCH_HOME that is larger is begun anew; one older is kept.",
        unit="MiB",
    )


class Alerts(_Section):
    """When somebody is told, and who."""

    webhooks: Annotated[
        tuple[SecretStr, ...], BeforeValidator(_keys), AfterValidator(_webhooks)
    ] = _setting(
        "VATWATCH_ALERT_WEBHOOKS",
        (),
        "Addresses, separated by commas; one of Discord's gets Discord's form, others JSON.",
    )
    timeout_s: PositiveFloat = _setting(
        "VATWATCH_ALERT_TIMEOUT", 10.0, "How long a webhook may take to answer.", unit="s"
    )
    deliver_within_s: PositiveFloat = _setting(
        "VATWATCH_ALERT_DELIVER_WITHIN",
        600.0,
        "How long a webhook that is away is tried with one notification.",
        unit="s",
    )
    interval_s: PositiveFloat = _setting(
        "VATWATCH_ALERT_INTERVAL", 5.0, "Between two looks at what holds.", unit="s"
    )
    hold_s: float = _setting(
        "VATWATCH_ALERT_HOLD", 30.0, "How long it must hold before it fires.", unit="s", ge=0
    )
    clear_s: float = _setting(
        "VATWATCH_ALERT_CLEAR",
        60.0,
        "How long it must be gone before it is resolved.",
        unit="s",
        ge=0,
    )
    degraded_hold_s: float = _setting(
        "VATWATCH_ALERT_DEGRADED_HOLD",
        300.0,
        "The same for what only degrades, and for soft limits.",
        unit="s",
        ge=0,
    )
    feed_age_s: PositiveFloat = _setting(
        "VATWATCH_ALERT_FEED_AGE", 120.0, "How long without a new snapshot is too long.", unit="s"
    )
    errors_per_minute: PositiveInt = _setting(
        "VATWATCH_ALERT_ERROR_RATE", 10, "Failures within a minute that are too many."
    )


class General(_Section):
    """Directory and log."""

    home: Path = _setting(
        "VATWATCH_HOME", Path("var"), "Directory of the embedded cluster and the journal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "VATWATCH_LOG_LEVEL", "info", "How much is logged."
    )


SECTIONS: dict[str, type[_Section]] = {
    "general": General,
    "web": Web,
    "vatsim": Vatsim,
    "database": Database,
    "cache": Cache,
    "journal": Journal,
    "traffic": Traffic,
    "errors": Errors,
    "events": Events,
    "breaker": Breaker,
    "service": Service,
    "access": Access,
    "resources": Resources,
    "alerts": Alerts,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, and what is odd about where they came from."""

    general: General
    web: Web
    vatsim: Vatsim
    database: Database
    cache: Cache
    journal: Journal
    traffic: Traffic
    errors: Errors
    events: Events
    breaker: Breaker
    service: Service
    access: Access
    resources: Resources
    alerts: Alerts
    sources: Mapping[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """One setting, for people."""

    section: str
    name: str
    value: str
    default: str
    unit: str
    why: str
    source: str


def load(
    *,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Read the settings. `overrides` are the command line's, by the environment's names.

    Raises:
        ConfigurationError: with every fault that there is
    """
    env = os.environ if env is None else env
    directory = directory or Path()
    faults: list[str] = []
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    known = {name for _, name, _ in _fields()}
    for source, found in (
        ("vatwatch.toml", _toml(directory / "vatwatch.toml", known, faults)),
        (".env", _dotenv(directory / ".env", known, faults)),
        ("environment", {k: v for k, v in env.items() if k in known}),
        ("command line", overrides or {}),
    ):
        for name, value in found.items():
            if value not in (None, ""):
                values[name], sources[name] = value, source
    sections: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        try:
            sections[section] = model.model_validate(values)
        except ValidationError as error:
            faults.extend(_explain(fault) for fault in error.errors())
    if not faults:
        faults.extend(_together(sections))
    if faults:
        raise ConfigurationError("the settings are not right:\n  " + "\n  ".join(faults))
    return Settings(**sections, sources=sources, warnings=tuple(_unknown(env, known)))


def describe(settings: Settings) -> list[Described]:
    """Every setting as it is in force, secrets masked."""
    return [
        Described(
            section=section,
            name=name,
            value=_shown(getattr(getattr(settings, section), attribute)),
            default=_shown(field.default),
            unit=str((field.json_schema_extra or {}).get("unit", "")),  # type: ignore[union-attr]
            why=field.description or "",
            source=settings.sources.get(name, "default"),
        )
        for section, name, (attribute, field) in _fields()
    ]


def _fields() -> Iterator[tuple[str, str, tuple[str, FieldInfo]]]:
    for section, model in SECTIONS.items():
        for attribute, field in model.model_fields.items():
            assert field.alias is not None
            yield section, field.alias, (attribute, field)


def _toml(path: Path, known: set[str], faults: list[str]) -> dict[str, object]:
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # no TOML, or no UTF-8
        faults.append(f"{path}: {error}")
        return {}
    content = content.get("vatwatch", content)
    if not isinstance(content, dict):
        faults.append(f"{path}: vatwatch must be a table")
        return {}
    found: dict[str, object] = {}
    for key, value in content.items():
        if key.upper() in known:
            found[key.upper()] = value
        else:
            faults.append(f"{path}: {key} is no setting{_did_you_mean(key.upper(), known).lower()}")
    return found


def _dotenv(path: Path, known: set[str], faults: list[str]) -> dict[str, object]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if name in known}
    except (OSError, ValueError) as error:
        faults.append(f"{path}: {error}")
        return {}


def _unknown(env: Mapping[str, str], known: set[str]) -> Iterator[str]:
    for name in sorted(env):
        if name.startswith(PREFIXES) and name not in known:
            yield f"{name} in the environment is no setting{_did_you_mean(name, known)}"


def _did_you_mean(name: str, known: set[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _explain(fault: Any) -> str:
    name, given = fault["loc"][0], fault["input"]
    wanted = fault["msg"].removeprefix("Value error, ")
    return f"{name}={_shown(given, name)}: {wanted[:1].lower()}{wanted[1:]}"


def _together(sections: Mapping[str, Any]) -> Iterator[str]:
    """What is right for itself and wrong together."""
    vatsim: Vatsim = sections["vatsim"]
    web: Web = sections["web"]
    used = [vatsim.api_url, vatsim.transceivers_url]
    if vatsim.api_url is None:
        used.append(vatsim.status_url)
    for asked in used:
        if asked is not None and not vatsim.may_ask(asked):
            yield (
                f"VATSIM_POLL_INTERVAL={vatsim.poll_interval_s:g}: VATSIM's own hosts are not "
                f"asked more often than every {MIN_VATSIM_POLL_S} s, and {asked} is one of them"
            )
    resources: Resources = sections["resources"]
    for soft, hard, wrong in (
        ("memory_soft_mb", "memory_hard_mb", 1),
        ("hub_soft_ms", "hub_hard_ms", 1),
        ("disk_soft_mb", "disk_hard_mb", -1),
    ):
        first, second = getattr(resources, soft), getattr(resources, hard)
        if first is not None and second is not None and (first - second) * wrong > 0:
            order = "above" if wrong > 0 else "below"
            yield f"VATWATCH_{soft.upper()}={first:g}: {order} VATWATCH_{hard.upper()}={second:g}"
    if web.workers > 1 and sections["cache"].redis_url is None:
        yield (
            f"VATWATCH_WORKERS={web.workers}: several workers share the live state through Redis; "
            "set REDIS_URL, or run one worker"
        )
    elif web.workers > 1:
        yield f"VATWATCH_WORKERS={web.workers}: this version collects and serves in one worker"
    if web.workers > sections["service"].max_workers:
        yield f"VATWATCH_WORKERS={web.workers}: more than SERVICE_MAX_WORKERS"


def _is_vatsim(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return host == "vatsim.net" or host.endswith(".vatsim.net")


def _shown(value: object, name: str = "") -> str:
    """A value for people: passwords within addresses are masked, keys are hidden."""
    if name in HIDDEN:
        return "***"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple | list):
        return f"{len(value)} hidden" if value else ""
    text = "" if value is None else str(value)
    try:
        parts = urlsplit(text)
        password = parts.password
    except ValueError:
        return "***" if name.endswith("_URL") else text
    if password:
        netloc = f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}"
        parts = parts._replace(netloc=netloc)
        text = urlunsplit(parts)
    # PostgreSQL's and Redis's addresses may carry it behind the question mark, too.
    return text.replace(parts.query, _PASSWORD.sub(r"\1***", parts.query)) if parts.query else text
