"""Unknown names of settings: which are reported, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

# Only we use names with these prefixes, so an unknown one is probably misspelt.
OUR_PREFIXES = ("VATWATCH_", "VATSIM_")
# Other programs use these, too: such a name is reported only if it is similar to one of ours.
SHARED_PREFIXES = (
    "CACHE_",
    "CIRCUIT_BREAKER_",
    "DATABASE_",
    "ERROR_",
    "EVENT_BUS_",
    "REDIS_",
    "SERVICE_",
)
# Names of docker-compose.yml, which reads the same .env, and of vatwatch.client.
NOT_OURS = frozenset(
    {
        "VATWATCH_PUBLISHED_PORT",
        "VATWATCH_PROXY_PORT",
        "VATWATCH_FRONT_NETWORK",
        "VATWATCH_URL",
        "VATWATCH_KEY",
    }
)
# How alike two names must be: `DATABASE_URI` is meant for ours, `REDIS_PASSWORD` is not.
NEARLY = 0.85
# Minimum length of a name without its prefix; shorter ones say too little.
SHORTEST_STEM = 4


def unknown(given: Mapping[str, object], known: Collection[str], where: str) -> Iterator[str]:
    """A line for each name in `given` that is not a setting but was probably meant as one."""
    for name in sorted(given):
        if name in known or name in NOT_OURS:
            continue
        ours = name.startswith(OUR_PREFIXES)
        if ours or name.startswith(SHARED_PREFIXES):
            guess = did_you_mean(name, known, cutoff=0.6 if ours else NEARLY)
            if ours or guess:
                yield f"{printable_name(name)} in {where} is not a setting{guess}"


def did_you_mean(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """` (did you mean X?)`, or nothing if no setting is alike by `cutoff` (0 to 1)."""
    # One without its prefix, or cut short: VATWATCH_POLL is meant for VATSIM_POLL_INTERVAL, though
    # by its letters it is nearer to VATWATCH_HOST.
    stem = _stem(name) if cutoff < NEARLY else ""
    for meant in sorted(known, key=lambda one: (len(one), one)):
        if len(stem) >= SHORTEST_STEM and (_stem(meant) + "_").startswith(stem + "_"):
            return f" (did you mean {meant}?)"
    close = get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]}?)" if close else ""


def meant_by_table(name: str, value: object, known: Collection[str]) -> str:
    """` (write X = …)` for a TOML table such as `[database] url = …`, else nothing."""
    if isinstance(value, dict):
        for key in value:
            if f"{name}_{str(key).upper()}" in known:
                return f" (write {name}_{str(key).upper()} = …, without a table)"
    return ""


def printable_name(name: str) -> str:
    """The name, if it can be one: a secret in the place of a name must not be repeated."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else "a name"


def _stem(name: str) -> str:
    prefix = next((one for one in OUR_PREFIXES if name.startswith(one)), "")
    return name.removeprefix(prefix)
