"""What the server's tests share."""

import pytest

from dovetail.server.jobs.worker import run_next
from server.browser import Browser


@pytest.fixture(autouse=True)
def _passwords_hash_fast(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def browser(db) -> Browser:
    """Somebody at a browser, not signed in."""
    return Browser()


@pytest.fixture
def work_off():
    """Do every job that is due."""

    def work() -> None:
        while run_next():
            pass

    return work
