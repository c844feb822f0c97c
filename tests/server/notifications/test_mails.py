"""Who gets which mail, and what it says; sent to a real SMTP server."""

from __future__ import annotations

import email
import socket
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default

import icalendar
import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from dovetail.schedule.instants import to_minutes
from dovetail.server.bookings.models import Actor, Booking
from dovetail.server.bookings.place import (
    Customer,
    approve,
    cancel,
    decline,
    finish,
    move_from_calendar,
    place,
    reschedule,
)
from dovetail.server.jobs.models import Job
from dovetail.server.notifications.jobs import tell_connector_missing
from server.people import ADA, BOB, NOW, a_host, at, connect, event_type_of

pytestmark = pytest.mark.django_db(transaction=True)  # the worker drops a connection that is in a transaction


class Sink:
    """An SMTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def sink(settings):
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield sink
    controller.stop()


@pytest.fixture
def sent(sink, work_off):
    """The mails since the last call, by whom they are for: subject and text of each."""

    def sent() -> dict[str, EmailMessage]:
        sink.mails.clear()
        work_off()
        assert len({mail["to"] for mail in sink.mails}) == len(sink.mails), "somebody got two mails for one thing"
        return {str(mail["to"]): mail for mail in sink.mails}

    return sent


@pytest.fixture
def host():
    return a_host()


def text(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()


def invitation(mail: EmailMessage):
    [part] = mail.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    calendar = icalendar.Calendar.from_ical(part.get_content())
    return calendar, calendar.walk("VEVENT")[0]


def test_a_booking_is_confirmed_to_both(sent, host) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    mails = sent()
    to_ada, to_host = mails[ADA.email], mails[host.email]
    assert to_ada["subject"] == "Booked: 30-minute meeting: Ada Lovelace and Grace Host"
    assert "Monday 1 March 2027, 09:00 – 09:30 (Europe/London, UTC)" in text(to_ada)
    assert f"https://localhost/b/{booking.link_token}/" in text(to_ada)
    assert to_ada["reply-to"] == host.email
    assert to_ada["message-id"] == f"<{booking.pk}.1.customer_booked@localhost>"
    calendar, event = invitation(to_ada)
    assert (event["uid"], event["sequence"], event.decoded("dtstart")) == (f"{booking.pk}@localhost", 1, at(9))
    assert "method" not in calendar
    assert to_host["subject"] == "New booking: 30-minute meeting: Ada Lovelace and Grace Host"
    assert "Monday 1 March 2027, 10:00 – 10:30 (Europe/Berlin, UTC+01:00)" in text(to_host)
    assert "About engines." in text(to_host)
    assert f"https://localhost/bookings/{booking.pk}/" in text(to_host)
    assert to_host["reply-to"] == ADA.email


def test_a_new_time_is_told_to_both_with_the_old_one(sent, host) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    sent()
    reschedule(booking, at(11), now=NOW)
    mails = sent()
    assert "New:   Monday 1 March 2027, 11:00 – 11:30" in text(mails[ADA.email])
    assert "Old:   Monday 1 March 2027, 09:00 (Europe/London, UTC)" in text(mails[ADA.email])
    assert "Old:   Monday 1 March 2027, 10:00 (Europe/Berlin, UTC+01:00)" in text(mails[host.email])
    _, event = invitation(mails[ADA.email])
    assert (event["sequence"], event.decoded("dtstart")) == (2, at(11))


def test_what_a_customer_cancels_is_told_to_both(sent, host) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    sent()
    cancel(booking, Actor.CUSTOMER, "Ill", now=NOW)
    mails = sent()
    assert "Why:   Ill" in text(mails[host.email])
    calendar, event = invitation(mails[ADA.email])
    assert (calendar["method"], event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 2)
    assert mails[ADA.email].get_body(("plain",)) is not None
    [part] = mails[ADA.email].iter_attachments()
    assert part.get_param("method") == "CANCEL"


@pytest.mark.parametrize("revision", [None, 1])
def test_what_a_user_cancels_here_or_in_the_calendar_is_told_to_the_customer(sent, host, revision) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    sent()
    cancel(booking, Actor.USER, revision=revision, now=NOW)
    assert set(sent()) == {ADA.email}


def test_a_move_in_the_calendar_sends_no_mail(sent, host) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    sent()
    move_from_calendar(booking, 1, at(11), at(12), now=NOW)
    assert sent() == {}


def test_a_mail_that_waited_tells_what_was_when_it_was_asked_for(sent, host) -> None:
    booking = place(event_type_of(host), at(9), ADA, now=NOW)
    move_from_calendar(booking, 1, at(11), at(12), now=NOW)
    mail = sent()[ADA.email]
    assert "09:00 – 09:30" in text(mail)
    assert invitation(mail)[1]["sequence"] == 1


class TestRequests:
    @pytest.fixture
    def asked(self, host) -> Booking:
        connect(host, last_contact=NOW - timedelta(hours=2))
        return place(event_type_of(host), at(9), ADA, now=NOW)

    def test_both_are_told_of_a_request(self, sent, host, asked) -> None:
        mails = sent()
        assert "not booked yet" in text(mails[ADA.email])
        assert list(mails[ADA.email].iter_attachments()) == []
        assert mails[host.email]["subject"].startswith("Please answer:")

    def test_the_customer_gets_the_booking_when_it_is_approved(self, sent, asked) -> None:
        sent()
        approve(asked, now=NOW)
        mails = sent()
        assert set(mails) == {ADA.email}
        assert mails[ADA.email]["subject"].startswith("Booked:")
        invitation(mails[ADA.email])

    def test_the_customer_is_told_why_it_is_declined(self, sent, asked) -> None:
        sent()
        decline(asked, "On holiday")
        mails = sent()
        assert set(mails) == {ADA.email}
        assert "Why:   On holiday" in text(mails[ADA.email])

    def test_the_customer_is_told_when_nobody_answered(self, sent, asked) -> None:
        sent()
        finish(now=at(9))
        assert "Nobody answered" in text(sent()[ADA.email])

    def test_a_request_that_is_taken_back_has_nothing_to_cancel_in_a_calendar(self, sent, host, asked) -> None:
        sent()
        cancel(asked, Actor.CUSTOMER, now=NOW)
        mails = sent()
        assert set(mails) == {ADA.email, host.email}
        assert list(mails[ADA.email].iter_attachments()) == []
        assert "taken back the request" in text(mails[host.email])


def test_characters_of_markup_stay_what_they_are(sent, host) -> None:
    place(event_type_of(host), at(9), Customer("O'Neil & <Sons>", "o@example.com", "UTC", "a < b"), now=NOW)
    mails = sent()
    assert "Hello O'Neil & <Sons>," in text(mails["o@example.com"])
    assert "a < b" in text(mails[host.email])


def test_the_user_is_told_once_that_the_connector_is_missing(sent, host) -> None:
    connection = connect(host, missing_since=at(6))
    tell_connector_missing(connection)
    tell_connector_missing(connection)
    mail = sent()[host.email]
    assert mail["subject"] == "Your calendar is out of touch"
    assert "Monday 1 March 2027, 07:00 (Europe/Berlin, UTC+01:00)" in text(mail)
    assert "https://localhost/connection/" in text(mail)


class TestReminders:
    """Of a meeting in three days."""

    @pytest.fixture
    def event_type(self, host):
        event_type = event_type_of(host)
        for weekday in range(7):
            event_type.page.weekly_hours.update_or_create(
                weekday=weekday, defaults={"start_minute": 0, "end_minute": 1440}
            )
        return event_type

    @pytest.fixture
    def booking(self, event_type) -> Booking:
        return place(event_type, self.in_days(3), ADA)

    def in_days(self, days: int):
        return timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=days)

    def reminder(self) -> Job | None:
        return Job.objects.filter(kind="notifications.reminder").first()

    def let_it_come(self, booking: Booking) -> None:
        """Time goes by until 23 hours before the meeting."""
        start = timezone.now().replace(second=0, microsecond=0) + timedelta(hours=23)
        Booking.objects.filter(pk=booking.pk).update(start=start, end=start + timedelta(minutes=30))
        Job.objects.filter(kind="notifications.reminder").update(
            run_after=start - timedelta(hours=24), args={"booking": str(booking.pk), "start": to_minutes(start)}
        )

    def test_the_customer_is_reminded_a_day_before(self, sent, booking) -> None:
        assert self.reminder().run_after == booking.start - timedelta(hours=24)
        sent()
        self.let_it_come(booking)
        mails = sent()
        assert set(mails) == {ADA.email}
        assert mails[ADA.email]["subject"].startswith("Reminder:")

    def test_there_is_none_for_a_meeting_within_a_day(self, event_type) -> None:
        place(event_type, timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=3), BOB)
        assert self.reminder() is None

    def test_it_follows_a_new_time_and_a_move_in_the_calendar(self, booking) -> None:
        moved = reschedule(booking, self.in_days(4))
        assert self.reminder().run_after == moved.start - timedelta(hours=24)
        move_from_calendar(moved, 2, self.in_days(5), self.in_days(5) + timedelta(hours=1))
        assert self.reminder().run_after == self.in_days(4)

    def test_it_is_dropped_with_the_booking(self, booking) -> None:
        cancel(booking, Actor.USER)
        assert self.reminder() is None

    def test_one_that_was_already_taken_looks_again(self, sent, booking) -> None:
        sent()
        self.let_it_come(booking)
        Booking.objects.update(status="canceled")
        assert sent() == {}

    @pytest.mark.parametrize(
        ("state", "epoch", "reminded"),
        [("disconnected", 2, True), ("connected", 2, False), ("pending_first_sync", 2, False)],
    )
    def test_not_for_a_booking_left_behind_by_a_later_connection(
        self, sent, host, booking, state, epoch, reminded
    ) -> None:
        sent()
        Booking.objects.update(detached=True, epoch=1)
        connect(host, state=state, epoch=epoch)
        self.let_it_come(booking)
        assert bool(sent()) is reminded
