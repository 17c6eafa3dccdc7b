"""What an endpoint says of itself: /openapi.json, /docs and docs/api.md are made of it.

`@describe` stands above each `on_get`, `on_post` and `on_delete`. The rest is known from elsewhere:
the parameters (`parameters`), the details (the docstring of the method), and the problems that
every endpoint may answer with (`openapi`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import falcon

from vatwatch.http.params import Parameter

F = TypeVar("F", bound=Callable[..., None])


class Tag(Enum):
    """The families of endpoints, in the order of the documents; the value says what is in it."""

    LIVE = "What the latest snapshot shows, from memory."
    CONTACTS = "Who talked to whom on which frequency."
    EVENTS = "What has happened, and what could not be delivered."
    ERRORS = "What went wrong in the service, and what was done about it."
    SERVICE = "How the service is, its settings, and its parts."
    METRICS = "Figures of the service since its start."
    SUBSCRIPTIONS = "What somebody is told of, and how."
    ACCESS = "Who may ask for what, and change what."
    DOCUMENTS = "What the API is."


@dataclass(frozen=True, slots=True)
class Media:
    """An answer with another media type than JSON."""

    media_type: str
    kind: Any = str
    """What it holds: a type that msgspec knows."""


@dataclass(frozen=True, slots=True)
class Description:
    """One method of one endpoint."""

    summary: str
    """One plain sentence."""
    tag: Tag
    answers: Mapping[int, tuple[Any, ...]]
    """By status: what the body may be. A type is JSON of that type; several are one of them; none:
    there is no body."""
    problems: tuple[int, ...]
    """Statuses of the problem documents that it may answer with, beside those of all endpoints."""
    body: tuple[type[Any], ...]
    """What the body of the request must be: one of these; none: it has none."""
    path: tuple[Parameter[Any], ...]
    """What stands in the braces of the path."""
    details: str
    deprecated: bool = False
    """It works as before, and is to go; the details say what to use instead."""


def describe(
    summary: str,
    *,
    tag: Tag,
    answers: Mapping[int, Any],
    problems: tuple[int, ...] = (),
    body: Any = None,
    path: tuple[Parameter[Any], ...] = (),
    deprecated: bool = False,
) -> Callable[[F], F]:
    """Say what a method of a resource answers. Its docstring becomes the details.

    Args:
        summary: one plain sentence
        tag: the family
        answers: by status, what the answer holds: a type (as JSON), a `Media`, several of these as
            a tuple, or None for no body
        problems: see `Description`
        body: the type of the request's body, or several as a tuple
        path: what stands in the braces of the path
        deprecated: see `Description`
    """

    def mark(method: F) -> F:
        text = inspect.cleandoc(method.__doc__ or "")
        method.description = description(  # type: ignore[attr-defined]
            summary,
            tag=tag,
            answers=answers,
            problems=problems,
            body=body,
            path=path,
            details=text,
            deprecated=deprecated,
        )
        return method

    return mark


def description(
    summary: str,
    *,
    tag: Tag,
    answers: Mapping[int, Any],
    problems: tuple[int, ...] = (),
    body: Any = None,
    path: tuple[Parameter[Any], ...] = (),
    details: str = "",
    deprecated: bool = False,
) -> Description:
    """The same for a resource that serves several paths, and has its `descriptions`."""
    every = {
        status: () if kinds is None else kinds if isinstance(kinds, tuple) else (kinds,)
        for status, kinds in answers.items()
    }
    bodies = () if body is None else body if isinstance(body, tuple) else (body,)
    return Description(summary, tag, every, problems, bodies, path, details, deprecated)


def description_of(resource: object, method: str) -> Description:
    """What a resource says of one of its methods (`GET`).

    Raises:
        LookupError: it says nothing
    """
    of_this: Mapping[str, Description] = getattr(resource, "descriptions", {})
    found = of_this.get(method) or getattr(
        getattr(resource, f"on_{method.lower()}"), "description", None
    )
    if found is None:
        raise LookupError(f"{type(resource).__name__}.on_{method.lower()} has no @describe")
    assert isinstance(found, Description)
    return found


def methods_of(resource: object) -> list[str]:
    """The methods that it describes. HEAD is as GET, and OPTIONS answers everywhere."""
    return [
        method
        for method in falcon.HTTP_METHODS
        if method not in ("HEAD", "OPTIONS") and hasattr(resource, f"on_{method.lower()}")
    ]
