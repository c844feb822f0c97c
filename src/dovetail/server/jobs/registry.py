"""Which function does which kind of job.

A job waits until its transaction commits and may be done long after, so a handler first looks whether what it
was asked for still holds. Nothing else runs in the worker meanwhile: seconds, not minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Handler:
    run: Callable[..., Any]
    database_only: bool
    every: timedelta | None


HANDLERS: dict[str, Handler] = {}


def job(kind: str, *, database_only: bool, every: timedelta | None = None) -> Callable[[Function], Function]:
    """Make the function the handler of `kind`; it is called with the job's `args` as keyword arguments.

    `database_only`: the work and the removal of the job are one transaction, so it is done exactly once.
    Otherwise (mail, HTTP) it is done at least once: repeat it recognisably, such as with the same Message-ID.
    `every`: the worker runs it by itself, without arguments, in this rhythm.
    """

    def register(function: Function) -> Function:
        if kind in HANDLERS:
            raise ValueError(f"there are two handlers for jobs of kind {kind!r}")
        HANDLERS[kind] = Handler(function, database_only, every)
        return function

    return register


def handler_of(kind: str) -> Handler:
    """Raises LookupError for a kind nobody handles, as after going back to an older version."""
    try:
        return HANDLERS[kind]
    except KeyError:
        raise LookupError(f"nothing handles jobs of kind {kind!r}") from None
