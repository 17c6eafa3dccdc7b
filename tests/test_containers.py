"""The Compose file, read as Compose reads it: its services find each other, and keep their data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from vatwatch.config.settings import describe, load

ROOT = Path(__file__).parents[1]


@pytest.fixture
def compose() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(found, dict)
    return found


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)(s|m)", text)
    assert match, text
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def test_the_services_are_named_app_postgres_and_redis(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"app", "postgres", "redis"}


def test_the_app_waits_until_the_others_are_healthy_and_each_says_whether_it_is(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert set(services["app"]["depends_on"]) == {"postgres", "redis"}
    for name, condition in services["app"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        check = services[name]["healthcheck"]
        assert check["test"][0] in ("CMD", "CMD-SHELL")
        assert seconds(check["timeout"]) <= seconds(check["interval"])
    # The app's own check is in the image.
    assert "/healthz" in (ROOT / "Dockerfile").read_text()


def test_the_app_looks_for_the_others_under_the_names_of_their_services(
    compose: dict[str, Any],
) -> None:
    environment = compose["services"]["app"]["environment"]
    passwords = {"POSTGRES_PASSWORD": "one", "REDIS_PASSWORD": "two"}

    def filled_in(text: str) -> str:
        return re.sub(r"\$\{(\w+):[^}]*\}", lambda found: passwords[found[1]], text)

    database = urlsplit(filled_in(environment["DATABASE_URL"]))
    redis = urlsplit(filled_in(environment["REDIS_URL"]))
    assert (database.hostname, redis.hostname) == ("postgres", "redis")
    server = compose["services"]["postgres"]["environment"]
    assert database.username == server["POSTGRES_USER"]
    assert database.path == f"/{server['POSTGRES_DB']}"
    assert database.password == filled_in(server["POSTGRES_PASSWORD"]) == "one"
    assert redis.password == filled_in(compose["services"]["redis"]["command"][-1]) == "two"


def test_what_must_outlive_a_container_is_in_a_volume_that_is_declared(
    compose: dict[str, Any],
) -> None:
    mounts = {
        name: [mount.split(":") for mount in service.get("volumes", [])]
        for name, service in compose["services"].items()
    }
    assert mounts["app"] == [["vatwatch", "/var/lib/vatwatch"]]
    assert "VATWATCH_HOME=/var/lib/vatwatch" in (ROOT / "Dockerfile").read_text()
    assert mounts["postgres"] == [["postgresql", "/var/lib/postgresql/data"]]
    assert set(compose["volumes"]) == {volume for found in mounts.values() for volume, _ in found}


def test_the_app_has_its_settings_and_its_port_and_may_take_its_time_to_stop(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    app = compose["services"]["app"]
    settings = load(env={}, directory=tmp_path)
    assert set(app["environment"]) <= {one.name for one in describe(settings)}
    (port,) = app["ports"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(f":{settings.web.port}")
    assert seconds(app["stop_grace_period"]) > settings.service.shutdown_timeout_s


def test_every_package_of_the_wheel_is_in_the_image() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    packages = {path.parent.name for path in ROOT.glob("vat*/__init__.py")}
    assert set(copied) == packages
