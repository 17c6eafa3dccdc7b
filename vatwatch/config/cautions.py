"""What is taken with a warning: settings that can be meant, and are dangerous or of no use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import limits

from vatwatch.config.keys import GOOD_KEY_CHARS, is_guessable_key
from vatwatch.config.showing import shown, unit_of, usual_of

# No larger network is one operator's: 10.0.0.0/8 is the largest private one, and of public IPv6
# addresses a /16 is more than any provider has. Private IPv6 networks have prefixes of their own.
SHORTEST_PREFIX = {4: 8, 6: 16}
PRIVATE_IPV6 = IPv6Network("fc00::/7")
# One page asks more often in its first minute.
LEAST_READS_PER_MINUTE = 60
_MEGABYTE = 1024 * 1024


def cautions(sections: Mapping[str, Any]) -> Iterator[str]:
    """A line for each. A section that has faults of its own is not among the `sections`."""
    for section in sections.values():
        yield from _unusual(section)
    if "access" in sections:
        yield from _access(sections["access"])
    if "vatsim" in sections and "cache" in sections:
        yield from _short_lives(sections["cache"], sections["vatsim"].poll_interval_s)
    if "vatsim" in sections and "alerts" in sections:
        yield from _impatient_alert(sections["alerts"], sections["vatsim"].poll_interval_s)
    if "database" in sections:
        yield from _needless_lock(sections["database"])
    if "resources" in sections and "general" in sections:
        yield from _beyond_the_machine(sections["resources"], sections["general"].home)


def _unusual(section: Any) -> Iterator[str]:
    for attribute, field in type(section).model_fields.items():
        value, (least, most) = getattr(section, attribute), usual_of(field)
        if value is None:
            continue
        if least is not None and value < least:
            bound = f"less than {least:g}"
        elif most is not None and value > most:
            bound = f"more than {most:g}"
        else:
            continue
        unit = unit_of(field)
        default = "" if field.default is None else f"; the default is {shown(field.default, field)}"
        yield f"{field.alias}={value:g}: {f'{bound} {unit}'.rstrip()} is hardly ever meant{default}"


def _needless_lock(database: Any) -> Iterator[str]:
    if database.is_embedded and database.lock_url is not None:
        yield (
            "DATABASE_LOCK_URL: is of no use without DATABASE_URL: the embedded database has but "
            "one user"
        )


def _access(access: Any) -> Iterator[str]:
    for number, key in enumerate(access.api_keys, 1):
        if is_guessable_key(key.get_secret_value()):
            yield (
                f"VATWATCH_API_KEYS: number {number} can be guessed: it is shorter than "
                f"{GOOD_KEY_CHARS} characters, a pattern, or made of well-known words; "
                "`openssl rand -hex 16` makes a good one"
            )
    for text in access.trusted_proxies:
        network = ip_network(text)
        if _is_anybodys(network):
            yield (
                f"VATWATCH_TRUSTED_PROXIES={text}: whoever is in this network can pass for any "
                "other client; name the addresses of your own proxies alone"
            )
    if access.faults:
        yield (
            "VATWATCH_FAULTS=on: whoever has a key can make the service fail; only for staging "
            "systems"
        )
    if access.read_rate is not None:
        rate = limits.parse(access.read_rate)
        if 60 * rate.amount < LEAST_READS_PER_MINUTE * rate.get_expiry():
            yield (
                f"VATWATCH_READ_RATE={access.read_rate}: less than {LEAST_READS_PER_MINUTE}/minute "
                "refuses ordinary pages and bots; the default is 12000/minute"
            )


def _is_anybodys(network: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv6Network) and network.subnet_of(PRIVATE_IPV6):
        return False
    return network.prefixlen < SHORTEST_PREFIX[network.version]


def _short_lives(cache: Any, poll_interval_s: float) -> Iterator[str]:
    """What expires before it is written again is missing most of the time."""
    for name, life_s in (
        ("CACHE_TTL_FLIGHT_DATA", cache.ttl_flight_data_s),
        ("CACHE_TTL_ATC_DATA", cache.ttl_atc_data_s),
    ):
        if cache.redis_url is not None and life_s < poll_interval_s:
            yield (
                f"{name}={life_s:g}: Redis forgets it before the next poll, which comes every "
                f"{poll_interval_s:g} s (VATSIM_POLL_INTERVAL)"
            )


def _impatient_alert(alerts: Any, poll_interval_s: float) -> Iterator[str]:
    if alerts.feed_age_s < poll_interval_s:
        yield (
            f"VATWATCH_ALERT_FEED_AGE={alerts.feed_age_s:g}: there is an alert before each poll, "
            f"which comes every {poll_interval_s:g} s (VATSIM_POLL_INTERVAL)"
        )


def _beyond_the_machine(resources: Any, home: Path) -> Iterator[str]:
    """A limit of memory that is never passed, and one of the disk that always is."""
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
    for name, limit_mb in (
        ("VATWATCH_MEMORY_SOFT_MB", resources.memory_soft_mb),
        ("VATWATCH_MEMORY_HARD_MB", resources.memory_hard_mb),
    ):
        if limit_mb is not None and limit_mb > memory_mb:
            yield (
                f"{name}={limit_mb:g}: this machine has {memory_mb:.0f} MiB, so the limit is never "
                "passed"
            )
    disk_mb = _disk_mb(home)
    for name, limit_mb in (
        ("VATWATCH_DISK_SOFT_MB", resources.disk_soft_mb),
        ("VATWATCH_DISK_HARD_MB", resources.disk_hard_mb),
    ):
        if limit_mb is not None and disk_mb is not None and limit_mb > disk_mb:
            yield (
                f"{name}={limit_mb:g}: the disk has {disk_mb:.0f} MiB, so the limit is always "
                "passed, and the archive is deleted"
            )


def _disk_mb(home: Path) -> float | None:
    """None if it cannot be asked, which is told elsewhere."""
    for place in (home, *home.absolute().parents):
        try:
            return shutil.disk_usage(place).total / _MEGABYTE
        except FileNotFoundError:
            continue
        except OSError:
            break
    return None
