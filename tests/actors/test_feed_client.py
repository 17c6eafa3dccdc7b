"""Whatever a server answers, and wherever it sends us: a body, or an error with a name."""

from __future__ import annotations

import gc
import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import gevent
import pytest
from gevent.server import StreamServer
from hypothesis import given, settings
from hypothesis import strategies as st

from vatwatch.actors.feed_addresses import addresses_from_status
from vatwatch.actors.feed_client import (
    FeedClient,
    NotModified,
    fault_of,
    shown,
    why,
)
from vatwatch.errors import (
    FeedEmpty,
    FeedError,
    FetchError,
    FetchRedirected,
    FetchStatus,
    FetchTimeout,
    FetchTooLarge,
    FetchUndecodable,
    FetchUnreachable,
)

# A connection that breaks off is left to the garbage collector by urllib3.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FEED = b'{"general": {"update_timestamp": "2026-10-01T11:00:00Z"}}'
LIMIT = 1_000_000
BOMB = gzip.compress(b" " * 50_000_000)


class RawServer:
    """Sends the given bytes to any request, and closes the connection."""

    def __init__(self) -> None:
        self.content = b""
        self.stalls = False
        self.server = StreamServer(("127.0.0.1", 0), self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/feed.json"

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with sock, suppress(OSError):  # the client may have seen enough
            request = b""
            while b"\r\n\r\n" not in request:
                piece = sock.recv(65536)
                if not piece:
                    return
                request += piece
            sock.sendall(self.content)
            if self.stalls:
                gevent.sleep(60)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)  # else what is not read yet would be reset


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    raw = RawServer()
    raw.server.start()
    yield raw
    raw.server.stop(timeout=0)
    gc.collect()  # here, and not in a test of another module


CLIENTS: list[FeedClient] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while CLIENTS:
        CLIENTS.pop().close()


def client(timeout_s: float = 20.0, may_ask: Callable[[str], bool] = lambda _: True) -> FeedClient:
    CLIENTS.append(
        FeedClient(user_agent="test", timeout_s=timeout_s, max_body_bytes=LIMIT, may_ask=may_ask)
    )
    return CLIENTS[-1]


def answer(*headers: str, body: bytes = FEED, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


@pytest.mark.parametrize(
    "content",
    [
        answer(),
        answer("Content-Encoding: gzip", body=gzip.compress(FEED)),
        answer("Content-Encoding: x-gzip", body=gzip.compress(FEED[:9]) + gzip.compress(FEED[9:])),
        answer(body=gzip.compress(FEED)),
        answer("Content-Encoding: gzip"),
        answer("Content-Encoding: br"),
        answer("Content-Encoding: gzip, gzip", body=gzip.compress(gzip.compress(FEED))),
        answer("Content-Encoding: gzip", body=gzip.compress(FEED) + b"\x00" * 10),
        answer("Transfer-Encoding: chunked", body=chunked(FEED[:7], FEED[7:], b"")),
        answer("Content-Length: " + str(len(FEED)), "Content-Type: text/\xff; charset=none"),
        answer("Set-Cookie: a=b; expires=never; max-age=x", "ETag: \x7f"),
    ],
)  # fmt: skip
def test_a_body_is_read_whatever_its_headers_say(server: RawServer, content: bytes) -> None:
    server.content = content
    assert client().get(server.url) == FEED


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (answer(body=b""), FeedEmpty),
        (answer(body=b" \r\n"), FeedEmpty),
        (answer("Content-Encoding: gzip", body=gzip.compress(b"")), FeedEmpty),
        (answer("Content-Encoding: gzip", body=gzip.compress(FEED)[:-9]), FetchUndecodable),
        (answer("Content-Encoding: gzip", body=b"\x1f\x8b" + b"x" * 40), FetchUndecodable),
        (answer("Content-Encoding: br", body=b"\x8b\x0b\x80hello"), FetchUndecodable),
        (answer("Content-Encoding: deflate", body=zlib.compress(FEED)), FetchUndecodable),
        (answer("Content-Encoding: gzip", body=BOMB), FetchTooLarge),
        (answer("Content-Encoding: gzip, gzip", body=gzip.compress(BOMB)), FetchTooLarge),
        (answer(body=b" " * (LIMIT + 1)), FetchTooLarge),
        (answer("Content-Length: 99999999999"), FetchUnreachable),
        (answer("Content-Length: 12, 13"), FetchUnreachable),
        (answer("Transfer-Encoding: chunked", body=b"zz\r\nno\r\n"), FetchUnreachable),
        (answer("Transfer-Encoding: chunked", body=b"ffff\r\nno\r\n"), FetchUnreachable),
        (b"", FetchUnreachable),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FetchUnreachable),
        (b"HTTP/1.1 99999 no\r\n\r\n", FetchUnreachable),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", FetchUnreachable),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", FetchUnreachable),
        (answer(status="404 Not Found"), FetchStatus),
        (answer(status="302 Found"), FetchStatus),
        (answer(status="204 No Content", body=b""), FetchStatus),
        (answer(status="999 What"), FetchStatus),
        (answer("Location: ", status="302 Found"), FetchRedirected),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_answer_has_its_name(
    server: RawServer, content: bytes, error: type[Exception]
) -> None:
    server.content = content
    with pytest.raises(error):
        client().get(server.url)


