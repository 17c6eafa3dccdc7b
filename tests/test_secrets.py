"""No secret anywhere: marked ones are put into every setting, and looked for wherever a process
leaves anything, with everything failing.

The markers are words that nothing else says. Whatever is left of a secret after it was encoded,
escaped or cut at one of its special characters has one of them in it.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import redis
from falcon import inspect
from gevent.server import StreamServer

from tests.actors.harness import KEY, Query, as_url, until
from tests.actors.hook_server import HookServer
from tests.feed_server import FeedServer
from tests.fork_server import fork_server
from tests.ports import free_port
from tests.test_server import Process, started
from vatwatch.config.settings import load
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.supervision import Tree
from vatwatch.system import declare

PATIENCE_S = 110
MARKERS = ("Qx7Jmark", "vZ9Kpart", "hM4Wtail")

# What a password may look like, with a marker in each piece that a parser may cut off.
SECRETS = {
    "percent": "Qx7Jmark%se1%vZ9Kpart#hM4Wtail",
    "address": "Qx7Jmark@127.0.0.1:9/vZ9Kpart?hM4Wtail=1&a#",
    "quotes": "Qx7Jmark'\"vZ9Kpart\\hM4Wtail`$(x)",
    "spaces and lines": "Qx7Jmark vZ9Kpart\n\thM4Wtail",
    "unicode": "Qx7Jmark\N{SNOWMAN}vZ9Kpart\N{LATIN SMALL LETTER A WITH DIAERESIS}hM4Wtail",
    "long": "Qx7Jmark" + "0:" * 300 + "vZ9Kpart" + "/" * 300 + "hM4Wtail",
}


def forms_of_markers() -> Iterator[bytes]:
    for marker in MARKERS:
        for text in (marker, marker.lower(), marker[::-1]):
            yield text.encode()
        yield marker.encode().hex().encode()
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + marker.encode())
            yield encoded[-(-8 * before // 6) : 8 * (before + len(marker)) // 6]


FORMS = tuple(forms_of_markers())


def found_in(data: bytes) -> list[bytes]:
    """Each marker that is there, in any form, with what stands around it."""
    places = ((data.find(form), form) for form in FORMS)
    return [data[max(0, at - 80) : at + 80] for at, _ in places if at >= 0]


def encoded(secret: str) -> str:
    return quote(secret, safe="")


def for_http(secret: str) -> str:
    """Percent-encoded, of what Basic authentication can send."""
    return encoded(secret.encode("latin-1", "ignore").decode("latin-1"))


def as_key(secret: str) -> str:
    """A key may have anything in it that a header can hold and a list does not divide at."""
    return "".join(c for c in secret if c.isascii() and c.isprintable() and c not in " ,")


# --- servers that give away what they were told --------------------------------------------------


def echoing_postgresql(conn: socket.socket, _address: object) -> None:
    """Asks for the password in clear, and says it in its refusal."""
    with conn, suppress(OSError, struct.error):
        while True:
            (length, code) = struct.unpack("!ii", conn.recv(8, socket.MSG_WAITALL))
            conn.recv(length - 8, socket.MSG_WAITALL)
            if code in (80877103, 80877104):  # TLS? GSS? no
                conn.sendall(b"N")
                continue
            break
        conn.sendall(b"R" + struct.pack("!ii", 8, 3))
        (_, length) = struct.unpack("!ci", conn.recv(5, socket.MSG_WAITALL))
        password = conn.recv(length - 4, socket.MSG_WAITALL)[:-1]
        fields = b"SFATAL\0C28P01\0Mno such password: " + password + b"\0\0"
        conn.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def echoing_redis(conn: socket.socket, _address: object) -> None:
    """Says what it was sent in its refusal."""
    with conn, suppress(OSError):
        while asked := conn.recv(65536):
            words = asked.replace(b"\r", b" ").replace(b"\n", b" ")
            conn.sendall(b"-WRONGPASS you said " + words + b"\r\n" * 1)


def echoing_feed(conn: socket.socket, _address: object) -> None:
    """Sends a page with the whole request in it."""
    with conn, suppress(OSError):
        asked = conn.recv(65536)
        for line in asked.split(b"\r\n"):
            if line.lower().startswith(b"authorization: basic "):
                asked += base64.b64decode(line.split()[-1])
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(asked)}\r\n\r\n"
        conn.sendall(head.encode() + asked)


@contextmanager
def serving(handle: Callable[[socket.socket, object], None]) -> Iterator[int]:
    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    try:
        yield server.server_port
    finally:
        server.stop()


# --- what a process leaves behind ----------------------------------------------------------------


def every_get(directory: Path) -> list[str]:
    """The address of every endpoint that can be read, with something in the place of names."""
    tree = Tree(declare(load(env={}, directory=directory)))
    app = create_app(AppContext(tree, tree_started(), WriteAuthorization([], rate="1/minute")))
    return [
        "/".join("store" if "{" in part else part for part in route.path.split("/"))
        for route in inspect.inspect_app(app).routes
        for method in route.methods
        if method.method == "GET" and not method.internal
    ]


def tree_started() -> object:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def answer_of(base: str, path: str, **headers: str) -> bytes:
    request = urllib.request.Request(base + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            # A stream has no end; its first block is a whole snapshot.
            endless = answer.headers["Content-Type"].startswith("text/event-stream")
            return bytes(answer.read1() if endless else answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return bytes(error.read())


def assert_no_marker_in_answers(process: Process, paths: list[str], key: str) -> None:
    for path in [*paths, "/api/errors?limit=1000", "/api/events?limit=1000", "/nowhere"]:
        assert not found_in(answer_of(process.base, path)), path
    wrong = {"Authorization": f"Bearer {key}x"}
    for method in ("POST", "DELETE"):
        request = urllib.request.Request(
            process.base + "/api/supervision/faults", data=b"{}", headers=wrong, method=method
        )
        with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
            pass
        with refused.value as error:
            assert not found_in(error.read())


def assert_no_marker_in_files(directory: Path, besides: set[Path]) -> None:
    looked_at = 0
    for file in directory.rglob("*"):
        if file.is_file() and file not in besides:
            with suppress(FileNotFoundError):  # PostgreSQL's come and go
                assert not found_in(file.read_bytes()), file
                looked_at += 1
    assert looked_at


def assert_no_marker_in_processes(process: Process) -> None:
    for one in [psutil.Process(process.popen.pid), *process.family()]:
        with suppress(psutil.NoSuchProcess):
            assert not found_in("\0".join(one.cmdline()).encode()), one


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_leaves_a_service_whose_every_dependency_fails(kind: str, tmp_path: Path) -> None:
    paths, secret = every_get(tmp_path), SECRETS[kind]
    directory = tmp_path
    with (
        serving(echoing_postgresql) as postgresql,
        serving(echoing_redis) as redis_port,
        serving(echoing_feed) as feed,
        HookServer() as hooks,
    ):
        hooks.status = "500 Oh no"
        settings = {
            "DATABASE_URL": f"postgresql://me:{encoded(secret)}@127.0.0.1:{postgresql}/v",
            "REDIS_URL": f"redis://me:{encoded(secret)}@127.0.0.1:{redis_port}/0",
            "VATSIM_API_URL": f"http://me:{for_http(secret)}@127.0.0.1:{feed}/v3/data.json",
            "VATSIM_TRANSCEIVERS_URL": (
                f"http://127.0.0.1:1/v3/radios.json?token={encoded(secret)}"
            ),
            "VATWATCH_API_KEYS": as_key(secret),
            "VATWATCH_ALERT_WEBHOOKS": (
                f"{hooks.url}/{encoded(secret)}?token={encoded(secret)},"
                f"http://me:{for_http(secret)}@127.0.0.1:1/{encoded(secret)}"
            ),
        }
        (directory / "vatwatch.toml").write_text(
            "".join(f"{name.lower()} = {json.dumps(v)}\n" for name, v in settings.items())
        )
        log = directory / "log"
        with started(
            directory / "home",
            log,
            VATWATCH_LOG_LEVEL="debug",
            VATSIM_POLL_INTERVAL=0.2,
            CIRCUIT_BREAKER_TIMEOUT=1,
            VATWATCH_ALERT_HOLD=0,
            VATWATCH_ALERT_DEGRADED_HOLD=0,
            VATWATCH_ALERT_INTERVAL=0.2,
            VATWATCH_ALERT_DELIVER_WITHIN=2,
            VATWATCH_MEMORY_SOFT_MB=1,
        ) as process:
            until(lambda: process.get("/api/status")[0] == 200, log.read_text())
            until(lambda: hooks.tries >= 2, "an alert is told")
            until(
                lambda: len(process.get("/api/errors")[1]["errors"]) >= 3,
                "errors are kept",
            )
            assert_no_marker_in_answers(process, paths, as_key(secret))
            assert_no_marker_in_processes(process)
        assert not found_in(log.read_bytes()), kind
        assert_no_marker_in_files(directory, {directory / "vatwatch.toml"})
        assert not found_in(json.dumps(hooks.taken).encode())


def test_no_secret_is_stored_by_a_service_that_works(tmp_path: Path, database_url: str) -> None:
    """Into PostgreSQL, Redis, and the bodies of webhooks that are taken."""
    secret = SECRETS["percent"]
    program = shutil.which("redis-server")
    assert program is not None
    port = free_port()
    conf = tmp_path / "redis.conf"
    conf.write_text(f'port {port}\nsave ""\nrequirepass "{secret}"\nbind 127.0.0.1\n')
    with (
        ended(subprocess.Popen([program, str(conf)], stdout=subprocess.DEVNULL, cwd=tmp_path)),
        FeedServer() as feeds,
        HookServer() as hooks,
    ):
        mirror = redis.Redis(port=port, password=secret)
        until(lambda: answers(mirror), "Redis answers")
        address = as_url(database_url).replace("?", f"?password={encoded(secret)}&")
        with started(
            tmp_path / "home",
            tmp_path / "log",
            DATABASE_URL=address,
            REDIS_URL=f"redis://:{encoded(secret)}@127.0.0.1:{port}/0",
            VATSIM_API_URL=feeds.url.replace("http://", f"http://me:{for_http(secret)}@"),
            VATWATCH_API_KEYS=f"{as_key(secret)},{KEY}",
            VATWATCH_FAULTS="on",
            VATWATCH_ALERT_WEBHOOKS=f"{hooks.url}/{encoded(secret)}",
            VATWATCH_LOG_LEVEL="debug",
            VATSIM_POLL_INTERVAL=0.2,
            VATWATCH_ALERT_HOLD=0,
            VATWATCH_ALERT_DEGRADED_HOLD=0,
            VATWATCH_ALERT_INTERVAL=0.2,
        ) as process:
            process.until_ready()
            sql = Query(database_url)
            until(lambda: sql.snapshots(), "a snapshot is stored")
            for target in ("store", "cache", "history", "fetcher"):
                fault = json.dumps({"kind": "crash", "target": target, "count": 1}).encode()
                order(process, fault)
            until(lambda: sql("SELECT count(*) FROM errors")[0][0] >= 1, "errors are stored")
            until(lambda: hooks.taken, "an alert is told")
            activity = sql("SELECT application_name, query FROM pg_stat_activity")
            assert not found_in(repr(activity).encode())
            assert mirror.dbsize()
            for name in mirror.scan_iter():
                if mirror.type(name) == b"stream":
                    held = b" ".join(
                        b" ".join(x) for _, e in mirror.xrange(name) for x in e.items()
                    )
                elif mirror.type(name) == b"list":
                    held = b" ".join(mirror.lrange(name, 0, -1))
                elif mirror.type(name) == b"hash":
                    held = b" ".join(part for pair in mirror.hgetall(name).items() for part in pair)
                else:
                    held = mirror.get(name)
                assert not found_in(name + held), name
        for table in sql("SELECT relname FROM pg_stat_user_tables"):
            for row in sql(f'SELECT t::text FROM "{table[0]}" t'):
                assert not found_in(row[0].encode()), table
        for log in (tmp_path / "log", *(tmp_path / "home").glob("*.log*")):
            assert not found_in(log.read_bytes()), log
        assert not found_in(json.dumps(hooks.taken).encode())
        assert_no_marker_in_files(tmp_path / "home", set())


@contextmanager
def ended(server: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def answers(mirror: redis.Redis) -> bool:
    try:
        return bool(mirror.ping())
    except redis.ConnectionError:
        return False


def order(process: Process, fault: bytes) -> None:
    request = urllib.request.Request(
        process.base + "/api/supervision/faults",
        data=fault,
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 201


@pytest.mark.parametrize(
    "words", [("run",), ("check",), ("check", "--json"), ("doctor",), ("replay", ".")]
)
def test_no_secret_is_in_what_a_command_says_of_settings_that_are_wrong(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """As they are pasted, without any encoding."""
    commands = []
    for number, secret in enumerate(SECRETS.values()):
        settings = {
            "DATABASE_URL": f"postgresql://me:{secret}@127.0.0.1:1/v",
            "REDIS_URL": f"redis://:{secret}@127.0.0.1:1/zero",
            "VATSIM_API_URL": f"http://me:{secret}@127.0.0.1:1/v3",
            "VATWATCH_API_KEYS": f"{secret}, with spaces",
            "VATWATCH_ALERT_WEBHOOKS": f"https://hooks.invalid:none/{secret}",
        }
        directory = tmp_path / str(number)
        directory.mkdir()
        env = {**os.environ, "VATWATCH_HOME": str(directory / "home"), "PORT": "0"}
        if number % 3 == 0:
            env |= settings
        elif number % 3 == 1:
            lines = (f"{name}='{value}'\n" for name, value in settings.items())
            (directory / ".env").write_text("".join(lines))
        else:
            lines = (f"{name.lower()} = {json.dumps(v)}\n" for name, v in settings.items())
            (directory / "vatwatch.toml").write_text("".join(lines))
        commands.append(
            (directory / "said", fork_server().start(words, env, directory, directory / "said"))
        )
    with ExitStack() as stack:
        for _, command in commands:
            stack.callback(command.wait)
            stack.callback(command.kill)
        for output, command in commands:
            assert command.wait(PATIENCE_S) == 1
            said = output.read_bytes()
            assert b"PORT=0" in said or b".env: line" in said
            assert not found_in(said)
            assert b"Traceback" not in said
