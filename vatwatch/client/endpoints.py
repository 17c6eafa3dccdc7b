"""The endpoints, each written once for both clients.

By hand, as each is a line or two, and a generated client of all endpoints would be thousands that
nobody reads, without the stream. What must not be written by hand are the types: `types/` comes
from the OpenAPI document, so a field or a filter that is new is here with the next `make docs`.
"""

from __future__ import annotations

from typing import Any, Unpack

from vatwatch.client.calls import Call, ListCall, endpoint, listing
from vatwatch.client.types.boards import (
    AirportAnswerDict,
    AirportBoardsAnswerDict,
    AirportInListDict,
    AirportsAnswerDict,
    ApproachesAnswerDict,
    ApproachInListDict,
    FirAnswerDict,
    FirInListDict,
    FirsAnswerDict,
    OccupancyDict,
    SectorAnswerDict,
    SectorInListDict,
    SectorsAnswerDict,
)
from vatwatch.client.types.flights import (
    FlightDict,
    FlightsAnswerDict,
    PrefileDict,
    PrefilesAnswerDict,
    TrackBodyDict,
)
from vatwatch.client.types.history import (
    EventRowDict,
    EventsPageDict,
    FlightContactsDict,
    FrequencyMatchDict,
    MatchesPageDict,
    SessionContactsDict,
)
from vatwatch.client.types.queries import (
    AirportsQuery,
    ApproachesQuery,
    AtisQuery,
    ControllersQuery,
    EventsQuery,
    FirsQuery,
    FlightContactsQuery,
    FlightsQuery,
    MatchesQuery,
    OccupancyQuery,
    PrefilesQuery,
    SectorsQuery,
    SessionContactsQuery,
    TrackQuery,
    TransceiversQuery,
)
from vatwatch.client.types.stations import (
    AtisAnswerDict,
    AtisDict,
    ControllerDict,
    ControllersAnswerDict,
    NetworkDict,
    RadiosDict,
    TransceiversAnswerDict,
)
from vatwatch.client.values import QueryValue, path_of


