"""The two clients: the same questions, asked at once or awaited."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Any, TypeVar, Unpack
from urllib.parse import urlsplit

import httpx

from vatwatch.client.calls import Call, EachAwaited, EachNow
from vatwatch.client.endpoints import Endpoints
from vatwatch.client.exchange import Answered, KeptAnswers, Pause, Send, Steps, change, get
from vatwatch.client.failures import ConnectionCut, NoAnswer
from vatwatch.client.following import SILENCE_S, Following
from vatwatch.client.state import Present
from vatwatch.client.streams import AsyncMessageStream, MessageStream
from vatwatch.client.types.queries import FollowQuery
from vatwatch.client.values import query_of

T = TypeVar("T")

# Where a service is that nobody has told to be elsewhere.
HERE = "http://127.0.0.1:8001"
URL, KEY = "VATWATCH_URL", "VATWATCH_KEY"
TIMEOUT_S = 30.0
# How long one call may wait in all where the service says "later".
PATIENCE_S = 60.0
# No answer is a tenth as long.
MOST_BYTES = 512 * 1024 * 1024


class _Asker(Endpoints):
    """What both clients are made of."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """
        Args:
            url: the address of the service; without it `VATWATCH_URL`, or this machine
            key: an API key; without it `VATWATCH_KEY`, or none
            timeout_s: how long to wait for a connection, for the next bytes, and for a whole answer
            patience_s: how long a call may wait in all where it is asked to come later (429, 503)

        Raises:
            ValueError: the address cannot be one
        """
        url = url or os.environ.get(URL) or HERE
        key = key or os.environ.get(KEY)
        self._url = _address(url)
        # Without a name and a password that may stand in it.
        self._shown = str(httpx.URL(self._url).copy_with(username="", password=""))
        self._headers = {"User-Agent": "vatwatch-client"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout_s, self._patience_s = timeout_s, patience_s
        self._kept = KeptAnswers()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown!r})"

    def _options(self) -> dict[str, Any]:
        # A proxy of the environment is for the outside, and does not reach this machine.
        return {
            "base_url": self._url,
            "headers": self._headers,
            "timeout": self._timeout_s,
            "trust_env": not _is_here(self._url),
        }

    def _steps(self, call: Call[Any]) -> Steps:
        if call.method == "GET":
            return get(call.request(), self._kept, self._patience_s)
        return change(call.request(), self._patience_s)

    def _deadline(self) -> Deadline:
        return Deadline(self._timeout_s)

    def _lost(self, error: httpx.HTTPError) -> NoAnswer:
        if isinstance(error, httpx.TimeoutException):
            return NoAnswer(f"{self._shown} gave no answer within {self._timeout_s:g} s")
        if isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
            return ConnectionCut(f"{self._shown} has cut the connection")
        return NoAnswer(f"no service answers at {self._shown}: {error or type(error).__name__}")


class Deadline:
    """Bounds the time and the length of one answer: httpx bounds each wait alone."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s
        self._pieces: list[bytes] = []
        self._length = 0

    def take(self, piece: bytes) -> None:
        """A part of the body.

        Raises:
            NoAnswer: it takes too long, or is too long
        """
        self._pieces.append(piece)
        self._length += len(piece)
        if time.monotonic() > self._until:
            raise NoAnswer(f"the answer was not whole within {self._timeout_s:g} s")
        if self._length > MOST_BYTES:
            raise NoAnswer(f"the answer has more than {MOST_BYTES} bytes")

    def answered(self, answer: httpx.Response) -> Answered:
        """The whole of it."""
        return Answered(answer.status_code, answer.headers, b"".join(self._pieces))


