"""Where the settings come from: vatwatch.toml, .env, the environment, the command line.

pydantic-settings reads them. This module adds what it lacks: for an unreadable file it raises the
library's own error (whose text quotes the content, perhaps a password), it skips broken lines of a
.env, and it does not say which source a value is from. So each source is read separately, and its
errors are added to the faults.

An unknown name is a fault in vatwatch.toml, which is ours alone. In the environment and
in .env, which others use too, it is a warning.
"""

from __future__ import annotations

import errno
import re
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import create_model
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vatwatch.config.section import refusal_of
from vatwatch.config.unknown_names import did_you_mean, meant_by_table, printable_name, unknown

# Names of settings in earlier versions. They are still read, with a warning.
OLD_NAMES = {"EVENT_BUS_LANE_SIZE": "EVENT_BUS_HANDLER_QUEUE_SIZE"}

TOML_FILE, ENV_FILE = "vatwatch.toml", ".env"
TABLE = "vatwatch"


@dataclass(slots=True)
class Found:
    """The values of the sources, by the settings' names, and where each is from."""

    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    overridden: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Weaker sources that have another value of a setting, by its name; the weakest first."""

    def add(self, source: str, values: Mapping[str, object]) -> None:
        """Add the values of a source; an empty text counts as unset."""
        given = {name: value for name, value in values.items() if value not in (None, "")}
        for name, value in given.items():
            now = OLD_NAMES.get(name, name)
            if now != name:
                self.warnings.append(f"{name} in {source} is called {now} now")
                if now in given:
                    continue
            if now in self.values and str(self.values[now]) != str(value):
                self.overridden[now] = (*self.overridden.get(now, ()), self.sources[now])
            self.values[now], self.sources[now] = value, source


def find(
    known: Collection[str],
    *,
    env: Mapping[str, str],
    directory: Path,
    overrides: Mapping[str, object],
) -> Found:
    """Read every source, the weakest first. Never raises.

    `known`: the names of all settings; `env`: the environment; `directory`: where both files are;
    `overrides`: the command line's values, by the settings' names.
    """
    known = {*known, *OLD_NAMES}
    found, names = Found(), _model(known)
    found.add(TOML_FILE, _toml(names, directory / TOML_FILE, known, found.faults))
    found.add(ENV_FILE, _dotenv(names, directory / ENV_FILE, known, found))
    found.add("environment", _Environment(names, env)())
    found.warnings.extend(unknown(env, known, "the environment"))
    found.add("command line", InitSettingsSource(names, dict(overrides))())
    return found


def _model(known: Collection[str]) -> type[BaseSettings]:
    """The names, for pydantic-settings. The values are checked later, section by section."""
    fields: dict[str, Any] = dict.fromkeys(known, (Any, None))
    return create_model("_Names", __base__=_Base, **fields)


class _Base(BaseSettings):
    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
        # A list is texts separated by commas, not JSON.
        enable_decoding=False,
    )


class _Environment(EnvSettingsSource):
    """The given environment, which need not be that of the process."""

    def __init__(self, names: type[BaseSettings], env: Mapping[str, str]) -> None:
        self._env = env
        super().__init__(names)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._env


def _toml(
    names: type[BaseSettings], path: Path, known: Collection[str], faults: list[str]
) -> dict[str, object]:
    """The settings of a vatwatch.toml: those at the top and those under `[vatwatch]`."""
    try:
        _refuse_pipe(path)
        with path.open("rb"):
            pass  # pydantic-settings silently skips files that it may not read
        content = dict(TomlConfigSettingsSource(names, path)())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        faults.append(f"{path}: cannot be read ({refusal_of(error)})")
        return {}
    except UnicodeDecodeError:
        faults.append(f"{path}: is not text in UTF-8")
        return {}
    except tomllib.TOMLDecodeError as error:
        # Only the position, not the content, which may be a password without its quotes.
        place = re.search(r"\(at [^()]*\)\Z", str(error))
        faults.append(f"{path}: is not TOML {place[0] if place else '(at its end)'}")
        return {}
    except RecursionError:
        faults.append(f"{path}: is nested too deeply")
        return {}
    return dict(_named(path, content, known, faults))


def _named(
    path: Path, content: dict[str, object], known: Collection[str], faults: list[str]
) -> Iterator[tuple[str, object]]:
    """The settings' names and values in a TOML file's content."""
    table = content.pop(TABLE, {})
    if not isinstance(table, dict):
        faults.append(f"{path}: {TABLE} must be a table")
        table = {}
    seen: set[str] = set()
    for section, where in ((content, "at the top"), (table, f"under [{TABLE}]")):
        for key, value in section.items():
            name = key.upper()
            if name not in known:
                guess = meant_by_table(name, value, known) or did_you_mean(name, known)
                faults.append(f"{path}: {printable_name(key)} is not a setting{guess.lower()}")
            elif name in seen:
                faults.append(f"{path}: {name.lower()} is there twice, again {where}: keep one")
            else:
                seen.add(name)
                yield name, value


def _dotenv(
    names: type[BaseSettings], path: Path, known: Collection[str], found: Found
) -> dict[str, object]:
    """The settings of a .env, as python-dotenv reads it."""
    try:
        _refuse_pipe(path)
        with path.open(encoding="utf-8") as file:
            unread = [binding.original.line for binding in parse_stream(file) if binding.error]
        if unread:
            lines = ", ".join(map(str, unread))
            found.faults.append(f"{path}: line {lines} is not NAME=value")
            return {}
        source = DotEnvSettingsSource(names, path, env_file_encoding="utf-8")
        values = source()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        found.faults.append(f"{path}: cannot be read ({refusal_of(error)})")
        return {}
    except ValueError:  # UnicodeDecodeError is one
        found.faults.append(f"{path}: is not text in UTF-8")
        return {}
    found.warnings.extend(unknown(source.env_vars, known, str(path)))
    return values


def _refuse_pipe(path: Path) -> None:
    """Refuse a pipe: opening one waits for a writer, and reading it again would wait again."""
    if stat.S_ISFIFO(path.stat().st_mode):
        raise OSError(errno.ESPIPE, "it is a pipe; give a file")
