"""The public API, version 1, described at ``/api/v1/openapi.json``. Errors are problem details (RFC 9457).

The connector's API is another one (:mod:`dovetail.server.connections.api`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from dovetail.protocol.problems import CONTENT_TYPE
from dovetail.server.pages.api import router


class PublicApi(NinjaAPI):
    """Describes errors as what they are: ninja knows one media type for all answers."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400:
                        answer["content"] = {CONTENT_TYPE: answer["content"]["application/json"]}
        return schema


api = PublicApi(
    title="Dovetail",
    version="1",
    description="What can be booked, and when.",
    urls_namespace="api",
    docs_url=None,
    auth=None,
)
api.add_router("/pages", router)


def problem(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """`type` is about:blank: the title is that of the HTTP status (RFC 9457, 4.2.1)."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    response = api.create_response(request, body, status=status)
    response.headers["Content-Type"] = CONTENT_TYPE
    response.headers["Cache-Control"] = "no-store"
    return response


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(request, 404, "There is no such page or event type.")


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    told = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors)
    return problem(request, 422, told)


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, error.status_code, error.message)
