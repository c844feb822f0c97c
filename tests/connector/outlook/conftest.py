from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("connector.calendars.contract")

from connector.calendars.hands import OnOpen  # noqa: E402 - its assertions are rewritten too

_on_open = OnOpen()  # an audit hook cannot be taken away again


@pytest.fixture
def on_open() -> Iterator[OnOpen]:
    yield _on_open
    _on_open.below = ""
