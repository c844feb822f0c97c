"""Every address of the server."""

from django.urls import include, path
from django.views.generic import RedirectView

from dovetail.server.api import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="home"), name="root"),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", api.urls),
    path("", include("dovetail.server.accounts.urls")),
    path("", include("dovetail.server.activity.urls")),
    path("", include("dovetail.server.connections.urls")),
    path("", include("dovetail.server.pages.urls")),
    path("", include("dovetail.server.realtime.urls")),
    # Last: booking pages have the addresses that nothing else has.
    path("", include("dovetail.server.bookings.urls")),
]
