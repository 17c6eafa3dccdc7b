"""What is there now, by the messages of the stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vatwatch.client.types.flights import FlightDict
from vatwatch.client.types.stations import AtisDict, ControllerDict


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message of the stream."""

    kind: str
    """`snapshot`, `delta`, `event` or `status`; others may come with later versions."""
    data: Any
    """What docs/api.md has for this kind."""
    id: str
    """The place in the stream after this message: `stream(last_event_id=...)` goes on there."""


@dataclass(slots=True)
class Present:
    """The records that are there now. Give it to `stream(keep=...)`, or each message to `take`.

    A record that changes is replaced: one that you hold stays as it was.
    """

    flights: dict[str, FlightDict] = field(default_factory=dict)
    """By `flight_id`."""
    controllers: dict[str, ControllerDict] = field(default_factory=dict)
    """By `session_id`; observers, too."""
    atis: dict[str, AtisDict] = field(default_factory=dict)
    """By callsign."""
    status: dict[str, Any] | None = None
    """How the service and its feed are."""
    updated_at: str | None = None
    """The time of the snapshot, UTC; None before the first one."""

    def take(self, message: StreamMessage) -> None:
        """Go on by one message; those that change nothing here are let through."""
        match message.kind:
            case "snapshot":
                self.flights = {one["flight_id"]: one for one in message.data.get("flights", ())}
                self.controllers = {
                    one["session_id"]: one for one in message.data.get("controllers", ())
                }
                self.atis = {one["callsign"]: one for one in message.data.get("atis", ())}
                self.updated_at = message.data["updated_at"]
            case "delta":
                for record in message.data["changed"]:
                    self._change(record)
                for gone in message.data["gone"]:
                    self.flights.pop(gone, None)
                    self.controllers.pop(gone, None)
                    self.atis.pop(gone, None)
                self.updated_at = message.data["updated_at"]
            case "status":
                self.status = message.data

    def _change(self, record: Any) -> None:
        """A record, or the fields of it that are different. Each kind has an id of its own."""
        records: Any = self.atis
        field_of_id = "callsign"
        if "flight_id" in record:
            records, field_of_id = self.flights, "flight_id"
        elif "session_id" in record:
            records, field_of_id = self.controllers, "session_id"
        key = record[field_of_id]
        records[key] = {**records.get(key, {}), **record}
