"""Wrong credentials: six tries in 10 minutes, then 30 minutes of nothing, right credentials included.

1. A try is counted for the pair (Connector ID, address). The sixth wrong one blocks the pair, and its answer says so.
2. A slower cap counts a Connector ID over all addresses it never signed in from: 60 an hour. It blocks only such
   addresses, so a stranger who knows an ID cannot lock its owner out.
3. A success clears the pair's count and makes the address a known one.

Everything is in the database: a restart forgets nothing, and the transaction that checks a proof also counts it, so
tries at the same time are counted right. An IPv6 address counts by its /64, what a provider gives one customer.
Unknown IDs are counted like known ones. The caller holds a transaction.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from dovetail.server.connections.models import Block, KnownAddress, WrongTry

MAX_TRIES = 6
WINDOW = timedelta(minutes=10)
BLOCK = timedelta(minutes=30)
MAX_STRANGERS_TRIES = 60
STRANGERS_WINDOW = timedelta(hours=1)
KNOWN_FOR = timedelta(days=180)
"""A known address that was not used for so long is a stranger again."""
NOTED_FOR = timedelta(days=1)
"""So long the note of a known address is fresh: most right tries write nothing, and many at once wait for no disk."""

ANY_ADDRESS = ""
_ID_LENGTH = 32


@dataclass(frozen=True)
class Pair:
    """Who tries: a Connector ID, known or not, and the address it is tried from."""

    connector_id: str
    address: str

    @classmethod
    def of(cls, connector_id: str, address: str) -> Pair:
        return cls(connector_id[:_ID_LENGTH], network(address))


@dataclass(frozen=True)
class Verdict:
    """After a wrong try: how many are left, or until when nothing is answered. `blocked` is the Block that began."""

    attempts_left: int
    blocked: Block | None = None


def blocked_until(pair: Pair, now: datetime) -> datetime | None:
    """The end of the block that holds for this pair, if one does."""
    addresses = [pair.address, ANY_ADDRESS]
    blocks = Block.objects.filter(connector_id=pair.connector_id, address__in=addresses, until__gt=now)
    untils = dict(blocks.values_list("address", "until"))
    if ANY_ADDRESS in untils and _is_known(pair):
        del untils[ANY_ADDRESS]
    return max(untils.values(), default=None)


def count_wrong(pair: Pair, now: datetime) -> Verdict:
    """Count a wrong try, and begin a block if it is one too many."""
    WrongTry.objects.create(connector_id=pair.connector_id, address=pair.address, at=now)
    of_pair = WrongTry.objects.filter(connector_id=pair.connector_id, address=pair.address, at__gt=now - WINDOW).count()
    if of_pair >= MAX_TRIES:
        return Verdict(0, _block(pair.connector_id, pair.address, now))
    if not _is_known(pair) and _strangers_tries(pair.connector_id, now) >= MAX_STRANGERS_TRIES:
        return Verdict(0, _block(pair.connector_id, ANY_ADDRESS, now))
    return Verdict(MAX_TRIES - of_pair)


def count_right(pair: Pair, now: datetime) -> None:
    WrongTry.objects.filter(connector_id=pair.connector_id, address=pair.address).delete()
    known = KnownAddress.objects.filter(connector_id=pair.connector_id, address=pair.address)
    if not known.filter(at__gt=now - NOTED_FOR).exists() and not known.update(at=now):
        KnownAddress.objects.create(connector_id=pair.connector_id, address=pair.address, at=now)


def forget_old(now: datetime) -> None:
    WrongTry.objects.filter(at__lte=now - STRANGERS_WINDOW).delete()
    Block.objects.filter(until__lte=now).delete()
    KnownAddress.objects.filter(at__lte=now - KNOWN_FOR).delete()


def forget_id(connector_id: str) -> int:
    """Everything about a Connector ID that has ended; the number of wrong tries among it."""
    Block.objects.filter(connector_id=connector_id).delete()
    KnownAddress.objects.filter(connector_id=connector_id).delete()
    return WrongTry.objects.filter(connector_id=connector_id).delete()[0]


def _block(connector_id: str, address: str, now: datetime) -> Block:
    block, _ = Block.objects.update_or_create(
        connector_id=connector_id, address=address, defaults={"until": now + BLOCK}
    )
    return block


def _is_known(pair: Pair) -> bool:
    return KnownAddress.objects.filter(connector_id=pair.connector_id, address=pair.address).exists()


def _strangers_tries(connector_id: str, now: datetime) -> int:
    known = KnownAddress.objects.filter(connector_id=connector_id).values("address")
    tries = WrongTry.objects.filter(connector_id=connector_id, at__gt=now - STRANGERS_WINDOW)
    return tries.exclude(address__in=known).count()


def network(address: str) -> str:
    """The address as it is counted; one that cannot be read counts as the unspecified one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "::"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
