"""Airports and FIRs: the lists, the busiest first, and the board of each."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import falcon

from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.bodies import send_body
from vatwatch.http.describe import Tag, describe
from vatwatch.http.formats import PLACED, format_of, format_parameter, other_media
from vatwatch.http.near import SHOWN_CHARS, near_match, unknown_value
from vatwatch.http.params import (
    Declared,
    Invalid,
    Parameter,
    cursor,
    one_of,
    switch,
    text,
    whole_number,
    words,
)
from vatwatch.http.problems import RETRY_AFTER_S, BadRequest, Unknown
from vatwatch.live.answers import (
    AirportAnswer,
    AirportBoardsAnswer,
    AirportsAnswer,
    ApproachesAnswer,
    FirAnswer,
    FirsAnswer,
)
from vatwatch.live.board_pages import PageQuery, Rank, read_rank
from vatwatch.live.fir_boards import NO_FIRS
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.records import Body
from vatwatch.messages import GetAirport, GetAirports, GetApproaches, GetFir, GetFirs, ListFirIds
from vatwatch.traffic.airports import load_airports, similar_airport
from vatwatch.traffic.inbound_blocks import LENGTHS_MIN

Found = TypeVar("Found")

MAX_LIMIT = 10_000
# Whole boards in one answer: a person watches a dozen airports.
MAX_WHOLE = 50
DEFAULT_BLOCK_MIN = 30


def _rank(given: str) -> Rank:
    try:
        return read_rank(given)
    except ValueError as error:
        raise Invalid("must be the next_cursor of an answer of this endpoint") from error


def _known_airport(given: str) -> str:
    code = given.upper()
    if code not in load_airports():
        raise Invalid(f"names no known airport: {given[:SHOWN_CHARS]}", similar_airport(given))
    return code


BLOCK = one_of(
    "block",
    [str(minutes) for minutes in LENGTHS_MIN],
    about=f"Minutes of a block of inbound flights; without it, {DEFAULT_BLOCK_MIN}.",
)
LIMIT: Parameter[int | None] = whole_number(
    "limit", 1, MAX_LIMIT, None, about="How many at most; without it, all.", example=20
)
CURSOR: Parameter[Rank | None] = cursor("cursor", _rank, example="NzR8MHxFR0xM")
ICAO = words(
    "icao",
    _known_airport,
    about="Only these airports, also those without traffic.",
    example="EGLL",
)
FIR = words("fir", str.upper, about="Only these FIRs, also those without traffic.", example="EGTT")
FLIGHTS = switch(
    "flights", about=f"With the flights of each; needs `icao`, with up to {MAX_WHOLE} airports."
)


FORMAT = format_parameter(PLACED)
ICAO_IN_PATH = text("icao", about="The ICAO code of an airport, in any case.", example="EGLL")
FIR_IN_PATH = text("fir", about="The id of a FIR, in any case.", example="EGTT")


class AirportsResource(BaseResource):
    """The list of airports."""

    parameters: ClassVar[Declared] = {"GET": (ICAO, FLIGHTS, BLOCK, LIMIT, CURSOR, FORMAT)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Airports with traffic, the busiest first.",
        tag=Tag.LIVE,
        answers={200: (AirportsAnswer, AirportBoardsAnswer, *other_media(PLACED)), 304: None},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Those with any traffic, or those that are named: the busiest first."""
        wanted = format_of(req, PLACED)
        query = PageQuery(
            ICAO.of(req), _block(req), LIMIT.of(req), CURSOR.of(req), FLIGHTS.of(req) or False
        )
        if query.whole and not 0 < len(query.ids) <= MAX_WHOLE:
            raise BadRequest(
                "Invalid parameter",
                f'The parameter "flights" needs "icao" with up to {MAX_WHOLE} airports.',
                parameter="flights",
            )
        send_view(req, resp, self._service.ask("cache", GetAirports(query, wanted)), wanted)


