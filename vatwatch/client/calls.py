"""How one definition of an endpoint is a method of both clients.

An endpoint says what is to be asked, as a `Call`. `endpoint` and `listing` make of that a method
which asks at once (`Client`) or is awaited (`AsyncClient`), with the same arguments and types.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from vatwatch.client.exchange import Answered, Send, decoded
from vatwatch.client.failures import NotUnderstood
from vatwatch.client.values import query_of

Params = ParamSpec("Params")
Answer = TypeVar("Answer")
Record = TypeVar("Record")

# How many records `each` asks for at once: what all lists allow.
PAGE = 1000


class Call(Generic[Answer]):
    """What is to be asked, and how its answer is read."""

    def __init__(
        self,
        path: str,
        query: Mapping[str, Any],
        *,
        as_text: bool = False,
        method: str = "GET",
        body: Any = None,
    ) -> None:
        """
        Args:
            path: percent-encoded, from the root of the service on
            query: the parameters
            as_text: whether the answer is wanted as text, and not read as JSON
            method: of the request
            body: is sent as JSON; None: nothing is

        Raises:
            ValueError: it is no path; a whole address could send the key to somebody else
        """
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is no path such as /api/flights")
        self.path, self.query = path, dict(query)
        self.as_text, self.method, self.body = as_text, method, body

    def request(self) -> Send:
        """What is sent."""
        headers = {} if self.as_text else {"Accept": "application/json, application/problem+json"}
        content = None
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(self.body).encode()
        return Send(self.method, self.path, query_of(self.query), headers, content)

    def read(self, answer: Answered) -> Answer:
        """What the answer says.

        Raises:
            NotUnderstood: it is not JSON
        """
        return answer.body.decode(errors="replace") if self.as_text else decoded(answer)  # type: ignore[return-value]


class ListCall(Call[Answer], Generic[Answer, Record]):
    """The same of a list, which comes whole or in pages."""

    def __init__(self, path: str, query: Mapping[str, Any], name: str) -> None:
        """`name`: of the field that has the records."""
        super().__init__(path, query)
        self._name = name

    def begin_pages(self) -> None:
        """Ask for pages."""
        self.query.setdefault("limit", PAGE)

    def next_page(self, answer: Any) -> tuple[list[Record], bool]:
        """The records of a page, and whether there is one more, for which it asks from now on.

        Raises:
            NotUnderstood: it is no page
        """
        try:
            records, cursor = list(answer[self._name]), answer["next_cursor"]
        except (KeyError, TypeError):
            raise NotUnderstood("the answer is no page of a list: is this vatwatch?") from None
        self.query["cursor"] = cursor
        return records, cursor is not None


class AsksNow(Protocol):
    """A client that waits for answers."""

    def perform(self, call: Call[Answer]) -> Answer:
        """Ask, and wait for the answer."""


class AsksLater(Protocol):
    """A client whose answers are awaited."""

    async def perform(self, call: Call[Answer]) -> Answer:
        """Ask, and wait for the answer."""


class EachNow(Generic[Params, Answer, Record]):
    """A list of a `Client`."""

    def __init__(self, asker: AsksNow, build: Callable[..., ListCall[Answer, Record]]) -> None:
        self._asker, self._build = asker, build

    def __call__(self, *args: Params.args, **kwargs: Params.kwargs) -> Answer:
        """The answer: the records, and how many there are."""
        return self._asker.perform(self._build(self._asker, *args, **kwargs))

    def each(self, *args: Params.args, **kwargs: Params.kwargs) -> Iterator[Record]:
        """All records, one after another, page by page."""
        call = self._build(self._asker, *args, **kwargs)
        call.begin_pages()
        more = True
        while more:
            records, more = call.next_page(self._asker.perform(call))
            yield from records


class EachAwaited(Generic[Params, Answer, Record]):
    """A list of an `AsyncClient`."""

    def __init__(self, asker: AsksLater, build: Callable[..., ListCall[Answer, Record]]) -> None:
        self._asker, self._build = asker, build

    def __call__(self, *args: Params.args, **kwargs: Params.kwargs) -> Awaitable[Answer]:
        """The answer: the records, and how many there are."""
        return self._asker.perform(self._build(self._asker, *args, **kwargs))

    async def each(self, *args: Params.args, **kwargs: Params.kwargs) -> AsyncIterator[Record]:
        """All records, one after another, page by page."""
        call = self._build(self._asker, *args, **kwargs)
        call.begin_pages()
        more = True
        while more:
            records, more = call.next_page(await self._asker.perform(call))
            for record in records:
                yield record


class endpoint(Generic[Params, Answer]):  # noqa: N801 - a decorator
    """Makes a method of a definition."""

    def __init__(self, build: Callable[Concatenate[Any, Params], Call[Answer]]) -> None:
        self._build = build

    @overload
    def __get__(self, asker: AsksNow, owner: type) -> Callable[Params, Answer]: ...
    @overload
    def __get__(self, asker: AsksLater, owner: type) -> Callable[Params, Awaitable[Answer]]: ...
    @overload
    def __get__(
        self, asker: None, owner: type
    ) -> Callable[Concatenate[Any, Params], Call[Answer]]: ...
    def __get__(self, asker: Any, owner: type) -> Any:
        if asker is None:
            return self._build

        @functools.wraps(self._build)
        def method(*args: Any, **kwargs: Any) -> Any:
            return asker.perform(self._build(asker, *args, **kwargs))

        return method


class listing(Generic[Params, Answer, Record]):  # noqa: N801 - a decorator
    """The same of a list."""

    def __init__(self, build: Callable[Concatenate[Any, Params], ListCall[Answer, Record]]) -> None:
        self._build = build

    @overload
    def __get__(self, asker: AsksNow, owner: type) -> EachNow[Params, Answer, Record]: ...
    @overload
    def __get__(self, asker: AsksLater, owner: type) -> EachAwaited[Params, Answer, Record]: ...
    @overload
    def __get__(
        self, asker: None, owner: type
    ) -> Callable[Concatenate[Any, Params], ListCall[Answer, Record]]: ...
    def __get__(self, asker: Any, owner: type) -> Any:
        if asker is None:
            return self._build
        return functools.wraps(self._build)(asker.listed(self._build))