class Endpoints:
    """What can be asked. Lists can be called for one answer, and `each` goes through all pages."""

    @listing
    def flights(self, **query: Unpack[FlightsQuery]) -> ListCall[FlightsAnswerDict, FlightDict]:
        """Every pilot who is online."""
        return ListCall("/api/flights", query, "flights")

    @endpoint
    def flight(self, callsign: str) -> Call[FlightDict]:
        """One flight that is online."""
        return Call(path_of("/api/flights/{callsign}", callsign=callsign), {})

    @endpoint
    def track(self, callsign: str, **query: Unpack[TrackQuery]) -> Call[TrackBodyDict]:
        """Every position that is kept of a flight, the oldest first."""
        return Call(path_of("/api/flights/{callsign}/track", callsign=callsign), query)

    @listing
    def prefiles(self, **query: Unpack[PrefilesQuery]) -> ListCall[PrefilesAnswerDict, PrefileDict]:
        """Every plan of somebody who is not connected."""
        return ListCall("/api/prefiles", query, "prefiles")

    @listing
    def controllers(
        self, **query: Unpack[ControllersQuery]
    ) -> ListCall[ControllersAnswerDict, ControllerDict]:
        """Every controller who is online, observers too."""
        return ListCall("/api/controllers", query, "controllers")

    @endpoint
    def controller(self, callsign: str) -> Call[ControllerDict]:
        """One controller that is online."""
        return Call(path_of("/api/controllers/{callsign}", callsign=callsign), {})

    @listing
    def atis(self, **query: Unpack[AtisQuery]) -> ListCall[AtisAnswerDict, AtisDict]:
        """Every ATIS on the air, and those that left lately."""
        return ListCall("/api/atis", query, "atis")

    @listing
    def transceivers(
        self, **query: Unpack[TransceiversQuery]
    ) -> ListCall[TransceiversAnswerDict, RadiosDict]:
        """The radios of every client that has any."""
        return ListCall("/api/transceivers", query, "transceivers")

    @endpoint
    def network(self) -> Call[NetworkDict]:
        """Counts, and VATSIM's lists of servers, facilities and ratings."""
        return Call("/api/network", {})

    @listing
    def airports(
        self, **query: Unpack[AirportsQuery]
    ) -> ListCall[AirportsAnswerDict, AirportInListDict]:
        """Airports with traffic, the busiest first."""
        return ListCall("/api/airports", query, "airports")

    @endpoint
    def airport_boards(
        self, icao: QueryValue, *, block: int | None = None
    ) -> Call[AirportBoardsAnswerDict]:
        """The boards of some airports, 50 at most, with their flights: a list of codes."""
        return Call("/api/airports", {"icao": icao, "flights": True, "block": block})

    @endpoint
    def airport(self, icao: str, *, block: int | None = None) -> Call[AirportAnswerDict]:
        """The board of an airport: departures, arrivals, and who is on the ground."""
        return Call(path_of("/api/airports/{icao}", icao=icao), {"block": block})

    @listing
    def firs(self, **query: Unpack[FirsQuery]) -> ListCall[FirsAnswerDict, FirInListDict]:
        """The FIRs of the operator's files, the busiest first."""
        return ListCall("/api/firs", query, "firs")

    @endpoint
    def fir(self, fir: str, *, block: int | None = None) -> Call[FirAnswerDict]:
        """The board of a FIR: who is over it, and the traffic of its airports."""
        return Call(path_of("/api/firs/{fir}", fir=fir), {"block": block})

    @listing
    def approaches(
        self, **query: Unpack[ApproachesQuery]
    ) -> ListCall[ApproachesAnswerDict, ApproachInListDict]:
        """The approach units of the operator's files, those with most stations first."""
        return ListCall("/api/approaches", query, "approaches")

    @listing
    def sectors(
        self, **query: Unpack[SectorsQuery]
    ) -> ListCall[SectorsAnswerDict, SectorInListDict]:
        """FIRs and sectors of the operator's files, the busiest first."""
        return ListCall("/api/sectors", query, "sectors")

    @endpoint
    def sector(self, name: str, *, kind: str | None = None) -> Call[SectorAnswerDict]:
        """Who is in a FIR or sector, and how many are expected within the hour."""
        return Call(path_of("/api/sectors/{name}", name=name), {"kind": kind})

    @endpoint
    def occupancy(self, name: str, **query: Unpack[OccupancyQuery]) -> Call[OccupancyDict]:
        """How many flights were in a FIR or sector, minute by minute."""
        return Call(path_of("/api/sectors/{name}/occupancy", name=name), query)

    @listing
    def frequency_matches(
        self, **query: Unpack[MatchesQuery]
    ) -> ListCall[MatchesPageDict, FrequencyMatchDict]:
        """Who talked to whom, the newest first."""
        return ListCall("/api/frequency-matches", query, "matches")

    @listing
    def flight_contacts(
        self, flight_id: str, **query: Unpack[FlightContactsQuery]
    ) -> ListCall[FlightContactsDict, FrequencyMatchDict]:
        """The contacts of one flight, and what they come to."""
        path = "/api/history/flights/{flight_id}/contacts"
        return ListCall(path_of(path, flight_id=flight_id), query, "matches")

    @listing
    def session_contacts(
        self, session_id: str, **query: Unpack[SessionContactsQuery]
    ) -> ListCall[SessionContactsDict, FrequencyMatchDict]:
        """The contacts of one session of a controller, and what they come to."""
        path = "/api/history/sessions/{session_id}/contacts"
        return ListCall(path_of(path, session_id=session_id), query, "matches")

    @listing
    def events(self, **query: Unpack[EventsQuery]) -> ListCall[EventsPageDict, EventRowDict]:
        """Events, the newest first."""
        return ListCall("/api/events", query, "events")

    @endpoint
    def status(self) -> Call[dict[str, Any]]:
        """The health of the whole and of each part, in one answer."""
        return Call("/api/status", {})

    @endpoint
    def get(self, path: str, /, **query: Any) -> Call[Any]:
        """The JSON of any path, such as `/api/alerts`: there are more than have a name here."""
        return Call(path_of(path), query)

    @endpoint
    def text(self, path: str, /, **query: Any) -> Call[str]:
        """An answer as text, such as `text("/api/flights", format="csv")`."""
        return Call(path, query, as_text=True)

    @endpoint
    def send(self, method: str, path: str, body: Any = None) -> Call[Any]:
        """Change something, with a key: `send("POST", "/api/keys", {...})`. The answer's JSON."""
        return Call(path, {}, method=method, body=body)
