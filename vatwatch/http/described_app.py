"""The Falcon app, which remembers its routes, to describe them."""

from __future__ import annotations

from typing import Any

import falcon


class DescribedApp(falcon.App[falcon.Request, falcon.Response]):
    """Falcon's app; `routes` are its resources, by the template of their path."""

    def __init__(self, *, middleware: list[Any]) -> None:
        super().__init__(middleware=middleware)
        self.routes: dict[str, object] = {}

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Let a resource answer for a path."""
        super().add_route(uri_template, resource, **kwargs)
        self.routes[uri_template] = resource
