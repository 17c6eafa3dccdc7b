"""Sectors: the list of FIRs and sectors, the busiest first, and who is in each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import falcon
from msgspec import Struct

from vatwatch.errors import SupervisionError
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.boards import CURSOR, LIMIT, require_view, send_view
from vatwatch.http.describe import Tag, describe
from vatwatch.http.formats import (
    LISTED,
    PLACED,
    format_of,
    format_parameter,
    other_media,
    send_records,
)
from vatwatch.http.near import near_match
from vatwatch.http.params import Declared, moment, one_of, text
from vatwatch.http.problems import BadRequest, Unknown
from vatwatch.live.answers import SectorAnswer, SectorsAnswer
from vatwatch.live.board_pages import PageQuery
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.sector_records import SectorKey
from vatwatch.messages import FindSectorMinutes, GetSector, GetSectors, ListSectors
from vatwatch.traffic.sector_minutes import MinuteLoad

KINDS = ("fir", "sector")
KIND = one_of("kind", KINDS, about="Only FIRs, or only sectors.")
FROM = moment("from", about="The first minute; without it, an hour before `to`.")
TO = moment(
    "to",
    about="After the last minute; without it, an hour after `from`, or else now. At most a day.",
)
MINUTE = timedelta(minutes=1)
DEFAULT_PERIOD = timedelta(hours=1)
MAX_PERIOD = timedelta(days=1)
# Longer than other questions: the database may be busy writing a batch.
HISTORY_TIMEOUT_S = 15.0


NAME_IN_PATH = text(
    "name", about="The name of a FIR or sector, in any case of letters.", example="EGTT"
)


class Occupancy(Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """The load of one FIR or sector, minute by minute."""

    name: str
    kind: str | None
    """`fir` or `sector`; null: nobody knows."""
    since: datetime
    """The first minute."""
    until: datetime
    """After the last minute."""
    count: int
    minutes: tuple[MinuteLoad, ...]


class SectorsResource(BaseResource):
    """The list of FIRs and sectors."""

    parameters: ClassVar[Declared] = {"GET": (KIND, LIMIT, CURSOR, format_parameter(PLACED))}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "FIRs and sectors of the operator's files, the busiest first.",
        tag=Tag.LIVE,
        answers={200: (SectorsAnswer, *other_media(PLACED)), 304: None},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """All that the files have: the busiest first."""
        wanted = format_of(req, PLACED)
        query = PageQuery(limit=LIMIT.of(req), after=CURSOR.of(req))
        question = GetSectors(query, KIND.of(req), wanted)
        send_view(req, resp, self._service.ask("cache", question), wanted)


class SectorResource(BaseResource):
    """One FIR or sector."""

    parameters: ClassVar[Declared] = {"GET": (KIND, format_parameter(PLACED))}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Who is in a FIR or sector, and how many are expected within the hour.",
        tag=Tag.LIVE,
        answers={200: (SectorAnswer, *other_media(PLACED)), 304: None},
        problems=(404, 406, 503),
        path=(NAME_IN_PATH,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Who is in it, and how many are expected within the hour."""
        wanted = format_of(req, PLACED)
        key = find_sector(self._service, name, KIND.of(req))
        send_view(req, resp, self._service.ask("cache", GetSector(key, wanted)), wanted)


class OccupancyResource(BaseResource):
    """The load of one FIR or sector by the minute, from the database."""

    parameters: ClassVar[Declared] = {"GET": (KIND, FROM, TO, format_parameter(LISTED))}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "How many flights were in a FIR or sector, minute by minute.",
        tag=Tag.LIVE,
        answers={200: (Occupancy, *other_media(LISTED))},
        problems=(404, 406, 503),
        path=(NAME_IN_PATH,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Each minute of the period: the last hour, if none is named."""
        wanted, (since, until) = format_of(req, LISTED), _period(req)
        unknown: Unknown | None = None
        try:
            key = find_sector(self._service, name, KIND.of(req))
        except Unknown as error:
            # The files of before may have had it.
            key, unknown = SectorKey(KIND.of(req), name), error
        except (falcon.HTTPServiceUnavailable, SupervisionError):
            key = SectorKey(KIND.of(req), name)
        if not name.isprintable():  # PostgreSQL's texts cannot contain NUL
            raise unknown or Unknown("Not a valid name.", None)
        question = FindSectorMinutes(key.name, key.kind, since, until)
        found = self._service.ask("history", question, timeout_s=HISTORY_TIMEOUT_S)
        if not found.kind and unknown is not None:
            raise unknown
        if wanted is not AnswerFormat.JSON:
            count = len(found.minutes)
            send_records(
                req, resp, found.minutes, wanted, record=MinuteLoad, total=count, next_cursor=None
            )
            return
        resp.append_header("Vary", "Accept")
        send_json(
            resp,
            Occupancy(
                name=found.name,
                kind=found.kind or key.kind or None,
                since=since,
                until=until,
                count=len(found.minutes),
                minutes=found.minutes,
            ),
        )


def _period(req: falcon.Request) -> tuple[datetime, datetime]:
    """Whole minutes, so that both ends are in it."""
    given_from, given_to = FROM.of(req), TO.of(req)
    try:
        until = given_to or (
            datetime.now(UTC) if given_from is None else given_from + DEFAULT_PERIOD
        )
        since = given_from or until - DEFAULT_PERIOD
        begun = until.replace(second=0, microsecond=0)
        whole = begun if begun == until else begun + MINUTE
    except OverflowError as error:
        raise _wrong(
            "to", 'The parameters "from" and "to" are no times of this network.'
        ) from error
    if until <= since:
        raise _wrong("to", 'The parameter "to" must be later than "from".')
    if until - since > MAX_PERIOD:
        what = 'From "from" to "to" may be a day at most: ask for one day after the other.'
        raise _wrong("from" if given_to is None else "to", what)
    return since.replace(second=0, microsecond=0), whole


def _wrong(parameter: str, what: str) -> BadRequest:
    return BadRequest("Invalid parameter", what, parameter=parameter)


def find_sector(service: AppContext, name: str, kind: str) -> SectorKey:
    """The sector of this name, in any case of letters; a sector before a FIR of the same name.

    Raises:
        Unknown: there is none; it tells which one was probably meant
    """
    known = require_view(service.ask("cache", ListSectors()))
    of_kind = [key for key in known if kind in ("", key.kind)]
    alike = [key for key in of_kind if key.name.casefold() == name.casefold()]
    if alike:
        return max(alike, key=lambda key: (key.name == name, key.kind))
    if known:
        what = {"fir": "FIR", "sector": "sector"}.get(kind, "FIR or sector")
        raise Unknown(
            f"The files of areas have no {what} of this name.",
            near_match(name, [key.name for key in of_kind]),
        )
    raise Unknown("No sector is known: set VATWATCH_SECTORS, or VATWATCH_POSITIONS_DATA.", None)
