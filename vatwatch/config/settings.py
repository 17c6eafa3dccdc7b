"""Every setting once: its name, unit, default, and why. A module for each section.

The names are those of the environment. The first of these that has a setting decides: the command
line, the environment, `.env`, `vatwatch.toml` (same names, lower case), the default. An empty text
is as good as none. All faults are reported together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from vatwatch.config import sources, together
from vatwatch.config.access import AccessSettings
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.areas import AreaSettings, is_address
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.cache import CacheSettings
from vatwatch.config.cautions import cautions
from vatwatch.config.contacts import ContactSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.errors import ErrorSettings
from vatwatch.config.events import EventSettings
from vatwatch.config.general import GeneralSettings
from vatwatch.config.journal import JournalSettings
from vatwatch.config.logs import LogSettings
from vatwatch.config.resources import ResourceSettings
from vatwatch.config.section import Section
from vatwatch.config.service import ServiceSettings
from vatwatch.config.showing import (
    explain,
    is_reloadable,
    is_secret,
    keys_in,
    secrets_in,
    secrets_of_webhooks,
    shown,
    shown_wrong,
)
from vatwatch.config.subscriptions import SubscriptionSettings
from vatwatch.config.traffic import TrafficSettings
from vatwatch.config.vatsim import (
    DEFAULT_API_URL,
    DEFAULT_STATUS_URL,
    DEFAULT_TRANSCEIVERS_URL,
    VatsimSettings,
)
from vatwatch.config.web import WebSettings
from vatwatch.errors import ConfigurationError

__all__ = [
    "DEFAULT_API_URL",
    "DEFAULT_STATUS_URL",
    "DEFAULT_TRANSCEIVERS_URL",
    "SECTIONS",
    "Described",
    "Reading",
    "Settings",
    "describe",
    "load",
    "read",
]

SECTIONS: dict[str, type[Section]] = {
    "general": GeneralSettings,
    "logs": LogSettings,
    "web": WebSettings,
    "vatsim": VatsimSettings,
    "database": DatabaseSettings,
    "cache": CacheSettings,
    "journal": JournalSettings,
    "traffic": TrafficSettings,
    "contacts": ContactSettings,
    "areas": AreaSettings,
    "errors": ErrorSettings,
    "events": EventSettings,
    "breaker": BreakerSettings,
    "service": ServiceSettings,
    "access": AccessSettings,
    "resources": ResourceSettings,
    "alerts": AlertSettings,
    "subscriptions": SubscriptionSettings,
}
# The settings that are secrets as a whole, and no addresses.
KEYS = ("VATWATCH_API_KEYS", "VATWATCH_OPERATOR_PASSWORD_HASH")
# Those that may have addresses among other texts.
ADDRESS_LISTS = ("VATWATCH_POSITIONS_DATA", "VATWATCH_SECTORS")
# Not ours, but used by requests for feeds and webhooks. PGPASSWORD is used by libpq.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings are read: enough to read them again there."""

    env: Mapping[str, str] = field(repr=False)
    directory: Path
    overrides: Mapping[str, object]
    for_service: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read, whether they exist or not."""
        return tuple(self.directory / name for name in (sources.TOML_FILE, sources.ENV_FILE))

    def read_again(self) -> Reading:
        """Read the sources again. Never raises, and asks no name server."""
        return _read(self, together.faults_of_change if self.for_service else None)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with their sources and warnings."""

    general: GeneralSettings
    logs: LogSettings
    web: WebSettings
    vatsim: VatsimSettings
    database: DatabaseSettings
    cache: CacheSettings
    journal: JournalSettings
    traffic: TrafficSettings
    contacts: ContactSettings
    areas: AreaSettings
    errors: ErrorSettings
    events: EventSettings
    breaker: BreakerSettings
    service: ServiceSettings
    access: AccessSettings
    resources: ResourceSettings
    alerts: AlertSettings
    subscriptions: SubscriptionSettings
    sources: Mapping[str, str]
    warnings: tuple[str, ...]
    origin: Origin
    version: int = 0
    """How often they were changed since the start of the process (`hot_reload.py`)."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may do the same work, on the same database and Redis."""
        return not self.database.is_embedded and self.cache.redis_url is not None

    def secrets(self) -> frozenset[str]:
        """The secret values: passwords, keys, tokens, secret addresses."""
        webhooks = [url.get_secret_value() for url in self.alerts.webhooks]
        values = (
            self.database.url,
            self.database.lock_url,
            self.database.read_url,
            self.cache.redis_url,
            self.vatsim.api_url,
            self.vatsim.transceivers_url,
            self.vatsim.status_url,
            self.areas.addresses,
        )
        found = {*secrets_in(values), *secrets_of_webhooks(webhooks)}
        found.update(keys_in([self.access.api_keys, os.environ.get("PGPASSWORD")]))
        for name in PROXIES:
            found.update(secrets_in([os.environ.get(name), os.environ.get(name.lower())]))
        return frozenset(found - {""})


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
    reloadable: bool
    """Whether a changed value takes effect while the service runs; else it needs a restart."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading: `settings` is None if there is any fault.

    `sections` are those without a fault, by name. `overridden` names the weaker sources that have
    another value of a setting.
    """

    settings: Settings | None
    sections: Mapping[str, Any]
    values: Mapping[str, object]
    sources: Mapping[str, str]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    overridden: Mapping[str, tuple[str, ...]]

    def accepted(self) -> Settings:
        """The settings. Raises ConfigurationError with every fault if there is one."""
        if self.settings is None:
            raise ConfigurationError("the settings are not valid:\n  " + "\n  ".join(self.faults))
        return self.settings

    def secrets(self) -> frozenset[str]:
        """The secret values, also those of invalid settings."""
        if self.settings is not None:
            return self.settings.secrets()
        values = [
            self.values[name]
            for _, name, (_, field) in fields()
            if name in self.values and (is_secret(field) or name.endswith("_URL"))
        ]
        for name in ADDRESS_LISTS:
            listed = str(self.values.get(name, "")).split(",")
            values.extend(one for one in listed if is_address(one))
        keys = [self.values[name] for name in KEYS if name in self.values]
        found = {*secrets_in(values), *secrets_in(map(str, values)), *keys_in(keys)}
        return frozenset(found - {""})

    def describe(self) -> list[Described]:
        """Every setting with its value and where it came from, secrets masked.

        With faults: the values as they were found, of which nothing that may be secret is shown.
        """
        if self.settings is not None:
            return describe(self.settings)
        return [
            _described(
                section,
                field,
                shown_wrong(self.values[name], field)
                if name in self.values
                else shown(field.default, field),
                self.sources.get(name, "default"),
            )
            for section, name, (_, field) in fields()
        ]


