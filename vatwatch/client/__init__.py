"""A client of a vatwatch service: live data, history, and the stream.

    from vatwatch.client import Client

    with Client("http://127.0.0.1:8001") as vatwatch:
        for flight in vatwatch.flights.each(arrival="EDDF"):
            print(flight["callsign"], flight["eta"])

It needs httpx (`pip install vatwatch[client]`) and nothing else of vatwatch, nor of what the
service needs. `AsyncClient` is the same for asyncio. Records are the dicts that the API sends, with
VATSIM's names, and typed. docs/guide/python.md shows it at work.
"""

from vatwatch.client.clients import AsyncClient, Client
from vatwatch.client.failures import ClientError, NoAnswer, NotUnderstood, ProblemReceived
from vatwatch.client.state import Present, StreamMessage
from vatwatch.client.streams import AsyncMessageStream, MessageStream

__all__ = [
    "AsyncClient",
    "AsyncMessageStream",
    "Client",
    "ClientError",
    "MessageStream",
    "NoAnswer",
    "NotUnderstood",
    "Present",
    "ProblemReceived",
    "StreamMessage",
]
