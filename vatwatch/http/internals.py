"""What only an operator sees: tracebacks. They tell where files lie and how the code runs."""

from __future__ import annotations

from dataclasses import replace

import falcon
from msgspec import structs

from vatwatch.access.scopes import Scope, allows
from vatwatch.errors import StorageError, SupervisionError
from vatwatch.http.callers import Callers
from vatwatch.monitoring.errors import ErrorRecord
from vatwatch.supervision import NodeInfo


def sees_internals(callers: Callers, req: falcon.Request) -> bool:
    """Whether the request comes from somebody with the scope `admin`."""
    try:
        caller = callers.of(req)
    except (StorageError, SupervisionError):
        return False  # it cannot be found out now; the rest of the answer is for everybody
    return caller is not None and allows(caller.scopes, Scope.ADMIN)


def error_for_all(error: ErrorRecord) -> ErrorRecord:
    """The error without its traceback."""
    return structs.replace(error, traceback="")


def node_for_all(node: NodeInfo) -> NodeInfo:
    """The node and all below it, without tracebacks."""
    failure = node.last_failure
    return replace(
        node,
        last_failure=None if failure is None else replace(failure, traceback=""),
        children=type(node.children)(map(node_for_all, node.children)),
    )
