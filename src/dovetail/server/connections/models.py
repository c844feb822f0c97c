"""A User's connection to one connector, and what the connector reported.

Rows of :class:`ConnectedCalendar`, :class:`BusyChunk`, :class:`ItemState` and :class:`LastReport` are calendar data:
an erasure (:mod:`dovetail.server.connections.erasure`) deletes them all. Nothing of theirs is copied to other tables.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from dovetail.protocol.messages import Access, ItemOutcome, Push, SyncMode
from dovetail.protocol.report import EMPTY_ROOT, NO_CALENDARS, NO_ITEMS


def _choices(names: type[Access] | type[SyncMode] | type[ItemOutcome] | type[Push]) -> list[tuple[str, str]]:
    return [(name.value, name.value) for name in names]


class State(models.TextChoices):
    """``none`` is the absence of a row that was ever paired."""

    PENDING_FIRST_SYNC = "pending_first_sync"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Connection(models.Model):
    """`epoch` rises when a connection ends: what an earlier one wrote is not ours any more. The verifier is that of
    SCRAM-SHA-256, its keys are empty when revoked. `root` is the digest of all the connector has reported,
    `calendars_digest` and `items_digest` are those of two of its sections. `generation` rises when bookings are to go
    to other calendars: the connector is then given all of them again. `push` and `push_words` are as the connector told
    them last: which way hints reach it, and what its User is to know of that."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="connection")
    state = models.CharField(max_length=20, choices=State.choices, default=State.PENDING_FIRST_SYNC)
    connector_id = models.CharField(max_length=10, unique=True)
    epoch = models.PositiveIntegerField(default=1)
    salt = models.BinaryField(default=b"")
    stored_key = models.BinaryField(default=b"")
    server_key = models.BinaryField(default=b"")
    paired_at = models.DateTimeField(null=True)
    delete_cancels = models.BooleanField("Deleting an event in the calendar cancels the booking", default=False)
    move_reschedules = models.BooleanField("Moving an event in the calendar reschedules the booking", default=False)
    generation = models.PositiveIntegerField(default=0)
    mode = models.CharField(max_length=10, choices=_choices(SyncMode), default=SyncMode.AUTO)
    interval_minutes = models.PositiveSmallIntegerField(default=5)
    push = models.CharField(max_length=10, choices=_choices(Push), blank=True)
    push_words = models.JSONField(default=list)
    health = models.CharField(max_length=10, blank=True)
    problems = models.JSONField(default=list)
    held_deletions = models.PositiveIntegerField(default=0)
    held_feedback = models.PositiveIntegerField(default=0)
    connector_version = models.CharField(max_length=40, blank=True)
    platform = models.CharField(max_length=80, blank=True)
    last_contact = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    root = models.CharField(max_length=64, default=EMPTY_ROOT)
    calendars_digest = models.CharField(max_length=64, default=NO_CALENDARS)
    items_digest = models.CharField(max_length=64, default=NO_ITEMS)
    window_first = models.DateField(null=True)
    window_last = models.DateField(null=True)

    @property
    def is_live(self) -> bool:
        return self.state != State.DISCONNECTED


class ConnectedCalendar(models.Model):
    """A calendar the connector listed, and the roles its User gave it. The main booking calendar always blocks.

    `listed`: it is in the connector's latest list; one that is not is kept, unreadable, for as long as it has a role.
    `held`: a report that would have removed too much of its busy time was refused, and none was applied since.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="calendars")
    key = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    access = models.CharField(max_length=12, choices=_choices(Access))
    reason = models.CharField(max_length=300, blank=True)
    is_default = models.BooleanField(default=False)
    listed = models.BooleanField(default=True)
    is_main = models.BooleanField(default=False)
    is_busy = models.BooleanField(default=False)
    is_additional = models.BooleanField(default=False)
    busy_as_of = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "key"], name="one_calendar_per_key"),
            models.UniqueConstraint(
                fields=["connection"], condition=models.Q(is_main=True), name="one_main_booking_calendar"
            ),
        ]

    @property
    def blocks(self) -> bool:
        return self.is_main or self.is_busy

    @property
    def has_role(self) -> bool:
        return self.is_main or self.is_busy or self.is_additional


class BusyChunk(models.Model):
    """`blocks`: ``[[start, end, status], …]`` in minutes UTC, merged, inside the 7-day chunk `index`."""

    calendar = models.ForeignKey(ConnectedCalendar, models.CASCADE, related_name="chunks")
    index = models.IntegerField()
    digest = models.CharField(max_length=64)
    blocks = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "index"], name="one_chunk_per_week")]


class ItemState(models.Model):
    """What the connector last said of a booking's item; times are the item's own. `booking` is an id, not a foreign
    key: what is reported is kept as reported, so that the digests agree."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="items")
    booking = models.UUIDField()
    calendar = models.CharField(max_length=16)
    revision = models.PositiveBigIntegerField()
    outcome = models.CharField(max_length=10, choices=_choices(ItemOutcome))
    start = models.DateTimeField()
    end = models.DateTimeField()
    show_as = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "booking", "calendar"], name="one_state_per_item")]


class LastReport(models.Model):
    """The last request that told something new, for the what-was-sent viewer. `size` in bytes."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="last_report")
    at = models.DateTimeField()
    size = models.PositiveIntegerField()
    body = models.TextField()


class BearerKey(models.Model):
    """A short-lived key that a SCRAM exchange earned; only its SHA-256 is kept. Without a connection it was revoked:
    it is remembered until it expires, so that its bearer can be told."""

    connection = models.ForeignKey(Connection, models.SET_NULL, null=True, related_name="keys")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)


class SpentNonce(models.Model):
    """A SCRAM server nonce that was answered: a second use is a replay."""

    nonce = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)


class WrongTry(models.Model):
    """A failed sign-in. Kept by the id that was tried, whether it exists or not."""

    connector_id = models.CharField(max_length=32)
    address = models.GenericIPAddressField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["connector_id", "address", "at"])]


class Block(models.Model):
    """No tries until `until`, right credentials included. An empty address blocks every address not in KnownAddress."""

    connector_id = models.CharField(max_length=32)
    address = models.CharField(max_length=45, blank=True)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connector_id", "address"], name="one_block_per_address")]


class KnownAddress(models.Model):
    """Where a Connector ID has signed in from: strangers' tries do not block it."""

    connector_id = models.CharField(max_length=32)
    address = models.GenericIPAddressField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connector_id", "address"], name="one_known_address")]
