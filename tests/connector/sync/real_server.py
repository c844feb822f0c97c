"""The real server, in the same process and without a network, with the face of :class:`ModelServer`.

Bookings go through the product's own writer, so a Customer may be refused. Nothing is cleaned up: the test's
transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from uuid import UUID

from connector.sync.model_server import Booking, State
from dovetail.connector.link.port import Refused, Unreachable
from dovetail.connector.sync.keys import calendar_key
from dovetail.protocol.messages import (
    Access,
    BookingState,
    CalendarReport,
    Feedback,
    FeedbackOutcome,
    ItemOutcome,
    ItemReport,
    ShowAs,
    SyncRequest,
    SyncResponse,
)
from dovetail.server.accounts.services import open_account
from dovetail.server.bookings import models, place
from dovetail.server.bookings.errors import BookingRefused
from dovetail.server.connections import erasure, pairing, roles, stored
from dovetail.server.connections.horizon import window_days
from dovetail.server.connections.models import BusyChunk, Connection, ItemState
from dovetail.server.connections.refusal import Refusal
from dovetail.server.connections.sync import InProcess
from dovetail.server.pages.models import BookingPage, EventType

_numbers = count(1)


class RealServer:
    """Implements ServerPort."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.requests: list[SyncRequest] = []
        self.lose: list[str] = []
        self.heard: Callable[[Feedback], None] = lambda change: None
        self.user = open_account(f"machine{next(_numbers)}@example.com", "correct horse battery", "Host", "UTC")
        page = BookingPage.objects.get(user=self.user)
        page.weekly_hours.all().delete()
        for weekday in range(7):
            page.weekly_hours.create(weekday=weekday, start_minute=0, end_minute=1440)
        self.event_type = EventType.objects.get(page=page)
        self.event_type.duration = self.event_type.spacing = 60
        self.event_type.lead_time, self.event_type.horizon_days = 0, 19
        self.event_type.save()
        self._pair()

    def _pair(self) -> None:
        self._connection = pairing.connect(self.user).connection
        self._switches = (False, False)

    @property
    def connection(self) -> Connection:
        return Connection.objects.get(pk=self._connection.pk)

    @property
    def connector_id(self) -> str:
        return self.connection.connector_id

    @property
    def epoch(self) -> int:
        return self.connection.epoch

    @property
    def window_days(self) -> int:
        return window_days(self.user.pk)

    # --- what people do -----------------------------------------------------------------------------------------------

    def give_roles(self, main: str, busy: tuple[str, ...] = (), additional: tuple[str, ...] = ()) -> None:
        """By the calendars' ids; the connector has listed them before."""
        connection = self.connection
        names = {calendar_key(connection.connector_id, name): name for name in (main, *busy, *additional, "other")}
        listed = [CalendarReport(key=key, name=name, access=Access.BOOKABLE) for key, name in names.items()]
        roles.take_list(connection, listed)
        stored.recompute_root(connection)
        connection.save()
        keys = {name: key for key, name in names.items()}
        roles.choose(
            connection,
            main=keys[main],
            busy=[keys[name] for name in busy],
            additional=[keys[name] for name in additional],
        )

    def switch(self, deletes: bool, moves: bool) -> None:
        Connection.objects.filter(pk=self._connection.pk).update(delete_cancels=deletes, move_reschedules=moves)

    def book(self, start: datetime, end: datetime) -> UUID | None:
        """None where the page offers that time to nobody."""
        customer = place.Customer("Ada Lovelace", "ada@example.com", "Europe/London")
        try:
            return place.place(self.event_type, start, customer, now=self.now()).pk
        except BookingRefused:
            return None

    def reschedule(self, booking: UUID, start: datetime, end: datetime) -> None:
        try:
            place.reschedule(models.Booking.objects.get(pk=booking), start, now=self.now())
        except BookingRefused:
            return

    def cancel(self, booking: UUID) -> None:
        place.cancel(models.Booking.objects.get(pk=booking), models.Actor.CUSTOMER, now=self.now())

    def annotate(self, booking: UUID, note: str) -> None:
        """A Customer cannot."""

    def disconnect(self) -> None:
        erasure.erase(self.connection, actor="user")
        self._pair()

    def snapshot(self) -> None:
        """A database has backups of its own."""

    def live(self) -> list[Booking]:
        return [booking for booking in self.state.bookings.values() if booking.state is BookingState.LIVE]

    def is_free(self, start: datetime, end: datetime) -> bool:
        return all(b.end <= start or b.start >= end for b in self.live())

    # --- the port -----------------------------------------------------------------------------------------------------

    def exchange(self, request: SyncRequest) -> SyncResponse:
        lost = self.lose.pop(0) if self.lose else ""
        if lost == "before":
            raise Unreachable("The message was lost.")
        self.requests.append(request)
        try:
            answer = InProcess(self.connection, self.now).exchange(request)
        except Refusal as refusal:
            raise Refused(refusal.details) from refusal
        accepted = {told.booking for told in answer.feedback if told.outcome is FeedbackOutcome.ACCEPTED}
        for change in request.feedback:
            if change.booking in accepted:
                self.heard(change)
        if lost == "after":
            raise Unreachable("The answer was lost.")
        return answer

    # --- what is to be seen -------------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        return self.connection.root

    @property
    def state(self) -> State:
        connection = self.connection
        chunks = BusyChunk.objects.filter(calendar__connection=connection).select_related("calendar")
        return State(
            bookings={booking.id: booking for booking in self._bookings(connection)},
            items=tuple(_item(row) for row in ItemState.objects.filter(connection=connection)),
            chunks={
                (chunk.calendar.key, chunk.index): tuple((a, b, status) for a, b, status in chunk.blocks)
                for chunk in chunks
            },
        )

    def _bookings(self, connection: Connection) -> Iterable[Booking]:
        chosen = roles.roles_of(connection)
        calendars = (chosen.main, *chosen.additional) if chosen.main else ()
        found = models.Booking.objects.filter(host=self.user, epoch=connection.epoch, detached=False)
        for row in found.exclude(status=models.Status.REQUESTED):
            canceled = row.status == models.Status.CANCELED
            yield Booking(
                row.pk,
                row.start,
                row.end,
                calendars,
                BookingState.CANCELED if canceled else BookingState.LIVE,
                row.revision,
            )


def _item(row: ItemState) -> ItemReport:
    return ItemReport(
        booking=row.booking,
        calendar=row.calendar,
        revision=row.revision,
        outcome=ItemOutcome(row.outcome),
        start=row.start,
        end=row.end,
        show_as=ShowAs(row.show_as),
        reason=row.reason,
    )
