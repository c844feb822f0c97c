"""The story in a real browser: a User signs up and connects a calendar, a Customer on another continent books.

Each page is looked at with axe (WCAG 2.2, levels A and AA) at two widths. Set DOVETAIL_SCREENSHOTS to a folder to keep
a picture of each.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dovetail.demo import diary
from dovetail.demo.appointments import appointment, put, write_calendar
from dovetail.demo.programs import Connector, Pairing, Server, server
from programs import require_program

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EMAIL = re.compile("e-?mail", re.IGNORECASE)
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require_program("chromium", "chromium-browser")
    options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


class Camera:
    """Looks at a page at two widths, and keeps a picture of it where asked to."""

    def __init__(self) -> None:
        folder = os.environ.get("DOVETAIL_SCREENSHOTS")
        self.folder = Path(folder) if folder else None
        self.count = 0

    def take(self, page: Page, name: str) -> None:
        self.count += 1
        for label, size in (("wide", WIDE), ("narrow", NARROW)):
            page.set_viewport_size(size)
            if self.folder:
                page.screenshot(path=self.folder / f"{self.count:02}-{name}-{label}.png", full_page=True)
            found = Axe().run(page, options=WCAG)
            assert found.violations_count == 0, f"{name}, {label}: {found.generate_report()}"
        page.set_viewport_size(WIDE)


class NoCamera(Camera):
    """For browsers without JavaScript, where axe cannot look."""

    def take(self, page: Page, name: str) -> None:
        return


def visitor(browser: Browser, url: str, zone: str, javascript: bool = True) -> Page:
    # The demo's authority is not in the browser's trust store; that its certificate is right is tested elsewhere.
    context = browser.new_context(
        base_url=url, timezone_id=zone, ignore_https_errors=True, java_script_enabled=javascript, viewport=WIDE
    )
    context.set_default_timeout(15_000)
    return context.new_page()


def sign_up(page: Page, name: str, camera: Camera) -> None:
    page.goto("/accounts/signup/")
    camera.take(page, "sign-up")
    page.get_by_label(EMAIL).fill(f"{name.lower()}@example.org")
    page.get_by_label("Password").fill("a horse, a battery, a staple")
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    camera.take(page, "home")


def pair(page: Page, running: Server, home: Path, camera: Camera) -> Connector:
    page.goto("/connection/")
    camera.take(page, "not-connected")
    page.get_by_role("button", name="Connect").click()
    shown = Pairing(page.get_by_label("Connector ID").input_value(), page.get_by_label("Security token").input_value())
    camera.take(page, "token")
    connector = Connector(home / "connector", home / "connector.log")
    connector.pair(running, shown, home / "calendar")
    page.goto("/connection/")
    expect(page.get_by_text("Ada's diary")).to_be_visible()
    camera.take(page, "connected")
    return connector


def pick_first_time(page: Page) -> str:
    """The first open time of the first open day at least two days ahead; what its button says."""
    days = page.locator("ul.days a")
    while days.count() < 3:
        page.get_by_label("Week after").click()
    days.nth(2).click()
    button = page.locator("fieldset.times button").first
    label = button.inner_text()
    button.click()
    return label


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_booking_travels_from_the_page_to_the_calendar_and_back(
    running: Server, browser: Browser, tmp_path: Path, javascript: bool
):
    camera = Camera() if javascript else NoCamera()
    name = "Ada" if javascript else "Bea"
    calendar = tmp_path / "calendar"
    write_calendar(calendar, "Ada's diary", datetime.now(UTC).date())

    user = visitor(browser, running.url, "Europe/Berlin", javascript)
    sign_up(user, name, camera)
    connector = pair(user, running, tmp_path, camera)

    customer = visitor(browser, running.url, "America/New_York", javascript)
    customer.goto(f"/{name.lower()}/")
    camera.take(customer, "booking-page")
    customer.get_by_role("link", name="30-minute meeting").click()
    if javascript:
        expect(customer.get_by_label("Your time zone")).to_have_value("America/New_York")
    else:
        customer.get_by_label("Your time zone").select_option("America/New_York")
        customer.get_by_role("button", name="Use this zone").click()
    camera.take(customer, "times")
    pick_first_time(customer)
    camera.take(customer, "details")
    customer.get_by_label("Your name").fill("Carla Customer")
    customer.get_by_label(EMAIL).fill("carla@example.org")
    customer.get_by_label("What is it about").fill("The garden")
    customer.get_by_role("button", name="Book").click()
    expect(customer.get_by_text("New York").first).to_be_visible()
    camera.take(customer, "booked")

    connector.sync()
    (entry,) = diary.entries(calendar)
    assert "Carla Customer" in entry.subject
    booked = entry.start

    put(calendar, "dentist-again", appointment("Dentist", booked + timedelta(days=7), timedelta(minutes=30)))
    connector.sync()
    customer.get_by_role("link", name="Reschedule").click()
    camera.take(customer, "another-time")
    customer.goto(f"{customer.url.partition('?')[0]}?day={booked + timedelta(days=7):%Y-%m-%d}&zone=UTC")
    closed = f"{booked + timedelta(days=7):%Y-%m-%dT%H:%MZ}"
    assert customer.locator(f"button[value='{closed}']").count() == 0, "the dentist's slot is open"
    customer.locator("fieldset.times button").last.click()
    camera.take(customer, "confirm-new-time")
    customer.get_by_role("button", name="Take the new time").click()
    expect(customer.get_by_role("link", name="Cancel")).to_be_visible()
    connector.sync()
    (moved,) = diary.entries(calendar)
    assert moved.path == entry.path
    assert moved.start != booked

    customer.get_by_role("link", name="Cancel").click()
    camera.take(customer, "cancel")
    customer.get_by_role("button", name="Cancel the meeting").click()
    camera.take(customer, "canceled")
    connector.sync()
    (canceled,) = diary.entries(calendar)
    assert canceled.subject.startswith("CANCELED")
    assert canceled.show_as == "FREE"

    user.goto("/bookings/")
    camera.take(user, "bookings")
    user.goto("/home/")
    camera.take(user, "activity")
    user.goto("/connection/sent/")
    assert "Dentist" not in user.content()
    camera.take(user, "sent")
    user.goto("/connection/disconnect/")
    camera.take(user, "disconnect")
    user.get_by_role("button", name="Disconnect and erase").click()
    expect(user.get_by_text("Busy times", exact=True)).to_be_visible()
    camera.take(user, "receipt")
    assert connector.command("sync", check=False).returncode != 0
    assert diary.entries(calendar) == [canceled]


def test_two_customers_who_want_the_same_time_get_one_booking_and_a_friendly_word(
    running: Server, browser: Browser, tmp_path: Path
):
    user = visitor(browser, running.url, "UTC")
    sign_up(user, "Cleo", Camera())
    first, second = (visitor(browser, running.url, "UTC") for _ in range(2))
    for customer in (first, second):
        customer.goto("/cleo/30-minutes/")
        customer.locator("ul.days a").first.click()
    value = first.locator("fieldset.times button").last.get_attribute("value")
    for customer in (first, second):
        customer.locator(f"button[value='{value}']").click()
    first.get_by_label("Your name").fill("First")
    first.get_by_label(EMAIL).fill("first@example.org")
    first.get_by_role("button", name="Book").click()
    expect(first.get_by_role("link", name="Reschedule")).to_be_visible()
    expect(second.get_by_text("That time is gone")).to_be_visible()
