from django.urls import URLPattern, URLResolver, path, re_path

from dovetail.server.connections.api import api
from dovetail.server.connections.openapi import not_found

urlpatterns: list[URLPattern | URLResolver] = [
    path("connector/v1/", api.urls),
    re_path(r"^connector/", not_found),
]
