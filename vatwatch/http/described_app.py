"""The Falcon app, which remembers its routes, to describe them, and loses no open body."""

from __future__ import annotations

from typing import Any

import falcon

from vatwatch.http.environ import OPENED


class DescribedApp(falcon.App[falcon.Request, falcon.Response]):
    """Falcon's app; `routes` are its resources, by the template of their path."""

    def __init__(self, *, middleware: list[Any]) -> None:
        super().__init__(middleware=middleware)
        self.routes: dict[str, object] = {}

    def __call__(self, env: dict[str, Any], start_response: Any) -> Any:
        """Answer a request.

        The server closes the body that it gets. A body that it does not get is closed here: after
        it was opened something has failed, and the answer is another one.
        """
        body = None
        try:
            body = super().__call__(env, start_response)
        finally:
            # Not to stay there: what it holds would go round in a circle, and be kept for long.
            opened = env.pop(OPENED, None)
            if opened is not None and opened is not body:
                opened.close()
        return body

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Let a resource answer for a path."""
        super().add_route(uri_template, resource, **kwargs)
        self.routes[uri_template] = resource
