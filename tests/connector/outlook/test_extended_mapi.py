"""Extended MAPI as a calendar, on a model of it: the contract of every calendar."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from connector.calendars.contract import CalendarContract
from connector.outlook.mapi_hand import MapiHand
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.model_store import Mailbox


@pytest.fixture
def hand() -> MapiHand:
    return MapiHand()


class TestContract(CalendarContract):
    """A data file: no change keys, and entry ids that last."""


class TestContractOfAMailbox(CalendarContract):
    """Exchange: change keys, and rows whose ids are good for a session."""

    @pytest.fixture
    def hand(self) -> MapiHand:
        return MapiHand(kind=0)


class TestContractFarEast(CalendarContract):
    @pytest.fixture
    def hand(self) -> MapiHand:
        return MapiHand(ModelOutlook(Mailbox(ZoneInfo("Asia/Tokyo"), "Tokyo Standard Time")))
