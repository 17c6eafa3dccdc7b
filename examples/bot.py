"""A bot that says in Discord which positions open and close.

    python bot.py 'ED*_TWR,ED*_APP' --webhook https://discord.com/api/webhooks/ID/TOKEN

Without a webhook it prints. The service is at --url, or VATWATCH_URL. With --place FILE it keeps
where it is in the stream: started again within ten minutes, it tells what it has missed.
It needs `pip install 'vatwatch[client]'`.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

import httpx

from vatwatch.client import Client, StreamMessage

TIMEOUT_S = 30
# How often a message is tried; Discord asks to wait for some seconds when there are many.
TRIES = 5


def main() -> None:
    """Follow the stream, and tell."""
    arguments = parsed()
    left = arguments.place.read_text() if arguments.place and arguments.place.exists() else ""
    with Client(arguments.url) as vatwatch:
        stream = vatwatch.stream(channels="events", callsign=arguments.stations, last_event_id=left)
        for message in stream:
            text = news(message)
            if text is not None:
                tell(text, arguments.webhook)
            if arguments.place:
                keep(arguments.place, message.id)


def keep(file: Path, place: str) -> None:
    """Put it into the file as a whole: a kill leaves this place or the one before."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(place)
    beside.replace(file)


def parsed() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Say which positions open and close.")
    parser.add_argument("stations", help="callsigns or patterns, with commas between them")
    parser.add_argument("--webhook", help="where to post; without it, print")
    parser.add_argument("--url", help="address of the service")
    parser.add_argument("--place", type=Path, help="a file that holds the place in the stream")
    return parser.parse_args()


def news(message: StreamMessage) -> str | None:
    """What there is to say, if anything."""
    if message.kind != "event":
        return None
    who: dict[str, Any] = message.data["payload"]
    if who.get("facility") == 0:  # an observer
        return None
    frequency = f"{who['frequency_hz'] / 1e6:.3f}" if who.get("frequency_hz") else None
    match message.data["type"]:
        case "CONTROLLER_LOGON" if frequency and not who["reconnect"]:
            return f"{who['callsign']} is open on {frequency}."
        case "CONTROLLER_LOGOFF" if frequency:
            return f"{who['callsign']} has closed."
        case "FREQUENCY_CHANGE" if who["before_hz"] is None and who["after_hz"]:
            # The frequency came late; until then nobody could talk to the station.
            return f"{who['callsign']} is open on {who['after_hz'] / 1e6:.3f}."
        case _:
            return None


def tell(text: str, webhook: str | None) -> None:
    """Post it, or print it."""
    if webhook is None:
        print(text, flush=True)
        return
    # Strangers choose callsigns: nobody is to be mentioned by one.
    message = {"content": text, "allowed_mentions": {"parse": []}}
    for _ in range(TRIES):
        answer = httpx.post(webhook, json=message, timeout=TIMEOUT_S)
        if answer.status_code != 429:
            answer.raise_for_status()
            return
        time.sleep(min(float(answer.headers.get("Retry-After", "1")), TIMEOUT_S))
    answer.raise_for_status()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
