"""What pywin32's MAPI demands of whoever calls it: sinks that live, signs and types that fit, methods that work."""

from __future__ import annotations

import ast
import gc
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.calendars.contract import DRAFT, HOUR, LATER, NINE, TEN, WINDOW, stamp
from connector.outlook import appointments
from connector.outlook import model_mapi_values as values
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.model_mapi import ModelMapi
from connector.outlook.model_store import ComError, Mailbox
from connector.outlook.outlook_hand import is_completely_scanned, scan
from dovetail.connector.calendars.port import Draft, ScanRequest
from dovetail.connector.outlook import extended_mapi
from dovetail.connector.outlook.extended_mapi import numbers
from dovetail.connector.outlook.extended_mapi.calls import METHODS
from dovetail.connector.outlook.extended_mapi.values import into, out
from dovetail.connector.outlook.object_model.stamping import PROPERTY
from dovetail.schedule.instants import to_minutes


@pytest.fixture
def hand() -> MapiHand:
    return MapiHand()


# --- sinks ------------------------------------------------------------------------------------------------------------


def test_no_sink_is_ever_let_go_however_often_a_watch_begins_and_ends(hand: MapiHand) -> None:
    for _ in range(5):
        with hand.port.watch(lambda: None):
            hand.adds(hand.main, NINE, TEN)
        hand.port.close()
    gc.collect()

    assert hand.mapi.dropped == []
    assert hand.mapi.log.count(("ModelMapi", "HrAllocAdviseSink")) == 2, "one for each calendar, and used again"
    assert hand.mapi.log.count(("Table", "Advise")) == hand.mapi.log.count(("Table", "Unadvise")) == 10


def test_a_hundred_changes_are_one_hint_and_nothing_is_called_where_they_are_told(hand: MapiHand) -> None:
    told: list[str] = []
    quiet = threading.Event()

    def changed() -> None:
        told.append(threading.current_thread().name)
        quiet.set()

    with hand.port.watch(changed):
        for number in range(100):
            hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
        assert quiet.wait(10)
    assert told == ["dovetail-mapi-watch"]
    assert hand.mapi.called_back == []


def test_a_notification_that_comes_late_is_still_a_hint(hand: MapiHand) -> None:
    hand.mapi.late = 0.4
    told = threading.Event()

    with hand.port.watch(told.set):
        hand.adds(hand.main, NINE, TEN)
        assert not told.is_set()
        assert told.wait(10)


def test_one_that_comes_after_its_watch_ended_reaches_nobody(hand: MapiHand) -> None:
    hand.mapi.late = 0.3
    told = threading.Event()
    with hand.port.watch(told.set):
        hand.adds(hand.main, NINE, TEN)

    assert not told.wait(0.8)


def test_who_watches_is_told_again_after_a_session_was_lost(hand: MapiHand) -> None:
    told = threading.Event()

    with hand.port.watch(told.set):
        hand.mapi.fails_in, hand.mapi.fails_with = 0, values.END_OF_SESSION
        assert not is_completely_scanned(hand)
        assert is_completely_scanned(hand)
        hand.adds(hand.main, NINE, TEN)
        assert told.wait(10)
    assert hand.folders[0].listeners == hand.folders[1].listeners == []


def test_who_watches_while_there_is_no_profile_is_told_once_there_is(hand: MapiHand) -> None:
    told = threading.Event()
    hand.mapi.away = values.NETWORK_ERROR

    with hand.port.watch(told.set):
        hand.mapi.away = 0
        scan(hand)
        hand.adds(hand.main, NINE, TEN)
        assert told.wait(10)


def test_what_a_lost_notification_would_have_told_the_next_scan_sees(hand: MapiHand) -> None:
    hand.mapi.loses_notifications = True
    told = threading.Event()

    with hand.port.watch(told.set):
        hand.adds(hand.main, NINE, TEN)
        assert not told.wait(0.6)
    assert len(scan(hand).items) == 1


# --- methods ----------------------------------------------------------------------------------------------------------


