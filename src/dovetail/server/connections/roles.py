"""Which calendars bookings go to and which block time.

The first list of calendars gets defaults: the default calendar (or else the first bookable one) is the main booking
calendar, and every other bookable one blocks. Calendars that can only be read block when the User ticks them, and so do
calendars that turn up later. Where no calendar is bookable there is no main booking calendar: bookings are kept here
only, and what is ticked blocks. The first list with a bookable one then gets the defaults.

A calendar that is missing from a later list is never taken for an empty one. While it has a role, or items of bookings
are reported in it, it stays, unreadable, with the busy time it had; without either it is forgotten. A calendar that
loses its blocking role loses its busy time here at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction

from dovetail.protocol.messages import Access, CalendarReport, Roles
from dovetail.protocol.report import calendars_digest
from dovetail.server.activity.models import record
from dovetail.server.connections import stored
from dovetail.server.connections.changes import tell_settings_changed
from dovetail.server.connections.models import BusyChunk, ConnectedCalendar, Connection, ItemState, State
from dovetail.server.connections.refusal import inconsistent


class BadRoles(ValueError):
    """The User's choice does not work; the text says why."""


def take_list(connection: Connection, calendars: Sequence[CalendarReport]) -> None:
    """Store the connector's list. Raises Refusal (422). `connection` is not saved and its root not recomputed."""
    if len({calendar.key for calendar in calendars}) != len(calendars):
        raise inconsistent("The list names a calendar twice.")
    known = {row.key: row for row in connection.calendars.all()}
    for calendar in calendars:
        row = known.pop(calendar.key, None) or ConnectedCalendar(connection=connection, key=calendar.key)
        row.name, row.access, row.reason = calendar.name, calendar.access, calendar.reason
        row.is_default, row.listed = calendar.default, True
        row.save()
    _unlist(connection, known.values())
    connection.calendars_digest = calendars_digest(calendars)
    rows = list(connection.calendars.all())
    if not any(row.is_main for row in rows):
        _give_defaults(connection, rows)


def roles_of(connection: Connection) -> Roles:
    rows = list(connection.calendars.all())
    return Roles(
        main=next((row.key for row in rows if row.is_main), None),
        busy=tuple(row.key for row in rows if row.is_busy and not row.is_main),
        additional=tuple(row.key for row in rows if row.is_additional and not row.is_main),
    )


@transaction.atomic
def choose(connection: Connection, *, main: str, busy: Collection[str], additional: Collection[str]) -> None:
    """The User's choice, by calendar keys; `main` is empty for none. Raises BadRoles, and changes nothing.

    What was the main booking calendar until now goes on blocking: that could not be unticked in the same step.
    A calendar that is to block and has not been read yet closes the pages until it has been: unknown is not free. So
    does a choice by which none blocks.
    """
    connection = Connection.objects.select_for_update().select_related("user").get(pk=connection.pk)
    rows = {row.key: row for row in connection.calendars.all()}
    _check(rows, main, busy, additional)
    before = roles_of(connection)
    connection.calendars.update(is_main=False)
    for key, row in rows.items():
        row.is_main = key == main
        row.is_busy = key in (*busy, before.main) and not row.is_main
        row.is_additional = key in additional and not row.is_main
        if not row.blocks:
            row.busy_as_of, row.held = None, False
        row.save()
    _forget_what_blocks_no_more(connection, rows.values())
    after = roles_of(connection)
    if (before.main, before.additional) != (after.main, after.additional):
        connection.generation += 1
    if not is_covered(connection):
        connection.state = State.PENDING_FIRST_SYNC
    stored.recompute_root(connection)
    connection.save()
    if before != after:
        record(connection.user, "connection.roles_chosen", "user")
        tell_settings_changed(connection.user_id)


def is_covered(connection: Connection) -> bool:
    """Whether some calendar blocks, and every one that does has been read."""
    blocking = [row for row in connection.calendars.all() if row.blocks]
    return bool(blocking) and all(row.busy_as_of for row in blocking)


def _check(rows: dict[str, ConnectedCalendar], main: str, busy: Collection[str], additional: Collection[str]) -> None:
    if not {*filter(None, [main]), *busy, *additional} <= rows.keys():
        raise BadRoles("One of these calendars is not there any more. Look at the list again.")
    if not main and any(row.access == Access.BOOKABLE or row.is_main for row in rows.values()):
        raise BadRoles("Choose the calendar that bookings are written to.")
    if main and rows[main].access != Access.BOOKABLE and not rows[main].is_main:
        raise BadRoles("Bookings cannot be written to that calendar: choose another main booking calendar.")
    for key in busy:
        if rows[key].access == Access.UNREADABLE and not rows[key].blocks:
            raise BadRoles("A calendar that cannot be read cannot block time.")
    for key in additional:
        if rows[key].access != Access.BOOKABLE and not rows[key].is_additional:
            raise BadRoles("Copies of bookings cannot be written to one of these calendars.")


def _give_defaults(connection: Connection, rows: list[ConnectedCalendar]) -> None:
    bookable = [row for row in rows if row.access == Access.BOOKABLE]
    if not bookable:
        return
    connection.generation += 1
    connection.state = State.PENDING_FIRST_SYNC
    main = next((row for row in bookable if row.is_default), bookable[0])
    for row in bookable:
        row.is_main = row is main
        row.is_busy = row is not main
        row.save(update_fields=["is_main", "is_busy"])


def _unlist(connection: Connection, missing: Collection[ConnectedCalendar]) -> None:
    with_items = set(ItemState.objects.filter(connection=connection).values_list("calendar", flat=True))
    for row in missing:
        if row.has_role or row.key in with_items:
            row.listed, row.access = False, Access.UNREADABLE
            row.reason = "The connector does not find this calendar any more."
            row.save()
        else:
            row.delete()


def _forget_what_blocks_no_more(connection: Connection, rows: Collection[ConnectedCalendar]) -> None:
    BusyChunk.objects.filter(calendar__in=[row for row in rows if not row.blocks]).delete()
    _unlist(connection, [row for row in rows if not row.listed])
