"""What the server's tests share."""

import pytest


@pytest.fixture(autouse=True)
def _passwords_hash_fast(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
