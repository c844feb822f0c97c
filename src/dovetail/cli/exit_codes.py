"""What the exit code of ``dovetail`` means. Scripts may rely on these; docs/commands.md lists them for people."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1  # anything that has no number of its own; the sentence on stderr says what
    USAGE = 2  # an option or an argument is wrong, or one is missing
    NOT_PAIRED = 3  # no connection on this PC, or the Connector ID or token is wrong
    BLOCKED = 4  # too many wrong tries: the server lets nobody in for a while
    UNREACHABLE = 5  # no answer, one that is not a Dovetail server's, or one that asks for time
    CALENDAR = 6  # the calendar cannot be read or written, in whole or in part
    DISCONNECTED = 7  # the connection was ended on the server
    HELD = 8  # deletions wait for confirmation
    IN_USE = 9  # another connector works on this profile
