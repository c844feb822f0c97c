"""Who may keep a connection open without having signed in: so many in all, so many of one address.

An address that has its share is refused more. When all places are taken, the oldest connection of the address that has
most gives way, so that a flood from some addresses does not shut out the others; where each has but one, who comes
first stays. An IPv6 address counts by its /64.
"""

from __future__ import annotations

from typing import Protocol

from dovetail.server.connections.limiter import network

PER_ADDRESS = 1000
"""A firm's connectors may all come from one address, and come back at the same time."""
IN_ALL = 1000
"""In the middle of a TLS handshake each takes some 75 kB."""


class Guest(Protocol):
    """A connection that has not signed in."""

    @property
    def address(self) -> str: ...

    def give_way(self) -> None:
        """Close at once."""


class Gate:
    def __init__(self, per_address: int = PER_ADDRESS, in_all: int = IN_ALL) -> None:
        self.per_address = per_address
        self.in_all = in_all
        self.guests: dict[str, dict[Guest, None]] = {}  # by network, the oldest first
        self.count = 0
        self.refused = 0
        self.displaced = 0

    def admit(self, guest: Guest) -> bool:
        """Whether it may stay; `leave` when it has signed in, or gone."""
        of_network = self.guests.get(network(guest.address), {})
        if len(of_network) >= self.per_address or (self.count >= self.in_all and not self._make_room()):
            self.refused += 1
            return False
        self.guests.setdefault(network(guest.address), {})[guest] = None
        self.count += 1
        return True

    def leave(self, guest: Guest) -> None:
        name = network(guest.address)
        of_network = self.guests.get(name, {})
        if guest in of_network:
            del of_network[guest]
            self.count -= 1
            if not of_network:
                del self.guests[name]

    def _make_room(self) -> bool:
        fullest = max(self.guests.values(), key=len)
        if len(fullest) == 1:
            return False
        oldest = next(iter(fullest))
        self.displaced += 1
        self.leave(oldest)
        oldest.give_way()
        return True
