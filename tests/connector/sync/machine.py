"""Everything that may happen to the two programs and the people around them, in any order.

The engine and the journal are the real ones; the calendar is the one that misbehaves on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from connector.sync.crashing import POINTS, CrashingJournal
from connector.sync.hints import Hints
from connector.sync.promises import ALL, BLOCKING, WITH_ITEMS, Promises
from connector.sync.world import hours
from dovetail.connector.calendars.memory import FINE, HUNG, STEPS, Answer, Appointment, Died, Trouble
from dovetail.connector.link.port import Unreachable
from dovetail.connector.sync.runs import RunReport
from dovetail.protocol.messages import ShowAs
from dovetail.schedule.busy import BusyBlock, BusyStatus
from dovetail.schedule.instants import to_minutes

T = TypeVar("T")

SECRET = "Oncologist, second opinion"

which = st.integers(0, 1000)
days = st.integers(0, 18)
clock_hours = st.integers(0, 23)
calendars = st.sampled_from(BLOCKING)
followed = st.sampled_from([True, True, False])  # by a sync, mostly: what nobody looks at between is soon said
statuses = st.sampled_from([BusyStatus.BUSY, BusyStatus.BUSY, BusyStatus.OUT_OF_OFFICE, BusyStatus.FREE])
troubles = st.sampled_from(
    [
        Trouble(sees=0, probe=Answer.UNKNOWN),
        Trouble(sees=2, probe=Answer.UNKNOWN),
        Trouble(sees=0),
        Trouble(sees=2),
        Trouble(sees=0, probe=Answer.NOTHING),
        Trouble(sees=2, probe=Answer.NOTHING),
        Trouble(sees=1, complete=False),
        Trouble(sees=0, complete=False),
        Trouble(probe=Answer.UNKNOWN),
        Trouble(search=Answer.UNKNOWN),
        HUNG,
        None,
    ]
)


def pick(candidates: Sequence[T], number: int) -> T:
    return candidates[number % len(candidates)]


class Syncing(Hints, Promises):
    # --- the User's own appointments ----------------------------------------------------------------------------------

    @initialize(many=st.sampled_from([0, 2, 8, 30]), bookings=st.sampled_from([0, 1, 3, 3, 8]), switched=st.booleans())
    def a_life_under_way(self, many: int, bookings: int, switched: bool) -> None:
        for number in range(many):
            self.adds("main" if number % 3 else "busy", number % 15, 8 + number % 9, BusyStatus.BUSY)
        for number in range(bookings):
            self.books(number, 20, 1)
        self.switches(switched, switched)
        self.all_comes_together()

    @rule(
        calendar=calendars,
        day=days,
        hour=clock_hours,
        status=statuses,
        weeks=st.sampled_from([1, 1, 5]),
        synced=followed,
    )
    def adds(
        self, calendar: str, day: int, hour: int, status: BusyStatus, weeks: int = 1, synced: bool = False
    ) -> None:
        first = to_minutes(self.today(day, hour))
        occurrences = [BusyBlock(first + week * 10080, first + week * 10080 + 60, status) for week in range(weeks)]
        handle = self.calendar.user_adds(calendar, *occurrences, subject=SECRET, body=SECRET)
        self.note(calendar, handle)
        self.follow(synced)

    def follow(self, synced: bool) -> None:
        if synced:
            self.syncs_at("interval")

    def today(self, day: int, hour: int) -> datetime:
        return self.world.time.replace(hour=hour, minute=0) + timedelta(days=day)

    def note(self, calendar: str, handle: str) -> None:
        """What the User's own appointment is like now: only the User may change that."""
        self.own[calendar, handle] = replace(self.calendar.item(calendar, handle))

    @precondition(lambda self: self.own)
    @rule(number=which, day=days, hour=clock_hours, many=st.sampled_from([0, 0, 1, 1, 3, 12]), synced=followed)
    def moves_or_deletes(self, number: int, day: int, hour: int, many: int, synced: bool) -> None:
        if many == 0:
            calendar, handle = pick(sorted(self.own), number)
            start = self.today(day, hour)
            self.calendar.user_moves(calendar, handle, start, start + hours(1))
            self.note(calendar, handle)
        for _ in range(min(many, len(self.own))):
            calendar, handle = pick(sorted(self.own), number)
            self.calendar.user_deletes(calendar, handle)
            del self.own[calendar, handle]
            if (calendar, handle) in self.moved_away:
                self.deleted.add(self.moved_away.pop((calendar, handle)))
        self.follow(synced)

    # --- what the User does to the items of bookings ------------------------------------------------------------------

    def items(self) -> list[tuple[str, Appointment]]:
        """Bookings' own items, whole ones."""
        return [
            (calendar, item)
            for calendar in WITH_ITEMS
            for item in sorted(self.calendar.items(calendar), key=lambda item: item.handle)
            if item.stamp and item.stamp.handle == item.handle and (calendar, item.handle) not in self.own
        ]

    @precondition(lambda self: self.items())
    @rule(
        does=st.sampled_from(
            ["moves", "moves back", "edits", "frees", "shows as busy", "copies", "deletes", "deletes many", "moves to"]
        ),
        number=which,
        to=st.sampled_from(ALL),
        day=days,
        hour=clock_hours,
        synced=followed,
    )
    def touches_a_bookings_item(self, does: str, number: int, to: str, day: int, hour: int, synced: bool) -> None:
        calendar, item = pick(self.items(), number)
        assert item.stamp
        booking = item.stamp.booking
        start = self.today(day, hour)
        match does:
            case "moves":
                self.calendar.user_moves(calendar, item.handle, start, start + hours(1))
                if calendar == "main":
                    self.moved.setdefault(booking, set()).add((start, start + hours(1)))
            case "edits":
                self.calendar.user_edits(calendar, item.handle, body=SECRET, notes=SECRET, category=SECRET)
            case "frees":
                self.calendar.user_edits(calendar, item.handle, show_as=ShowAs.FREE)
            case "shows as busy":
                self.calendar.user_edits(calendar, item.handle, show_as=ShowAs.OUT_OF_OFFICE)
            case "copies":
                self.note(to, self.calendar.user_copies(calendar, item.handle, to))
            case "deletes":
                self.deletes(calendar, item)
            case "deletes many":
                for calendar, item in self.items()[:7]:
                    self.deletes(calendar, item)
            case "moves to" if not self.calendar._calendars[to].hidden:
                self.remove(calendar, item)
                moved = self.calendar.user_moves_to(calendar, item.handle, to)
                self.note(to, moved)
                if calendar == "main":
                    self.moved_away[to, moved] = booking
            case "moves back":
                if booking in self.server.state.bookings:
                    wanted = self.server.state.bookings[booking]
                    self.calendar.user_moves(calendar, item.handle, wanted.start, wanted.end)
        self.follow(synced)

    def deletes(self, calendar: str, item: Appointment) -> None:
        assert item.stamp
        self.remove(calendar, item)
        self.calendar.user_deletes(calendar, item.handle)
        if calendar == "main":
            self.deleted.add(item.stamp.booking)

    def remove(self, calendar: str, item: Appointment) -> None:
        assert item.stamp
        booking = item.stamp.booking
        self.removed.add((booking, calendar))
        if self.world.reported(booking, calendar) is not None and not self.forgetful:
            self.stays_removed[booking, calendar] = item.stamp.revision

    @rule(deletes=st.booleans(), moves=st.booleans())
    def switches(self, deletes: bool, moves: bool) -> None:
        self.server.switch(deletes, moves)

    # --- Customers ----------------------------------------------------------------------------------------------------

    def upcoming(self) -> list[UUID]:
        return sorted(booking.id for booking in self.server.live() if booking.start > self.world.time)

    def free_hour(self, day: int, hour: int) -> datetime | None:
        start = self.today(day + 1, hour)
        return start if self.server.is_free(start, start + hours(1)) else None

    @rule(day=days, hour=clock_hours, many=st.sampled_from([1, 1, 4]), synced=followed)
    def books(self, day: int, hour: int, many: int, synced: bool = False) -> None:
        for more in range(many):
            start = self.free_hour(day, (hour + more) % 24)
            if start is not None:
                self.server.book(start, start + hours(1))
        self.follow(synced)

    @precondition(lambda self: self.upcoming())
    @rule(
        does=st.sampled_from(["reschedules", "cancels", "annotates"]),
        number=which,
        day=days,
        hour=clock_hours,
        synced=followed,
    )
    def a_customer(self, does: str, number: int, day: int, hour: int, synced: bool) -> None:
        booking = pick(self.upcoming(), number)
        start = self.free_hour(day, hour)
        if does == "cancels":
            self.server.cancel(booking)
        elif does == "annotates":
            self.server.annotate(booking, f"with a note of {day}")
        elif start is not None:
            self.server.reschedule(booking, start, start + hours(1))
        self.follow(synced)

    # --- a calendar that misbehaves -----------------------------------------------------------------------------------

    @rule(calendar=st.sampled_from(ALL), trouble=troubles, synced=followed)
    def a_calendar_has_trouble(self, calendar: str, trouble: Trouble | None, synced: bool) -> None:
        if trouble is None:
            # What was moved into it lately would be gone with it, and nobody could tell that from a deletion.
            if all(place != calendar for place, _ in self.moved_away):
                self.calendar.hide(calendar)
        else:
            self.calendar.trouble(calendar, trouble)
            self.troubled_since[calendar] = self.world.time
        self.follow(synced)

    @rule(number=which, hidden=st.booleans(), times_known=st.booleans(), bookings=st.booleans(), synced=followed)
    def an_item_cannot_be_read(
        self, number: int, hidden: bool, times_known: bool, bookings: bool, synced: bool
    ) -> None:
        candidates = [(c, item.handle) for c, item in self.items()] if bookings else sorted(self.own)
        if candidates:
            calendar, handle = pick(candidates, number)
            if hidden:
                self.calendar.hide(calendar, handle)
            else:
                self.calendar.break_item(calendar, handle, times_known=times_known)
            if not bookings:
                self.note(calendar, handle)
        self.follow(synced)

    @rule()
    def all_is_well_again(self) -> None:
        for calendar in ALL:
            self.calendar.trouble(calendar, FINE)
            self.calendar.hide(calendar, hidden=False)
            for item in self.calendar.items(calendar):
                item.hidden = item.unreadable = False
        for calendar, handle in self.own:
            self.note(calendar, handle)

    # --- syncs, and what goes wrong in them ---------------------------------------------------------------------------

    def syncs_at(self, when: str) -> RunReport:
        for calendar in BLOCKING:
            if self.deceives(calendar):
                self.agreed = {key: seen for key, seen in self.agreed.items() if key[0] != calendar}
        return self.world.sync(when)

    def deceives(self, calendar: str) -> bool:
        """Whether a calendar lies so well that nobody can tell: it shows a part, claims that it is all, and either the
        connector has lost its memory, or each of the others is said to be gone, and they are few or it lasts. Or the
        User confirms what a connector without memory cannot see or read."""
        trouble, items = self.calendar._calendars[calendar].trouble, self.calendar.items(calendar)
        if self.forgetful and (any(item.hidden for item in items) or (self.confirmed and self.is_blind(calendar))):
            return True
        if not trouble.complete or trouble.sees is None:
            return False
        if self.forgetful and (trouble.sees or self.confirmed):
            return True
        lasts = self.world.time - self.troubled_since[calendar] >= timedelta(minutes=10) or self.confirmed
        whole = [item for item in items if not item.unreadable and item.blocks_in(self.window())]
        few = trouble.sees and len(whole) - 2 < 5
        return trouble.probe is Answer.NOTHING and bool(few or lasts)

    def is_blind(self, calendar: str) -> bool:
        return any(item.unreadable and not item.times_known for item in self.calendar.items(calendar))

    @rule(minutes=st.sampled_from([0, 1, 6, 11]))
    def syncs(self, minutes: int) -> None:
        self.world.passes(timedelta(minutes=minutes))
        self.syncs_at("interval")

    @rule()
    def syncs_by_hand(self) -> None:
        self.syncs_at("manual")

    @rule(when=st.sampled_from(["before", "after"]), which_message=st.integers(0, 2))
    def a_message_is_lost(self, when: str, which_message: int) -> None:
        self.server.lose = [""] * which_message + [when]
        with suppress(Unreachable):
            self.syncs_at("interval")
        self.server.lose = []

    @rule(step=st.sampled_from(STEPS + POINTS), times=st.integers(1, 2))
    def the_process_dies(self, step: str, times: int) -> None:
        """At that step; and perhaps once more on the way back."""
        for _ in range(times):
            CrashingJournal.dying_at = step if step in POINTS else ""
            if step in STEPS:
                self.calendar.die_at(step)
            try:
                self.syncs_at("interval")
            except Died:
                pass
            finally:
                CrashingJournal.dying_at = ""
                self.calendar.crash_points = lambda passed: None
                self.world.ends()

    @rule(
        what=st.sampled_from(["lost", "backed up", "backed up", "put back", "server backed up", "server restored"]),
    )
    def something_befalls_a_database(self, what: str) -> None:
        self.stays_removed.clear()
        match what:
            case "lost":
                self.world.database_is_lost()
                self.forgetful = True
            case "backed up":
                self.backup = self.world.database_is_copied()
            case "put back" if self.backup:
                self.world.database_is_replaced_by(self.backup)
                self.forgetful = True
            case "server backed up":
                self.snapshot = self.server.snapshot()
            case "server restored" if self.snapshot:
                # What it was told since is lost to it, and no connector can help that it holds less for a while.
                self.server.state, self.snapshot = self.snapshot, None
                self.agreed.clear()

    @rule(deletes=st.booleans())
    def disconnects_and_reconnects(self, deletes: bool) -> None:
        self.world.ends()
        if deletes:
            self.world.database_is_lost()
        self.server.disconnect()
        self.world.roles_are_chosen()
        self.backup = self.snapshot = None
        self.agreed.clear()
        self.removed.clear()
        self.stays_removed.clear()
        for calendar in ALL:
            for item in self.calendar.items(calendar):
                if item.stamp:
                    self.note(calendar, item.handle)

    @rule(minutes=st.sampled_from([1, 60, 24 * 60, 3 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.world.passes(timedelta(minutes=minutes))

    @rule(error=st.sampled_from([-400, -2, -1 / 24, 0, 0, 1 / 24, 1, 30, 4000]))
    def the_clock_of_the_pc_is_set(self, error: float) -> None:
        self.world.pc_error = timedelta(days=error)

    @rule()
    def the_user_confirms(self) -> None:
        self.confirmed = True
        self.world.journal.confirm_removals()
