"""The Calendar connection page, and the API the connector speaks."""

from django.urls import URLPattern, URLResolver, path, re_path

from dovetail.server.connections import views
from dovetail.server.connections.api import api
from dovetail.server.connections.openapi import not_found

urlpatterns: list[URLPattern | URLResolver] = [
    path("connection/", views.show, name="connection"),
    path("connection/connect/", views.connect, name="connection_connect"),
    path("connection/token/", views.renew_token, name="connection_token"),
    path("connection/calendars/", views.choose_roles, name="connection_roles"),
    path("connection/switches/", views.set_switches, name="connection_switches"),
    path("connection/sent/", views.show_sent, name="connection_sent"),
    path("connection/sent/file/", views.download_sent, name="connection_sent_file"),
    path("connection/disconnect/", views.disconnect, name="connection_disconnect"),
    path("connection/receipt/", views.show_receipt, name="connection_receipt"),
    path("connector/v1/", not_found),
    path("connector/v1/", api.urls),
    re_path(r"^connector/", not_found),
]
