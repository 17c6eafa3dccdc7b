"""What is in deploy/, read as the tools read it, fits the service and the rest of it."""

from __future__ import annotations

import re
import shlex
import socket
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from falcon import inspect

from tests.actors.harness import as_url
from tests.process import PATIENCE_S, started
from tests.test_containers import seconds
from vatwatch.cli import main
from vatwatch.config.settings import Settings, describe, load
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.stream_client import HEARTBEAT_S
from vatwatch.server.descriptors import descriptors_needed
from vatwatch.server.master import STOP_MARGIN_S
from vatwatch.supervision import Tree
from vatwatch.system import declare
from vatwatch.wiring import POSTGRES_STOP_S

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
# The stream is silent for no longer than this.
SILENT_S = 1.2 * HEARTBEAT_S
HOME = "/var/lib/vatwatch"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(env={}, directory=tmp_path)


@pytest.fixture
def names(settings: Settings) -> set[str]:
    """Of all settings."""
    return {one.name for one in describe(settings)}


@pytest.fixture
def stop_s(settings: Settings) -> float:
    """How long an ordered stop may take, with an embedded PostgreSQL."""
    return settings.service.shutdown_timeout_s + STOP_MARGIN_S + POSTGRES_STOP_S


@pytest.fixture(scope="module")
def routes() -> set[str]:
    tree = Tree(declare(load(env={}, directory=DEPLOY)))
    service = AppContext(tree, datetime.now(UTC), WriteAuthorization([], rate="1/minute"))
    return {route.path for route in inspect.inspect_app(create_app(service)).routes}


