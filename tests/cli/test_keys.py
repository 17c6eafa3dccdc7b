"""`vatwatch keys`: keys are made, listed and revoked, whether the service runs or not."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import as_url, until
from tests.cli.test_postgres_programs import vatwatch
from tests.process import Process, started


@pytest.fixture
def settings(tmp_path: Path, migrated_database_url: str) -> dict[str, str]:
    """Those of a service that has run once, on a database of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return {"VATWATCH_HOME": str(home), "DATABASE_URL": as_url(migrated_database_url)}


@pytest.fixture(scope="module")
def process(shared_home: Path) -> Iterator[Process]:
    """A service with an embedded database, and no feed."""
    nowhere = "http://127.0.0.1:9/data.json"
    with started(shared_home, shared_home.parent / "log", VATSIM_API_URL=nowhere) as process:
        until(lambda: process.get("/api/database/health")[0] == 200)
        yield process


def made(*words: str, **settings: str) -> str:
    done = vatwatch("keys", "create", *words, **settings)
    assert done.returncode == 0, done.stderr
    (key,) = done.stdout.splitlines()
    return key


def listed(**settings: str) -> Any:
    done = vatwatch("keys", "list", "--json", **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def publish(process: Process, key: str) -> int:
    request = urllib.request.Request(
        f"{process.base}/api/events",
        data=b'{"type": "POSITION_UPDATE", "payload": {"flights": 5, "moved": 3}}',
        headers={"Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_key_works_in_the_running_service_until_it_is_revoked(process: Process) -> None:
    home = str(process.home)
    key = made("bot", "--scope", "events", VATWATCH_HOME=home)
    assert publish(process, key) == 202
    other = made("reader", VATWATCH_HOME=home)
    assert publish(process, other) == 403
    done = vatwatch("keys", "revoke", key[:11], VATWATCH_HOME=home)
    assert (done.returncode, "Revoked" in done.stdout) == (0, True), done.stderr
    until(lambda: publish(process, key) == 401, "the service refuses it")
    audit = (process.home / "audit.log").read_text()
    assert f"make the API key {key[:11]} (bot: events): done" in audit
    assert f"revoke the API key {key[:11]} (bot): done" in audit
    assert "command line" in audit
    assert key not in audit


def test_without_the_service_its_database_is_started_for_the_command(home: Path) -> None:
    key = made("bot", VATWATCH_HOME=str(home))
    (one,) = listed(VATWATCH_HOME=str(home))["keys"]
    assert (one["prefix"], one["scopes"], one["usable"]) == (key[:11], ["read"], True)
    assert not (home / "postgres" / "data" / "postmaster.pid").exists(), "it has been stopped"


def test_a_program_reads_the_same_fields_as_from_the_api(settings: dict[str, str]) -> None:
    words = ("a bot", "--scope", "admin", "--scope", "read", "--expires", "90d", "--json")
    made = json.loads(vatwatch("keys", "create", *words, **settings).stdout)
    assert made["scopes"] == ["read", "admin"]
    key = made.pop("key")
    assert key.startswith(made["prefix"])
    assert listed(**settings) == {"count": 1, "keys": [made]}
    revoked = json.loads(vatwatch("keys", "revoke", key, "--json", **settings).stdout)
    assert revoked["revoked_at"] is not None
    assert listed(**settings)["keys"] == [revoked]


def test_people_get_a_table(settings: dict[str, str]) -> None:
    assert "There are no keys yet" in vatwatch("keys", "list", **settings).stdout
    first = made("first", "--expires", "2099-01-31T12:00:00Z", **settings)
    second = made("second", **settings)
    vatwatch("keys", "revoke", "second", **settings)
    head, *rows = vatwatch("keys", "list", **settings).stdout.splitlines()
    titles = ["PREFIX", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST", "USED", "STATE"]
    assert head.split() == titles
    assert [[*row.split()[:3], row.split()[-1]] for row in rows] == [
        [second[:11], "second", "read", "revoked"],
        [first[:11], "first", "read", "usable"],
    ]
    assert "2099-01-31T12:00:00Z" in rows[1]
    assert first not in "".join(rows)


def test_a_name_that_several_keys_have_revokes_none(settings: dict[str, str]) -> None:
    keys = [made("bot", **settings) for _ in range(2)]
    done = vatwatch("keys", "revoke", "bot", **settings)
    assert done.returncode == 1
    assert all(key[:11] in done.stderr for key in keys)
    assert all(one["usable"] for one in listed(**settings)["keys"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", ""), 2, "NAME"),
        (("create", "a\nb"), 2, "NAME"),
        (("create", "bot", "--scope", "evnts"), 2, "evnts"),
        (("create", "bot", "--expires", "yesterday"), 2, "--expires"),
        (("create", "bot", "--expires", "2020-01-01T00:00:00Z"), 2, "--expires"),
        (("create", "bot", "--expires", "0d"), 2, "--expires"),
        (("create", "bot", "--expires", "999999d"), 0, ""),
        (("revoke", "nobody"), 1, "no such key"),
        (("revoke",), 2, "KEY"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    settings: dict[str, str], words: tuple[str, ...], code: int, said: str
) -> None:
    done: subprocess.CompletedProcess[str] = vatwatch("keys", *words, **settings)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_or_of_another_version_is_named(
    tmp_path: Path, database_url: str
) -> None:
    away = {"VATWATCH_HOME": str(tmp_path), "DATABASE_URL": "postgresql://127.0.0.1:9/x"}
    old = {"VATWATCH_HOME": str(tmp_path), "DATABASE_URL": as_url(database_url)}
    for settings, said in ((away, "cannot be reached"), (old, "start the service once")):
        for words in (("create", "bot"), ("list",), ("revoke", "bot")):
            done = vatwatch("keys", *words, **settings)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert said in line
