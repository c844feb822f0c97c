"""Rules say what the zone they were taken from says, and the names nobody knows go by them."""
# ruff: noqa: DTZ001 - wall clocks

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.outlook import blobs
from dovetail.connector.outlook.appointment_zone import (
    RECUR,
    START_DISPLAY,
    START_WHOLE,
    STRUCT,
    is_utc,
    series_zone,
    zone_of,
)
from dovetail.connector.outlook.binary import MalformedProperty
from dovetail.connector.outlook.time_zones import (
    Biases,
    RuleFlag,
    SystemTime,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
)
from dovetail.connector.outlook.zone_rules import RuleZone

EASTERN = Biases(300, 0, -60, SystemTime(0, 11, 0, 1, 2), SystemTime(0, 3, 0, 2, 2))
OLD_EASTERN = Biases(300, 0, -60, SystemTime(0, 10, 0, 5, 2), SystemTime(0, 4, 0, 1, 2))
BERLIN = Biases(-60, 0, -60, SystemTime(0, 10, 0, 5, 3), SystemTime(0, 3, 0, 5, 2))
SYDNEY = Biases(-600, 0, -60, SystemTime(0, 4, 0, 1, 3), SystemTime(0, 10, 0, 1, 2))
LORD_HOWE = Biases(-630, 0, -30, SystemTime(0, 4, 0, 1, 2), SystemTime(0, 10, 0, 1, 2))
TOKYO = Biases(-540, 0, -60)
FIRST = datetime(2027, 3, 1, 9)

ZONES = [
    (EASTERN, "America/New_York"),
    (BERLIN, "Europe/Berlin"),
    (SYDNEY, "Australia/Sydney"),
    (LORD_HOWE, "Australia/Lord_Howe"),
    (TOKYO, "Asia/Tokyo"),
]


@pytest.mark.parametrize(("biases", "name"), ZONES)
def test_rules_give_the_wall_clock_of_the_zone_they_describe(biases: Biases, name: str) -> None:
    rules, iana = RuleZone([(2009, biases)]), ZoneInfo(name)

    @settings(max_examples=200, deadline=None)
    @given(st.datetimes(datetime(2009, 1, 2), datetime(2036, 12, 30)), st.integers(0, 1))
    def check(at: datetime, fold: int) -> None:
        wall = at.replace(fold=fold)
        assert wall.replace(tzinfo=rules).utcoffset() == wall.replace(tzinfo=iana).utcoffset()
        instant = at.replace(tzinfo=UTC)
        ours, theirs = instant.astimezone(rules), instant.astimezone(iana)
        assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)

    check()


@pytest.mark.parametrize(("biases", "name"), ZONES[:4])
def test_every_minute_around_a_change_of_clocks_is_told_alike(biases: Biases, name: str) -> None:
    rules, iana = RuleZone([(2007, biases)]), ZoneInfo(name)
    changes = [
        at
        for at in (datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(365 * 24))
        if at.astimezone(iana).utcoffset() != (at + timedelta(hours=1)).astimezone(iana).utcoffset()
    ]
    assert len(changes) == 2
    for change in changes:
        for minute in range(-180, 240, 5):
            instant = change + timedelta(minutes=minute)
            ours, theirs = instant.astimezone(rules), instant.astimezone(iana)
            assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
            wall = (change + timedelta(minutes=minute)).astimezone(iana).replace(tzinfo=None)
            for near in (wall, wall + timedelta(minutes=40)):
                for fold in (0, 1):
                    at = near.replace(fold=fold)
                    assert at.replace(tzinfo=rules).utcoffset() == at.replace(tzinfo=iana).utcoffset(), at


def test_a_rule_holds_from_its_year_on_and_the_first_one_before_too() -> None:
    zone = RuleZone([(2007, EASTERN), (2006, OLD_EASTERN)])
    march_20 = [datetime(year, 3, 20, 12, tzinfo=zone).utcoffset() for year in (1999, 2006, 2007, 2027)]
    assert march_20 == [timedelta(hours=-5), timedelta(hours=-5), timedelta(hours=-4), timedelta(hours=-4)]


def test_a_millisecond_before_midnight_is_midnight() -> None:
    zone = RuleZone(
        [(0, Biases(-300, 0, -60, SystemTime(0, 10, 6, 5, 23, 59, 59, 999), SystemTime(0, 5, 6, 5, 23, 59, 59, 999)))]
    )
    saturday = datetime(2027, 5, 29, 23, 59, tzinfo=zone)  # the last of May
    assert saturday.utcoffset() == timedelta(hours=5)
    assert (datetime(2027, 5, 30, 1, 0, tzinfo=zone)).utcoffset() == timedelta(hours=6)


def test_a_date_with_a_year_is_of_that_year_alone() -> None:
    once = Biases(0, 0, -60, SystemTime(2027, 10, 0, 10, 2), SystemTime(2027, 4, 0, 3, 2))
    zone = RuleZone([(0, once)])
    julys = [datetime(year, 7, 1, tzinfo=zone).utcoffset() for year in (2026, 2027, 2028)]
    assert julys == [timedelta(0), timedelta(hours=1), timedelta(0)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1601, 2100), blobs.biases), min_size=1, max_size=4),
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
)
def test_any_rules_give_some_wall_clock_and_some_instant(rules: list[tuple[int, Biases]], at: datetime) -> None:
    zone = RuleZone(rules)
    assert isinstance(at.replace(tzinfo=zone).astimezone(UTC), datetime)
    assert isinstance(at.replace(tzinfo=UTC).astimezone(zone), datetime)


