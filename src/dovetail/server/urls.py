from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("dovetail.server.accounts.urls")),
    path("", include("dovetail.server.connections.urls")),
    path("", include("dovetail.server.bookings.urls")),
    path("", include("dovetail.server.pages.urls")),
]
