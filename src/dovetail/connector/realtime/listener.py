"""Waits for the server's hints, in a thread with an event loop of its own, beside the scheduler that acts on them.

The one owner of connecting: it climbs the ladder, stays while a connection lasts, looks every 15 minutes whether a
better way is open, and begins anew when one ends. Nothing depends on it: while no way is open, syncs go by the clock.

* A session that was not resumed may have missed a hint: it starts with a sync.
* What only the User can mend (a revoked credential, the same connector elsewhere) is not tried again for 15 minutes.
  The sync that is asked for in its place finds out over HTTPS what the matter is, and ends the program if it must.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dovetail.connector.link.egress import Egress
from dovetail.connector.link.signin import Credential
from dovetail.connector.realtime.diagnosis import ONLY_THE_USER_HELPS, StreamDown, Trouble
from dovetail.connector.realtime.ladder import Ladder, Place, places
from dovetail.connector.realtime.probe import probe
from dovetail.connector.realtime.state import Phase, RealtimeState
from dovetail.connector.realtime.stream import Patience, Stream
from dovetail.protocol.messages import Realtime


@dataclass(frozen=True)
class Rhythm:
    """In seconds. `better_every`: between looks at a better way; `halted`: after what only the User can mend."""

    patience: Patience = field(default_factory=Patience)
    better_every: float = 15 * 60.0
    halted: float = 15 * 60.0


class Listener:
    """`wake` asks for a sync, `told` hears of every change of state; both are called in the listener's thread.

    Where the server sends its hints is learnt from it: see `aim`. All methods may be called from any thread.
    """

    def __init__(
        self,
        origin: str,
        credential: Credential,
        egress: Egress,
        wake: Callable[[], None],
        told: Callable[[RealtimeState], None],
        *,
        rhythm: Rhythm | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._origin = origin
        self._credential = credential
        self._egress = egress
        self._wake = wake
        self._told = told
        self._rhythm = rhythm or Rhythm()
        self._chance = chance
        self._state = RealtimeState()
        self._target: Realtime | None = None
        self._is_aimed = False
        self._not_before = 0.0
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="realtime", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def aim(self, target: Realtime | None) -> None:
        """A sync went through, and this is where the server said that it sends its hints; None for nowhere.

        It also says that the network is there: what waits for another try does not wait any longer.
        """
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._aimed, target)

    def leave_alone(self, seconds: float) -> None:
        """The server asked a sync for so much time: it gets it from here too, unless a sync goes through before."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._left_alone, seconds)

    def stop(self) -> None:
        """End the session; returns when that is done."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._listen())
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            self._loop.run_until_complete(_leave_nothing())
            self._loop.close()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _aimed(self, target: Realtime | None) -> None:
        self._is_aimed, self._target, self._not_before = True, target, 0.0
        self._news.set()

    def _left_alone(self, seconds: float) -> None:
        self._not_before = self._loop.time() + seconds

    async def _listen(self) -> None:
        self._tell(phase=Phase.UNKNOWN)
        while True:
            while self._target is None:
                if self._is_aimed:
                    self._tell(phase=Phase.NOT_OFFERED, rung=None)
                self._news.clear()
                await self._news.wait()
            await self._follow(self._target)

    async def _follow(self, target: Realtime) -> None:
        """Until the server names another target."""
        ladder = Ladder(places(target, self._origin), self._chance)
        stream = Stream(
            target.domain,
            self._credential,
            self._egress,
            lambda hint: self._wake(),
            sender=target.sender,
            patience=self._rhythm.patience,
        )
        self._state = self._state.model_copy(update={"ports": ()})
        self._tell(phase=Phase.TRYING)
        try:
            while self._target == target:
                await self._once(stream, ladder, target)
        finally:
            await stream.goodbye()

    async def _once(self, stream: Stream, ladder: Ladder, target: Realtime) -> None:
        """One connection, from looking for a way to its end and the wait after it."""
        place = await self._climb(stream, ladder)
        if place is None:
            wait = ladder.failed()
        else:
            began = self._loop.time()
            trouble = await self._stay(stream, ladder, place, target)
            if trouble is None:
                return
            self._found(place, trouble)
            self._tell(phase=Phase.DOWN, rung=None, trouble=trouble)
            wait = ladder.lost(self._loop.time() - began)
        if self._state.trouble in ONLY_THE_USER_HELPS:
            self._wake()
            await self._changed(target, self._rhythm.halted)
        elif self._target == target:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(wait, self._not_before - self._loop.time()))

    async def _climb(self, stream: Stream, ladder: Ladder) -> Place | None:
        """The first way that is open, with a session over it."""
        first: Trouble | None = None
        for place in ladder.order():
            try:
                resumed = await stream.open(place)
            except StreamDown as down:
                self._found(place, down.trouble)
                first = first or down.trouble
                if down.trouble in ONLY_THE_USER_HELPS:
                    first = down.trouble
                    break
                continue
            self._found(place, None)
            ladder.prefer(place)
            self._state = self._state.model_copy(
                update={"sessions": self._state.sessions + (not resumed), "resumed": self._state.resumed + resumed}
            )
            self._tell(phase=Phase.LIVE, rung=place.rung, trouble=first)
            if not resumed:
                self._wake()
            return place
        self._tell(phase=Phase.DOWN, rung=None, trouble=first)
        return None

    async def _stay(self, stream: Stream, ladder: Ladder, place: Place, target: Realtime) -> Trouble | None:
        """While the connection lasts, there is no better way and the target is the same. Why it ended by itself."""
        watching = [asyncio.ensure_future(stream.ended()), asyncio.ensure_future(self._changed(target))]
        if ladder.better(place):
            watching.append(asyncio.ensure_future(self._better(ladder, place, target)))
        try:
            await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            return watching[0].result() if watching[0].done() else None
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _better(self, ladder: Ladder, place: Place, target: Realtime) -> None:
        """Returns when a better way than `place` is open, and comes first from now on."""
        while True:
            await asyncio.sleep(self._rhythm.better_every * (0.9 + 0.2 * self._chance()))
            for candidate in ladder.better(place):
                seconds = self._rhythm.patience.deadline
                try:
                    await probe(candidate, target.domain, self._egress, seconds)
                except StreamDown as down:
                    self._found(candidate, down.trouble)
                    self._tell()
                else:
                    ladder.prefer(candidate)
                    return

    async def _changed(self, target: Realtime, seconds: float | None = None) -> None:
        """Returns when the server has named another target, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._target == target:
                    self._news.clear()
                    await self._news.wait()

    # --- what is told -----------------------------------------------------------------------------------------------

    def _found(self, place: Place, trouble: Trouble | None) -> None:
        self._state = self._state.with_port(place, trouble, datetime.now(UTC))

    def _tell(self, **changes: object) -> None:
        if changes.get("phase", self._state.phase) != self._state.phase:
            changes["since"] = datetime.now(UTC)
        self._state = self._state.model_copy(update=changes)
        self._told(self._state)


async def _leave_nothing() -> None:
    """End what is still running in this loop: the library's tasks, and look-ups that nobody waits for."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