def test_only_methods_that_can_be_relied_on_are_called_and_all_by_their_list() -> None:
    used: set[str] = set()
    for path in Path(extended_mapi.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                pytest.fail(f"{path.name}: .{node.attr} passes by the list")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("getattr", "setattr") or path.name == "calls.py", path
                if node.func.id == "call":
                    name = node.args[1]
                    assert isinstance(name, ast.Constant)
                    used.add(str(name.value))
    assert used == METHODS


def test_no_method_on_the_list_is_one_that_pywin32_spoils_or_that_sends() -> None:
    spoiled = {"FindRow", "SortTable", "CreateBookmark", "FreeBookmark", "SeekRow", "HexFromBin", "BinFromHex"}
    forbidden = spoiled | {"MAPIUninitialize", "SubmitMessage", "ModifyRecipients", "EmptyFolder", "GetNamesFromIDs"}

    assert not METHODS & forbidden


# --- types and signs --------------------------------------------------------------------------------------------------

_TIME, _BLOB, _TEXT, _NUMBER = 0x820D0040, 0x82160102, 0x0037001F, 0x82050003


@pytest.mark.parametrize(
    ("tag", "value"),
    [(_BLOB, bytearray(b"x")), (_BLOB, memoryview(b"x")), (_BLOB, "x"), (_TEXT, None), (_TIME, None), (_NUMBER, "2")],
)
def test_a_value_of_a_type_that_pywin32_refuses_is_refused_before(tag: int, value: Any) -> None:
    with pytest.raises(TypeError):
        into(tag, value)
    with pytest.raises(TypeError):
        values.into_mapi(tag, value)


def test_a_time_without_a_zone_never_reaches_mapi() -> None:
    with pytest.raises(ValueError, match="zone"):
        into(_TIME, datetime(2027, 3, 10, 9))  # noqa: DTZ001 - that is the point


def test_a_text_ends_at_its_first_nul_as_it_would_in_mapi() -> None:
    assert into(_TEXT, "Lunch\0and more") == values.into_mapi(_TEXT, "Lunch\0and more") == "Lunch"


def test_flags_fit_a_signed_long_and_tags_an_unsigned_one() -> None:
    assert values.long(numbers.UNICODE) == -(1 << 31)
    assert values.unsigned(numbers.with_id(0xFFFE, 0x0102)) == 0xFFFE0102


def test_times_come_out_as_plain_instants_in_utc(hand: MapiHand) -> None:
    created = hand.port.create(hand.main, DRAFT, stamp())

    assert created.current is not None
    assert type(created.current.start) is datetime
    assert created.current.start.tzinfo is UTC


def test_a_time_that_no_calendar_reaches_is_none(hand: MapiHand) -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    handle = hand.adds(hand.main, NINE, TEN)
    hand.changes(handle, PidLidAppointmentEndWhole=far, PidLidAppointmentDuration=60)

    (item,) = scan(hand).items

    assert [block.end for block in item.busy] == [to_minutes(TEN)]
    assert out(_TIME, (_TIME, datetime.max)) is None  # noqa: DTZ901 - west of Greenwich it has no UTC


def test_a_value_that_getprops_refuses_is_read_as_a_stream(hand: MapiHand) -> None:
    days = tuple(appointments.at(f"2027-03-{day:02}T09:00") for day in (8, 15, 22))
    moved = tuple(appointments.moved(day, day + HOUR, day + 2 * HOUR) for day in days)
    series = appointments.series(appointments.weekly(exceptions=moved))
    hand.mailbox.add(hand.folders[0], {"PidTagMessageClass": "IPM.Appointment", **series})
    hand.port.create(hand.main, DRAFT, stamp())
    whole = scan(hand)
    hand.mapi.most_in_getprops = 150

    streamed = scan(hand)

    assert streamed.items == whole.items
    assert hand.mapi.log.count(("Stream", "Read")) >= 4


def test_a_text_that_setprops_refuses_is_written_as_a_stream(hand: MapiHand) -> None:
    hand.mapi.most_in_setprops = 5_000
    long = "All there is to say 👩‍👩‍👧‍👦.\n" * 400
    draft = Draft(NINE, TEN, "Intro", long, "", DRAFT.show_as)

    created = hand.port.create(hand.main, draft, stamp())

    assert created.current is not None
    assert created.current.body == long.strip("\n")
    assert long.strip("\n").replace("\n", "\r\n") in str(hand.message(created.handle).properties["PidTagBody"])


def test_ids_of_names_are_those_of_the_store_that_is_asked(hand: MapiHand) -> None:
    other = hand.mailbox.add_store("Archive")
    folder = other.add("Old")
    hand.mailbox.add(folder, {**hand.message(hand.adds(hand.main, NINE, TEN)).properties})
    scan(hand)

    found = hand.port.scan(ScanRequest(f"{other.id}:{folder.entry_id}", WINDOW))

    assert [block.start for item in found.items for block in item.busy] == [to_minutes(NINE)]
    assert len({store.first for store in hand.mapi._names.values()}) == 2


def test_a_name_that_the_store_has_never_heard_is_asked_for_again(hand: MapiHand) -> None:
    mark = stamp()
    assert hand.port.find_by_booking(hand.main, mark.booking, WINDOW) == []

    created = hand.by_object_model.create(hand.main, DRAFT, mark)

    assert [item.handle for item in hand.port.find_by_booking(hand.main, mark.booking, WINDOW)] == [created.handle]


def test_a_name_that_is_not_known_costs_one_question_in_a_whole_scan(hand: MapiHand) -> None:
    for number in range(20):
        hand.adds(hand.main, NINE + number * HOUR, TEN + number * HOUR)
    scan(hand)
    hand.mapi.log.clear()

    assert len(scan(hand).items) == 20
    assert sum(name == "GetIDsFromNames" for _, name in hand.mapi.log) == 1


def test_a_stamp_is_not_taught_to_a_store_by_looking_for_one(hand: MapiHand) -> None:
    hand.adds(hand.main, LATER, LATER + HOUR)
    scan(hand)
    hand.port.find_by_booking(hand.main, stamp().booking, WINDOW)

    (names,) = hand.mapi._names.values()
    assert PROPERTY not in {name for _, name in names.ids}


# --- the model itself -------------------------------------------------------------------------------------------------


def test_the_model_has_the_traps_that_are_documented() -> None:
    hand = MapiHand(kind=0)
    hand.adds(hand.main, NINE, TEN, subject="x" * 300)
    mapi = hand.mapi.surface.mapi
    session = mapi.MAPILogonEx(0, "", None, numbers.EXTENDED | numbers.USE_DEFAULT)
    store = session.OpenMsgStore(0, bytes.fromhex(hand.mailbox.stores[0].id), None, 0x11)
    table = store.OpenEntry(bytes.fromhex(hand.folders[0].entry_id), None, 0x10).GetContentsTable(numbers.UNICODE)
    table.SetColumns((0x0FFF0102, 0x66700102, 0x0037001F, 0x00360003), 0)
    ((short, lasting, subject, missing),) = table.QueryRows(5, 0)

    assert short[1] != lasting[1]
    assert len(subject[1]) == 255
    assert missing == (0x0036000A, values.signed(values.NOT_FOUND))
    refuses(SystemError, lambda: table.SortTable((((0x820D0040, 0),), 0, 0), 0))
    refuses(OverflowError, lambda: store.OpenEntry(None, None, 0x80000000))
    refuses(TypeError, lambda: store.OpenEntry(bytearray(4), None, 0))
    refuses(ValueError, lambda: table.Restrict((7, (0, 0)), 0))
    table.FindRow((8, (0x0037001F,)), 1, 0)
    refuses(ComError, lambda: table.FindRow((8, (0x0037001F,)), 1, 0))
    guid = hand.mapi.surface.guid("{00020329-0000-0000-C000-000000000046}")
    assert store.GetIDsFromNames(((guid, "never heard"),), 0) == (0x0000000A,)
    assert store.GetProps((0x0037001F,), 0)[0] != 0


def refuses(kind: type[Exception], action: Callable[[], object]) -> None:
    with pytest.raises(kind):
        action()


def test_the_model_refuses_a_sink_with_anything_that_may_be_let_go() -> None:
    mapi = ModelMapi(Mailbox()).surface.mapi

    refuses(AssertionError, lambda: mapi.HrAllocAdviseSink(lambda notes, context: None, "key"))
    refuses(AssertionError, lambda: mapi.HrAllocAdviseSink(refuses, ["key"]))
