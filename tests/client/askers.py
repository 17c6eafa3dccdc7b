"""Both clients in one form, so that a test is written once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent

from vatwatch.client import AsyncClient, Client, Present, StreamMessage

KINDS = ("now", "awaited")
Question = Callable[[Any], Any]


class Now:
    """`Client`."""

    def __init__(self, url: str | None, key: str | None = None, **options: Any) -> None:
        self.client = Client(url, key, **options)
        self.followers: list[Follower] = []

    def ask(self, question: Question) -> Any:
        return question(self.client)

    def all(self, question: Question) -> list[Any]:
        return list(question(self.client))

    def follow(self, on_message: Callable[[StreamMessage], None], **asked: Any) -> None:
        with self.client.stream(**asked) as stream:
            for message in stream:
                on_message(message)

    def close(self) -> None:
        self.client.close()


class Awaited:
    """`AsyncClient`, in a loop of its own."""

    def __init__(self, url: str | None, key: str | None = None, **options: Any) -> None:
        self.client = AsyncClient(url, key, **options)
        self.followers: list[Follower] = []
        self._runner = asyncio.Runner()

    def ask(self, question: Question) -> Any:
        async def asked() -> Any:
            return await question(self.client)

        return self._runner.run(asked())

    def all(self, question: Question) -> list[Any]:
        async def asked() -> list[Any]:
            records: AsyncIterator[Any] = question(self.client)
            return [record async for record in records]

        return self._runner.run(asked())

    def follow(self, on_message: Callable[[StreamMessage], None], **asked: Any) -> None:
        async def followed() -> None:
            async with self.client.stream(**asked) as stream:
                async for message in stream:
                    on_message(message)

        self._runner.run(followed())

    def close(self) -> None:
        self._runner.run(self.client.close())
        self._runner.close()


@contextmanager
def asker(
    kind: str, url: str | None, key: str | None = None, **options: Any
) -> Iterator[Now | Awaited]:
    made = (Now if kind == "now" else Awaited)(url, key, **options)
    try:
        yield made
    finally:
        for follower in made.followers:
            follower.kill()
        made.close()


class Enough(Exception):
    """Ends a follower from within."""


class Follower:
    """Follows a stream beside the test, and keeps what it says, until its client is closed."""

    def __init__(self, asker: Now | Awaited, **asked: Any) -> None:
        self.present = Present()
        self.messages: list[StreamMessage] = []
        self.error: BaseException | None = None
        self._ends = False
        asker.followers.append(self)
        self._greenlet = gevent.spawn(self._run, asker, {"keep": self.present, **asked})

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.messages]

    def records(self) -> dict[str, Any]:
        return {**self.present.flights, **self.present.controllers, **self.present.atis}

    def _run(self, asker: Now | Awaited, asked: dict[str, Any]) -> None:
        try:
            asker.follow(self._take, **asked)
        except Enough:
            pass
        except Exception as error:
            self.error = error

    def _take(self, message: StreamMessage) -> None:
        self.messages.append(message)
        if self._ends:
            raise Enough

    def end_with_the_next_message(self) -> None:
        self._ends = True

    def join(self) -> None:
        self._greenlet.join(60)
        assert self._greenlet.dead

    def kill(self) -> None:
        self._greenlet.kill()
