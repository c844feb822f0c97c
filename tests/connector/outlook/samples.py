"""Files written by Outlook and Exchange, kept beside the repository and not in it.

`DOVETAIL_OUTLOOK_SAMPLES` names the folder. A test that misses a file is skipped by name; in CI it fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dovetail.connector.outlook.msg import TOP, open_msg
from dovetail.connector.outlook.properties import PROPERTIES, Properties
from dovetail.connector.outlook.pst import open_pst

SAMPLES = Path(os.environ.get("DOVETAIL_OUTLOOK_SAMPLES") or Path(__file__).parents[4] / "shared" / "outlook-samples")


@dataclass(frozen=True)
class Blob:
    """A binary property as it stands in a sample. `where` names it for the reader of a test's report."""

    where: str
    name: str
    data: bytes


def sample(name: str) -> Path:
    """The path of a sample, which is there."""
    path = SAMPLES / name
    if not path.exists():
        reason = f"Outlook sample {name} is not in {SAMPLES}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return path


def names(pattern: str) -> list[str]:
    """The samples that match, to parametrize with; the pattern itself where there are none, for `sample` to miss."""
    return sorted(str(path.relative_to(SAMPLES).as_posix()) for path in SAMPLES.glob(pattern)) or [pattern]


@cache
def msg(name: str) -> Properties:
    with open_msg(sample(name)) as file:
        return file.properties(PROPERTIES)


@cache
def pst(name: str) -> list[Properties]:
    """The appointments of all calendars in the file."""
    with open_pst(sample(name)) as file:
        return [
            file.properties(message, PROPERTIES) for folder in file.calendars() for message in file.messages(folder)
        ]


def appointments() -> Iterator[tuple[str, Properties]]:
    """Every appointment of every sample, exceptions inside others too."""
    for name in names("msg/*.msg"):
        with open_msg(sample(name)) as file:
            for storage in (TOP, *file.embedded_messages()):
                yield f"{name} {storage[0] if storage else ''}", file.properties(PROPERTIES, storage)
    for name in names("pst/*.[op]st"):
        for number, properties in enumerate(pst(name)):
            yield f"{name} #{number}", properties


def blobs() -> Iterator[Blob]:
    """Every blob of every appointment."""
    for where, properties in appointments():
        for name, value in properties.items():
            if isinstance(value, bytes) and name in BLOB_PROPERTIES:
                yield Blob(where, name, value)


def hex_text(name: str) -> str:
    """A text of mfcmapi's: UTF-16 with a mark, or ASCII."""
    data = sample(name).read_bytes()
    return data.decode("utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data.decode()


BLOB_PROPERTIES = frozenset(
    (
        "PidLidAppointmentRecur",
        "PidLidTimeZoneStruct",
        "PidLidAppointmentTimeZoneDefinitionRecur",
        "PidLidAppointmentTimeZoneDefinitionStartDisplay",
        "PidLidAppointmentTimeZoneDefinitionEndDisplay",
        "PidLidGlobalObjectId",
        "PidLidCleanGlobalObjectId",
    )
)
