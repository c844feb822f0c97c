"""The beginning and the end of a pairing on this PC.

The order matters: nothing is kept before both sides have proved the credential, and the credential is erased here
whatever the server says. The calendar is never touched: bookings that were written stay in it.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from dovetail.connector.calendar_spec import numbered, open_calendar
from dovetail.connector.link.credentials import Place
from dovetail.connector.link.https import HttpsServer, Receipt, open_server
from dovetail.connector.link.port import Disconnected, WrongCredentials
from dovetail.connector.link.signin import Credential
from dovetail.connector.profile import Home, NotPaired, Profile, ProfileError


def pair(home: Home, wanted: Profile, tokenized: str) -> tuple[Profile, Place]:
    """Prove the credential to `wanted.server` and keep both; the answer has the connection's epoch.

    A standing pairing with the same Connector ID is renewed (the User made a new token). Raises ProfileError where
    another one stands, CalendarError where one of the calendars cannot be listed, BadCaFile, and LinkError.
    """
    standing = home.read()
    if standing is not None and standing.ended is None and standing.connector_id != wanted.connector_id:
        raise ProfileError(
            f"This PC is connected to {standing.server} as {standing.connector_id}: run `dovetail disconnect` first."
        )
    for spec in wanted.calendars.values():
        with closing(open_calendar(spec)) as calendar:
            calendar.list_calendars()
    before = standing.calendars if standing and standing.connector_id == wanted.connector_id else {}
    wanted = wanted.model_copy(update={"calendars": numbered(wanted.calendars.values(), before)})
    egress = home.egress(wanted, keep=False)
    with open_server(wanted.server, Credential(wanted.connector_id, tokenized), egress=egress) as server:
        paired = wanted.model_copy(update={"epoch": server.sign_in()})
    if standing is None or (standing.connector_id, standing.epoch) != (paired.connector_id, paired.epoch):
        home.forget_memory()
    place = home.credentials.save(paired.connector_id, tokenized)
    home.write(paired)
    egress.sightings.keep_in(home.sighting_file)
    return paired, place


def credential_of(home: Home, profile: Profile) -> Credential:
    """The credential of a pairing that stands. Raises NotPaired, and Disconnected if it was ended."""
    if profile.ended is not None:
        raise Disconnected("The connection was ended on the server: run `dovetail connect` with a new token to go on.")
    kept = home.credentials.load(profile.connector_id)
    if kept is None:
        raise NotPaired(
            "The credential of this PC is gone, or its keyring is locked: unlock it, or make a new token on the"
            " Calendar connection page and run `dovetail connect`."
        )
    tokenized, _ = kept
    return Credential(profile.connector_id, tokenized)


def reach(home: Home, profile: Profile) -> HttpsServer:
    """The server of a pairing that stands. Raises NotPaired, BadCaFile, and Disconnected if it was ended."""
    return open_server(profile.server, credential_of(home, profile), egress=home.egress(profile))


def end(home: Home, profile: Profile) -> Receipt | None:
    """Disconnect: the server erases what it holds, then this PC forgets the pairing.

    None where the server does not know this credential any more. Raises LinkError or NotPaired, and forgets nothing,
    where the server could not be asked.
    """
    try:
        with reach(home, profile) as server:
            receipt = server.disconnect()
    except (Disconnected, WrongCredentials):
        receipt = None
    home.forget(profile)
    return receipt


def ended_by_server(home: Home, profile: Profile) -> None:
    """Forget the credential and the memory; the profile stays, to say what happened and to connect again."""
    home.credentials.erase(profile.connector_id)
    home.forget_memory()
    if (kept := home.read()) is not None:  # not `profile`: its mode may have been changed meanwhile
        home.write(kept.model_copy(update={"ended": datetime.now(UTC)}))