class Client(_Asker):
    """Asks a service, and waits for the answers. One thread at a time may use it.

    with Client("http://127.0.0.1:8001") as vatwatch:
        for flight in vatwatch.flights.each(arrival="EDDF"):
            print(flight["callsign"])

    Every question may raise ProblemReceived, NoAnswer or NotUnderstood, all of them a ClientError.
    """

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client(**self._options())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def perform(self, call: Call[T]) -> T:
        """Ask, and wait for the answer."""
        steps = self._steps(call)
        try:
            todo = next(steps)
            while True:
                try:
                    answer = self._do(todo)
                except ConnectionCut as error:
                    todo = steps.throw(error)
                else:
                    todo = steps.send(answer)
        except StopIteration as end:
            return call.read(end.value)

    def _do(self, todo: Send | Pause) -> Answered | None:
        if isinstance(todo, Pause):
            time.sleep(todo.seconds)
            return None
        deadline = self._deadline()
        try:
            with self._http.stream(
                todo.method,
                todo.path,
                params=todo.params or None,
                headers=todo.headers,
                content=todo.content,
            ) as answer:
                for piece in answer.iter_bytes():
                    deadline.take(piece)
        except httpx.RequestError as error:
            raise self._lost(error) from error
        return deadline.answered(answer)

    def listed(self, build: Callable[..., Any]) -> EachNow[..., Any, Any]:
        """A list that can be called."""
        return EachNow(self, build)

    def stream(
        self,
        *,
        keep: Present | None = None,
        last_event_id: str = "",
        give_up_after_s: float | None = None,
        silence_s: float = SILENCE_S,
        **query: Unpack[FollowQuery],
    ) -> MessageStream:
        """The messages of `/api/stream`, one after another, over cuts and restarts.

        Args:
            keep: is kept up to date, before each message is handed on
            last_event_id: the `id` of a message to go on after
            give_up_after_s: raise NoAnswer after so long without a connection; None: never
            silence_s: after how long without a heartbeat a connection is taken for dead
            query: `channels`, and the filters of the lists
        """
        following = Following(last_event_id, keep, give_up_after_s)
        return MessageStream(self._http, following, query_of(query), silence_s)


class AsyncClient(_Asker):
    """Asks a service, with asyncio: the same as `Client`, and each question is awaited.

    async with AsyncClient("http://127.0.0.1:8001") as vatwatch:
        async for flight in vatwatch.flights.each(arrival="EDDF"):
            print(flight["callsign"])
    """

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(**self._options())

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def perform(self, call: Call[T]) -> T:
        """Ask, and wait for the answer."""
        steps = self._steps(call)
        try:
            todo = next(steps)
            while True:
                try:
                    answer = await self._do(todo)
                except ConnectionCut as error:
                    todo = steps.throw(error)
                else:
                    todo = steps.send(answer)
        except StopIteration as end:
            return call.read(end.value)

    async def _do(self, todo: Send | Pause) -> Answered | None:
        if isinstance(todo, Pause):
            await asyncio.sleep(todo.seconds)
            return None
        deadline = self._deadline()
        try:
            async with self._http.stream(
                todo.method,
                todo.path,
                params=todo.params or None,
                headers=todo.headers,
                content=todo.content,
            ) as answer:
                async for piece in answer.aiter_bytes():
                    deadline.take(piece)
        except httpx.RequestError as error:
            raise self._lost(error) from error
        return deadline.answered(answer)

    def listed(self, build: Callable[..., Any]) -> EachAwaited[..., Any, Any]:
        """A list that can be called."""
        return EachAwaited(self, build)

    def stream(
        self,
        *,
        keep: Present | None = None,
        last_event_id: str = "",
        give_up_after_s: float | None = None,
        silence_s: float = SILENCE_S,
        **query: Unpack[FollowQuery],
    ) -> AsyncMessageStream:
        """The same as `Client.stream`, for `async for`."""
        following = Following(last_event_id, keep, give_up_after_s)
        return AsyncMessageStream(self._http, following, query_of(query), silence_s)


def _address(given: str) -> str:
    """The address of a service, which may lack its scheme.

    Raises:
        ValueError: it cannot be one
    """
    url = (given if "://" in given else f"http://{given}").rstrip("/")
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the address of the service is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"the address of the service is no address such as {HERE}")
    return url


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False
