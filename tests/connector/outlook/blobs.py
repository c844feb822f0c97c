"""Strategies and builders for the blobs of appointments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import strategies as st

from dovetail.connector.outlook.appointment_recurrence import (
    AppointmentRecurrence,
    ExceptionInfo,
    ExtendedException,
    Override,
)
from dovetail.connector.outlook.global_object_id import GlobalObjectId
from dovetail.connector.outlook.recurrence_pattern import (
    DAY_MINUTES,
    ENDLESS_COUNT,
    ENDLESS_DATE,
    MONTH_DAY_TYPES,
    MONTH_NTH_TYPES,
    EndType,
    Frequency,
    PatternType,
    RecurrencePattern,
    first_date_time,
)
from dovetail.connector.outlook.time_zones import (
    Biases,
    SystemTime,
    UnknownRule,
    ZoneDefinition,
    ZoneRegistration,
    ZoneRule,
)

MICROSOFT_EXAMPLES = {
    "MS-OXOCAL 4.1.1.1, weekly": (
        "043004300B2001000000C0210000010000000000000032000000222000000C0000000000000000000000000000008020BC0C20ADBC0C"
        "0630000009300000580200007602000000000000000000000000"
    ),
    "MS-OXOCAL 4.1.1.2, weekly with an exception": (
        "043004300B2001000000C0210000010000000000000032000000222000000C0000000000000001000000A096BC0C01000000A096BC0C"
        "8020BC0C20ADBC0C0630000009300000580200007602000001003499BC0C5299BC0CF898BC0C11002200210053696D706C65205265"
        "63757272656E6365207769746820657863657074696F6E730800070033342F34313431000000000400000000000000000000003499"
        "BC0C5299BC0CF898BC0C2100530069006D0070006C006500200052006500630075007200720065006E006300650020007700690074"
        "006800200065007800630065007000740069006F006E0073000700330034002F0034003100340031000000000000000000"
    ),
    "MS-OXOCAL 4.1.1.3, every third day": (
        "043004300A2000000000A0050000E010000000000000212000000A0000000000000002000000A0C1DC0C80D2DC0C00000000207EDC0C"
        "0016DD0C0630000009300000E0010000FE01000000000000000000000000"
    ),
    "MS-OXOCAL 4.1.1.6, yearly in the Hebrew calendar": (
        "043004300D200200080080750A000C0000000000000003000000232000000A0000000000000001000000207EDC0C01000000207EDC0C"
        "6074C40CDF80E95A0630000009300000E0010000FE01000001000080DC0C1E80DC0C0080DC0C24023C000000010000000000000004"
        "000000000000000000000000000000"
    ),
}

_U32 = st.integers(0, 0xFFFFFFFF)
_U16 = st.integers(0, 0xFFFF)
_DAYS = st.integers(0, 4_000_000_000 // DAY_MINUTES).map(lambda day: day * DAY_MINUTES)
_BYTES = st.binary(max_size=12)
_NARROW = st.none() | st.binary(max_size=20)


def minutes_of(day: date) -> int:
    """Minutes from 1601-01-01 to that day's midnight."""
    return (day - date(1601, 1, 1)).days * DAY_MINUTES


def series(
    frequency: Frequency,
    pattern_type: PatternType,
    period: int,
    start: date,
    *,
    until: date | None = None,
    count: int | None = None,
    offsets: tuple[int, int] = (9 * 60, 10 * 60),
    exceptions: tuple[ExceptionInfo, ...] = (),
    deleted: tuple[date, ...] = (),
    **specific: int,
) -> AppointmentRecurrence:
    """A series as Outlook would write it, but that the end date of a counted one is not computed."""
    end_type = EndType.BY_DATE if until else EndType.AFTER_COUNT if count else EndType.NEVER
    removed = {minutes_of(day) for day in deleted} | {day_of(info.original_start) for info in exceptions}
    by_start = tuple(sorted(exceptions, key=lambda info: info.start))
    pattern = RecurrencePattern(
        frequency=frequency,
        pattern_type=pattern_type,
        first_date_time=first_date_time(pattern_type, period, minutes_of(start), specific.get("first_day_of_week", 0)),
        period=period,
        end_type=end_type,
        occurrence_count=count or ENDLESS_COUNT,
        start_date=minutes_of(start),
        end_date=minutes_of(until) if until else ENDLESS_DATE,
        deleted_instance_dates=tuple(sorted(removed)),
        modified_instance_dates=tuple(day_of(info.start) for info in by_start),
        **specific,
    )
    return AppointmentRecurrence(pattern, *offsets, exceptions=by_start)


def day_of(minutes: int) -> int:
    return minutes - minutes % DAY_MINUTES