ODD_ADDRESSES = [
    "http://a..b.example/x",
    "http://.example/",
    "http://*.example/",
    "http://[::1/x",
    "http://[]/",
    "http://[fe80::1%eth0/x",
    "http://host:port/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://" + "a" * 70 + ".example/",
    "http://" + "a." * 200 + "/",
    "http:///only/a/path",
    "http://",
    "//",
    "https://\u2100.example/",
    "http://\ud83d.example/".encode("utf-8", "surrogatepass").decode("latin-1"),
    "http://xn--\u00df.example/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1/",
    "data:application/json,{}",
    "javascript:alert(1)",
    "mailto:a@b.example",
    "http://user:pass word@/",
    "http://exa mple/",
    "\x00",
    "http://\x7f/",
    "http://127.0.0.1:1/",
]


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_a_redirect_to_an_odd_address_is_an_outcome(server: RawServer, address: str) -> None:
    server.content = answer(f"Location: {address}", status="302 Found")
    with pytest.raises(FetchError) as raised:
        client().get(server.url)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_an_odd_address_is_an_outcome(address: str) -> None:
    with pytest.raises(FetchUnreachable) as raised:
        client().get(address)
    assert str(raised.value).isprintable()
    assert raised.value.__context__ is not None or fault_of(address) is not None


def test_a_redirect_is_followed_and_a_loop_is_not(server: RawServer) -> None:
    server.content = answer("Location: /again", status="307 Temporary Redirect")
    with pytest.raises(FetchRedirected, match="more than 5 times"):
        client().get(server.url)
    elsewhere = RawServer()
    elsewhere.content = answer()
    elsewhere.server.start()
    server.content = answer(f"Location: {elsewhere.url}", status="301 Moved Permanently")
    assert client().get(server.url) == FEED
    elsewhere.server.stop(timeout=0)


def test_a_redirect_to_where_we_may_not_ask_so_often_is_not_followed(server: RawServer) -> None:
    server.content = answer("Location: https://data.vatsim.net/v3/x.json", status="302 Found")
    careful = client(may_ask=lambda url: "vatsim" not in url)
    with pytest.raises(FetchRedirected, match=r"may not be asked"):
        careful.get(server.url)


def test_the_body_of_a_redirect_is_not_waited_for(server: RawServer) -> None:
    server.content = answer("Location: file:///x", "Content-Length: 9999999", status="302 Found")
    server.stalls = True
    try:
        with pytest.raises(FetchRedirected):
            client().get(server.url)
        server.content = answer("Content-Length: 9999999")
        with pytest.raises(FetchTimeout):
            client(timeout_s=0.2).get(server.url)
    finally:
        server.stalls = False


