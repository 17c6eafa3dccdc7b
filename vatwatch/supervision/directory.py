"""Directory: the names of one tree's workers."""

from __future__ import annotations

from vatwatch.supervision.address import Address, Receiver
from vatwatch.supervision.observers import Observers


class Directory:
    """The names of one tree's workers. Use it in the tree's thread."""

    def __init__(self, observers: Observers) -> None:
        """`observers` are told of messages to unknown names."""
        self._observers = observers
        self._receivers: dict[str, Receiver] = {}
        self._addresses: dict[str, Address] = {}

    def register(self, receiver: Receiver) -> None:
        """For the tree: register a worker under its name."""
        self._receivers[receiver.name] = receiver
        self._addresses[receiver.name] = self._make_address(receiver.name)

    def find(self, name: str) -> Receiver | None:
        """The worker of this name; None if there is none."""
        return self._receivers.get(name)

    def address(self, name: str) -> Address:
        """The address of a worker. An unknown name is noticed only when the address is used."""
        return self._addresses.get(name) or self._make_address(name)

    def _make_address(self, name: str) -> Address:
        return Address(name, self.find, self._observers.dead_letter)
