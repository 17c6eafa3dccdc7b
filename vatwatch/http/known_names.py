"""Filters by a name of the service's own must name something: a misspelt one would find nothing.

A name is known if a part of the tree has it, or any record that is kept. So what an older version
has left, whose parts may have had other names, can be found for as long as it is there. While the
database is away nobody can say what is kept, and the question is answered without this check.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from vatwatch.errors import StorageError, SupervisionError
from vatwatch.events.payloads import PAYLOADS
from vatwatch.http.app_context import HTTP, AppContext
from vatwatch.http.near import unknown_value
from vatwatch.monitoring.alert_rules import NAMES as ALERT_RULES
from vatwatch.supervision import Ask, Tell


def require_known(
    service: AppContext,
    parameter: str,
    what: str,
    given: Iterable[str],
    known: Callable[[], Collection[str]],
    kept: Callable[[str], Ask[Sequence[object]]],
) -> None:
    """Refuse a value that nothing has.

    Args:
        service: whose tree and whose records
        parameter: its name
        what: what it should name, for the error
        given: its values
        known: the names that records may have from now on
        kept: asks the history for one record that has a name

    Raises:
        BadRequest: it names the parameter, and the near match
    """
    wanted = sorted(given)
    if not wanted:
        return
    names = known()
    for name in wanted:
        if name in names:
            continue
        try:
            found = service.ask("history", kept(name))
        except (StorageError, SupervisionError):
            return
        if not found:
            raise unknown_value(parameter, what, name, names)


def part_names(service: AppContext) -> set[str]:
    """The names of all nodes of the tree."""
    return {node.name for node in service.tree.snapshot().walk()}


def services_with_errors(service: AppContext) -> set[str]:
    """What errors call where they are from: also the endpoints, and what has a breaker."""
    return {*part_names(service), HTTP, *map(_last, _breakers(service))}


def receivers(service: AppContext) -> set[str]:
    """Who may miss something: handlers by their names, actors by their paths, and webhooks."""
    paths = {node.path for node in service.tree.snapshot().walk()}
    return {*part_names(service), *paths, *_breakers(service)}


def letter_types() -> set[str]:
    """The types of events, the rules of alerts, and the classes of messages."""
    return {*PAYLOADS, *ALERT_RULES, *message_types(Tell)}


def message_types(*bases: type[object]) -> set[str]:
    """The names of all messages of these kinds that any actor may get."""
    found = [*bases]
    for kind in found:
        found.extend(kind.__subclasses__())
    return {kind.__name__ for kind in found}


def _breakers(service: AppContext) -> set[str]:
    return {breaker.name for breaker in service.tree.circuit_breakers.all()}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