HEADERS = st.sampled_from(
    [
        "Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: \x00",
        "Content-Encoding: gzip, br, zstd", "Transfer-Encoding: chunked", "Content-Length: 0",
        "Transfer-Encoding: gzip, chunked", "Content-Length: -7", "Content-Length: 7, 7",
        "Content-Length: 18446744073709551616", "Content-Length: \u0665", "Content-Type: \udcff",
        "Set-Cookie: =;;;", "Location: http://[", "Location: \udcff\udcfe", "Connection: upgrade",
        "ETag: ", "no colon at all", ": nothing before", " folded", "Last-Modified: 31.02.2026",
        "Refresh: 0", "Content-Range: bytes 0-5/", "Link: <http://[>", "WWW-Authenticate: Digest",
    ]
)  # fmt: skip
STATUSES = st.sampled_from(
    ["200 OK", "200", "200 \x00", "206 Partial", "301 Moved", "302 Found", "303 See", "304 Not",
     "307 T", "308 P", "401 No", "407 Proxy", "100 Continue", "101 Switch", "500 X", "600 Y"]
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [FEED, gzip.compress(FEED), gzip.compress(FEED)[:-4], BOMB, zlib.compress(FEED),
         b"\x28\xb5\x2f\xfd" + b"\x00" * 20, chunked(FEED, b""), b"5\r\nab", b"-1\r\n\r\n"]
    ),
)  # fmt: skip


@given(
    content=st.one_of(
        st.builds(
            lambda status, headers, body: answer(*headers, body=body, status=status),
            STATUSES,
            st.lists(HEADERS, max_size=4),
            BODIES,
        ),
        st.binary(max_size=300),
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_a_server_answers_is_a_body_or_an_error_with_a_name(
    server: RawServer, content: bytes
) -> None:
    server.content = content
    asking = client()
    for _ in range(2):  # the second time with whatever validators it gave
        got = outcome(asking, server.url)
        if isinstance(got, bytes):
            assert len(got) <= LIMIT
        else:
            assert str(got).isprintable()
            assert len(str(got)) < 1000
    asking.close()


def outcome(asking: FeedClient, url: str) -> bytes | Exception:
    try:
        return asking.get(url)
    except (FetchError, FeedEmpty, NotModified) as error:
        return error


@given(st.text(max_size=60).map(lambda text: f"http://{text}") | st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_whatever_an_address_is_it_can_be_shown_and_judged(url: str) -> None:
    assert shown(url).isprintable()
    fault_of(url)


def test_no_password_of_an_address_is_shown() -> None:
    url = "http://reader:s3cret@127.0.0.1:1/feed.json?key=s3cret"
    with pytest.raises(FetchUnreachable) as raised:
        client().get(url)
    assert "s3cret" not in str(raised.value)
    assert shown(url) == "http://127.0.0.1:1/feed.json?***"


def test_the_reason_is_given_in_few_words() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/feed.json"
        with pytest.raises(FetchUnreachable) as raised:
            client().get(url)
    assert str(raised.value) == f"{url}: connection refused"
    assert why(OSError(113, "No route to host")) == "no route to host"
    assert why(KeyError("x")) == "no usable answer (KeyError)"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(ODD_ADDRESSES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "v3", "transceivers", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=50) | JSON.map(lambda page: json.dumps(page).encode()))
def test_a_status_page_of_any_shape_gives_addresses_that_can_be_asked_or_an_error_with_a_name(
    page: bytes,
) -> None:
    try:
        lists = addresses_from_status(page)
    except FeedError:
        return
    assert all(fault_of(url) is None for addresses in lists for url in addresses)


def test_addresses_of_a_status_page_that_cannot_be_asked_are_left_out() -> None:
    page = b'\xef\xbb\xbf{"data": {"v3": ["http://a..b/v3.json", 7, "http://good/v3"], '
    page += b'"transceivers": "http://good/t"}}'
    assert addresses_from_status(page) == (["http://good/v3"], ["http://good/t"])


def test_an_odd_header_leaves_no_line_and_no_traceback_in_the_log(
    server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.content = answer(": nothing before", "no colon at all")
    assert client().get(server.url) == FEED
    assert caplog.text == ""
