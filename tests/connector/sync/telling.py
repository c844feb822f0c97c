"""What the tests of a sync say again and again."""

from __future__ import annotations

from uuid import UUID

from connector.sync.world import World
from dovetail.protocol.messages import BookingState, ItemOutcome


def booked(world: World, day: float = 3, hour: float = 10) -> UUID:
    """A booking that is in the calendar."""
    booking = world.server.book(world.at(int(day), hour), world.at(int(day), hour + 1))
    world.sync()
    assert world.item(booking)
    return booking


def state_of(world: World, booking: UUID) -> tuple[BookingState, int]:
    found = world.server.state.bookings[booking]
    return found.state, found.revision


def outcome_of(world: World, booking: UUID, calendar: str = "main") -> ItemOutcome:
    reported = world.reported(booking, calendar)
    assert reported is not None
    return reported.outcome


def full_week(world: World, calendar: str = "main", many: int = 30) -> list[str]:
    return [world.adds(world.at(1 + number % 10, 8 + number % 9), calendar=calendar) for number in range(many)]


def apart(world: World, many: int) -> list[str]:
    """Appointments that do not touch."""
    return [world.adds(world.at(1 + number // 6, 3 * (number % 6))) for number in range(many)]