def load(
    *,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    for_service: bool = False,
) -> Settings:
    """Read the settings. `overrides` are the command line's, by the environment's names.

    `for_service`: also see whether the service could run with them on this machine now.

    Raises:
        ConfigurationError: with every fault that there is
    """
    return read(
        env=env, directory=directory, overrides=overrides, for_service=for_service
    ).accepted()


def read(
    *,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    for_service: bool = False,
) -> Reading:
    """The same, but with the faults in the result. Never raises."""
    origin = Origin(
        env=dict(os.environ if env is None else env),
        directory=directory or Path(),
        overrides=dict(overrides or {}),
        for_service=for_service,
    )
    return _read(origin, together.faults_of_service if for_service else None)


def describe(settings: Settings) -> list[Described]:
    """Every setting with its value in force, secrets masked."""
    return [
        _described(
            section,
            field,
            shown(getattr(getattr(settings, section), attribute), field),
            settings.sources.get(name, "default"),
        )
        for section, name, (attribute, field) in fields()
    ]


def _read(
    origin: Origin, look_here: Callable[[Mapping[str, Any]], Iterator[str]] | None
) -> Reading:
    """`look_here(sections)`: for the service, the faults that only this machine tells."""
    found = sources.find(
        {name for _, name, _ in fields()},
        env=origin.env,
        directory=origin.directory,
        overrides=origin.overrides,
    )
    faults, warnings = found.faults, tuple(found.warnings)
    sections = _validated(found.values, faults)
    faults.extend(together.faults(sections))
    if look_here is not None:
        faults.extend(look_here(sections))
        warnings = (*warnings, *cautions(sections))
    settings = None
    if not faults:
        settings = Settings(**sections, sources=found.sources, warnings=warnings, origin=origin)
    return Reading(
        settings,
        sections,
        found.values,
        found.sources,
        tuple(faults),
        warnings,
        found.overridden,
    )


def _described(section: str, field: FieldInfo, value: str, source: str) -> Described:
    extra = field.json_schema_extra
    return Described(
        section=section,
        name=str(field.alias),
        value=value,
        default=shown(field.default, field),
        unit=str(extra.get("unit", "")) if isinstance(extra, dict) else "",
        why=field.description or "",
        source=source,
        reloadable=is_reloadable(field),
    )


def _validated(values: Mapping[str, object], faults: list[str]) -> dict[str, Any]:
    """The valid sections. The errors of the others are added to the faults."""
    sections: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        by_name = {field.alias: field for field in model.model_fields.values()}
        # For pydantic a boolean (only TOML has them) is a number.
        misfits = [
            name
            for name, field in by_name.items()
            if isinstance(values.get(str(name)), bool) and field.annotation is not bool
        ]
        try:
            found = model.model_validate({k: v for k, v in values.items() if k not in misfits})
        except ValidationError as error:
            told = {str(one["loc"][0]): one for one in reversed(error.errors())}
            faults.extend(explain(one, by_name[name]) for name, one in reversed(told.items()))
        else:
            if not misfits:
                sections[section] = found
        faults.extend(f"{name} is on or off, and must be another value" for name in misfits)
    return sections


def fields() -> Iterator[tuple[str, str, tuple[str, FieldInfo]]]:
    """Every setting: its section, its name, and its attribute there with its declaration."""
    for section, model in SECTIONS.items():
        for attribute, declared in model.model_fields.items():
            assert declared.alias is not None
            yield section, declared.alias, (attribute, declared)
