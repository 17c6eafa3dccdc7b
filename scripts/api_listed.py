"""The table of all endpoints in docs/api.md, from the OpenAPI document."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vatwatch.config.settings import load
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.openapi import ALWAYS, KEYED, openapi
from vatwatch.supervision import Tree
from vatwatch.system import declare

HEAD = """\
| endpoint | | parameters | key | answers | problems |
| --- | --- | --- | --- | --- | --- |"""


def document() -> dict[str, Any]:
    """The OpenAPI document of a service with the default settings."""
    with tempfile.TemporaryDirectory() as nothing:
        tree = Tree(declare(load(env={}, directory=Path(nothing))))
    keys = WriteAuthorization([], rate="1/minute")
    return openapi(create_app(AppContext(tree, datetime.now(UTC), keys)).routes)


def listed(found: dict[str, Any]) -> str:
    """One table a family of endpoints of this document."""
    families = [(tag, _operations(tag["name"], found)) for tag in found["tags"]]
    return "\n\n".join(
        "\n".join([f"**{tag['name'].capitalize()}**: {tag['description']}", "", HEAD, *rows])
        for tag, operations in families
        if (rows := [_row(*each) for each in operations])
    )


def _operations(tag: str, found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if operation["tags"] == [tag]
    ]


def _row(name: str, operation: dict[str, Any]) -> str:
    taken = [
        f"`{each['name']}`{_deprecated(each)}"
        for each in operation["parameters"]
        if each["in"] == "query"
    ]
    statuses = [int(status) for status in operation["responses"]]
    own = [str(each) for each in statuses if each >= 400 and each not in (*ALWAYS, *KEYED)]
    cells = (
        f"`{name}`{_deprecated(operation)}",
        operation["summary"],
        ", ".join(taken),
        _scope(operation),
        ", ".join(str(each) for each in statuses if each < 400),
        ", ".join(own),
    )
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _deprecated(one: dict[str, Any]) -> str:
    return " (deprecated)" if one.get("deprecated") else ""


def _scope(operation: dict[str, Any]) -> str:
    security = operation.get("security", [])
    if not security or {} in security:  # none, or one that VATWATCH_PUBLIC_READS decides
        return ""
    return f"`{security[0]['key'][0]}`"
