"""The stream as a client reads it: one connection after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Any

import httpx

from vatwatch.client.following import Following, Unreadable
from vatwatch.client.state import StreamMessage

PATH = "/api/stream"
ENDED = "the service ended it"


class _Stream:
    """What both have."""

    def __init__(self, following: Following, query: dict[str, str], silence_s: float) -> None:
        self._following, self._query, self._silence_s = following, query, silence_s

    @property
    def last_id(self) -> str:
        """Where it is: another stream may go on there within ten minutes."""
        return self._following.last_id

    def _asked(self) -> dict[str, Any]:
        """What the next connection is opened with."""
        return {
            "url": PATH,
            "params": self._query or None,
            "headers": self._following.headers(),
            "timeout": httpx.Timeout(self._silence_s),
        }


class MessageStream(_Stream):
    """The messages of a stream, for `for`; `with` closes its connection for certain."""

    def __init__(
        self, http: httpx.Client, following: Following, query: dict[str, str], silence_s: float
    ) -> None:
        super().__init__(following, query, silence_s)
        self._http = http
        self._messages = self._followed()

    def __iter__(self) -> Iterator[StreamMessage]:
        return self

    def __next__(self) -> StreamMessage:
        return next(self._messages)

    def __enter__(self) -> MessageStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connection."""
        self._messages.close()

    def _followed(self) -> Generator[StreamMessage, None, None]:
        following = self._following
        while True:
            try:
                with self._http.stream("GET", **self._asked()) as answer:
                    if answer.status_code == 200:
                        following.opened(answer.headers)
                        for content in answer.iter_bytes():
                            yield from following.take(content)
                        following.lost(ENDED)
                    else:
                        following.refused(answer.status_code, answer.headers, answer.read())
            except (httpx.RequestError, Unreadable) as error:
                following.lost(error)
            time.sleep(following.pause_s())


class AsyncMessageStream(_Stream):
    """The messages of a stream, for `async for`; `async with` closes its connection for certain."""

    def __init__(
        self, http: httpx.AsyncClient, following: Following, query: dict[str, str], silence_s: float
    ) -> None:
        super().__init__(following, query, silence_s)
        self._http = http
        self._messages = self._followed()

    def __aiter__(self) -> AsyncIterator[StreamMessage]:
        return self

    async def __anext__(self) -> StreamMessage:
        return await anext(self._messages)

    async def __aenter__(self) -> AsyncMessageStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connection."""
        await self._messages.aclose()

    async def _followed(self) -> AsyncGenerator[StreamMessage, None]:
        following = self._following
        while True:
            try:
                async with self._http.stream("GET", **self._asked()) as answer:
                    if answer.status_code == 200:
                        following.opened(answer.headers)
                        async for content in answer.aiter_bytes():
                            for message in following.take(content):
                                yield message
                        following.lost(ENDED)
                    else:
                        body = await answer.aread()
                        following.refused(answer.status_code, answer.headers, body)
            except (httpx.RequestError, Unreadable) as error:
                following.lost(error)
            await asyncio.sleep(following.pause_s())
