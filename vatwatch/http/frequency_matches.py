"""Contacts: who talked to whom on which frequency, of all, of one flight, and of one session."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import ClassVar, Literal

import falcon
from msgspec import Struct
from msgspec.structs import asdict

from vatwatch.errors import StorageError, SupervisionError
from vatwatch.feed.times import parse_time
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Description, Tag, describe, description
from vatwatch.http.formats import (
    LISTED,
    format_of,
    format_parameter,
    other_media,
    send_records,
)
from vatwatch.http.params import (
    LIMIT,
    MAX_LIMIT,
    Declared,
    Invalid,
    Parameter,
    cursor,
    moment,
    text,
    whole_number,
)
from vatwatch.http.problems import RETRY_AFTER_S, BadRequest
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.messages import FindFlightContacts, FindMatches, FindSessionContacts, GetLiveMatches
from vatwatch.traffic.contact_figures import ContactHistory, FlightFigures, SessionFigures
from vatwatch.traffic.frequency_match import FrequencyMatch, MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.radio_channels import channel_hz
from vatwatch.wildcards import fits

# Longer than other questions: the database may be busy writing a batch.
TIMEOUT_S = 15.0
# PostgreSQL's integer, and its bigint.
MAX_CID = 2**31 - 1
MAX_ID = 2**63 - 1

_ID = re.compile(r"\d{1,19}", re.ASCII)
_FREQUENCY = re.compile(r"\d{1,12}|\d{1,4}\.\d{1,6}", re.ASCII)
# A whole number below this is MHz, and from the other one on Hz. In between it could be kHz.
_MHZ_BELOW = 1_000
_HZ_FROM = 1_000_000


def _channel(given: str) -> int:
    must = "must be a frequency in MHz, such as 118.700, or in Hz, such as 118700000"
    if _FREQUENCY.fullmatch(given) is None:
        raise Invalid(must)
    if "." not in given and _MHZ_BELOW <= int(given) < _HZ_FROM:
        raise Invalid(must)
    in_mhz = "." in given or int(given) < _MHZ_BELOW
    channel = channel_hz(round(float(given) * 1e6) if in_mhz else int(given))
    if channel is None:
        raise Invalid(f"{must}; {given} is no channel")
    return channel


def _cursor(given: str) -> MatchKey:
    try:
        time, *ids = urlsafe_b64decode(given.encode() + b"==").decode().split("|")
        flight_id, session_id, frequency_hz = (int(one) for one in ids)
        key = (parse_time(time), flight_id, session_id, frequency_hz)
    except (ValueError, binascii.Error) as error:
        raise Invalid(_NOT_A_CURSOR) from error
    if not all(0 <= number <= MAX_ID for number in key[1:]):
        raise Invalid(_NOT_A_CURSOR)
    return key


_NOT_A_CURSOR = "must be the next_cursor of an answer of this endpoint"

CALLSIGN = text(
    "callsign",
    about="Only contacts of this pilot or station, in any case of letters, or of those whose "
    "callsigns fit a pattern (`EGLL_*`).",
    example="EGLL_APP",
)
CID = whole_number(
    "cid", 1, MAX_CID, None, about="Only contacts of this pilot or controller.", example=4316076
)
FREQUENCY: Parameter[int | None] = Parameter(
    "frequency",
    _channel,
    None,
    "Only contacts on this channel, in MHz (`118.700`) or Hz (`118700000`), in any spelling.",
    {"type": "string", "pattern": rf"^(?:{_FREQUENCY.pattern})$", "example": "118.700"},
)
FROM = moment("from", about="Only contacts that lasted at this time or began later.")
TO = moment("to", about="Only contacts that began before this time.")
CURSOR: Parameter[MatchKey | None] = cursor(
    "cursor", _cursor, example="MjAyNi0wMS0zMVQxMjowMDowMCswMDowMHwxfDJ8MTE4NzAwMDAw"
)
OTHER_CALLSIGN = text(
    "callsign",
    about="Only contacts with this one, in any case of letters, or with those whose callsigns fit "
    "a pattern (`EGLL_*`).",
    example="EGLL_APP",
)
OTHER_CID = whole_number(
    "cid", 1, MAX_CID, None, about="Only contacts with this person.", example=4316076
)
# All contacts of nearly every flight, and of most sessions.
LIMIT_OF_ONE = whole_number("limit", 1, MAX_LIMIT, MAX_LIMIT, about="How many contacts at most.")
FLIGHT_ID = text("flight_id", about="The `flight_id` of an answer.", example="6887687557313438827")
SESSION_ID = text(
    "session_id", about="The `session_id` of an answer.", example="238069263600056959"
)


class MatchesHead(Struct, frozen=True, kw_only=True):
    """A page of contacts."""

    count: int
    """How many are in this answer."""
    total: int
    """How many match."""
    next_cursor: str | None
    """Continues after this page; null: there is no more."""
    matches: tuple[FrequencyMatch, ...]


class MatchesPage(MatchesHead, frozen=True, kw_only=True):
    """Contacts, the newest first."""

    source: Literal["database", "memory"]
    """Memory while the database is away: it has those that last."""


class FlightContacts(MatchesHead, frozen=True, kw_only=True):
    """The contacts of a flight."""

    flight_id: str
    callsign: str
    derive_again: bool
    """Whether a snapshot that came late has touched it: until it is derived again, this may be
    wrong."""
    figures: FlightFigures


class SessionContacts(MatchesHead, frozen=True, kw_only=True):
    """The contacts of a controller's session."""

    session_id: str
    callsign: str
    derive_again: bool
    """As of a flight."""
    figures: SessionFigures


