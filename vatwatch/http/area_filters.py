"""Filters that name an area must name one that is in use: a misspelt one would find nobody.

Which areas are in use is told by the latest snapshot. While nobody can say so (the cache is being
restarted, what is served is from Redis, no file has been read yet), the question is answered
without this check. Patterns (`EG*`) may fit nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vatwatch.errors import SupervisionError
from vatwatch.http.app_context import AppContext
from vatwatch.http.near import unknown_value
from vatwatch.http.problems import BadRequest
from vatwatch.live.area_names import AreaNames
from vatwatch.live.fir_boards import NO_FIRS
from vatwatch.live.query.filters import RecordFilters
from vatwatch.live.query.texts import TextCondition
from vatwatch.live.sector_views import NO_SECTORS
from vatwatch.messages import ListAreaNames

FIR, SECTOR = "fir", "sector"
_KINDS: Mapping[str, str] = {FIR: "FIR", SECTOR: "sector"}


def require_known_areas(service: AppContext, given: Iterable[RecordFilters | None]) -> None:
    """Refuse filters by an area that is not in use. Raises BadRequest that names the parameter."""
    named = {
        name: condition.words
        for filters in given
        if filters is not None
        for name in _KINDS
        if isinstance(condition := filters.condition(name), TextCondition) and condition.words
    }
    if not named:
        return
    try:
        known: AreaNames | None = service.ask("cache", ListAreaNames())
    except SupervisionError:
        return
    if known is None:
        return
    for name, words in named.items():
        names = known.firs if name == FIR else known.sectors
        if names is not None:
            _require(name, words, names)


def _require(name: str, words: Iterable[str], names: tuple[str, ...]) -> None:
    capitals = {each.upper() for each in names}
    for word in sorted(words):
        if word in capitals:
            continue
        if names:
            raise unknown_value(name, f"known {_KINDS[name]}", word, names)
        nothing = NO_FIRS if name == FIR else NO_SECTORS
        raise BadRequest("Invalid parameter", nothing, parameter=name)
