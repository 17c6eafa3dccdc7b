"""The Compose file, read as Compose reads it: its services find each other, and keep their data."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from vatwatch.config.settings import Settings, describe, load
from vatwatch.server.descriptors import descriptors_needed
from vatwatch.server.master import STOP_MARGIN_S

ROOT = Path(__file__).parents[1]
# The image of the service, started by these.
OURS = ("app", "web")


@pytest.fixture
def compose() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(env={}, directory=tmp_path)


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)(s|m)", text)
    assert match, text
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def by_default(text: str) -> str:
    """What Compose makes of it if `.env` says nothing."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def of_profile(compose: dict[str, Any], profile: str | None) -> set[str]:
    services = compose["services"].items()
    return {name for name, one in services if one.get("profiles", [None]) == [profile]}


def test_without_a_profile_the_services_are_app_postgres_and_redis(compose: dict[str, Any]) -> None:
    assert of_profile(compose, None) == {"app", "postgres", "redis"}
    assert of_profile(compose, "proxy") == {"web", "proxy"}
    assert of_profile(compose, None) | of_profile(compose, "proxy") == set(compose["services"])


def test_the_app_waits_until_the_others_are_healthy_and_each_says_whether_it_is(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for ours in OURS:
        assert set(services[ours]["depends_on"]) == {"postgres", "redis"}
        for name, condition in services[ours]["depends_on"].items():
            assert condition == {"condition": "service_healthy"}
            check = services[name]["healthcheck"]
            assert check["test"][0] in ("CMD", "CMD-SHELL")
            assert seconds(check["timeout"]) <= seconds(check["interval"])
    # The app's own check is in the image.
    assert "/healthz" in (ROOT / "Dockerfile").read_text()


def test_the_app_looks_for_the_others_under_the_names_of_their_services(
    compose: dict[str, Any],
) -> None:
    passwords = {"POSTGRES_PASSWORD": "one", "REDIS_PASSWORD": "two"}

    def filled_in(text: str) -> str:
        return re.sub(r"\$\{(\w+):[^}]*\}", lambda found: passwords[found[1]], text)

    for ours in OURS:
        environment = compose["services"][ours]["environment"]
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
    # All in one: who comes next goes on with what somebody has left.
    for ours in OURS:
        assert mounts[ours] == [["vatwatch", "/var/lib/vatwatch"]]
    assert "VATWATCH_HOME=/var/lib/vatwatch" in (ROOT / "Dockerfile").read_text()
    assert mounts["postgres"] == [["postgresql", "/var/lib/postgresql/data"]]
    named = {mount[0] for found in mounts.values() for mount in found}
    files = {name for name in named if name.startswith("./")}
    assert set(compose["volumes"]) == named - files
    assert all((ROOT / name).is_file() for name in files)


def test_the_app_has_its_settings_and_its_port_and_may_take_its_time_to_stop(
    compose: dict[str, Any], settings: Settings
) -> None:
    app = compose["services"]["app"]
    (port,) = app["ports"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(f":{settings.web.port}")
    known = {one.name: one for one in describe(settings)}
    for name in OURS:
        service = compose["services"][name]
        assert set(service["environment"]) <= known.keys()
        limit_s = settings.service.shutdown_timeout_s + STOP_MARGIN_S
        assert seconds(service["stop_grace_period"]) > limit_s


def test_without_a_dot_env_the_app_has_the_defaults_of_the_settings(
    compose: dict[str, Any], settings: Settings
) -> None:
    environment = compose["services"]["app"]["environment"]
    given = {
        name: by_default(text) for name, text in environment.items() if not name.endswith("_URL")
    }
    assert {name for name in given if "$" in given[name]} == set()
    read = load(env=given, directory=settings.origin.directory)
    assert read.warnings == ()
    defaults = {one.name: one.value for one in describe(settings)}
    assert {one.name: one.value for one in describe(read)} == defaults


def test_the_containers_behind_the_proxy_are_as_the_app_and_no_port_of_theirs_clashes(
    compose: dict[str, Any],
) -> None:
    app, web = compose["services"]["app"], compose["services"]["web"]
    own = {"profiles", "networks", "deploy", "ports", "environment"}
    assert {name: app[name] for name in app.keys() - own} == {
        name: web[name] for name in web.keys() - own
    }
    differ = {
        name for name, value in app["environment"].items() if web["environment"].get(name) != value
    }
    assert differ == {"VATWATCH_TRUSTED_PROXIES"}
    assert app["environment"].keys() == web["environment"].keys()
    assert "ports" not in web
    assert "container_name" not in web
    assert web["deploy"]["replicas"] >= 2


def test_what_the_proxy_says_of_its_clients_is_believed_and_nobody_elses(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    front = {name for name, one in services.items() if "front" in one.get("networks", [])}
    assert front == {"web", "proxy"}
    assert services["proxy"]["networks"] == ["front"]
    assert "default" in services["web"]["networks"]  # the database and Redis are there
    (config,) = compose["networks"]["front"]["ipam"]["config"]
    trusted = services["web"]["environment"]["VATWATCH_TRUSTED_PROXIES"]
    assert trusted == config["subnet"]
    assert ip_network(by_default(trusted)).is_private
    assert by_default(services["app"]["environment"]["VATWATCH_TRUSTED_PROXIES"]) == ""


def test_the_proxy_is_for_this_machine_alone_at_another_port_than_the_app(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    (port,) = services["proxy"]["ports"]
    host, published, inside = by_default(port).rsplit(":", 2)
    assert host == "127.0.0.1"
    assert f"bind :{inside}\n" in (ROOT / "deploy" / "haproxy.cfg").read_text()
    assert published != by_default(services["app"]["ports"][0]).split(":")[1]
    assert re.fullmatch(r"haproxy:\d+\.\d+", services["proxy"]["image"])
    assert services["proxy"]["depends_on"] == ["web"]


@pytest.mark.parametrize("name", ["app", "web", "proxy"])
def test_a_container_has_no_rights_and_writes_where_it_must_alone(
    name: str, compose: dict[str, Any]
) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if name in OURS:
        assert service["tmpfs"] == ["/tmp"]


def test_there_are_descriptors_and_connections_enough_for_as_many_workers_as_may_be(
    compose: dict[str, Any], settings: Settings
) -> None:
    services = compose["services"]
    needed = descriptors_needed(settings.web.stream_clients, settings.database.max_connections)
    for ours in OURS:
        assert services[ours]["ulimits"]["nofile"] > 2 * needed
    config = (ROOT / "deploy" / "haproxy.cfg").read_text()
    (most,) = re.findall(r"^ +maxconn (\d+)$", config, re.MULTILINE)
    assert services["proxy"]["ulimits"]["nofile"] > 2 * int(most)
    (connections,) = re.findall(
        r"max_connections=(\d+)", by_default(services["postgres"]["command"][-1])
    )
    workers = settings.service.max_workers
    # PostgreSQL keeps three for itself.
    assert int(connections) - 3 > workers * settings.database.max_connections


def stages() -> list[str]:
    """Of the Dockerfile: what one makes, and what is left of it."""
    return re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]


def test_the_image_runs_as_a_user_without_rights_and_installs_nothing() -> None:
    _, image = stages()
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", image, re.MULTILINE)[0]
    assert f"--uid {user} " in image
    assert f"--gid {group} " in image
    assert int(user) > 0
    assert "pip uninstall" in image
    assert "pip install" not in image


def test_every_package_of_the_wheel_is_in_the_image() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    packages = {path.parent.name for path in ROOT.glob("vat*/__init__.py")}
    assert set(copied) == packages
