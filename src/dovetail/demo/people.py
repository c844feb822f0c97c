"""The people of the demo, each with a visitor of their own: the User, who is booked, and the Customer, who books."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dovetail.demo.programs import Pairing, Server
from dovetail.demo.visitor import Page, Visitor

EVENT_TYPE = "30-minutes"
PASSWORD = "a horse, a battery, a staple"  # noqa: S105 - of the demo's own User


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def value(start: datetime) -> str:
    """What a time's button sends."""
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


class User:
    """Signs up with a page of their own, and connects a calendar."""

    def __init__(self, server: Server, email: str, name: str, zone: str) -> None:
        self.visitor = Visitor(server.url, server.ca_file)
        self.email, self.name = email, name
        home = self.visitor.get("/accounts/signup/").submit(
            "Sign up", email=email, password1=PASSWORD, name=name, zone=zone
        )
        if home.status != 200 or "signup" in home.path:
            raise AssertionError(f"signing up ended at {home.path}: {home.text[:400]}")
        self.page = name.lower()

    def connect(self) -> Pairing:
        """Ask for a Connector ID and a token, which are shown once."""
        shown = self.visitor.get("/connection/").submit("Connect")
        return Pairing(shown.shown["connector-id"], shown.shown["token"])

    def connection(self) -> Page:
        return self.visitor.get("/connection/")

    def ticks_every_busy_calendar(self) -> Page:
        page = self.connection()
        return page.submit("Save roles", busy=page.boxes["busy"])

    def hours(self) -> dict[str, str]:
        """The page's weekly hours: from and to by the names of their fields."""
        (form,) = [form for form in self._hours().forms if "d0_0_start" in form.fields]
        return {name: at for name, (at, *_) in form.fields.items() if re.fullmatch(r"d\d_\d_(start|end)", name) and at}

    def opens(self, hours: dict[str, str]) -> None:
        """`hours` as :meth:`hours` gives them, instead of those of now."""
        page = self._hours().submit("Save the week", **{**dict.fromkeys(self.hours(), ""), **hours})
        if self.hours() != hours:
            raise AssertionError(f"setting the hours ended at {page.path}: {page.text[:400]}")

    def _hours(self) -> Page:
        (path,) = set(re.findall(r'href="(/pages/\d+/hours/)"', self.visitor.get("/pages/").html))
        return self.visitor.get(path)

    def switches(self, *, delete_cancels: bool, move_reschedules: bool) -> None:
        self.connection().submit("Save actions", delete_cancels=delete_cancels, move_reschedules=move_reschedules)

    def disconnect(self) -> Page:
        return self.visitor.get("/connection/disconnect/").submit("Disconnect and erase")

    def bookings(self) -> str:
        return self.visitor.get("/bookings/").text

    def close(self) -> None:
        self.visitor.close()


class Customer:
    """Books on a User's page, in UTC, by the page's forms; has the links of the bookings made."""

    def __init__(self, server: Server, page: str) -> None:
        self.visitor = Visitor(server.url, server.ca_file)
        self.page = page

    def slots(self, first: date, days: int = 60) -> list[datetime]:
        """The starts that are open, by the API."""
        return [instant(slot["start"]) for slot in self._slots(first, days)["slots"]]

    def state(self) -> str:
        return str(self._slots(datetime.now(UTC).date(), 1)["state"])

    def _slots(self, first: date, days: int) -> Any:
        path = f"/api/v1/pages/{self.page}/event-types/{EVENT_TYPE}/slots"
        last = first + timedelta(days=days)
        return self.visitor.json(path, **{"from": first.isoformat(), "to": last.isoformat(), "zone": "UTC"})

    def times(self, day: date) -> Page:
        """The page of open times."""
        return self.visitor.get(f"/{self.page}/{EVENT_TYPE}/", day=day.isoformat(), zone="UTC")

    def book(self, start: datetime, name: str = "Carla Customer") -> str:
        """Returns the path of the booking's own page."""
        form = self.times(start.date()).submit(value(start))
        booked = form.submit("Book", name=name, email="carla@example.org", note="Looking forward to it.")
        if not booked.path.startswith("/b/"):
            raise AssertionError(f"booking ended at {booked.path}: {booked.text[:400]}")
        return booked.path

    def reschedule(self, booking: str, start: datetime) -> Page:
        times = self.visitor.get(f"{booking}reschedule/", day=start.date().isoformat(), zone="UTC")
        return times.submit(value(start)).submit("Take the new time")

    def cancel(self, booking: str) -> Page:
        return self.visitor.get(f"{booking}cancel/").submit("Cancel the meeting")

    def look(self, booking: str) -> str:
        return self.visitor.get(booking).text

    def close(self) -> None:
        self.visitor.close()
