"""`vatwatch keys`: writes keys into the database, and lines into the audit log."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from vatwatch.access.api_keys import fault_of_name, find_by_words, looks_like_a_key, make_key
from vatwatch.access.scopes import Scope
from vatwatch.access.shown_keys import KeyInfo, info_of, made_key
from vatwatch.cli.database_reach import reach_database
from vatwatch.config.settings import Settings
from vatwatch.counting import counted
from vatwatch.errors import ConfigurationError
from vatwatch.feed.times import parse_time
from vatwatch.http.audit import AuditLog
from vatwatch.logs.files import AUDIT
from vatwatch.logs.writer import writer
from vatwatch.redaction import hide
from vatwatch.storage.key_table import insert_key, read_keys, revoke_key
from vatwatch.storage.migrate import newest_known, newest_of
from vatwatch.storage.pool import ConnectionPool

if TYPE_CHECKING:
    from psycopg2.extensions import connection

Result = TypeVar("Result")

_SPAN = re.compile(r"(\d{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def create_key(
    settings: Settings, name: str, scopes: Sequence[str], expires: str | None, *, as_json: bool
) -> None:
    """Make a key and print it.

    Raises:
        click.UsageError: a name or an expiry that is not valid
        VatwatchError: it cannot be written
    """
    fault = fault_of_name(name)
    if fault:
        raise click.UsageError(f"NAME {fault}")
    now = datetime.now(UTC)
    new = make_key(name, set(map(Scope, scopes)), now, _expiry(expires, now))
    key = new.record
    with _table(settings) as run:
        run(partial(insert_key, key=key))
    told = f"{key.prefix} ({name}: {', '.join(scope.value for scope in key.scopes)})"
    _audit(settings.general.home, f"make the API key {told}")
    if as_json:
        _print(made_key(new, now))
        return
    until = "" if key.expires_at is None else f" It expires at {_time(key.expires_at)}."
    sys.stderr.write(f"Made {told}. It is shown this once, and kept nowhere.{until}\n")
    sys.stderr.flush()
    click.echo(new.text)


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Print all keys. Raises VatwatchError if they cannot be read."""
    with _table(settings) as run:
        keys = run(read_keys)
    now = datetime.now(UTC)
    if as_json:
        _print({"count": len(keys), "keys": [info_of(key, now) for key in keys]})
        return
    if not keys:
        click.echo("There are no keys yet: vatwatch keys create NAME makes one.")
        return
    head = ("PREFIX", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "STATE")
    for line in _columns([head, *(_row(info_of(key, now)) for key in keys)]):
        click.echo(line)


def revoke_one(settings: Settings, words: str, *, as_json: bool) -> None:
    """Revoke the key that `words` name.

    Raises:
        ConfigurationError: no key or several have this name
        VatwatchError: it cannot be written
    """
    if looks_like_a_key(words):
        hide([words])
    with _table(settings) as run:
        found = find_by_words(run(read_keys), words)
        if not found:
            raise ConfigurationError("there is no such key; vatwatch keys list shows all")
        if len(found) > 1:
            prefixes = ", ".join(key.prefix for key in found)
            raise ConfigurationError(
                f"{counted(len(found), 'key')} have this name: say which, by its prefix: {prefixes}"
            )
        now = datetime.now(UTC)
        key = run(partial(revoke_key, key_id=found[0].id, now=now))
    assert key is not None, "rows are never deleted"
    if found[0].revoked_at is None:
        _audit(settings.general.home, f"revoke the API key {key.prefix} ({key.name})")
    if as_json:
        _print(info_of(key, now))
    else:
        click.echo(f"Revoked {key.prefix} ({key.name}). A running service refuses it within 3 s.")


@contextmanager
def _table(settings: Settings) -> Iterator[Callable[[Callable[[connection], Result]], Result]]:
    """A function that does work on the table of keys, each in a transaction.

    Raises:
        ConfigurationError: there is no such table
        StorageError: the database cannot be reached
    """
    with reach_database(settings) as reached:
        pool = ConnectionPool(reached.dsn, size=1, timeout_s=settings.database.timeout_s)
        try:
            if pool.run(newest_of) != newest_known():
                raise ConfigurationError(
                    "the tables of the database are not those of this version: start the service "
                    "once, which brings them up to date"
                )
            yield pool.run
        finally:
            pool.close()


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    try:
        at = now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else parse_time(text)
    except (ValueError, OverflowError):
        at = now
    if at <= now:
        raise click.UsageError(
            "--expires must be a time to come such as 2027-01-31T12:00:00Z, or a number with m, h "
            "or d, such as 90d"
        )
    return at


def _audit(home: Path, action: str) -> None:
    """Write a line into the service's audit log, if this is the machine where it has its home."""
    if not home.is_dir():
        return
    path = home / AUDIT
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container the user need not have a name
        user = str(os.getuid())
    AuditLog(path).attempt(f"of the command line ({user})", "this machine", action, "done")
    writer.flush()
    if os.geteuid() == 0:  # the service, which runs as the home's owner, must be able to write it
        owner = home.stat()
        with suppress(OSError):
            os.chown(path, owner.st_uid, owner.st_gid)


def _row(key: KeyInfo) -> tuple[str, ...]:
    state = "usable" if key.usable else "expired" if key.revoked_at is None else "revoked"
    return (
        key.prefix,
        key.name,
        ",".join(scope.value for scope in key.scopes),
        _time(key.created_at),
        _time(key.expires_at),
        _time(key.last_used_at),
        state,
    )


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def _time(time: datetime | None) -> str:
    return "never" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _print(document: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
