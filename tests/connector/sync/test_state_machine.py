"""The state machine, with a model of the server and with the real one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from connector.sync.machine import Syncing
from connector.sync.real_server import RealServer


def machine(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )


class TestWithAModelOfTheServer(Syncing.TestCase):
    settings = machine(100, 30)


@pytest.mark.django_db
def test_with_the_real_server() -> None:
    class WithTheRealServer(Syncing):
        kind = RealServer

    run_state_machine_as_test(WithTheRealServer, settings=machine(8, 20))
