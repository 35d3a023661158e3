"""How the functions of the API are described in OpenAPI: everything that may be sent and may come back, and nothing else."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from medical_audit.api.examples import example_of
from medical_audit.api.filters import FIELDS, PAGING, Filter

Given = type[serializers.Serializer[Any]]
Function = Callable[..., Any]
SAFE: Final = ("get",)
#: What the functions of one module are about, by the tag under which they stand.
TAGS: Final[dict[str, str]] = {}


class ProblemOut(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and for programs; `title` and `detail` are in the language of `Accept-Language`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField()
    fields = serializers.JSONField(required=False, help_text="Wrong, by name of field.")  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Described:
    out: Given | None
    many: bool
    paged: bool
    takes: Given | None
    status: int
    filters: Sequence[Filter]
    match: bool
    must: bool
    example: Mapping[str, Any] | None
    inside: bool
    file: Sequence[str]
    once: Sequence[str]
    kept: bool


def asked_by(described: Described) -> list[Filter]:
    """Everything that the address of a function may be asked by."""
    fields = [FIELDS] if described.out is not None else []
    return [*described.filters, *fields, *(PAGING if described.paged else ())]


_IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "8 to 64 letters, digits, hyphens or underscores. The same key with the same body within 24 hours is answered as the "
        "first time (`Idempotency-Replayed: true`); with another body it is refused (422). A refused call had no effect and "
        "leaves its key free."
    ),
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` that was read; another version that stands by now is answered with 412.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of an answer that is kept; while it stands so, 304 without a body comes back.",
)
_MUST_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "The `ETag` that was read; without it 428, and where another version stands by now 412. `*` takes the place of whatever "
        "stands; where nothing stands yet, send `If-None-Match: *`."
    ),
)


def schema_of(method: str, function: Function, described: Described) -> dict[str, Any]:
    """What drf-spectacular is told: everything that may come back, and nothing else."""
    unsafe = method not in SAFE
    wrong = [400, 401, 403, 404, 422, 429, *([409, 412, 413, 415, 428] if unsafe else [])]
    responses: dict[Any, Any] = dict.fromkeys(
        ((status, "application/problem+json") for status in wrong), ProblemOut
    )
    if described.file:
        responses |= {(described.status, kind): OpenApiTypes.BINARY for kind in described.file}
    elif described.out is None:
        responses[204] = None
    else:
        responses[described.status] = _paged(described.out) if described.many else described.out
    parameters: list[OpenApiParameter] = [*asked_by(described)]
    if not unsafe and not described.file:
        parameters.append(_IF_NONE_MATCH)
        responses[304] = OpenApiResponse(description="It stands as in the answer whose `ETag` was named.")
    if unsafe and not described.file:
        parameters.append(_IDEMPOTENCY)
    if described.match:
        parameters.append(_MUST_MATCH if described.must else _IF_MATCH)
    said = (function.__doc__ or "").strip()
    schema: dict[str, Any] = {
        "operation_id": function.__name__,
        "summary": said.partition("\n")[0].rstrip("."),
        "description": re.sub(r"(?m)^ +", "", said),
        "tags": [_tag_of(function)],
        "parameters": parameters,
        "request": {"application/json": described.takes} if described.takes else None,
        "responses": responses,
    }
    schema["examples"] = _examples(described)
    return schema


def _examples(described: Described) -> list[OpenApiExample]:
    """Of what is sent and of what comes back."""
    found = []
    if described.takes is not None:
        sent = example_of(described.takes) if described.example is None else dict(described.example)
        found.append(OpenApiExample("Request", value=sent, request_only=True))
    if described.out is not None:
        row = example_of(described.out)
        told = {"results": [row], "next": None, "previous": None} if described.many else row
        found.append(
            OpenApiExample("Answer", value=told, response_only=True, status_codes=[str(described.status)])
        )
    return found


def _tag_of(function: Function) -> str:
    tag = function.__module__.rpartition(".")[2].replace("_", "-")
    about = (sys.modules[function.__module__].__doc__ or "").strip()
    TAGS[tag] = re.sub(",? over the API", "", about.partition("\n")[0], count=1)
    return tag


@cache
def _paged(out: Given) -> Any:
    return inline_serializer(
        f"{out.__name__}Page",
        fields={
            "results": out(many=True),
            "next": serializers.CharField(allow_null=True),
            "previous": serializers.CharField(allow_null=True),
        },
    )