class FrequencyMatchesResource(BaseResource):
    """The table of contacts; while the database is away, those that last."""

    parameters: ClassVar[Declared] = {
        "GET": (CALLSIGN, CID, FREQUENCY, FROM, TO, LIMIT, CURSOR, format_parameter(LISTED))
    }

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Who talked to whom, the newest first.",
        tag=Tag.CONTACTS,
        answers={200: (MatchesPage, *other_media(LISTED))},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        form = format_of(req, LISTED)
        wanted = MatchFilter(
            callsign=CALLSIGN.of(req),
            cid=CID.of(req),
            channel_hz=FREQUENCY.of(req),
            since=FROM.of(req),
            until=TO.of(req),
        )
        if wanted.since is not None and wanted.until is not None and wanted.until <= wanted.since:
            raise BadRequest(
                "Invalid parameter",
                'The parameter "to" must be later than "from".',
                parameter="to",
            )
        limit, after = LIMIT.of(req), CURSOR.of(req)
        page: MatchPage | None
        source: Literal["database", "memory"] = "database"
        try:
            question = FindMatches(wanted, limit, after)
            page = self._service.ask("history", question, timeout_s=TIMEOUT_S)
        except (StorageError, SupervisionError):
            source = "memory"
            page = self._service.ask("cache", GetLiveMatches(wanted, limit, after))
        if page is None:
            raise falcon.HTTPServiceUnavailable(
                description="The database is away, and nothing has been fetched or recovered yet; "
                "see /api/status.",
                retry_after=RETRY_AFTER_S,
            )
        answer = MatchesPage(
            source=source,
            count=len(page.matches),
            total=page.total,
            next_cursor=_next_cursor(page.matches) if len(page.matches) == limit else None,
            matches=page.matches,
        )
        _send(req, resp, answer, form)


class _ContactsOfOne(BaseResource):
    """The contacts of what the path names by its id."""

    parameters: ClassVar[Declared] = {
        "GET": (OTHER_CALLSIGN, OTHER_CID, LIMIT_OF_ONE, CURSOR, format_parameter(LISTED))
    }
    kind: ClassVar[str]

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """The first one first, with what all of them come to."""
        form, limit, after = format_of(req, LISTED), LIMIT_OF_ONE.of(req), CURSOR.of(req)
        callsign, cid = OTHER_CALLSIGN.of(req), OTHER_CID.of(req)
        given = path[f"{self.kind}_id"]
        question = self._question(_id_of(self.kind, given))
        found = self._service.ask("history", question, timeout_s=TIMEOUT_S)
        if found is None:
            raise falcon.HTTPNotFound(description=f"No {self.kind} is known with the id {given}.")
        matches = [
            one for one in found.matches if _is_with(*self._other(one), callsign=callsign, cid=cid)
        ]
        answer = self._answer(str(int(given)), found, _page(matches, limit, after))
        _send(req, resp, answer, form)

    def _question(self, number: int) -> FindFlightContacts | FindSessionContacts:
        raise NotImplementedError

    def _other(self, match: FrequencyMatch) -> tuple[str, int]:
        """The callsign and the CID of the other side."""
        raise NotImplementedError

    def _answer(self, given: str, found: ContactHistory, page: MatchesHead) -> MatchesHead:
        raise NotImplementedError


