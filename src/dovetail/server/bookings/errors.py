"""Why a booking was not written. `reason` is for programs; pages have their own sentences."""

from __future__ import annotations


class BookingRefused(Exception):
    """Nothing was changed."""


class SlotTaken(BookingRefused):
    """Another booking, or another Customer's hold, has that time."""


class NotBookable(BookingRefused):
    """The time or the page is not open: ``not_open``, ``gone``, ``closed``, ``approval``, ``past``, ``too_long``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongStatus(BookingRefused):
    """The booking is not in a status that allows this."""


class StaleRevision(BookingRefused):
    """The booking has changed since the caller saw it."""