# --- which zone an appointment is in ----------------------------------------------------------------------------------

NOWHERE = ZoneInfo("Pacific/Apia")


def definition(name: str, *rules: ZoneRule) -> bytes:
    return ZoneDefinition(name, rules).to_bytes()


def registration(biases: Biases) -> bytes:
    return ZoneRegistration(biases).to_bytes()


def test_a_name_that_cldr_knows_is_that_zone_whatever_rules_came_with_it() -> None:
    told = definition("Eastern Standard Time", ZoneRule(OLD_EASTERN, 2006))
    assert series_zone({RECUR: told}, FIRST, NOWHERE) == ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "name",
    [
        "Kamchatka Standard Time",
        "Mid-Atlantic Standard Time",
        "Armenian Standard Time",
        "Mexico Standard Time",
        "Mexico Standard Time 2",
        "Malay Peninsula Standard Time",
        "Customized Time Zone",
        "tzone://Microsoft/Custom",
        "(UTC+12:00) Petropavlovsk-Kamchatsky - Old",
        "大阪、札幌、東京",
        "",
    ],
)
def test_the_names_that_cldr_does_not_know_go_by_their_own_rules(name: str) -> None:
    zone = zone_of(ZoneDefinition(name, (ZoneRule(SYDNEY, 2008),)), RECUR)
    assert isinstance(zone, RuleZone)
    assert datetime(2027, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=10)


def test_an_unknown_name_without_rules_is_refused() -> None:
    with pytest.raises(MalformedProperty, match=RECUR):
        series_zone({RECUR: definition("Mars Standard Time")}, FIRST, NOWHERE)


def test_a_known_name_without_rules_is_enough() -> None:
    told = {RECUR: definition("Eastern Standard Time"), STRUCT: registration(BERLIN)}
    assert series_zone(told, FIRST, NOWHERE) == ZoneInfo("America/New_York")


@pytest.mark.parametrize("flags", [RuleFlag.RECUR_CURRENT, RuleFlag.EFFECTIVE, 0])
def test_a_definition_that_agrees_with_the_registration_is_the_zone(flags: int) -> None:
    told = definition("Eastern Standard Time", ZoneRule(OLD_EASTERN, 2006, 0), ZoneRule(EASTERN, 2007, flags))
    zone = series_zone({RECUR: told, STRUCT: registration(EASTERN)}, FIRST, NOWHERE)
    assert zone == ZoneInfo("America/New_York")


def test_the_rule_marked_as_the_registrations_is_compared_and_no_other() -> None:
    marked = ZoneRule(OLD_EASTERN, 2006, RuleFlag.RECUR_CURRENT), ZoneRule(EASTERN, 2007, RuleFlag.EFFECTIVE)
    told = definition("Eastern Standard Time", *marked)
    for biases, is_rules in ((OLD_EASTERN, False), (EASTERN, True)):
        zone = series_zone({RECUR: told, STRUCT: registration(biases)}, FIRST, NOWHERE)
        assert isinstance(zone, RuleZone) is is_rules


def test_where_both_disagree_the_registration_holds() -> None:
    told = definition("Eastern Standard Time", ZoneRule(OLD_EASTERN, 2006, 0), ZoneRule(EASTERN, 2007, 3))
    for biases in (OLD_EASTERN, BERLIN):
        zone = series_zone({RECUR: told, STRUCT: registration(biases)}, FIRST, NOWHERE)
        assert isinstance(zone, RuleZone)
        assert datetime(2027, 3, 20, tzinfo=zone).utcoffset() == timedelta(minutes=-biases.bias)


def test_a_bias_of_a_daylight_time_that_never_comes_makes_no_difference() -> None:
    told = definition("Tokyo Standard Time", ZoneRule(TOKYO, 1601, 2))
    zone = series_zone({RECUR: told, STRUCT: registration(Biases(-540))}, FIRST, NOWHERE)
    assert zone == ZoneInfo("Asia/Tokyo")


def test_without_a_zone_of_the_series_the_displayed_one_is_taken() -> None:
    told = definition("Eastern Standard Time", ZoneRule(EASTERN, 2007))
    assert series_zone({START_DISPLAY: told}, FIRST, NOWHERE) == ZoneInfo("America/New_York")


def test_without_any_zone_the_first_instant_decides_whether_it_is_the_pcs_own() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert series_zone({}, FIRST, berlin) is berlin
    assert series_zone({START_WHOLE: FIRST.replace(tzinfo=berlin)}, FIRST, berlin) is not None
    eight = datetime(2027, 3, 1, 8, tzinfo=UTC)
    assert series_zone({START_WHOLE: eight}, FIRST, berlin) is berlin
    assert series_zone({START_WHOLE: eight + timedelta(hours=6)}, FIRST, berlin).utcoffset(None) == timedelta(hours=-5)


@pytest.mark.parametrize(
    ("biases", "name", "expected"),
    [
        (Biases(0), "", True),
        (TOKYO, "", False),
        (EASTERN, "", False),
        (Biases(0), "UTC", True),
        (Biases(0), "GMT Standard Time", False),
    ],
)
def test_utc_is_known_by_its_name_or_its_rules(biases: Biases, name: str, expected: bool) -> None:
    assert is_utc(zone_of(ZoneDefinition(name, (ZoneRule(biases, 1601),)), RECUR)) is expected
