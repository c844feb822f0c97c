"""Folders of .msg files."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.calendars.contract import (
    NINE,
    SECRET,
    TEN,
)
from connector.outlook import samples, written
from connector.outlook.appointments import window
from connector.outlook.hands import BUSY, scan
from dovetail.connector.calendars.port import ScanRequest
from dovetail.connector.outlook.data_files import OutlookFiles
from dovetail.connector.outlook.msg_folder import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "Saved appointments"
    path.mkdir()
    return path


def test_a_folder_of_messages_is_one_calendar(folder: Path) -> None:
    (folder / "lunch.msg").write_bytes(written.msg(written.appointment(NINE, TEN)))
    port = OutlookFiles(folder, local=UTC)

    (info,) = port.list_calendars()

    assert (info.name, info.default) == ("Saved appointments", True)
    assert [item.busy for item in scan(port, info.id).items] == [(BUSY,)]


def test_an_empty_folder_is_one_calendar(folder: Path) -> None:
    assert [info.id for info in OutlookFiles(folder).list_calendars()] == [ROOT]


def test_a_file_named_after_its_subject_gives_it_away_to_its_owner_alone(folder: Path) -> None:
    (folder / f"{SECRET}.msg").write_bytes(written.msg(written.appointment(NINE, TEN, subject=SECRET)))
    (folder / f"{SECRET} 2.msg").write_bytes(b"damaged")
    found = scan(OutlookFiles(folder, local=UTC), ROOT)
    (problem,) = found.problems

    assert SECRET not in repr(found.items) + str(problem.handle) + problem.code + problem.reason
    assert problem.where == f"{SECRET} 2.msg"


@pytest.mark.parametrize(
    "content", [b"", b"junk", bytes.fromhex("D0CF11E0A1B11AE1"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000)]
)
def test_a_file_that_is_no_message_is_told_and_the_rest_is_read(folder: Path, content: bytes) -> None:
    (folder / "damaged.msg").write_bytes(content)
    (folder / "lunch.msg").write_bytes(written.msg(written.appointment(NINE, TEN)))

    found = scan(OutlookFiles(folder, local=UTC), ROOT)

    assert [problem.code for problem in found.problems] == ["item_unreadable"]
    assert [item.busy for item in found.items] == [(BUSY,)]
    assert found.complete


def test_a_damaged_message_harms_nobody(folder: Path) -> None:
    whole = written.msg(written.appointment(NINE, TEN, weeks=4))
    port = OutlookFiles(folder, local=UTC)

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8), st.integers(0, 4))
    def check(damage: list[tuple[int, int]], cut: int) -> None:
        data = bytearray(whole[: len(whole) - 512 * cut])
        for at, byte in damage:
            data[at % len(data)] = byte
        (folder / "damaged.msg").write_bytes(data)
        found = scan(port, ROOT)
        assert len(found.items) + len(found.problems) <= 1

    check()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_a_problem(folder: Path) -> None:
    (folder / "lunch.msg").symlink_to(folder / "gone.msg")
    assert [problem.code for problem in scan(OutlookFiles(folder), ROOT).problems] == ["item_unreadable"]


def test_a_folder_of_the_sample_messages_is_read_without_a_problem(folder: Path) -> None:
    names = samples.names("msg/*.msg")
    for name in names:
        shutil.copy(samples.sample(name), folder)
    port = OutlookFiles(folder, local=UTC)

    found = port.scan(ScanRequest(ROOT, window(date(2021, 1, 1), date(2024, 1, 1))))

    appointments = [name for name in names if samples.msg(name)["PidTagMessageClass"] == "IPM.Appointment"]
    assert (found.complete, found.problems, len(found.items)) == (True, (), len(appointments))
    assert any(item.busy for item in found.items)
    assert not any("riday" in repr(item) for item in found.items)
    assert os.listdir(folder)
