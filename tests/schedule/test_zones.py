from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tzlocal.windows_tz import win_tz

from dovetail.schedule.zones import UnknownZone, zone


@pytest.mark.parametrize("name", sorted(win_tz))
def test_every_windows_zone_of_cldr_loads(name: str) -> None:
    found, meant = zone(name), ZoneInfo(win_tz[name])
    for month in range(1, 13):
        noon = datetime(2026, month, 1, 12, tzinfo=UTC)
        assert noon.astimezone(found).utcoffset() == noon.astimezone(meant).utcoffset()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Tzfile/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("/mozilla.org/20050126_1/Asia/Kathmandu", "Asia/Kathmandu"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("W. Europe Standard Time", "Europe/Berlin"),
    ],
)
def test_a_zone_is_found_by_the_names_calendars_write(written: str, meant: str) -> None:
    assert zone(written).key == meant


def test_a_windows_zone_keeps_daylight_saving_time() -> None:
    offsets = {
        datetime(2026, month, 1, tzinfo=UTC).astimezone(zone("Pacific Standard Time")).utcoffset() for month in (1, 7)
    }
    assert offsets == {timedelta(hours=-8), timedelta(hours=-7)}


@pytest.mark.parametrize(
    "name", ["", "/", "Customized Time Zone", "Europe/Nowhere", "../../etc/passwd", "a\0b", "x" * 10_000]
)
def test_an_unknown_zone_is_named_in_the_error(name: str) -> None:
    with pytest.raises(UnknownZone) as error:
        zone(name)
    assert error.value.name == name
    assert len(str(error.value)) < 150
