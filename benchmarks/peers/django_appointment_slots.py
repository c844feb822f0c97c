"""django-appointment computing 60 days of slots for each of N staff members, as its page does: day by day.

A process of its own, since Django has one configuration per process. Arguments: the number of staff members and the
directory for its database. Prints JSON: seconds and slots.
"""

from __future__ import annotations

import json
import random
import sys
import time as clock
from datetime import date, datetime, time, timedelta
from pathlib import Path

import django
from django.conf import settings

DAYS = 60
BUSY_A_DAY = 6


def configure(directory: Path) -> None:
    settings.configure(
        SECRET_KEY="benchmark",
        USE_TZ=True,
        TIME_ZONE="UTC",
        ROOT_URLCONF="appointment.urls",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "appointment",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": directory / "peer.sqlite3"}},
        APPOINTMENT_WEBSITE_NAME="benchmark",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)


def fill(count: int, first_day: date) -> tuple[list, object]:  # type: ignore[type-arg]
    """`count` staff members, Mon to Sun 9 to 17, with six appointments of 30 minutes a day."""
    from appointment.models import Appointment, AppointmentRequest, Service, StaffMember, WorkingHours
    from django.contrib.auth.models import User

    service = Service.objects.create(name="Meeting", duration=timedelta(minutes=30), price=0)
    customer = User.objects.create(username="customer")
    chance = random.Random(7)
    members = []
    for number in range(count):
        member = StaffMember.objects.create(
            user=User.objects.create(username=f"staff{number}"),
            slot_duration=15,
            lead_time=time(9),
            finish_time=time(17),
        )
        member.services_offered.add(service)
        WorkingHours.objects.bulk_create(
            WorkingHours(staff_member=member, day_of_week=day, start_time=time(9), end_time=time(17))
            for day in range(7)
        )
        requests = []
        for day in range(DAYS):
            for slot in chance.sample(range(16), BUSY_A_DAY):
                start = datetime.combine(first_day + timedelta(days=day), time(9)) + timedelta(minutes=30 * slot)
                requests.append(
                    AppointmentRequest(
                        date=start.date(),
                        start_time=start.time(),
                        end_time=(start + timedelta(minutes=30)).time(),
                        service=service,
                        staff_member=member,
                        id_request=f"{number}-{day}-{slot}",
                    )
                )
        AppointmentRequest.objects.bulk_create(requests)
        Appointment.objects.bulk_create(
            Appointment(client=customer, appointment_request=request, id_request=request.id_request)
            for request in AppointmentRequest.objects.filter(staff_member=member)
        )
        members.append(member)
    return members, service


def main() -> None:
    count, directory = int(sys.argv[1]), Path(sys.argv[2])
    configure(directory)
    from appointment.services import get_available_slots_for_staff

    first_day = date.today() + timedelta(days=1)  # noqa: DTZ011 - the peer works in the server's own days
    members, service = fill(count, first_day)
    began = clock.perf_counter()
    found = 0
    for member in members:
        for offset in range(DAYS):
            day = first_day + timedelta(days=offset)
            found += len(get_available_slots_for_staff(day, member, day.isoweekday() % 7, service))
    print(json.dumps({"seconds": clock.perf_counter() - began, "slots": found}))


if __name__ == "__main__":
    main()
