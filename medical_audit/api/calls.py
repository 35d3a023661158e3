"""What every address of the API has in common: who calls, what was sent, how it is answered and described."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, Final

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from medical_audit.api.examples import example_of
from medical_audit.domain.actor import Actor, Reauthentication
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.operations.answers import Answer, once
from medical_audit.queries.paging import Page
from medical_audit.requests import TenantRequest, of_tenant

Given = type[serializers.Serializer[Any]]
Function = Callable[..., Any]
#: What a client may send as `Idempotency-Key`.
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
SAFE: Final = ("get",)
#: What the functions of one module are about, by the tag under which they stand.
TAGS: Final[dict[str, str]] = {}
METHODS: Final = ("get", "post", "put", "delete")


class PreconditionFailed(APIException):
    """`If-Match` names another version than the one that stands."""

    status_code = 412
    default_code = "precondition_failed"


class PreconditionRequired(APIException):
    """Somebody else's change could be overwritten unseen: the call must say which version it read."""

    status_code = 428
    default_code = "precondition_required"


class ProblemOut(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and for programs; `title` and `detail` are in the language of `Accept-Language`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField()
    fields = serializers.JSONField(required=False, help_text="Wrong, by name of field.")  # type: ignore[assignment]


class Call:
    """One call inside a tenant."""

    def __init__(self, request: Request, takes: Given | None, *, must: bool = False) -> None:
        self.request, self._takes, self._must = request, takes, must
        self.asked: TenantRequest = of_tenant(request)

    @property
    def actor(self) -> Actor:
        return self.asked.actor

    @property
    def now(self) -> datetime:
        return self.asked.now

    @property
    def query(self) -> QueryDict:
        return self.asked.GET

    @cached_property
    def given(self) -> dict[str, Any]:
        """The body's values, read when asked for, so that rights and ids are looked at first. Raises ValidationError."""
        assert self._takes is not None
        data = self.request.data
        if not isinstance(data, Mapping):
            raise ValidationError({"non_field_errors": ["a JSON object is expected"]})
        read = self._takes(data=data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def reauthenticate(self, password: str, code: str) -> Reauthentication:
        return self.asked.reauthenticate(password, code)

    def expect(self, version: str) -> None:
        """Refuse when `If-Match` names another version than `version` ("": there is none yet), or none where one `must` be named.

        Raises PreconditionFailed (412), PreconditionRequired (428).
        """
        match, none = self.request.headers.get("If-Match", ""), self.request.headers.get("If-None-Match", "")
        if none.strip() == "*" and version:
            raise PreconditionFailed
        if not match:
            if self._must and none.strip() != "*":
                raise PreconditionRequired
            return
        tags = [tag.strip().removeprefix("W/") for tag in match.split(",")]
        if not version or (tag_of(version) not in tags and "*" not in tags):
            raise PreconditionFailed


#: Instants outside cannot be moved to every zone; nobody means them.
OLDEST, NEWEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class InstantField(serializers.DateTimeField):
    """An instant with its offset, ISO 8601."""

    def to_internal_value(self, value: Any) -> datetime:
        read = super().to_internal_value(value)
        if not OLDEST <= read <= NEWEST:
            self.fail("invalid", format="2026-11-30T22:00:00+09:00")
        return read


def tag_of(version: str) -> str:
    return f'"{version}"'


def version_from(*told: object) -> str:
    """A version that changes with any of these."""
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Told:
    """What a function answers besides the plain thing: the version that `If-Match` may name, headers of its own."""

    thing: Any
    version: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    out: Given | None
    many: bool
    takes: Given | None
    status: int
    filters: Sequence[OpenApiParameter]
    match: bool
    must: bool
    example: Mapping[str, Any] | None
    inside: bool
    file: bool
    once: Sequence[str]
    kept: bool


def answers(
    out: Given | None,
    *,
    many: bool = False,
    takes: Given | None = None,
    status: int = 200,
    filters: Sequence[OpenApiParameter] = (),
    match: bool = False,
    must: bool = False,
    example: Mapping[str, Any] | None = None,
    inside: bool = True,
    file: bool = False,
    once: Sequence[str] = (),
    kept: bool = True,
) -> Callable[[Function], Function]:
    """Describe a function of the API: what it gives (`many`: a Page, or all at once as a list), what it takes, whether it
    knows versions (`match`) and has to be told which was read (`must`: it takes the place of what stands), whether it stands `inside` a
    tenant, is read as a `file` (Django's answer), which fields are told `once`, whether the answer is `kept` to be repeated."""

    def mark(function: Function) -> Function:
        named = match or must
        function.described = Described(  # type: ignore[attr-defined]
            out, many, takes, status, filters, named, must, example, inside, file, once, kept
        )
        return function

    return mark


def address(**functions: Function) -> Any:
    """The view of one address: `address(get=operation_list, post=operation_enter)`."""
    handlers = {method: _handler(method, function) for method, function in functions.items()}
    names = [*functions, *(("head",) if "get" in functions else ())]
    view = type("Address", (APIView,), handlers | {"http_method_names": names, "functions": functions})
    return view.as_view()  # type: ignore[attr-defined]


def _handler(method: str, function: Function) -> Callable[..., Response]:
    described: Described = function.described  # type: ignore[attr-defined]

    def handle(self: APIView, request: Request, **where: Any) -> Response:
        where.pop("slug", None)
        if why := getattr(request._request, "kept_out", ""):
            raise NotPermitted(why)
        call = Call(request, described.takes, must=described.must)
        if described.file:
            return function(call, **where)
        if method in SAFE:
            return _shown(call, described, function(call, **where))
        return _done(call, described, lambda: function(call, **where))

    handle.__doc__, handle.__name__ = function.__doc__, function.__name__
    return extend_schema(**_schema(method, function, described))(handle)


def _shown(call: Call, described: Described, found: Any) -> Response:
    """What was asked for, as far as `?fields=` wants it, with its version; 304 where the caller has it already."""
    told = found if isinstance(found, Told) else Told(found)
    body = _body(call, described, told.thing)
    version = told.version or hashlib.sha256(_plain(body)).hexdigest()[:32]
    headers = {"ETag": tag_of(version)}
    if tag_of(version) in [
        one.strip().removeprefix("W/") for one in call.request.headers.get("If-None-Match", "").split(",")
    ]:
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


def _done(call: Call, described: Described, act: Callable[[], Any]) -> Response:
    key = call.request.headers.get("Idempotency-Key", "")
    versions: list[str] = []

    def answer() -> Answer:
        found = act()
        told = found if isinstance(found, Told) else Told(found)
        versions.append(told.version)
        if described.out is None:
            return Answer(204, None)
        body = json.loads(_plain(_body(call, described, told.thing)))
        kept = body | {name: type(body[name])() for name in described.once if name in body}
        return Answer(described.status, body, kept)

    if key and not _KEY.fullmatch(key):
        raise Refused("bad_idempotency_key")
    if not key or not described.kept:
        made, again = answer(), False
    else:
        sent = f"{call.request.method} {call.asked.get_full_path()}\n".encode() + call.asked.body
        made, again = once(key, sent, answer, actor=call.actor, now=call.now)
    headers = {"Idempotency-Replayed": "true"} if again else {}
    if any(versions):
        headers["ETag"] = tag_of(versions[0])
    return Response(made.body, status=made.status, headers=headers)


def _body(call: Call, described: Described, thing: Any) -> Any:
    assert described.out is not None
    names = _fields(call, described.out)
    if isinstance(thing, Page):
        rows = described.out(thing.rows, many=True).data
        return {"results": _thin(rows, names), "next": thing.next, "previous": thing.previous}
    if described.many:
        return {
            "results": _thin(described.out(thing, many=True).data, names),
            "next": None,
            "previous": None,
        }
    return _thin([described.out(thing).data], names)[0]


def _fields(call: Call, out: Given) -> frozenset[str]:
    """The fields that `?fields=id,name` asks for; all where it asks for none. Raises ValidationError."""
    text = call.request.query_params.get("fields", "")
    wanted = frozenset(filter(None, (one.strip() for one in text.split(","))))
    known = frozenset(out().fields)
    if strange := sorted(wanted - known):
        raise ValidationError({"fields": [f"{', '.join(strange)[:200]}: {', '.join(sorted(known))}"]})
    return wanted


def _thin(rows: Any, names: frozenset[str]) -> Any:
    if not names:
        return rows
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def _plain(body: Any) -> bytes:
    return json.dumps(body, cls=JSONEncoder, ensure_ascii=False, sort_keys=True).encode()


# --- the description of it -------------------------------------------------------------------------------------------


def text_filter(name: str, help_text: str, enum: Sequence[str] = ()) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=help_text, enum=list(enum) or None)


_FIELDS = text_filter("fields", "Only these fields, separated by commas: `fields=id,name`.")
_PAGING = (
    text_filter("after", "The cursor `next` of the page before."),
    text_filter("before", "The cursor `previous` of the page after."),
    OpenApiParameter("limit", OpenApiTypes.INT, description="Rows a page, 1 to 200; 50 if not said."),
)
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
_MUST_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "The `ETag` that was read; without it 428, and where another version stands by now 412. `*` takes the place of whatever "
        "stands; where nothing stands yet, send `If-None-Match: *`."
    ),
)


def _schema(method: str, function: Function, described: Described) -> dict[str, Any]:
    """What drf-spectacular is told: everything that may come back, and nothing else."""
    unsafe = method not in SAFE
    wrong = [400, 401, 403, 404, 406, 422, 429, *([409, 412, 413, 415, 428] if unsafe else [])]
    responses: dict[Any, Any] = dict.fromkeys(
        ((status, "application/problem+json") for status in wrong), ProblemOut
    )
    if described.file:
        responses[(described.status, "application/octet-stream")] = OpenApiTypes.BINARY
    elif described.out is None:
        responses[204] = None
    else:
        responses[described.status] = _paged(described.out) if described.many else described.out
    parameters = [*described.filters]
    if described.out is not None:
        parameters.append(_FIELDS)
    if described.many:
        parameters += _PAGING
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
