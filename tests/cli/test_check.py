"""`vatwatch check`: the settings in force with their sources, and what is found where they lead."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.actors.area_house import boundaries
from tests.actors.harness import as_url
from tests.fork_server import run_vatwatch
from vatwatch.config.area_copies import AREAS
from vatwatch.storage.area_copies import AreaCopies
from vatwatch.storage.area_files import read_place
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.migrate import migrate, newest_known
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace

PATIENCE_S = 110


def check(directory: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_vatwatch(["check", *words], {**os.environ, **environment}, directory, PATIENCE_S)


def as_json(directory: Path, *words: str, **environment: str) -> tuple[int, dict[str, Any]]:
    done = check(directory, "--json", *words, **environment)
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)


def test_it_shows_each_setting_with_its_source_and_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("cache_ttl_default = 11\nvatwatch_api_keys = 'k3y-a'\n")
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:s3cret@db/v\n")
    done = check(
        tmp_path, "--offline", "--port", "21712", VATSIM_API_URL="https://me:s3cret@mirror.org/x"
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    for row in (
        ["PORT", "21712", "command", "line"],
        ["VATSIM_API_URL", "https://me:***@mirror.org/x", "environment"],
        ["DATABASE_URL", "postgresql://me:***@db/v", ".env"],
        ["CACHE_TTL_DEFAULT", "11", "s", "vatwatch.toml"],
        ["VATWATCH_API_KEYS", "1", "hidden", "vatwatch.toml"],
        ["VATWATCH_KEEP_NAMES", "on", "default"],
        ["REDIS_URL", "unset", "default"],
    ):
        assert row in rows
    assert "PostgreSQL: not asked" in done.stdout
    assert "No fault was found." in done.stdout
    assert "s3cret" not in done.stdout
    assert "k3y" not in done.stdout


def test_it_changes_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, VATWATCH_HOME=str(tmp_path / "home")).returncode == 0
    assert [*tmp_path.iterdir()] == []


def test_it_lists_all_faults_and_still_checks_the_valid_parts(
    tmp_path: Path, database_url: str
) -> None:
    code, report = as_json(
        tmp_path,
        DATABASE_URL=as_url(database_url),
        REDIS_URL="redis://:s3cret@127.0.0.1:1/zero",
        PORT="none",
        VATWATCH_HOME="/proc/nowhere",
        VATSIM_POL_INTERVAL="1",
    )
    assert code == 1
    assert [fault.partition(":")[0] for fault in report["faults"]] == [
        "PORT=none",
        "REDIS_URL=***",
        "VATWATCH_HOME=/proc/nowhere",
    ]
    assert len(report["warnings"]) == 1
    assert report["database"]["answers"] is True
    assert report["redis"]["answers"] is None
    assert "s3cret" not in json.dumps(report)


def test_it_warns_of_dangerous_settings_and_refuses_an_invalid_key(tmp_path: Path) -> None:
    odd = {"VATWATCH_TRUSTED_PROXIES": "0.0.0.0/0", "EVENT_BUS_HANDLER_TIMEOUT": "0.01"}
    code, report = as_json(tmp_path, **odd, VATWATCH_API_KEYS="s3cret")
    assert code == 0
    for name in (*odd, "VATWATCH_API_KEYS"):
        assert [line for line in report["warnings"] if line.startswith(name)]
    code, report = as_json(tmp_path, VATWATCH_API_KEYS="a-key-of-many-letters,x")
    assert code == 1
    (fault,) = report["faults"]
    assert fault.startswith("VATWATCH_API_KEYS: number 2 is too easy to guess")


def test_it_says_what_the_database_has(tmp_path: Path, database_url: str) -> None:
    url = as_url(database_url)
    code, report = as_json(tmp_path, DATABASE_URL=url)
    assert (code, report["database"]["schema"]) == (0, None)
    assert "the first start makes them" in report["database"]["text"]
    conn = psycopg2.connect(database_url)
    try:
        migrate(conn)
        conn.commit()
        code, report = as_json(tmp_path, DATABASE_URL=url)
        assert (code, report["database"]["schema"]) == (0, newest_known())
        assert report["schema_of_this_version"] == newest_known()
        assert report["database"]["server_version"][:2].isdigit()
        with conn.cursor() as cur:
            cur.execute("INSERT INTO schema_migrations VALUES (9999, 'of_tomorrow', 'x')")
        conn.commit()
    finally:
        conn.close()
    code, report = as_json(tmp_path, DATABASE_URL=url)
    assert code == 1
    assert report["faults"] == [
        "DATABASE_URL: the database has schema 9999, and this version of vatwatch does not know "
        "it: run the version that made it, or a later one"
    ]
    assert as_json(tmp_path, "--offline", DATABASE_URL=url)[0] == 0


def test_it_looks_into_an_embedded_database_that_runs(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path)
    cluster.start()
    try:
        code, report = as_json(tmp_path, VATWATCH_HOME=str(tmp_path))
    finally:
        cluster.stop()
    assert (code, report["database"]["answers"]) == (0, True)
    code, report = as_json(tmp_path, VATWATCH_HOME=str(tmp_path))
    assert (code, report["database"]["answers"]) == (0, None)
    assert "it starts with the service" in report["database"]["text"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/v"),
        ("DATABASE_URL", "postgresql://me:s3cret@nowhere.invalid/v"),
        ("REDIS_URL", "redis://:s3cret@127.0.0.1:1/0"),
        ("REDIS_URL", "redis://:s3cret@nowhere.invalid/0"),
    ],
)
def test_a_server_that_does_not_answer_is_a_fault_without_the_password(
    name: str, url: str, tmp_path: Path
) -> None:
    code, report = as_json(tmp_path, **{name: url})
    assert code == 1
    (fault,) = report["faults"]
    assert fault.startswith(f"{name}: ")
    assert "s3cret" not in json.dumps(report)


def test_it_says_which_redis_answers(tmp_path: Path, redis_url: str) -> None:
    code, report = as_json(tmp_path, REDIS_URL=redis_url)
    assert (code, report["redis"]["answers"]) == (0, True)
    assert report["redis"]["server_version"][0].isdigit()


def test_a_file_of_areas_that_cannot_be_used_is_a_warning_and_a_path_of_nothing_a_fault(
    tmp_path: Path,
) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>")
    url = "https://me:the-password@example.org/VATSpy.dat"
    found = check(tmp_path, "--offline", VATWATCH_POSITIONS_DATA=f"{page},{url}")
    assert "warning: VATWATCH_POSITIONS_DATA: page.html is HTML or XML" in found.stdout
    assert "the-password" not in found.stdout + found.stderr
    refused = check(tmp_path, "--offline", VATWATCH_SECTORS=str(tmp_path / "nowhere"))
    assert refused.returncode == 1
    assert "must be a file or a directory that exists" in refused.stdout


def test_a_file_of_areas_that_is_gone_is_a_warning_if_its_last_good_copy_is_there(
    tmp_path: Path,
) -> None:
    firs, home = tmp_path / "firs.geojson", tmp_path / "home"
    firs.write_bytes(boundaries("AAAA"))
    AreaCopies(home / AREAS).write(
        read_place(GivenPlace(AreaSetting.POSITIONS, str(firs)), ()).good
    )
    firs.unlink()
    found = check(tmp_path, "--offline", VATWATCH_POSITIONS_DATA=str(firs), VATWATCH_HOME=str(home))
    assert found.returncode == 0, found.stdout
    assert "firs.geojson cannot be read" in found.stdout
    assert "its last good copy is used" in found.stdout
