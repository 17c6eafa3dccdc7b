"""What one snapshot changes in what is known: all that the database and the subscribers need.

`diff.diff` makes it, `diff.apply` puts it into effect, `events.events_of` tells it, and
`storage/writer.py` writes it. The lists are filled while a snapshot is compared, and only read
after that.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct, field

from vatwatch.feed.records import General
from vatwatch.traffic.areas.sector_map import AirspaceSector
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.movements import Movement
from vatwatch.traffic.network_state import (
    AtisVersion,
    FiledPlan,
    Flight,
    FlownFlight,
    LastingContact,
    RadioState,
    SectorStay,
    Session,
)


class FlightChanges(Struct):
    """What the pilots of a snapshot change. Each flight is as it is after the snapshot, except
    where another one is named."""

    online: list[Flight] = []
    """All that are in the snapshot, in its order."""
    created: list[Flight] = []
    """Of these: seen for the first time."""
    entered: list[Flight] = []
    """Of these: let through by the filters for the first time, though it was seen before."""
    updated: list[Flight] = []
    """Of these: with a new connection, another name, server or rating, or something that it has
    done: a phase, a movement, a time."""
    reconnected: list[Flight] = []
    """Of these: with a new connection, within the reconnect window."""
    resumed: list[Flight] = []
    """Of these: they had been dropped."""
    moved_by: list[tuple[Movement, Flight]] = []
    """What those online were just seen to do: take-offs, landings, touch-and-goes."""
    diverted: list[Flight] = []
    """Of those online: whose destination has just changed in the air, or who landed elsewhere."""
    returned: list[Flight] = []
    """Those that were disconnected or dropped and are online again, as they were before."""
    gone: list[Flight] = []
    """Those that were online in the snapshot before and are away now, as they were."""
    ended: list[Flight] = []
    """Those that are over, as they were: gone for longer than the reconnect window, or the next
    flight has begun. `continuity.ending_of` says how; what was dropped can be resumed."""
    final: list[int] = []
    """Those that were dropped so long ago that nobody can resume them: ids."""
    remembered: list[Flight] = []
    """Of those online, besides the ones in `created` and `updated`: whose row gets what the rules
    remember of them."""
    shown: int = 0
    """How many of those online the filters let through."""
    positions: list[Flight] = []
    """Of those online: whose position is worth a row."""
    moved: int = 0
    """How many have another position than in the snapshot before."""
    plans_opened: list[FiledPlan] = []
    plans_closed: list[int] = []
    """Ids of plans that were replaced, withdrawn, or whose flight has ended."""
    plans_withdrawn: list[int] = []
    """Of those online: ids of the flights that had a plan and have none now."""


class SessionChanges(Struct):
    """What the controllers of a snapshot change; the lists as in `FlightChanges`."""

    online: list[Session] = []
    created: list[Session] = []
    updated: list[Session] = []
    """A reconnect, or another frequency, place, rating or text, or news that are held."""
    returned: list[Session] = []
    gone: list[Session] = []
    ended: list[Session] = []
    logons: list[tuple[Session, bool]] = []
    """Those whose logon is to be told now, and whether it is a return after a break."""
    frequencies_changed: list[tuple[int | None, Session]] = []
    """With the frequency before, in Hz; None is none."""


class AtisChanges(Struct):
    """The versions on the air, those that are new, and the ids of those that have ended."""

    present: list[AtisVersion] = []
    opened: list[AtisVersion] = []
    closed: list[int] = []
    stale: dict[str, AtisVersion] = {}
    """The last versions of the stations that have left, by callsign, after the snapshot."""


class PrefileChanges(Struct):
    """The plans of nobody online, those that are new or amended, and the ids that have ended."""

    present: list[FiledPlan] = []
    opened: list[FiledPlan] = []
    closed: list[int] = []
    flown: dict[tuple[int, str], tuple[FlownFlight, ...]] = {}
    """The flights that have flown and ended, after the snapshot."""


class RadioChanges(Struct):
    """The radios of each client, those newly tuned, and the ids of those that have ended.

    A snapshot without radios (the feed was unavailable) changes none.
    """

    present: dict[str, tuple[RadioState, ...]] = {}
    opened: list[RadioState] = []
    closed: list[int] = []


class ContactChanges(Struct, frozen=True):
    """The contacts of a snapshot, by their keys, and what of it is new."""

    present: dict[tuple[int, int, int], LastingContact] = {}
    began: list[LastingContact] = []
    ended: list[LastingContact] = []
    """As they were; the snapshot before was the last one that shows them."""
    closer: list[LastingContact] = []
    """Of those present: nearer than ever, and not in `began`."""


class SectorChanges(Struct):
    """What a snapshot changes in who is in which FIR and sector."""

    present: dict[tuple[int, str, str], SectorStay] = {}
    """All that the snapshot shows, by `SectorStay.key`."""
    entered: list[SectorStay] = []
    """Of these: those that begin with it."""
    left: list[tuple[SectorStay, int | None]] = []
    """Those that were over with the snapshot before, with the altitude then, in feet."""
    redrawn: set[tuple[int, str, str]] = set()
    """Keys of those in `entered` and `left` who crossed no border: another file has put it
    elsewhere. Nobody is told of them."""
    sectors: list[AirspaceSector] = []
    """The FIRs and sectors of `entered`, as the files in use have them."""


class Changes(Struct, frozen=True):
    """What the snapshot of `time` changes in the state after `derived_from`."""

    time: datetime
    derived_from: datetime | None
    """The snapshot that it was compared with; None: with nothing. The store writes the changes
    only if that one is the newest before them (`OutOfSequence`)."""
    general: General
    flights: FlightChanges
    sessions: SessionChanges
    atis: AtisChanges
    prefiles: PrefileChanges
    radios: RadioChanges
    contacts: ContactChanges = ContactChanges()
    sectors: SectorChanges = field(default_factory=SectorChanges)
    contact_rules: ContactRules = ContactRules()
    """By which the contacts were found."""
    position_keepalive: timedelta = timedelta(minutes=5)
    """How old the latest position of a track may be, of a flight that is online."""
