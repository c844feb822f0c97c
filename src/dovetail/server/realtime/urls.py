"""What an XMPP server asks."""

from django.urls import path

from dovetail.server.realtime import verifiers

urlpatterns = [
    path("xmpp/v1/keys/<str:name>", verifiers.show, name="xmpp_keys"),
    path("xmpp/v1/revoked", verifiers.find_revoked, name="xmpp_revoked"),
]
