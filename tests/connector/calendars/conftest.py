import pytest

pytest.register_assert_rewrite("connector.calendars.contract")
