"""What a view behind ``login_required`` is given."""

from __future__ import annotations

from django.http import HttpRequest

from dovetail.server.accounts.models import User


class SignedInRequest(HttpRequest):
    """Only a name for the type checker: a request whose user is a User for sure."""

    user: User
