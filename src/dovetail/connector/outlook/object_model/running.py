"""Outlook as a program that comes and goes: attached to while it runs, started only where that is allowed, let go when
the User closes it, and found again once it is back.

Since Outlook 2007 it closes with its last window, whoever holds references; what is left of them keeps a dead process
in memory. So all is let go within its Quit event. An Outlook that the User closed is not brought back: the User opens
it again. One that went away without saying so is looked for at the next call.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any, Protocol

from dovetail.connector.calendars.port import CalendarError
from dovetail.connector.outlook.object_model.automation import Automation
from dovetail.connector.outlook.object_model.faults import Outcome, OutlookFault, outcome_of

CLOSING_SECONDS = 10.0
"""For so long after its Quit, what can still be attached to is the Outlook that is going."""

_ABSENT = frozenset((Outcome.NOT_RUNNING, Outcome.NOT_INSTALLED, Outcome.ELEVATION, Outcome.REFUSED))
_OTHER_PROFILE = (
    "Outlook is open with another profile than the one that was chosen. Close it and open it with that profile, or"
    " connect again with `--calendar outlook`."
)


class Launcher(Protocol):
    """Raises the errors of COM as they come."""

    def attach(self) -> Any:
        """The Application of the Outlook that runs."""

    def is_running(self) -> bool:
        """Also where it cannot be attached to yet."""
        ...

    def start(self) -> Any:
        """Makes one, or gives the one that runs: there is one at most."""
        ...

    def quits(self, application: Any, told: Callable[[], None]) -> AbstractContextManager[None]:
        """While entered, `told` is called in the Application's Quit event."""
        ...


class RunningOutlook:
    """`closed`: the User closed it, and it was not seen since. `may_be_started` raises CalendarError where one that
    cannot be attached to would not answer either, or only bring up a question; `explain` gives the sentences for a
    failure to reach it; `starting`, `found` and `gone` are called before it is started, when it is connected, and when
    the User closed it."""

    def __init__(
        self,
        launcher: Launcher,
        *,
        profile: str = "",
        may_start: bool = False,
        closed: bool = False,
        may_be_started: Callable[[], None] = lambda: None,
        explain: Callable[[Outcome], CalendarError] = OutlookFault,
        starting: Callable[[], None] = lambda: None,
        found: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher, self._profile, self._may_start, self._closed = launcher, profile, may_start, closed
        self._may_be_started, self._explain = may_be_started, explain
        self._starting, self._found = starting, found
        self._monotonic = monotonic
        self._com = Automation()
        self._closed_at: float | None = None
        self._gone = False
        self._held = ExitStack()
        self.gone: Callable[[], None] = lambda: None

    def connect(self) -> Any:
        """The Application. Raises CalendarError, and the errors of COM where trying again at once may help."""
        self._let_go()
        if self._closed_at is not None and self._monotonic() - self._closed_at < CLOSING_SECONDS:
            raise self._explain(Outcome.NOT_RUNNING)
        try:
            application = self._application()
        except Exception as error:
            outcome = outcome_of(error)
            if outcome in _ABSENT:
                raise self._explain(outcome) from None
            raise
        with suppress(OutlookFault):  # without the event, its death is noticed at the next call
            self._com.attempt(lambda: self._held.enter_context(self._launcher.quits(application, self._quit)))
        self._closed, self._closed_at, self._gone = False, None, False
        self._found()
        return application

    def must_be_there(self) -> None:
        """Raises OutlookFault once it said that it goes."""
        if self._gone:
            raise OutlookFault(Outcome.DEAD)

    def _application(self) -> Any:
        try:
            return self._with_profile(self._launcher.attach())
        except Exception as error:
            if outcome_of(error) is not Outcome.NOT_RUNNING or self._closed:
                raise
            started = not self._launcher.is_running()
            if started and not self._may_start:
                raise
        self._may_be_started()
        if started:
            self._starting()
        application = self._launcher.start()
        if started and self._profile:
            namespace = self._com.call(application, "GetNamespace", "MAPI")
            self._com.call(namespace, "Logon", self._profile, "", False, False)
        return self._with_profile(application)

    def _with_profile(self, application: Any) -> Any:
        if self._profile:
            name = self._com.get(self._com.call(application, "GetNamespace", "MAPI"), "CurrentProfileName")
            if str(name).casefold() != self._profile.casefold():
                raise CalendarError(_OTHER_PROFILE)
        return application

    def _quit(self) -> None:
        self._closed = self._gone = True
        self._closed_at = self._monotonic()
        self._let_go()
        self.gone()
        gc.collect()

    def _let_go(self) -> None:
        held, self._held = self._held, ExitStack()
        held.close()