@st.composite
def recurrence_patterns(draw: st.DrawFn, modified: int = 0) -> RecurrencePattern:
    """Any that can be written: dates and numbers need not make sense together."""
    frequency = draw(st.sampled_from(Frequency))
    pattern_type = draw(
        st.sampled_from((PatternType.DAY, PatternType.WEEK))
        if frequency is Frequency.DAILY
        else st.just(PatternType.WEEK)
        if frequency is Frequency.WEEKLY
        else st.sampled_from(sorted(MONTH_DAY_TYPES | MONTH_NTH_TYPES))
    )
    has_weekdays = pattern_type is PatternType.WEEK or pattern_type in MONTH_NTH_TYPES
    return RecurrencePattern(
        frequency=frequency,
        pattern_type=pattern_type,
        first_date_time=draw(_U32),
        period=draw(st.integers(1, 2_000_000)) * (DAY_MINUTES if pattern_type is PatternType.DAY else 1),
        end_type=draw(st.sampled_from(EndType)),
        occurrence_count=draw(_U32),
        start_date=draw(_U32),
        end_date=draw(_U32),
        weekdays=draw(st.integers(1, 0x7F)) if has_weekdays else 0,
        nth=draw(st.integers(1, 5)) if pattern_type in MONTH_NTH_TYPES else 0,
        day=draw(st.integers(1, 31)) if pattern_type in MONTH_DAY_TYPES else 0,
        first_day_of_week=draw(st.integers(0, 6)),
        calendar_type=draw(_U16),
        sliding_flag=draw(_U32),
        deleted_instance_dates=tuple(draw(st.lists(_DAYS, min_size=modified, max_size=modified + 3))),
        modified_instance_dates=tuple(draw(st.lists(_DAYS, min_size=modified, max_size=modified))),
    )


@st.composite
def exceptions(draw: st.DrawFn, highlighted: bool) -> ExceptionInfo:
    start = draw(st.integers(0, 4_000_000_000))
    flags = draw(st.sets(st.sampled_from([flag for flag in Override if flag not in _NO_NUMBER])))
    subject, location = draw(_NARROW), draw(_NARROW)
    has_texts = subject is not None or location is not None
    extended = ExtendedException(
        change_highlight=draw(st.binary(min_size=4, max_size=8)) if highlighted else None,
        times=draw(st.tuples(_U32, _U32, _U32)) if has_texts else None,
        subject=draw(st.text(max_size=20)) if subject is not None else None,
        location=draw(st.text(max_size=20)) if location is not None else None,
        reserved_1=draw(_BYTES),
        reserved_2=draw(_BYTES) if has_texts else b"",
    )
    return ExceptionInfo(
        start=start,
        end=start + draw(st.integers(0, 100_000)),
        original_start=draw(_U32),
        numbers={flag: draw(_U32) for flag in sorted(flags)},
        subject=subject,
        location=location,
        other_flags=draw(st.sampled_from((0, Override.EXCEPTIONAL_BODY, 0x8000))),
        extended=extended,
    )


_NO_NUMBER = (Override.SUBJECT, Override.LOCATION, Override.EXCEPTIONAL_BODY)


@st.composite
def recurrences(draw: st.DrawFn) -> AppointmentRecurrence:
    version = draw(st.sampled_from((0x3008, 0x3009)))
    changed = tuple(draw(st.lists(exceptions(version >= 0x3009), max_size=4)))
    start_offset = draw(st.integers(0, 1439))
    return AppointmentRecurrence(
        pattern=draw(recurrence_patterns(len(changed))),
        start_offset=start_offset,
        end_offset=start_offset + draw(st.integers(0, 10_000)),
        exceptions=changed,
        writer_version=version,
        reserved_1=draw(_BYTES),
        reserved_2=draw(_BYTES),
        trailing=draw(_BYTES),
    )


_bias = st.integers(-15 * 60, 15 * 60)
_extra_bias = st.integers(-8 * 60, 8 * 60)


@st.composite
def system_times(draw: st.DrawFn) -> SystemTime:
    month = draw(st.integers(0, 12))
    if month == 0:
        return SystemTime()
    year = draw(st.sampled_from((0, 2011, 2030)))
    return SystemTime(
        year,
        month,
        draw(st.integers(0, 6)),
        draw(st.integers(1, 28 if year else 5)),
        draw(st.integers(0, 23)),
        draw(st.sampled_from((0, 1, 30, 59))),
        draw(st.sampled_from((0, 59))),
        draw(st.sampled_from((0, 999))),
    )


biases = st.builds(Biases, _bias, _extra_bias, _extra_bias, system_times(), system_times())
rules = st.builds(
    ZoneRule,
    biases,
    _U16,
    _U16,
    st.binary(min_size=14, max_size=14),
    minor_version=st.integers(0, 255),
    trailing=_BYTES,
)
unknown_rules = st.builds(UnknownRule, st.sampled_from((1, 3, 255)), st.integers(0, 255), st.binary(max_size=70))
registrations = st.builds(ZoneRegistration, biases, _U16, _U16, _BYTES)


@st.composite
def definitions(draw: st.DrawFn) -> ZoneDefinition:
    has_guid, has_name = draw(st.booleans()), draw(st.booleans())
    definition = ZoneDefinition(
        name=draw(st.text(max_size=30)) if has_name else None,
        rules=tuple(draw(st.lists(rules | unknown_rules, max_size=4))),
        flags=has_guid * 1 + draw(st.sampled_from((0, 2)) if has_name else st.just(0)),
        guid=draw(st.binary(min_size=16, max_size=16)) if has_guid else b"",
        minor_version=draw(st.integers(0, 255)),
        trailing=draw(_BYTES),
    )
    return replace(definition, header_rest=draw(_BYTES)) if has_name else definition


global_object_ids = st.builds(
    GlobalObjectId,
    creation_time=st.integers(0, 2**64 - 1),
    data=st.binary(max_size=60),
    year=_U16,
    month=st.integers(0, 12),
    day=st.integers(0, 31),
    reserved=st.binary(min_size=8, max_size=8),
    trailing=_BYTES,
)
