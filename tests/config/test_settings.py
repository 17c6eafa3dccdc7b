"""Settings: names and defaults, where they come from, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.config.settings import (
    DEFAULT_API_URL,
    DEFAULT_TRANSCEIVERS_URL,
    SECTIONS,
    Settings,
    describe,
    load,
    read,
)
from vatwatch.errors import ConfigurationError

# What the outside may rely on.
DEFAULTS = {
    "DATABASE_URL": "",
    "DATABASE_READ_URL": "",
    "DATABASE_READ_MAX_LAG": "30",
    "DATABASE_MAX_CONNECTIONS": "20",
    "DATABASE_TIMEOUT": "30",
    "VATSIM_API_URL": "",
    "VATSIM_TRANSCEIVERS_URL": "",
    "VATSIM_STATUS_URL": "https://status.vatsim.net/status.json",
    "VATSIM_API_TIMEOUT": "10",
    "VATSIM_API_RETRY_ATTEMPTS": "3",
    "VATSIM_POLL_INTERVAL": "15",
    "SERVICE_MAX_WORKERS": "4",
    "SERVICE_HEALTH_CHECK_INTERVAL": "30",
    "SERVICE_SHUTDOWN_TIMEOUT": "30",
    "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "5",
    "CIRCUIT_BREAKER_TIMEOUT": "60",
    "EVENT_BUS_MAX_HISTORY_SIZE": "1000",
    "REDIS_URL": "",
    "CACHE_TTL_DEFAULT": "300",
    "CACHE_TTL_FLIGHT_DATA": "60",
    "CACHE_TTL_ATC_DATA": "30",
    "VATWATCH_HOME": "var",
    "PORT": "8001",
}


def faults(directory: Path, **env: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(env=env, directory=directory)
    return str(caught.value)


def test_the_embedded_database_has_no_replicas(tmp_path: Path) -> None:
    replica = "postgresql://me:s3cret@replica/v"
    text = faults(tmp_path, DATABASE_READ_URL=replica)
    assert "DATABASE_READ_URL=***: the embedded PostgreSQL has no replicas" in text
    assert "s3cret" not in text
    both = load(
        env={"DATABASE_URL": "postgresql://primary/v", "DATABASE_READ_URL": replica},
        directory=tmp_path,
    )
    assert values(both)["DATABASE_READ_URL"] == "postgresql://me:***@replica/v"
    assert "s3cret" in both.secrets()


def values(settings: Settings) -> dict[str, str]:
    return {one.name: one.value for one in describe(settings)}


def sources(settings: Settings) -> dict[str, str]:
    return {one.name: one.source for one in describe(settings)}


# --- names and defaults --------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_promised_name_has_its_default(name: str, tmp_path: Path) -> None:
    found = {one.name: one for one in describe(load(env={}, directory=tmp_path))}
    assert found[name].value.removesuffix(".0") == DEFAULTS[name]
    assert found[name].default == found[name].value
    assert found[name].source == "default"


def test_the_default_addresses_are_the_networks() -> None:
    assert DEFAULT_API_URL == "https://data.vatsim.net/v3/vatsim-data.json"
    assert DEFAULT_TRANSCEIVERS_URL == "https://data.vatsim.net/v3/transceivers-data.json"


def test_every_setting_has_one_name_and_says_why_it_is_there() -> None:
    names = [field.alias for model in SECTIONS.values() for field in model.model_fields.values()]
    assert len(names) == len(set(names))
    for model in SECTIONS.values():
        for attribute, field in model.model_fields.items():
            assert field.alias is not None
            assert re.fullmatch(r"[A-Z][A-Z_]*[A-Z]", field.alias)
            assert field.description, attribute


# --- where they come from ------------------------------------------------------------------------


def test_the_command_line_goes_before_the_environment_before_env_before_toml(
    tmp_path: Path,
) -> None:
    (tmp_path / "vatwatch.toml").write_text(
        "port = 1001\nvatwatch_host = 'toml'\ncache_ttl_default = 11\ndatabase_timeout = 1.5\n"
    )
    (tmp_path / ".env").write_text(
        "PORT=1002\nVATWATCH_HOST=dotenv\nCACHE_TTL_DEFAULT=12\nSOMEBODY_ELSES=1\n"
    )
    settings = load(
        env={"PORT": "1003", "VATWATCH_HOST": "environment", "PATH": "/bin"},
        directory=tmp_path,
        overrides={"PORT": 1004, "VATWATCH_HOST": None},
    )
    assert settings.web.port == 1004
    assert settings.web.host == "environment"
    assert settings.cache.ttl_default_s == 12
    assert settings.database.timeout_s == 1.5
    assert settings.cache.ttl_atc_data_s == 30
    from_where = sources(settings)
    assert from_where["PORT"] == "command line"
    assert from_where["VATWATCH_HOST"] == "environment"
    assert from_where["CACHE_TTL_DEFAULT"] == ".env"
    assert from_where["DATABASE_TIMEOUT"] == "vatwatch.toml"
    assert from_where["CACHE_TTL_ATC_DATA"] == "default"
    assert settings.warnings == ()


def test_an_empty_text_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1002\nREDIS_URL=\n")
    settings = load(env={"PORT": "", "DATABASE_URL": ""}, directory=tmp_path)
    assert settings.web.port == 1002
    assert settings.cache.redis_url is None
    assert settings.database.is_embedded


def test_a_toml_file_may_have_a_table_of_ours(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("[vatwatch]\nport = 1001\n")
    assert load(env={}, directory=tmp_path).web.port == 1001


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(env={}, directory=tmp_path)
    with pytest.raises(Exception, match="frozen"):
        settings.web.port = 1  # type: ignore[misc]


# --- what is refused -----------------------------------------------------------------------------


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("prot = 1\n")
    text = faults(
        tmp_path,
        PORT="70000",
        DATABASE_TIMEOUT="soon",
        CACHE_TTL_DEFAULT="-1",
        VATSIM_API_URL="ftp://x",
        VATWATCH_FILTER_CALLSIGN="(",
        VATWATCH_FILTER_BOUNDARY=str(tmp_path / "nowhere.geojson"),
        VATWATCH_LOG_LEVEL="loud",
        VATWATCH_KEEP_NAMES="perhaps",
    )
    for part in (
        "prot is not a setting (did you mean port?)",
        "PORT=70000: ",
        "DATABASE_TIMEOUT=soon: ",
        "CACHE_TTL_DEFAULT=-1: ",
        "VATSIM_API_URL=ftp://x: must be an address that begins with http:// or https://",
        "VATWATCH_FILTER_CALLSIGN=(: must be a regular expression",
        "nowhere.geojson: must be a file that exists",
        "VATWATCH_LOG_LEVEL=loud: ",
        "VATWATCH_KEEP_NAMES=perhaps: ",
    ):
        assert part in text
    assert len(text.splitlines()) == 10


@pytest.mark.parametrize("content", ["port = ", "\xff\xfe", "[vatwatch\n"])
def test_a_toml_file_that_is_none_is_a_fault(tmp_path: Path, content: str) -> None:
    (tmp_path / "vatwatch.toml").write_bytes(content.encode("latin-1"))
    assert "vatwatch.toml: " in faults(tmp_path)


@pytest.mark.parametrize("name", ["vatwatch.toml", ".env"])
def test_a_pipe_in_the_place_of_a_file_is_a_fault_and_not_waited_for(
    tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    assert f"{name}: cannot be read (it is a pipe; give a file)" in faults(tmp_path)


def test_an_env_file_that_is_a_device_without_content_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to("/dev/null")
    assert sources(load(env={}, directory=tmp_path)) == sources(
        load(env={}, directory=tmp_path / "none")
    )


def test_an_env_file_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    assert ".env: " in faults(tmp_path)


@pytest.mark.parametrize("content", ["vatwatch = 5\n", "port = [1]\n", "[port]\nx = 1\n"])
def test_a_toml_file_of_another_shape_is_a_fault(tmp_path: Path, content: str) -> None:
    (tmp_path / "vatwatch.toml").write_text(content)
    assert "the settings are not valid" in faults(tmp_path)


def test_a_misspelt_name_in_the_environment_is_a_warning_that_names_the_near_match(
    tmp_path: Path,
) -> None:
    settings = load(env={"VATSIM_POL_INTERVAL": "20", "HOME": "/root"}, directory=tmp_path)
    assert settings.warnings == (
        "VATSIM_POL_INTERVAL in the environment is not a setting "
        "(did you mean VATSIM_POLL_INTERVAL?)",
    )
    assert settings.vatsim.poll_interval_s == 15


def test_names_that_the_client_has_for_itself_are_no_misspelt_settings(tmp_path: Path) -> None:
    given = {"VATWATCH_URL": "http://127.0.0.1:8001", "VATWATCH_KEY": "secret"}
    assert load(env=given, directory=tmp_path).warnings == ()


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "1e400"])
def test_a_time_that_never_comes_is_refused(tmp_path: Path, text: str) -> None:
    for name in ("VATSIM_POLL_INTERVAL", "DATABASE_TIMEOUT", "VATWATCH_RECONNECT_WINDOW"):
        assert f"{name}={text}: " in faults(tmp_path, **{name: text})


# --- the network's own hosts ---------------------------------------------------------------------

VATSIMS = [
    "https://data.vatsim.net/v3/vatsim-data.json",
    "https://DATA.VATSIM.NET/v3/x",
    "https://vatsim.net./x",
    "http://someone@data.vatsim.net:8080/x",
]
OTHERS = ["http://127.0.0.1:8002/v3/x", "https://notvatsim.net/x", "https://vatsim.net.evil.org/x"]


@pytest.mark.parametrize("url", VATSIMS)
def test_the_networks_hosts_are_not_polled_more_often_than_every_15_s(
    tmp_path: Path, url: str
) -> None:
    env = {"VATSIM_POLL_INTERVAL": "14.9", "VATSIM_STATUS_URL": "http://localhost/status.json"}
    assert "VATSIM_POLL_INTERVAL=14.9" in faults(tmp_path, **env, VATSIM_API_URL=url)
    assert "VATSIM_POLL_INTERVAL=14.9" in faults(
        tmp_path, **env, VATSIM_API_URL=OTHERS[0], VATSIM_TRANSCEIVERS_URL=url
    )
    assert load(env={"VATSIM_API_URL": url}, directory=tmp_path).vatsim.api_url == url


@pytest.mark.parametrize("url", OTHERS)
def test_any_other_host_may_be_polled_as_often_as_one_likes(tmp_path: Path, url: str) -> None:
    env = {"VATSIM_POLL_INTERVAL": "0.5", "VATSIM_API_URL": url}
    vatsim = load(env=env, directory=tmp_path).vatsim
    assert vatsim.poll_interval_s == 0.5
    # An address that a list of feeds names is looked at when it is known.
    assert vatsim.may_ask(url)
    assert not vatsim.may_ask(VATSIMS[0])


def test_without_an_address_the_list_of_feeds_decides(tmp_path: Path) -> None:
    assert "status.vatsim.net" in faults(tmp_path, VATSIM_POLL_INTERVAL="1")
    env = {"VATSIM_POLL_INTERVAL": "1", "VATSIM_STATUS_URL": "http://localhost:1/status.json"}
    assert load(env=env, directory=tmp_path).vatsim.poll_interval_s == 1


# --- workers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("redis", [False, True])
@pytest.mark.parametrize("database", [False, True])
def test_several_workers_are_refused_unless_they_share_a_database_and_redis(
    redis: bool, database: bool, tmp_path: Path
) -> None:
    given = {"REDIS_URL": "redis://localhost"} if redis else {}
    given |= {"DATABASE_URL": "postgresql://localhost/vatwatch"} if database else {}
    if redis and database:
        assert load(env={"VATWATCH_WORKERS": "2", **given}, directory=tmp_path).is_shared
        return
    said = faults(tmp_path, VATWATCH_WORKERS="2", **given)
    assert "VATWATCH_WORKERS=2: several workers also need" in said
    assert ("REDIS_URL" in said, "DATABASE_URL" in said) == (not redis, not database)
    assert "SERVICE_MAX_WORKERS" not in said


def test_one_worker_needs_neither(tmp_path: Path) -> None:
    assert not load(env={"VATWATCH_WORKERS": "1"}, directory=tmp_path).is_shared


@pytest.mark.parametrize(("workers", "bound"), [("9", "4"), ("2", "1")])
def test_more_workers_than_service_max_workers_are_refused_with_both_numbers(
    workers: str, bound: str, tmp_path: Path
) -> None:
    said = faults(tmp_path, VATWATCH_WORKERS=workers, SERVICE_MAX_WORKERS=bound)
    assert f"VATWATCH_WORKERS={workers}: more than SERVICE_MAX_WORKERS={bound} allows" in said


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("DATABASE_URL", "postgresql://me:s3cret@db:5432/v", "postgresql://me:***@db:5432/v"),
        ("DATABASE_URL", "postgresql://me:s3c%40ret@[::1]/v", "postgresql://me:***@[::1]/v"),
        ("DATABASE_LOCK_URL", "postgresql://me:s3cret@db:5432/v", "postgresql://me:***@db:5432/v"),
        (
            "DATABASE_URL",
            "postgresql://db/v?user=me&password=s3cret",
            "postgresql://db/v?user=me&password=***",
        ),
        ("REDIS_URL", "redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
        (
            "REDIS_URL",
            "redis+sentinel://me:s3cret@a:1,b:2/m/0?sentinel_password=s3cret",
            "redis+sentinel://me:***@a:1,b:2/m/0?sentinel_password=***",
        ),
        (
            "REDIS_URL",
            "unix:///run/redis.sock?password=s3cret",
            "unix:///run/redis.sock?password=***",
        ),
        ("VATSIM_API_URL", "https://me:s3cret@mirror.org/x", "https://me:***@mirror.org/x"),
    ],
)
def test_no_secret_is_shown(tmp_path: Path, name: str, value: str, shown: str) -> None:
    settings = load(env={name: value}, directory=tmp_path)
    found = values(settings)[name]
    assert found == shown
    assert "s3cret" not in repr(settings.database) + repr(settings.cache)


@pytest.mark.parametrize("value", ["mysql://me:s3cret@db/v", "postgresql://me:s3cret@[db/v"])
def test_no_secret_is_shown_in_a_fault(tmp_path: Path, value: str) -> None:
    text = faults(tmp_path, DATABASE_URL=value)
    assert "DATABASE_URL=" in text
    assert "s3cret" not in text


# --- vatwatch.toml and .env ----------------------------------------------------------------------


def test_settings_at_the_top_of_the_toml_count_beside_a_table_of_ours(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text(
        "port = 1001\n[vatwatch]\nvatwatch_host = 'localhost'\nvatwatch_api_keys = ['a', 'b']\n"
    )
    settings = load(env={}, directory=tmp_path)
    assert settings.web.port == 1001
    assert settings.web.host == "localhost"
    assert len(settings.access.api_keys) == 2
    assert sources(settings)["PORT"] == "vatwatch.toml"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("host = '::1'\n", "host is not a setting (did you mean vatwatch_host?)"),
        (
            "[vatwatch]\npoll_interval = 15\n",
            "poll_interval is not a setting (did you mean vatsim_poll_interval?)",
        ),
        ("poll = 15\n", "poll is not a setting (did you mean vatsim_poll_interval?)"),
        ("prot = 1\n[vatwatch]\nport = 2\n", "prot is not a setting (did you mean port?)"),
        ("port = 1\n[vatwatch]\nprot = 2\n", "prot is not a setting (did you mean port?)"),
        ("port = 1\n[vatwatch]\nport = 2\n", "port is there twice, again under [vatwatch]"),
        ("port = 1\nPORT = 2\n", "port is there twice"),
        ("[database]\nurl = 'x'\n", "database is not a setting (write database_url = …"),
        ("[vatwatch.cache]\nttl_default = 5\n", "cache is not a setting (write cache_ttl_default"),
        ("port = true\n", "PORT is on or off"),
        ("vatwatch_host = true\n", "VATWATCH_HOST is on or off"),
        ("vatwatch_host = 5\n", "VATWATCH_HOST=5: must be a text"),
        ("port = 2020-01-01\n", "PORT=2020-01-01: must be a whole number"),
        ("vatwatch_keep_names = 2\n", "VATWATCH_KEEP_NAMES=2: must be on or off"),
        ("vatwatch_api_keys = [1]\n", "VATWATCH_API_KEYS=***: must be a text, or a list of texts"),
        ("vatwatch_api_keys = ['a', '']\n", "VATWATCH_API_KEYS=***: must be a text, or a list"),
        ("database_url = postgresql://me:s3cret@db/v\n", "is not TOML (at line 1, column 16)"),
        ("'postgresql://me:s3cret@db/v' = 1\n", "a name is not a setting"),
    ],
)
def test_a_toml_with_a_fault_is_refused_and_the_near_match_is_named(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "vatwatch.toml").write_text(content)
    text = faults(tmp_path)
    assert said in text
    assert len(text.splitlines()) == 2
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("VATWATCH_HOEM", "VATWATCH_HOME"),
        ("VATSIM_POL_INTERVAL", "VATSIM_POLL_INTERVAL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_URI", "REDIS_URL"),
        ("CACHE_TTL_DEFAULTS", "CACHE_TTL_DEFAULT"),
    ],
)
def test_a_misspelt_name_in_the_env_file_is_a_warning_that_names_the_near_match(
    tmp_path: Path, name: str, guess: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=1\nPOSTGRES_PASSWORD=1\nREDIS_PASSWORD=1\nHOME=/\n")
    (warning,) = load(env={}, directory=tmp_path).warnings
    assert warning == f"{name} in {tmp_path / '.env'} is not a setting (did you mean {guess}?)"


def test_an_env_file_with_a_line_that_is_none_is_a_fault_that_does_not_quote_it(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("PORT=1\n=s3cret\nVATWATCH_API_KEYS='s3cret\n")
    text = faults(tmp_path)
    assert "line 2, 3 is not NAME=value" in text
    assert "s3cret" not in text


# --- in words that say what must be --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VATWATCH_KEEP_NAMES", "maybe", "must be on or off"),
        ("CACHE_TTL_ATC_DATA", "abc", "must be a whole number of seconds"),
        ("CACHE_TTL_ATC_DATA", "1.5", "must be a whole number of seconds"),
        ("CACHE_TTL_ATC_DATA", "9" * 5000, "must be a whole number of seconds"),
        ("CACHE_TTL_ATC_DATA", "0", "must be more than 0"),
        ("DATABASE_TIMEOUT", "soon", "must be a number of seconds"),
        ("DATABASE_TIMEOUT", "nan", "must be a number of seconds"),
        ("DATABASE_MAX_CONNECTIONS", "2", "must be at least 3"),
        ("VATSIM_API_RETRY_ATTEMPTS", "21", "must be at most 20"),
        ("VATWATCH_JOURNAL_MAX_MB", "big", "must be a whole number of MiB"),
        ("VATWATCH_LOG_LEVEL", "loud", "must be debug, info, warning or error"),
        ("PORT", "0", "must be at least 1"),
        ("VATWATCH_ALERT_WEBHOOKS", "ftp://x", "an address that begins with https:// or http://"),
        ("VATWATCH_API_KEYS", " , ,", "is a list without values"),
        ("VATWATCH_API_KEYS", "one,t wo", "number 2 has a space"),
        ("VATWATCH_HOST", "http://here", "without scheme and port"),
        ("VATWATCH_HOST", "127.0.0.1:80", "without scheme and port"),
        ("VATWATCH_HOST", "two hosts", "without scheme and port"),
        ("VATSIM_USER_AGENT", "me\nX-Header: 1", "must be one line"),
        ("VATSIM_CONTACT", "\N{GREEK SMALL LETTER ALPHA}@x", "must be of Latin letters"),
        ("VATWATCH_POSTGRES_BINDIR", "/nonexistent", "must be a directory that exists"),
        ("VATWATCH_POSTGRES_BINDIR", "/etc", "no postgres in it"),
        ("VATWATCH_HOME", "/etc/passwd", "must be a directory, and is a file"),
        ("VATWATCH_HOME", "/etc/passwd/x/y", "/etc/passwd is not a directory"),
        ("VATWATCH_FILTER_BOUNDARY", "/etc", "must be a file that exists"),
        ("VATWATCH_WRITE_RATE", "often", "must be a rate such as 30/minute"),
        ("VATWATCH_POSITIONS_DATA", "/etc,/nowhere", "number 2 must be a file or a directory that"),
        ("VATWATCH_POSITIONS_DATA", "/etc, /etc", "names the same file or address twice"),
        ("VATWATCH_POSITIONS_DATA", "ftp://example.org/x", "begins with http:// or https://"),
        ("VATWATCH_SECTORS", "https://", "must be an address that begins with"),
        ("VATWATCH_SECTORS", "/dev/null", "must be a file or a directory that exists"),
        ("VATWATCH_AREAS_CHECK_HOURS", "0", "must be more than 0"),
        ("VATWATCH_SECTOR_WARNING", "0", "must be more than 0"),
        ("VATWATCH_SECTOR_WARNINGS", "EDGG", "must be NAME=20 or NAME=off"),
        ("VATWATCH_SECTOR_WARNINGS", "A=1,=20", "must be NAME=20 or NAME=off"),
        ("VATWATCH_SECTOR_WARNINGS", "A=0", "must be a number of aircraft, or off"),
        ("VATWATCH_SECTOR_WARNINGS", "A=-2", "must be a number of aircraft, or off"),
        ("VATWATCH_SECTOR_WARNINGS", "A=many", "must be a number of aircraft, or off"),
        ("VATWATCH_SECTOR_WARNINGS", "Low=3,low=4", "names low twice"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_says_what_is_expected(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    (line,) = faults(tmp_path, **{name: value}).splitlines()[1:]
    assert line.startswith(f"  {name}=")
    assert said in line
    assert len(line) < 300


@pytest.mark.parametrize("host", ["::1", "[::1]", "0.0.0.0", "localhost", "fe80::1%eth0"])
def test_a_host_may_be_a_name_or_an_address_of_either_kind(tmp_path: Path, host: str) -> None:
    settings = load(env={"VATWATCH_HOST": host}, directory=tmp_path)
    assert settings.web.host == host.strip("[]")


# --- whether the service can run here ------------------------------------------------------------


def test_a_hard_limit_of_memory_below_a_fresh_worker_is_refused_to_the_service(
    tmp_path: Path,
) -> None:
    env = {"VATWATCH_MEMORY_HARD_MB": "60", "VATWATCH_HOME": str(tmp_path)}
    with pytest.raises(ConfigurationError, match="must be at least 200"):
        load(env=env, directory=tmp_path, for_service=True)
    assert load(env=env, directory=tmp_path).resources.memory_hard_mb == 60


def test_a_home_that_cannot_be_written_is_refused_to_the_service_with_the_reason() -> None:
    # /proc takes no directories from anybody, root included.
    with pytest.raises(ConfigurationError) as refused:
        load(env={"VATWATCH_HOME": "/proc/vatwatch"}, directory=Path("/"), for_service=True)
    (line,) = str(refused.value).splitlines()[1:]
    assert line.startswith("  VATWATCH_HOME=/proc/vatwatch: cannot be written (")


# --- whatever the system or a library raises -----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VATWATCH_HOME", "x" * 5000, "cannot be looked at (file name too long)"),
        ("VATWATCH_POSTGRES_BINDIR", "x" * 5000, "cannot be looked at (file name too long)"),
        ("VATWATCH_FILTER_BOUNDARY", "x" * 5000, "cannot be looked at (file name too long)"),
        ("VATWATCH_POSITIONS_DATA", "x" * 5000, "must be something that can be read (file name"),
        ("VATWATCH_SECTORS", "a\0b", "must be"),
        ("VATWATCH_FILTER_CALLSIGN", "a{99999999999999999999}", "must be a regular expression"),
        ("VATWATCH_FILTER_CALLSIGN", "(" * 9000 + ")" * 9000, "must be a regular expression"),
        ("VATWATCH_HOME", "a\udcffb", "must be one line"),
        ("PORT", "\udcff", "must be text in UTF-8"),
        ("DATABASE_URL", "postgresql://\udcff@db/v", "a space, a line break or a control"),
        ("VATSIM_API_URL", "https://me:x@ho\u2100st/x", "is not an address"),
    ],
)
def test_no_value_of_a_setting_causes_a_crash(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    (line,) = faults(tmp_path, **{name: value}).splitlines()[1:]
    assert said in line
    line.encode()


@given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)), st.text(max_size=12), max_size=4))
def test_any_text_in_any_setting_is_taken_or_refused_in_a_line(env: dict[str, str]) -> None:
    reading = read(env=env, directory=Path("/nowhere"))
    for fault in reading.faults:
        assert fault.isprintable()
    assert len(reading.describe()) > len(DEFAULTS)


NUMBERS = [
    setting
    for setting in describe(load(env={}, directory=Path("/nonexistent")))
    if re.fullmatch(r"\d+(\.\d+)?", setting.default) or setting.unit
]


@pytest.mark.parametrize("name", [setting.name for setting in NUMBERS])
def test_a_number_beyond_all_measure_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    for text in ("1" + "0" * 30, "1e300", "9" * 5000):
        faults = read(env={name: text}, directory=tmp_path).faults
        assert len(faults) == 1
        assert faults[0].startswith(name)
        assert "\n" not in faults[0]
        assert len(faults[0]) < 300


def test_a_toml_that_is_nested_without_end_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("port = " + "[" * 5000)
    assert "vatwatch.toml: is nested too deeply" in faults(tmp_path)


def test_the_former_name_of_a_setting_is_still_read_and_warned_about(tmp_path: Path) -> None:
    found = load(env={"EVENT_BUS_LANE_SIZE": "7"}, directory=tmp_path)
    assert found.events.handler_queue_size == 7
    (warning,) = [text for text in found.warnings if "EVENT_BUS_LANE_SIZE" in text]
    assert "EVENT_BUS_HANDLER_QUEUE_SIZE" in warning
    (tmp_path / "vatwatch.toml").write_text("event_bus_lane_size = 5\n")
    both = {"EVENT_BUS_LANE_SIZE": "7", "EVENT_BUS_HANDLER_QUEUE_SIZE": "8"}
    assert load(env=both, directory=tmp_path).events.handler_queue_size == 8
    assert load(env={}, directory=tmp_path).events.handler_queue_size == 5


def test_the_password_of_an_address_of_areas_is_shown_nowhere(tmp_path: Path) -> None:
    url = "https://me:the-password@example.org/VATSpy.dat"
    for listed in (url, f"{tmp_path},{url}"):
        for more in ({}, {"PORT": "no"}):
            reading = read(env={"VATWATCH_POSITIONS_DATA": listed, **more}, directory=tmp_path)
            (shown,) = [o for o in reading.describe() if o.name == "VATWATCH_POSITIONS_DATA"]
            assert "the-password" not in shown.value
            assert "the-password" in reading.secrets()
            assert str(tmp_path) not in reading.secrets()
