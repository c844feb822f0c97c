from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.sync.world import World, worlds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from worlds(tmp_path)