class AirportResource(BaseResource):
    """The board of an airport."""

    parameters: ClassVar[Declared] = {"GET": (BLOCK, FORMAT)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The board of an airport: departures, arrivals, and who is on the ground.",
        tag=Tag.LIVE,
        answers={200: (AirportAnswer, *other_media(PLACED)), 304: None},
        problems=(404, 406, 503),
        path=(ICAO_IN_PATH,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, icao: str) -> None:
        """Departures, arrivals, and who is on the ground; zeros if there is nothing."""
        wanted, block, code = format_of(req, PLACED), _block(req), icao.upper()
        if code not in load_airports():
            raise Unknown("There is no known airport of this code.", similar_airport(icao))
        send_view(req, resp, self._service.ask("cache", GetAirport(code, block, wanted)), wanted)


class FirsResource(BaseResource):
    """The list of FIRs."""

    parameters: ClassVar[Declared] = {"GET": (FIR, BLOCK, LIMIT, CURSOR, FORMAT)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The FIRs of the operator's files, the busiest first.",
        tag=Tag.LIVE,
        answers={200: (FirsAnswer, *other_media(PLACED)), 304: None},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """All that the files have, or those that are named: the busiest first."""
        wanted = format_of(req, PLACED)
        query = PageQuery(FIR.of(req), _block(req), LIMIT.of(req), CURSOR.of(req))
        if query.ids:
            known = _fir_ids(self._service)
            for fir in sorted(query.ids):
                if fir not in known:
                    if known:
                        raise unknown_value("fir", "known FIR", fir, known)
                    raise BadRequest("Invalid parameter", NO_FIRS, parameter="fir")
        send_view(req, resp, self._service.ask("cache", GetFirs(query, wanted)), wanted)


class FirResource(BaseResource):
    """The board of a FIR."""

    parameters: ClassVar[Declared] = {"GET": (BLOCK, FORMAT)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The board of a FIR: who is over it, and the traffic of its airports.",
        tag=Tag.LIVE,
        answers={200: (FirAnswer, *other_media(PLACED)), 304: None},
        problems=(404, 406, 503),
        path=(FIR_IN_PATH,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, fir: str) -> None:
        """Who is over it, and the traffic of its airports."""
        wanted, block, fir = format_of(req, PLACED), _block(req), fir.upper()
        known = _fir_ids(self._service)
        if fir not in known:
            raise Unknown(
                "The files of areas have no FIR of this id." if known else NO_FIRS,
                near_match(fir, known),
            )
        send_view(req, resp, self._service.ask("cache", GetFir(fir, block, wanted)), wanted)


class ApproachesResource(BaseResource):
    """The list of approach units."""

    parameters: ClassVar[Declared] = {"GET": (LIMIT, CURSOR, FORMAT)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The approach units of the operator's files, those with most stations first.",
        tag=Tag.LIVE,
        answers={200: (ApproachesAnswer, *other_media(PLACED)), 304: None},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Where each one's area is (GeoJSON), and who works it."""
        wanted = format_of(req, PLACED)
        query = PageQuery(limit=LIMIT.of(req), after=CURSOR.of(req))
        send_view(req, resp, self._service.ask("cache", GetApproaches(query, wanted)), wanted)


def _fir_ids(service: AppContext) -> tuple[str, ...]:
    return require_view(service.ask("cache", ListFirIds()))


def _block(req: falcon.Request) -> int:
    return int(BLOCK.of(req) or DEFAULT_BLOCK_MIN)


def send_view(
    req: falcon.Request,
    resp: falcon.Response,
    body: Body | None,
    wanted: AnswerFormat = AnswerFormat.JSON,
) -> None:
    """Answer with what is made of the live state; 503 while there is none."""
    send_body(req, resp, require_view(body), wanted)


def require_view(found: Found | None) -> Found:
    """What the cache has found. Raises HTTPServiceUnavailable if it has no live state yet."""
    if found is None:
        # What Redis has after a start are the collections; boards are made of more than that.
        raise falcon.HTTPServiceUnavailable(
            description="Boards are made once a snapshot is fetched or recovered; see /api/status.",
            retry_after=RETRY_AFTER_S,
        )
    return found