def _described(summary: str, answer: type[MatchesHead], named: Parameter[str]) -> Description:
    return description(
        summary,
        tag=Tag.CONTACTS,
        answers={200: (answer, *other_media(LISTED))},
        problems=(404, 406, 503),
        path=(named,),
        details="The first one first, with what all of them come to.",
    )


class FlightContactsResource(_ContactsOfOne):
    """The contacts of one flight."""

    kind = "flight"
    descriptions: ClassVar = {
        "GET": _described("The contacts of one flight.", FlightContacts, FLIGHT_ID)
    }

    def _question(self, number: int) -> FindFlightContacts:
        return FindFlightContacts(number)

    def _other(self, match: FrequencyMatch) -> tuple[str, int]:
        return match.station, match.station_cid

    def _answer(self, given: str, found: ContactHistory, page: MatchesHead) -> MatchesHead:
        assert isinstance(found.figures, FlightFigures)
        return FlightContacts(
            flight_id=given,
            callsign=found.callsign,
            derive_again=found.derive_again,
            figures=found.figures,
            **asdict(page),
        )


class SessionContactsResource(_ContactsOfOne):
    """The contacts of one session of a controller."""

    kind = "session"
    descriptions: ClassVar = {
        "GET": _described(
            "The contacts of one session of a controller.", SessionContacts, SESSION_ID
        )
    }

    def _question(self, number: int) -> FindSessionContacts:
        return FindSessionContacts(number)

    def _other(self, match: FrequencyMatch) -> tuple[str, int]:
        return match.callsign, match.cid

    def _answer(self, given: str, found: ContactHistory, page: MatchesHead) -> MatchesHead:
        assert isinstance(found.figures, SessionFigures)
        return SessionContacts(
            session_id=given,
            callsign=found.callsign,
            derive_again=found.derive_again,
            figures=found.figures,
            **asdict(page),
        )


def _id_of(kind: str, given: str) -> int:
    if _ID.fullmatch(given) is None or int(given) > MAX_ID:
        raise BadRequest(
            f"Invalid {kind} id",
            f"The id of a {kind} is a whole number: the {kind}_id of an answer. "
            "A callsign is none.",
        )
    return int(given)


def _is_with(other: str, other_cid: int, *, callsign: str, cid: int | None) -> bool:
    return (not callsign or fits(callsign, other)) and cid in (None, other_cid)


def _page(matches: Sequence[FrequencyMatch], limit: int, after: MatchKey | None) -> MatchesHead:
    rest = [one for one in matches if after is None or one.key > after]
    page = tuple(rest[:limit])
    return MatchesHead(
        count=len(page),
        total=len(matches),
        next_cursor=_next_cursor(page) if len(rest) > limit else None,
        matches=page,
    )


def _send(
    req: falcon.Request, resp: falcon.Response, answer: MatchesHead, wanted: AnswerFormat
) -> None:
    """Answer with a page; in CSV and NDJSON with its matches alone."""
    if wanted is AnswerFormat.JSON:
        resp.append_header("Vary", "Accept")
        send_json(resp, answer)
        return
    send_records(
        req,
        resp,
        answer.matches,
        wanted,
        record=FrequencyMatch,
        total=answer.total,
        next_cursor=answer.next_cursor,
    )


def _next_cursor(page: Sequence[FrequencyMatch]) -> str:
    start, *numbers = page[-1].key
    return (
        urlsafe_b64encode("|".join([start.isoformat(), *map(str, numbers)]).encode())
        .decode()
        .rstrip("=")
    )
