"""`vatwatch status`: one screen about a running service, and an exit code for scripts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer

from tests.actors.harness import KEY, Running, running, settings_for, until
from tests.feed_server import Answer, Conversation, FeedServer, body, drip, reset, status
from tests.fork_server import run_vatwatch
from vatwatch.feed.times import parse_time
from vatwatch.supervision import State

PATIENCE_S = 110


def ask(directory: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_vatwatch(["status", *words], {**os.environ, **environment}, directory, PATIENCE_S)


def as_json(directory: Path, *words: str, **environment: str) -> tuple[int, dict[str, Any]]:
    done = ask(directory, "--json", *words, **environment)
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)


@contextmanager
def over_http(service: Running) -> Iterator[str]:
    server = WSGIServer(("127.0.0.1", 0), service.app, log=None)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stop()


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


def health(service: Running) -> str:
    return str(service.http.simulate_get("/api/status").json["status"])


def test_a_healthy_service_is_code_0_and_fits_on_a_screen(
    tmp_path: Path, database_url: str, feeds: FeedServer
) -> None:
    with running(tmp_path / "home", database_url) as service, over_http(service) as url:
        service.hand_in(feeds.published)
        service.until_stored(parse_time(feeds.published.counts.update_timestamp))
        until(lambda: health(service) == "healthy")
        # As a person would write it.
        done = ask(tmp_path, "--url", url.removeprefix("http://"))
        code, document = as_json(tmp_path, "--url", url)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].startswith("vatwatch ")
    assert lines[0].endswith(f" at {url}: healthy")
    counts = feeds.published.counts
    assert f"{counts.pilots} pilots, " in done.stdout
    assert "external, PostgreSQL 1" in done.stdout
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert code == 0
    assert document["url"] == url
    assert (document["reachable"], document["status"], document["reason"]) == (True, "healthy", "")
    assert document["alerts"] == []
    assert document["service"]["counts"]["pilots"] == counts.pilots


def test_parts_on_standby_are_named_and_do_not_make_it_code_1(
    tmp_path: Path, database_url: str, feeds: FeedServer
) -> None:
    with running(tmp_path / "home", database_url) as service, over_http(service) as url:
        service.hand_in(feeds.published)
        service.until_stored(parse_time(feeds.published.counts.update_timestamp))
        service.tree.want("vatwatch/analysis", wanted=False)
        until(lambda: service.node("subscriptions").state is State.STANDBY)
        until(lambda: health(service) == "healthy")
        done = ask(tmp_path, "--url", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert " are healthy; on standby: subscriptions\n" in done.stdout
    assert "subscriptions is" not in done.stdout


def test_a_service_that_has_lost_its_feed_is_code_1_and_says_why(
    tmp_path: Path, database_url: str, feeds: FeedServer
) -> None:
    with (
        running(tmp_path / "home", database_url, feeds=feeds) as service,
        over_http(service) as url,
    ):
        service.until_next_is_through()
        feeds.say("/vatsim-data.json", always=status("500 Internal Server Error"))
        until(lambda: health(service) == "degraded")
        done = ask(tmp_path, "--url", url)
        code, document = as_json(tmp_path, "--url", url)
    assert (done.returncode, code, document["status"]) == (1, 1, "degraded")
    assert f"{url}: degraded" in done.stdout
    assert document["reason"]
    # Lines are wrapped and cut: the beginning is there in any case.
    assert document["reason"][:40] in " ".join(done.stdout.split())
    assert all(len(line) <= 80 for line in done.stdout.splitlines()[1:])


def test_a_service_whose_health_monitor_is_away_is_code_1(
    tmp_path: Path, database_url: str, feeds: FeedServer
) -> None:
    with (
        running(tmp_path / "home", database_url, feeds=feeds) as service,
        over_http(service) as url,
    ):
        until(lambda: health(service) != "")
        service.tree.stop(PATIENCE_S)
        code, document = as_json(tmp_path, "--url", url)
    assert (code, document["status"], document["service"]) == (1, "unhealthy", None)
    assert document["reachable"] is True
    assert "503" in document["reason"]


def hang(_: Conversation) -> None:
    gevent.sleep(PATIENCE_S)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (body(b"<html>It works!</html>", kind="text/html"), "it is not vatwatch"),
        (body(b'{"status": "green"}'), "it is not vatwatch"),
        (body(b"[1, 2]"), "it is not vatwatch"),
        (status("404 Not Found"), "HTTP 404"),
        (status("503 Service Unavailable"), "HTTP 503"),
        (body(b'{"detail": "Give a key."}', "401 Unauthorized"), "refused (401): Give a key."),
        (hang, "no whole answer within 1 s"),
        (drip, "no whole answer within 1 s"),
        (reset, "no service answers"),
    ],
    ids=["html", "other", "list", "404", "proxy", "401", "hang", "drip", "reset"],
)
def test_what_does_not_say_how_it_is_is_code_2(
    answer: Answer, reason: str, tmp_path: Path, feeds: FeedServer
) -> None:
    feeds.say("/api/status", always=answer)
    code, document = as_json(tmp_path, "--url", feeds.base, "--timeout", "1")
    assert (code, document["reachable"], document["status"]) == (2, False, None)
    assert reason in document["reason"]


def test_no_service_is_code_2_and_says_what_to_do(tmp_path: Path) -> None:
    # Nobody listens on the first port; PORT says where to look without --url.
    for words, environment in ((("--url", "http://127.0.0.1:1"), {}), ((), {"PORT": "1"})):
        done = ask(tmp_path, *words, **environment)
        assert (done.returncode, done.stderr) == (2, "")
        assert "no service answers at http://127.0.0.1:1: is it running?" in done.stdout


def test_other_faulty_settings_do_not_keep_it_from_asking(
    tmp_path: Path, feeds: FeedServer
) -> None:
    feeds.say("/api/status", always=body(b'{"status": "degraded", "reason": "as of tomorrow"}'))
    port = feeds.base.rpartition(":")[2]
    code, document = as_json(tmp_path, PORT=port, VATSIM_POLL_INTERVAL="often")
    assert (code, document["reason"]) == (1, "as of tomorrow")
    done = ask(tmp_path, PORT="none")
    assert done.returncode == 2
    assert "vatwatch check" in done.stderr


def test_a_service_of_another_version_is_told_by_its_health_alone(
    tmp_path: Path, feeds: FeedServer
) -> None:
    feeds.say("/api/status", always=body(b'{"status": "healthy", "reason": "", "version": "9"}'))
    done = ask(tmp_path, "--url", feeds.base)
    assert (done.returncode, done.stdout) == (0, f"vatwatch at {feeds.base}: healthy\n")


def test_a_service_whose_reading_is_not_public_tells_it_to_a_key(
    tmp_path: Path, database_url: str
) -> None:
    keys = {"VATWATCH_API_KEYS": KEY}
    with running(tmp_path / "home", database_url) as service, over_http(service) as url:
        closed = settings_for(
            tmp_path, VATSIM_POLL_INTERVAL=15, VATWATCH_PUBLIC_READS="off", **keys
        )
        service.service.use(closed)
        refused = as_json(tmp_path, "--url", url)
        code, told = as_json(tmp_path, "--url", url, **keys)
    assert refused[0] == 2
    assert "401" in refused[1]["reason"]
    assert code in (0, 1)
    assert told["service"]["version"]
    assert told["alerts"] is not None


def test_it_gives_the_key_of_the_settings_or_of_the_option_and_no_proxy_sees_it(
    tmp_path: Path, feeds: FeedServer
) -> None:
    given: list[str] = []

    def locked(c: Conversation) -> None:
        given.append(c.headers.get("authorization", ""))
        right = given[-1] in ("Bearer the-key-of-the-settings", "Bearer another")
        c.answer("200 OK" if right else "401 Unauthorized", b'{"status": "healthy"}')

    feeds.say("/api/status", always=locked)
    here = ("--url", feeds.base)
    proxy = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    assert as_json(tmp_path, *here, **proxy)[0] == 2
    keys = {"VATWATCH_API_KEYS": "the-key-of-the-settings,not-this-one"}
    assert as_json(tmp_path, *here, **keys, **proxy)[0] == 0
    assert as_json(tmp_path, *here, "--key", "another", **keys)[0] == 0
    assert given[0] == ""
