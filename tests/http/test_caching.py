"""What caches and clients are told: tags, dates, how long an answer is fresh, and codings."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import falcon.testing
import pytest
from zstandard import ZstdDecompressor

from tests.actors.harness import Running
from tests.actors.test_snapshot import time_of
from tests.http.test_lists import GIVEN, service
from vatwatch.http.bodies import send_body
from vatwatch.live.records import Body

__all__ = ["service"]

WHOLE = ("/api/flights", "/api/controllers", "/api/atis", "/api/prefiles", "/api/transceivers",
         "/api/network")  # fmt: skip
PART = ("/api/flights?phase=cruise&limit=3", "/api/flights?format=csv", "/api/airports",
        "/api/sectors", "/api/sectors?format=csv", "/api/firs?limit=2")  # fmt: skip


def paths(service: Running) -> list[str]:
    get = service.http.simulate_get
    one = [f"/api/{what}/{get(f'/api/{what}').json[what][0]['callsign']}"
           for what in ("flights", "controllers")]  # fmt: skip
    return [*WHOLE, *PART, *one, f"{one[0]}?format=geojson"]


def test_every_answer_has_what_a_cache_needs_and_its_tag_or_date_is_enough(
    service: Running,
) -> None:
    for path in paths(service):
        answer = service.http.simulate_get(path)
        assert answer.status_code == 200, path
        assert {"accept", "accept-encoding"} <= {
            part.strip() for part in answer.headers["Vary"].lower().split(",")
        }
        assert parsedate_to_datetime(answer.headers["Last-Modified"]) == time_of(GIVEN[-1]).replace(
            microsecond=0
        )
        public, _, age = answer.headers["Cache-Control"].partition(", max-age=")
        assert public == "public"
        assert 1 <= int(age) <= 60
        for headers in (
            {"If-None-Match": answer.headers["ETag"]},
            {"If-Modified-Since": answer.headers["Last-Modified"]},
        ):
            again = service.http.simulate_get(path, headers=headers)
            assert (again.status_code, again.content) == (304, b"")
            for name in ("ETag", "Last-Modified", "Cache-Control", "Vary"):
                assert name in again.headers, path
            head = service.http.simulate_head(path, headers=headers)
            assert (head.status_code, head.headers["ETag"]) == (304, answer.headers["ETag"])


def test_what_has_changed_or_cannot_be_read_is_sent(service: Running) -> None:
    get = service.http.simulate_get
    for path in paths(service):
        plain = get(path)
        modified = parsedate_to_datetime(plain.headers["Last-Modified"])
        before = format_datetime(modified - timedelta(seconds=1), usegmt=True)
        for headers in (
            {"If-None-Match": '"other"'},
            {"If-Modified-Since": before},
            {"If-Modified-Since": "yesterday"},
            {"If-Modified-Since": ""},
            # A tag is more exact than a date, which then says nothing.
            {"If-None-Match": '"other"', "If-Modified-Since": plain.headers["Last-Modified"]},
        ):
            assert get(path, headers=headers).content == plain.content


def test_each_format_of_a_record_has_a_tag_of_its_own(service: Running) -> None:
    path = paths(service)[-3]
    tags = [
        service.http.simulate_get(path, query_string=query).headers["ETag"]
        for query in ("", "format=geojson", "format=csv", "format=ndjson")
    ]
    assert len(set(tags)) == 4
    wrong = service.http.simulate_get(
        path, query_string="format=csv", headers={"If-None-Match": tags[0]}
    )
    assert wrong.status_code == 200


@pytest.mark.parametrize(
    ("offers", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("*", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0.1", "gzip"),
        ("ZSTD ; q=0.3 , gzip;q=0.2", "zstd"),
        ("br", ""),
        ("", ""),
        ("gzip;q=0, *", ""),
        ("gzip;q=0, zstd;q=0", ""),
        ("identity, gzip;q=0.5", ""),
        ("gzip;q=x", ""),
    ],
)
@pytest.mark.parametrize("path", WHOLE)
def test_a_collection_comes_in_the_coding_that_the_client_likes_best(
    service: Running, path: str, offers: str, coding: str
) -> None:
    plain = service.http.simulate_get(path)
    answer = service.http.simulate_get(path, headers={"Accept-Encoding": offers})
    assert answer.headers.get("Content-Encoding", "") == coding
    unpacked = {
        "": bytes,
        "gzip": gzip.decompress,
        "zstd": ZstdDecompressor().decompress,
    }[coding](answer.content)
    assert unpacked == plain.content
    # Other bytes have another tag, and each of them says that nothing has changed.
    assert (answer.headers["ETag"] == plain.headers["ETag"]) is (coding == "")
    for tag in (answer.headers["ETag"], plain.headers["ETag"], f"W/{plain.headers['ETag']}"):
        again = service.http.simulate_get(
            path, headers={"Accept-Encoding": offers, "If-None-Match": tag}
        )
        assert (again.status_code, again.headers["ETag"]) == (304, answer.headers["ETag"])


def test_what_is_asked_for_seldom_is_gzipped_for_who_would_like_zstd_better(
    service: Running,
) -> None:
    for path in PART:
        plain = service.http.simulate_get(path)
        answer = service.http.simulate_get(path, headers={"Accept-Encoding": "zstd, gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.content) == plain.content
        only = service.http.simulate_get(path, headers={"Accept-Encoding": "zstd"})
        assert "Content-Encoding" not in only.headers


class Sent:
    """A resource that answers with a body."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        send_body(req, resp, self.body)


def sent(**times: float) -> falcon.testing.Result:
    app = falcon.App()
    app.add_route("/", Sent(Body(b"{}", b"", '"x"', **times)))  # type: ignore[arg-type]
    return falcon.testing.TestClient(app).simulate_get("/")


@pytest.mark.parametrize(
    ("ahead_s", "ages"),
    [(10.0, range(1, 11)), (-5.0, [1]), (3600.0, [60]), (None, [1])],
)
def test_an_answer_is_fresh_until_the_next_snapshot_is_expected(
    ahead_s: float | None, ages: list[int]
) -> None:
    due_s = 0.0 if ahead_s is None else datetime.now(UTC).timestamp() + ahead_s
    told = sent(due_s=due_s).headers["Cache-Control"]
    assert told in [f"public, max-age={age}" for age in ages]


def test_a_feed_from_the_future_has_no_date_of_change() -> None:
    now_s = int(datetime.now(UTC).timestamp())
    assert "Last-Modified" in sent(modified_s=now_s - 5).headers
    assert "Last-Modified" not in sent(modified_s=now_s + 3600).headers
    assert "Last-Modified" not in sent().headers
