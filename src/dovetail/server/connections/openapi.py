"""What django-ninja does not say by itself of the connector API: request bodies read by hand, problem details as their
own media type, the two ways to authorise, and answers to what is not there (404) or not offered (405)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from pydantic import BaseModel

from dovetail.protocol.credential import MECHANISM
from dovetail.protocol.messages import SyncRequest
from dovetail.protocol.problems import CONTENT_TYPE, ProblemCode, ProblemDetails, problem
from dovetail.server.connections.refusal import as_response

_REF = "#/components/schemas/{model}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


class Receipt(BaseModel):
    """What an erasure removed, by kind."""

    erased: dict[str, int]
    at: datetime


def problems(*statuses: int) -> dict[int, type[BaseModel]]:
    return dict.fromkeys(statuses, ProblemDetails)


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


class Api(NinjaAPI):
    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        components = schema["components"]
        request = SyncRequest.model_json_schema(ref_template=_REF)
        components["schemas"].update(request.pop("$defs"), SyncRequest=request)
        components["securitySchemes"] = {
            "scram": {"type": "http", "scheme": MECHANISM, "description": "RFC 7804"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        for methods in schema["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        response["content"] = {CONTENT_TYPE: response["content"].popitem()[1]}
        return schema

    def refuse_other_methods(self) -> None:
        """Answer 405 with problem details wherever a path knows other methods only."""
        for path, view in list(self.default_router.path_operations.items()):
            known = {method for operation in view.operations for method in operation.methods}
            others = [method for method in _METHODS if method not in known]
            self.api_operation(others, path, include_in_schema=False)(_not_allowed(", ".join(sorted(known))))


def not_found(request: HttpRequest) -> HttpResponse:
    return as_response(problem(ProblemCode.MALFORMED, 404, "Not found", "There is nothing at this address."))


def _not_allowed(allowed: str) -> Any:
    def refuse(request: HttpRequest) -> HttpResponse:
        detail = f"This address answers {allowed} only."
        response = as_response(problem(ProblemCode.MALFORMED, 405, "Method not allowed", detail))
        response["Allow"] = allowed
        return response

    return refuse
