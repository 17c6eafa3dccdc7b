"""Where the settings come from: vatwatch.toml, .env, the environment, the command line.

Each source gives a mapping of the environment's names to values, and adds what is wrong with it to
the faults. A name that is no setting is a fault in vatwatch.toml, which is ours alone. In the
environment and in .env, which others use too, it is a warning.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

# Names that begin with these are ours alone: one that is no setting is likely misspelt.
OUR_PREFIXES = ("VATWATCH_", "VATSIM_")
# Other programs use these, too: such a name is told of only if it is nearly one of ours.
SHARED_PREFIXES = (
    "CACHE_",
    "CIRCUIT_BREAKER_",
    "DATABASE_",
    "ERROR_",
    "EVENT_BUS_",
    "REDIS_",
    "SERVICE_",
)
# Of docker-compose.yml, which reads the same .env.
NOT_OURS = frozenset({"VATWATCH_PUBLISHED_PORT"})
# How alike two names must be: `DATABASE_URI` is meant for ours, `REDIS_PASSWORD` is not.
NEARLY = 0.85
# Of a name without its prefix: shorter ones say too little.
SHORTEST_STEM = 4
TABLE = "vatwatch"


def toml(path: Path, known: Collection[str], faults: list[str]) -> dict[str, object]:
    """The settings of a vatwatch.toml: those at the top and those under `[vatwatch]`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        faults.append(f"{path}: cannot be read ({_reason(error)})")
        return {}
    except UnicodeDecodeError:
        faults.append(f"{path}: is not text in UTF-8")
        return {}
    except tomllib.TOMLDecodeError as error:
        # Where it is, and not what is there: that may be a password without its quotes.
        place = re.search(r"\(at [^()]*\)\Z", str(error))
        faults.append(f"{path}: is not TOML {place[0] if place else '(at its end)'}")
        return {}
    except RecursionError:
        faults.append(f"{path}: is nested too deeply")
        return {}
    table = content.pop(TABLE, {})
    if not isinstance(table, dict):
        faults.append(f"{path}: {TABLE} must be a table")
        table = {}
    found: dict[str, object] = {}
    for section, where in ((content, "at the top"), (table, f"under [{TABLE}]")):
        for key, value in section.items():
            name = key.upper()
            if name not in known:
                guess = _guess_of_table(name, value, known) or _did_you_mean(name, known)
                faults.append(f"{path}: {_shown(key)} is no setting{guess.lower()}")
            elif name in found:
                faults.append(f"{path}: {name.lower()} is there twice, again {where}: keep one")
            else:
                found[name] = value
    return found


def dotenv(
    path: Path, known: Collection[str], faults: list[str], warnings: list[str]
) -> dict[str, object]:
    """The settings of a .env, as python-dotenv reads it."""
    try:
        with path.open(encoding="utf-8") as file:
            unread = [binding.original.line for binding in parse_stream(file) if binding.error]
        if unread:
            lines = ", ".join(map(str, unread))
            faults.append(f"{path}: line {lines} is not NAME=value")
            return {}
        values = dotenv_values(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        faults.append(f"{path}: cannot be read ({_reason(error)})")
        return {}
    except ValueError:  # UnicodeDecodeError is one
        faults.append(f"{path}: is not text in UTF-8")
        return {}
    warnings.extend(unknown(values, known, str(path)))
    return {name: value for name, value in values.items() if name in known}


def unknown(given: Mapping[str, object], known: Collection[str], where: str) -> Iterator[str]:
    """A line for each name that is likely meant as a setting and is none."""
    for name in sorted(given):
        if name in known or name in NOT_OURS:
            continue
        ours = name.startswith(OUR_PREFIXES)
        if ours or name.startswith(SHARED_PREFIXES):
            guess = _did_you_mean(name, known, cutoff=0.6 if ours else NEARLY)
            if ours or guess:
                yield f"{_shown(name)} in {where} is no setting{guess}"


def _did_you_mean(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    # One without its prefix, or cut short: VATWATCH_POLL is meant for VATSIM_POLL_INTERVAL, though
    # by its letters it is nearer to VATWATCH_HOST.
    stem = _stem(name) if cutoff < NEARLY else ""
    for meant in sorted(known, key=lambda one: (len(one), one)):
        if len(stem) >= SHORTEST_STEM and (_stem(meant) + "_").startswith(stem + "_"):
            return f" (did you mean {meant}?)"
    close = get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]}?)" if close else ""


def _stem(name: str) -> str:
    prefix = next((one for one in OUR_PREFIXES if name.startswith(one)), "")
    return name.removeprefix(prefix)


def _guess_of_table(name: str, value: object, known: Collection[str]) -> str:
    """`[database] url = …` is `database_url = …`."""
    if isinstance(value, dict):
        for key in value:
            if f"{name}_{str(key).upper()}" in known:
                return f" (write {name}_{str(key).upper()} = …, without a table)"
    return ""


def _shown(name: str) -> str:
    """A name that may be anything: a value that stands where a name should, too."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else "a name"


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