def test_every_file_is_told_of_in_the_docs() -> None:
    text = (ROOT / "docs" / "scaling.md").read_text()
    files = [str(path.relative_to(ROOT)) for path in DEPLOY.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert [name for name in files if f"`{name}`" not in text] == []


# --- the proxy -----------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> dict[str, list[str]]:
    """The lines of haproxy.cfg, by the first word of their section."""
    found, section = defaultdict(list), ""
    for line in (DEPLOY / "haproxy.cfg").read_text().splitlines():
        text = line.partition("#")[0].rstrip()
        if text and not text.startswith(" "):
            section = text.split()[0]
        elif text:
            found[section].append(text.strip())
    return found


def after(lines: list[str], beginning: str) -> str:
    """The rest of the one line that begins so."""
    (line,) = (one for one in lines if one.startswith(f"{beginning} "))
    return line.removeprefix(f"{beginning} ")


def test_the_proxy_sends_to_the_containers_of_compose_at_the_port_of_the_service(
    proxy: dict[str, list[str]], settings: Settings
) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    most, server = after(proxy["backend"], "server-template node").split()
    name, port = server.split(":")
    assert services[name]["profiles"] == services["proxy"]["profiles"]
    assert int(port) == settings.web.port
    assert int(most) >= services[name]["deploy"]["replicas"]
    assert services["proxy"]["volumes"] == [
        "./deploy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"
    ]


def test_the_proxy_looks_whether_each_of_them_has_something_to_serve(
    proxy: dict[str, list[str]], routes: set[str]
) -> None:
    assert "option httpchk" in proxy["backend"]
    asked = shlex.split(after(proxy["backend"], "http-check send"))
    assert asked[asked.index("uri") + 1] == "/readyz"
    assert "/readyz" in routes
    assert after(proxy["backend"], "http-check expect") == "status 200"
    assert after(proxy["backend"], "default-server").startswith("check ")


def test_the_proxy_neither_keeps_the_stream_back_nor_takes_its_silence_for_the_end(
    proxy: dict[str, list[str]],
) -> None:
    lines = [line for section in proxy.values() for line in section]
    assert "option http-no-delay" in proxy["defaults"]
    kept_back = ("option http-buffer-request", "filter ", "compression", "http-response wait")
    assert [line for line in lines if line.startswith(kept_back)] == []
    for side in ("client", "server"):
        assert seconds(after(proxy["defaults"], f"timeout {side}")) > 2 * SILENT_S
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    grace_s = seconds(services["proxy"]["stop_grace_period"])
    assert seconds(after(proxy["global"], "hard-stop-after")) < grace_s


def test_the_proxy_asks_again_only_what_may_be_asked_twice(proxy: dict[str, list[str]]) -> None:
    backend = proxy["backend"]
    assert set(after(backend, "retry-on").split()) == {"conn-failure", "empty-response"}
    assert after(backend, "http-request") == "disable-l7-retry unless { method GET HEAD }"
    assert "option forwardfor" in proxy["frontend"]


# --- systemd -------------------------------------------------------------------------------------


@pytest.fixture
def unit() -> dict[str, list[str]]:
    """The values of the section [Service], by their names."""
    found, section = defaultdict(list), ""
    for line in (DEPLOY / "systemd" / "vatwatch.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def environment_in(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def test_the_unit_starts_a_command_that_there_is(unit: dict[str, list[str]]) -> None:
    (command,) = unit["ExecStart"]
    program, name, *more = shlex.split(command)
    assert (Path(program).name, more) == ("vatwatch", [])
    assert name in main.commands


def test_the_unit_has_the_home_in_the_directory_that_systemd_makes(
    unit: dict[str, list[str]], names: set[str]
) -> None:
    environment = dict(one.split("=", 1) for one in unit["Environment"])
    assert environment.keys() <= names
    assert environment["VATWATCH_HOME"] == HOME == f"/var/lib/{unit['StateDirectory'][0]}"
    # All else cannot be written.
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["PrivateTmp"] == ["yes"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["User"] == ["vatwatch"]


def test_the_unit_reads_its_settings_where_the_docs_tell_to_put_them(
    unit: dict[str, list[str]], names: set[str]
) -> None:
    (directory,) = unit["WorkingDirectory"]
    assert directory == f"/etc/{unit['ConfigurationDirectory'][0]}"
    (file,) = unit["EnvironmentFile"]
    assert file == f"-{directory}/vatwatch.env"
    assert environment_in(DEPLOY / "systemd" / "vatwatch.env.example").keys() <= names
    # One that is not the service's own: systemd would win over the file that is read again.
    assert not (DEPLOY / "systemd" / ".env").exists()


def test_the_unit_gives_the_service_the_time_the_signals_and_the_descriptors_that_it_needs(
    unit: dict[str, list[str]], settings: Settings, stop_s: float
) -> None:
    assert float(unit["TimeoutStopSec"][0]) > stop_s
    assert unit["KillMode"] == ["mixed"]
    assert unit["Restart"] == ["on-failure"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    needed = descriptors_needed(settings.web.stream_clients, settings.database.max_connections)
    assert int(unit["LimitNOFILE"][0]) > 2 * needed


def test_the_main_process_tells_systemd_when_it_listens(
    unit: dict[str, list[str]], tmp_path: Path, database_url: str
) -> None:
    assert (unit["Type"], unit["NotifyAccess"]) == (["notify"], ["main"])
    with (
        TemporaryDirectory(prefix="sd-", dir="/tmp") as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(f"{short}/notify")
        systemd.settimeout(PATIENCE_S)
        with started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=as_url(database_url),
            NOTIFY_SOCKET=f"{short}/notify",
            VATSIM_API_URL="http://127.0.0.1:9/",
        ) as process:
            assert "READY=1" in systemd.recv(4096).decode().splitlines()
            with socket.create_connection(("127.0.0.1", process.port), timeout=PATIENCE_S):
                pass


# --- Kubernetes ----------------------------------------------------------------------------------

KUBERNETES = DEPLOY / "kubernetes"


def documents(path: Path) -> Iterator[dict[str, Any]]:
    for one in yaml.safe_load_all(path.read_text()):
        assert isinstance(one, dict), path
        yield one


@pytest.fixture
def kustomization() -> dict[str, Any]:
    (found,) = documents(KUBERNETES / "kustomization.yaml")
    return found


@pytest.fixture
def objects(kustomization: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is applied, by kind and name."""
    return {
        (one["kind"], one["metadata"]["name"]): one
        for name in kustomization["resources"]
        for one in documents(KUBERNETES / name)
    }


@pytest.fixture
def workload(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["StatefulSet", "vatwatch"]["spec"]
    return found


@pytest.fixture
def pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["template"]["spec"]
    return found


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["containers"]
    assert isinstance(found, dict)
    return found


def test_every_manifest_is_applied_or_says_that_it_is_an_example(
    kustomization: dict[str, Any],
) -> None:
    manifests = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    examples = {name for name in manifests if name.endswith(".example.yaml")}
    assert set(kustomization["resources"]) == manifests - examples
    for name in examples:
        assert (KUBERNETES / name).read_text().startswith("# Not in kustomization.yaml")
    (generated,) = kustomization["configMapGenerator"]
    assert all((KUBERNETES / name).is_file() for name in generated["files"])
    assert [one["name"] for one in kustomization["images"]] == ["vatwatch"]


def test_all_that_chooses_pods_chooses_those_of_the_workload(
    objects: dict[tuple[str, str], dict[str, Any]], workload: dict[str, Any], pod: dict[str, Any]
) -> None:
    labels = workload["template"]["metadata"]["labels"]
    assert workload["selector"]["matchLabels"] == labels
    for spread in pod["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == labels
    budget = objects["PodDisruptionBudget", "vatwatch"]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert workload["replicas"] - budget["maxUnavailable"] >= 1
    for name in ("vatwatch", workload["serviceName"]):
        assert objects["Service", name]["spec"]["selector"] == labels
    assert objects["Service", workload["serviceName"]]["spec"]["clusterIP"] == "None"


def test_each_probe_asks_its_own_question_at_the_port_of_the_service(
    container: dict[str, Any], routes: set[str], settings: Settings
) -> None:
    (port,) = container["ports"]
    assert port["containerPort"] == settings.web.port
    asked = {}
    for question in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[question]
        assert probe["httpGet"]["port"] == port["name"]
        assert probe["timeoutSeconds"] <= probe["periodSeconds"]
        asked[question] = probe["httpGet"]["path"]
    assert set(asked.values()) <= routes
    assert asked == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    alive = container["livenessProbe"]
    # The main process replaces a worker that hangs; a pod is not to be killed meanwhile.
    patience_s = alive["periodSeconds"] * alive["failureThreshold"]
    assert patience_s > settings.resources.hub_timeout_s


def test_services_and_the_ingress_lead_to_the_port_of_the_pods(
    objects: dict[tuple[str, str], dict[str, Any]], container: dict[str, Any]
) -> None:
    (port,) = container["ports"]
    for (kind, _), one in objects.items():
        if kind == "Service":
            assert [each["targetPort"] for each in one["spec"]["ports"]] == [port["name"]]
    (ingress,) = documents(KUBERNETES / "ingress.example.yaml")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    target = path["backend"]["service"]
    named = objects["Service", target["name"]]["spec"]["ports"]
    assert [one["name"] for one in named] == [target["port"]["name"]]
    said = {
        name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()
    }
    assert said["proxy-buffering"] == "off"
    assert int(said["proxy-read-timeout"]) > 2 * SILENT_S
    assert "non_idempotent" not in said["proxy-next-upstream"]


def test_a_pod_has_time_to_stop(
    pod: dict[str, Any], container: dict[str, Any], stop_s: float
) -> None:
    program, pause_s = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert pod["terminationGracePeriodSeconds"] >= stop_s + int(pause_s)


def test_a_pod_has_settings_that_there_are(
    pod: dict[str, Any],
    container: dict[str, Any],
    kustomization: dict[str, Any],
    names: set[str],
    settings: Settings,
) -> None:
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment.keys() <= names
    assert load(env=environment, directory=settings.origin.directory).warnings == ()
    # A Service with the name vatwatch would set others.
    assert pod["enableServiceLinks"] is False
    # The file is read as a pod reads it, as it is, and with what it proposes.
    text = (KUBERNETES / "vatwatch.toml").read_text()
    proposed = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    assert proposed != text
    for content in (text, proposed):
        (settings.origin.directory / "vatwatch.toml").write_text(content)
        read = load(env={}, directory=settings.origin.directory)
        assert read.warnings == ()
        assert read.logs.files is False
    (secret,) = documents(KUBERNETES / "secret.example.yaml")
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert secret["stringData"].keys() <= names
    assert set(secret["stringData"].values()) == {""}
    (generated,) = kustomization["configMapGenerator"]
    mounted = {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one}
    assert mounted == {generated["name"]}
    # With a hash in its name a change would start all pods again.
    assert kustomization["generatorOptions"] == {"disableNameSuffixHash": True}


def test_a_pod_writes_to_its_volume_and_to_tmp_alone(
    pod: dict[str, Any], container: dict[str, Any], workload: dict[str, Any], settings: Settings
) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
    assert {path for path, one in mounts.items() if not one.get("readOnly")} == {HOME, "/tmp"}
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["VATWATCH_HOME"] == HOME
    (claim,) = workload["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == mounts[HOME]["name"]
    size = claim["spec"]["resources"]["requests"]["storage"]
    assert int(size.removesuffix("Gi")) * 1024 > settings.journal.max_mb
    assert mounts[container["workingDir"]]["name"] == "settings"


def test_a_pod_is_the_user_of_the_image(pod: dict[str, Any]) -> None:
    image = (ROOT / "Dockerfile").read_text()
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in image
    assert context["fsGroup"] == context["runAsGroup"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
