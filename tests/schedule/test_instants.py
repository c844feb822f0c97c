from datetime import UTC, datetime, timedelta, timezone

import pytest

from dovetail.schedule.instants import from_minutes, to_minutes, to_minutes_ceil


def test_minutes_are_counted_from_the_epoch_in_utc() -> None:
    five_past_one_in_tokyo = datetime(1970, 1, 1, 9, 5, tzinfo=timezone(timedelta(hours=9)))
    assert to_minutes(five_past_one_in_tokyo) == 5
    assert from_minutes(5) == datetime(1970, 1, 1, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("year", [1969, 2026])
def test_a_start_is_rounded_down_and_an_end_up(year: int) -> None:
    on_the_minute = datetime(year, 6, 1, 12, 0, tzinfo=UTC)
    between = on_the_minute + timedelta(seconds=1)
    assert from_minutes(to_minutes(between)) == on_the_minute
    assert from_minutes(to_minutes_ceil(between)) == on_the_minute + timedelta(minutes=1)
    assert to_minutes(on_the_minute) == to_minutes_ceil(on_the_minute)


@pytest.mark.parametrize("convert", [to_minutes, to_minutes_ceil])
def test_a_datetime_without_a_zone_is_refused(convert: object) -> None:
    with pytest.raises(ValueError, match="time zone"):
        convert(datetime(2026, 1, 1))  # type: ignore[operator]  # noqa: DTZ001
