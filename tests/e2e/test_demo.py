"""The demo as a newcomer starts it, in processes of its own, over real HTTPS."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connector.outlook.samples import sample

CHECK = (sys.executable, "-m", "dovetail", "demo", "--check")


def run_check(*arguments: str) -> tuple[int, str, dict]:
    done = subprocess.run([*CHECK, *arguments], capture_output=True, text=True, timeout=400)
    lines = done.stdout.splitlines()
    return done.returncode, done.stdout + done.stderr, json.loads(lines[-1]) if lines else {}


@pytest.mark.slow
def test_the_whole_story_holds():
    code, output, result = run_check()
    assert code == 0, output
    assert result["ok"], output
    assert result["steps"] == 21
    assert result["book_to_calendar_s"] > 0
    assert result["calendar_to_slot_closed_s"] > 0
    assert 0 < result["real_time_book_to_calendar_s"] < 5
    assert 10 <= result["real_time_calendar_to_slot_closed_s"] < 20
    assert result["erased"]["busy_blocks"] > 0
    assert result["erased"]["calendars"] == 1


ONE_FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody//Else//EN
BEGIN:VEVENT
UID:weekly@example.org
DTSTAMP:20260101T000000Z
DTSTART;TZID=W. Europe Standard Time:20260105T100000
DTEND;TZID=W. Europe Standard Time:20260105T113000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU
SUMMARY:A private matter
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.slow
def test_the_story_holds_on_a_calendar_of_the_callers_own_and_leaves_it_alone(tmp_path: Path):
    own = tmp_path / "mine.ics"
    own.write_text(ONE_FILE)
    code, output, result = run_check("--calendar", str(own), "--json")
    assert code == 0, output
    assert result["ok"], output
    assert own.read_text() == ONE_FILE
    assert "private matter" not in output


@pytest.mark.slow
def test_an_outlook_data_file_closes_its_times_beside_the_demos_calendar():
    """An endless series: each Tuesday of six weeks and a day, of which the first may be one, has it once."""
    code, output, result = run_check("--calendar", str(sample("pst/pacific-weekly-series.pst")))
    assert code == 0, output
    assert result["steps"] == 22
    assert result["data_file_slots_closed"] in (6, 7)


@pytest.mark.parametrize(
    ("name", "words"),
    [("notes.txt", "neither a folder of .ics files nor an .ics file"), ("mails.pst", "Cannot read “mails.pst”")],
)
def test_a_path_that_is_no_calendar_is_refused_with_a_sentence(tmp_path: Path, name: str, words: str):
    (tmp_path / name).write_text("hello")
    done = subprocess.run([*CHECK, "--calendar", str(tmp_path / name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def in_the_foreground() -> None:
    """Who runs the tests in the background of a shell has Ctrl-C ignored, and so have all programs begun there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_and_the_like_stop_both_programs_and_leave_nothing(tmp_path: Path, name: str):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"}
    with (tmp_path / "output").open("w") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "dovetail", "demo"], stdout=output, env=environment, preexec_fn=in_the_foreground
        )
    try:
        deadline = time.monotonic() + 120
        while "Ctrl-C stops both programs" not in (tmp_path / "output").read_text():
            assert demo.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        demo.send_signal(signal.Signals[name])
        assert demo.wait(60) == 0
    finally:
        demo.terminate()
    assert [path.name for path in tmp_path.iterdir()] == ["output"]
    assert str(tmp_path) not in subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
