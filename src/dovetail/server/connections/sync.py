"""Answering a sync: one transaction that takes in what the connector tells and hands out what it is to know.

1. The connection is live and the epoch is its own.
2. The contact is noted.
3. The report is applied, or the list of calendars of a first request is taken.
4. Feedback is acted on.
5. What was sent is kept for its User to see.
6. Settings and bookings are handed out, those that 4 has just changed included.

A Refusal at any point undoes all of it. Repeating a request is safe: see each part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from dovetail.protocol.messages import (
    SUPPORTED_VERSIONS,
    ConnectorStatus,
    Health,
    ReportAnswer,
    ReportOutcome,
    Settings,
    SyncRequest,
    SyncResponse,
)
from dovetail.protocol.problems import ProblemCode, problem
from dovetail.server.activity.models import record
from dovetail.server.bookings.claims import lock_host
from dovetail.server.connections import desired, feedback, report, roles, stored
from dovetail.server.connections.horizon import window_days
from dovetail.server.connections.models import Connection, LastReport, State
from dovetail.server.connections.refusal import Refusal, disconnected, inconsistent
from dovetail.server.realtime.announcement import announced


@transaction.atomic
def answer(connection: Connection, request: SyncRequest, now: datetime) -> SyncResponse:
    """`connection` may be an old copy of the row. Raises Refusal, and then nothing has changed."""
    if request.protocol not in SUPPORTED_VERSIONS:
        raise unsupported_protocol()
    host = lock_host(connection.user_id)
    connection = Connection.objects.select_for_update().select_related("user").get(pk=connection.pk)
    if not connection.is_live:
        raise disconnected()
    if request.epoch != connection.epoch:
        raise inconsistent("The request is of another epoch of this connection.")
    _note_contact(connection, request.connector, now)
    report_answer = _take_in(connection, request, now)
    confirmed = _main_is_confirmed(connection, request)
    feedback_answers = feedback.act(connection, request.feedback, confirmed=confirmed, now=now)
    _keep_what_was_sent(connection, request, now)
    connection.save()

    host.refresh_from_db(fields=["change_seq"])
    settings = _settings(connection)
    handout = desired.after(connection, host, request.cursor, settings.roles, now)
    return SyncResponse(
        epoch=connection.epoch,
        server_time=now,
        settings=settings,
        report=report_answer,
        cursor=handout.cursor,
        full=handout.full,
        bookings=handout.bookings,
        feedback=feedback_answers,
    )


@dataclass(frozen=True)
class InProcess:
    """The server without a network, for tests: what is said goes through JSON as it does over HTTPS."""

    connection: Connection
    clock: Callable[[], datetime]

    def exchange(self, request: SyncRequest) -> SyncResponse:
        """Raises Refusal."""
        said = SyncRequest.model_validate_json(request.model_dump_json(), strict=True)
        answered = answer(self.connection, said, self.clock())
        return SyncResponse.model_validate_json(answered.model_dump_json())


def unsupported_protocol() -> Refusal:
    detail = "This server does not speak that version of the protocol. Update the connector, or the server."
    code, supported = ProblemCode.UNSUPPORTED_PROTOCOL, SUPPORTED_VERSIONS
    return Refusal(problem(code, 400, "Unsupported protocol", detail, supported=supported))


def _note_contact(connection: Connection, status: ConnectorStatus, now: datetime) -> None:
    if status.health is Health.HELD and connection.health != Health.HELD:
        record(connection.user, "connection.deletions_held", "connector", count=status.held_deletions)
    if connection.missing_since is not None:
        record(connection.user, "connection.recovered", "connector", since=connection.missing_since.isoformat())
    connection.missing_since = None
    connection.last_contact = now
    connection.mode, connection.interval_minutes = status.mode, status.interval_minutes
    connection.push, connection.push_words = status.push or "", list(status.push_words)
    connection.health, connection.held_deletions = status.health, status.held_deletions
    connection.problems = [found.model_dump(mode="json") for found in status.problems]
    connection.connector_version, connection.platform = status.version, status.platform


def _take_in(connection: Connection, request: SyncRequest, now: datetime) -> ReportAnswer:
    """A report brings its own list of calendars; the request's is for a connector that cannot report yet."""
    if request.report is not None:
        answered = report.apply(connection, request.report, now)
        if answered.outcome is ReportOutcome.APPLIED:
            _connect_if_covered(connection)
        return answered
    if request.calendars is None:
        return ReportAnswer(outcome=ReportOutcome.NONE, root=connection.root)
    roles.take_list(connection, request.calendars)
    stored.recompute_root(connection)
    return ReportAnswer(outcome=ReportOutcome.NONE, root=connection.root, digests=stored.known_digests(connection))


def _connect_if_covered(connection: Connection) -> None:
    if connection.state == State.PENDING_FIRST_SYNC and roles.is_covered(connection):
        connection.state = State.CONNECTED
        record(connection.user, "connection.connected", "connector")


def _main_is_confirmed(connection: Connection, request: SyncRequest) -> bool:
    confirmed = request.report.confirmed_removals if request.report else ()
    return connection.calendars.filter(is_main=True, key__in=confirmed).exists()


def _keep_what_was_sent(connection: Connection, request: SyncRequest, now: datetime) -> None:
    told = request.report
    is_new = told is not None and (told.chunks or told.items is not None or told.calendars is not None)
    if is_new or request.calendars is not None or request.feedback:
        body = request.model_dump_json()
        values = {"at": now, "size": len(body.encode()), "body": body}
        LastReport.objects.update_or_create(connection=connection, defaults=values)


def _settings(connection: Connection) -> Settings:
    return Settings(
        roles=roles.roles_of(connection),
        window_days=window_days(connection.user_id),
        delete_cancels=connection.delete_cancels,
        move_reschedules=connection.move_reschedules,
        realtime=announced(),
    )
