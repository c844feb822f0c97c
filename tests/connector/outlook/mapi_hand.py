"""The User's hand on a model Outlook that is reached through Extended MAPI."""

from __future__ import annotations

from connector.outlook.model_mapi import ModelMapi
from connector.outlook.model_mapi_values import NETWORK_ERROR
from connector.outlook.model_outlook import ModelOutlook
from connector.outlook.outlook_hand import MAIL, OutlookHand
from dovetail.connector.outlook.extended_mapi.calendar import ExtendedMapiCalendar


class MapiHand(OutlookHand):
    """`by_object_model` is the other way to the same mailbox."""

    port: ExtendedMapiCalendar  # type: ignore[assignment]

    def __init__(self, outlook: ModelOutlook | None = None, *, kind: int = 3) -> None:
        super().__init__(outlook or ModelOutlook())
        store = self.mailbox.stores[0]
        store.kind, store.short_term_ids = kind, kind != 3
        self.mapi = ModelMapi(self.mailbox)
        self.by_object_model = self.port
        self.port = ExtendedMapiCalendar(self.mapi.surface, local=self.mailbox.local, now=lambda: self.mailbox.time)

    def takes_store_away(self) -> None:
        self.mapi.away = NETWORK_ERROR

    def puts_store_back(self) -> None:
        self.mapi.away = 0

    def mail_properties(self, calendar: str, handle: str) -> list[str]:
        properties = self.message(handle).properties
        return [name for name in (*MAIL, "PidLidAppointmentStateFlags") if properties.get(name)]


def opened(hand: MapiHand) -> int:
    """How many items a scan did."""
    return hand.mapi.log.count(("Message", "GetProps"))
