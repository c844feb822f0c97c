"""What the User can set on the Calendar connection page."""

from __future__ import annotations

from typing import Any

from django import forms

from dovetail.server.connections import roles
from dovetail.server.connections.models import Connection


class RolesForm(forms.Form):
    """The calendars' keys by role. :meth:`save` checks the rest, for the list may have changed meanwhile."""

    main = forms.ChoiceField(required=False)
    busy = forms.MultipleChoiceField(required=False)
    additional = forms.MultipleChoiceField(required=False)

    def __init__(self, connection: Connection, data: Any = None) -> None:
        super().__init__(data)
        self.connection = connection
        choices = [(calendar.key, calendar.name) for calendar in connection.calendars.all()]
        for name in ("main", "busy", "additional"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
            field.error_messages["invalid_choice"] = "One of these calendars is not there any more. Look again."

    def save(self) -> bool:
        """False when it cannot be: the form then says why."""
        try:
            roles.choose(self.connection, **self.cleaned_data)
        except roles.BadRoles as error:
            self.add_error(None, str(error))
            return False
        return True


class SwitchesForm(forms.ModelForm):
    class Meta:
        model = Connection
        fields = ("delete_cancels", "move_reschedules")
        help_texts = {
            "delete_cancels": "As if you had canceled it here: the Customer is mailed, and the time is free again.",
            "move_reschedules": "Reminders follow the new time. Nobody is mailed: agree it with the Customer first.",
        }
