"""A client of the stream, as docs/api.md tells how to write one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any


class Follower:
    """Keeps records up to date from the bytes of a stream."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.events: list[Any] = []
        self.kinds: list[str] = []
        self.updated_at: datetime | None = None
        self.last_id = ""
        self.status: Any = None
        self._text = ""
        self.written: object = ...
        """The time of the state that it has, as written; when it comes back, nobody knows."""

    @staticmethod
    def id_of(record: dict[str, Any]) -> str:
        return str(record.get("flight_id") or record.get("session_id") or record["callsign"])

    def feed(self, content: bytes) -> None:
        *messages, self._text = (self._text + content.decode()).split("\n\n")
        for message in messages:
            lines = [line for line in message.split("\n") if not line.startswith(":")]
            self._take(dict(line.split(": ", 1) for line in lines))

    def _take(self, message: dict[str, str]) -> None:
        if "id" in message:
            self.last_id = message["id"]
        if "data" not in message:
            return
        self.kinds.append(message["event"])
        data = json.loads(message["data"])
        match message["event"]:
            case "snapshot":
                self._move(data)
                self.records = {
                    self.id_of(record): record
                    for name in ("flights", "controllers", "atis")
                    for record in data.get(name, ())
                }
            case "delta":
                assert self.written in (data["previous"], ...)
                self._move(data)
                for record in data["changed"]:
                    known = self.records.setdefault(self.id_of(record), {})
                    self.records[self.id_of(record)] = {**known, **record}
                for gone in data["gone"]:
                    self.records.pop(gone, None)
            case "event":
                self.events.append(data)
            case "status":
                self.status = data
            case other:
                raise AssertionError(other)

    def _move(self, data: dict[str, Any]) -> None:
        self.written = written = data["updated_at"]
        self.updated_at = None if written is None else datetime.fromisoformat(written)
