"""What every address of the API has in common: who calls, what was sent, how it is answered and described."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from django.db import transaction
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from medical_audit.api.describing import SAFE, Described, Function, Given, asked_by, schema_of
from medical_audit.api.filters import Filter, hold
from medical_audit.domain.actor import Actor, Reauthentication
from medical_audit.domain.errors import DomainError, NotPermitted, Refused
from medical_audit.operations.answers import Answer, once
from medical_audit.queries.paging import Page
from medical_audit.requests import TenantRequest, of_tenant

#: What a client may send as `Idempotency-Key`.
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
METHODS: Final = ("get", "post", "put", "delete")


class PreconditionFailed(APIException):
    """`If-Match` names another version than the one that stands."""

    status_code = 412
    default_code = "precondition_failed"


class PreconditionRequired(APIException):
    """Somebody else's change could be overwritten unseen: the call must say which version it read."""

    status_code = 428
    default_code = "precondition_required"


class NothingToMatch(APIException):
    """`If-Match` names a version and this call holds none against it: it is not done as if it had."""

    status_code = 412
    default_code = "nothing_to_match"


class Faulty(ValidationError):
    """A table or a file inside one field is wrong at places; the top floor has the words for each of `faults`."""

    def __init__(self, name: str, faults: Sequence[Any]) -> None:
        super().__init__({name: [str(one.code) for one in faults]})
        self.name, self.faults = name, faults


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
            raise ValidationError({"non_field_errors": [_("A JSON object is expected: {…}.")]})
        read = self._takes(data=data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def reauthenticate(self, password: str, code: str) -> Reauthentication:
        return self.asked.reauthenticate(password, code)

    @property
    def names_version(self) -> bool:
        """Whether `If-Match` names a version; `*` asks only that something is there."""
        return self.request.headers.get("If-Match", "*").strip() != "*"

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


def answers(
    out: Given | None,
    *,
    many: bool = False,
    paged: bool = False,
    takes: Given | None = None,
    status: int = 200,
    filters: Sequence[Filter] = (),
    match: bool = False,
    must: bool = False,
    example: Mapping[str, Any] | None = None,
    inside: bool = True,
    file: Sequence[str] = (),
    once: Sequence[str] = (),
    kept: bool = True,
) -> Callable[[Function], Function]:
    """Describe a function of the API: what it gives (`many`: all at once as a list; `paged`: a Page), what it takes, whether it
    knows versions (`match`) and has to be told which was read (`must`: it takes the place of what stands), whether it stands `inside` a
    tenant, is read as a `file` of these types (Django's answer), which fields are told `once`, whether the answer is `kept` to be repeated."""

    def mark(function: Function) -> Function:
        named = match or must
        function.described = Described(  # type: ignore[attr-defined]
            out, many or paged, paged, takes, status, filters, named, must, example, inside, file, once, kept
        )
        return function

    return mark


class WhatThereIs(DefaultContentNegotiation):
    """Each address answers in the one form that it has (problem documents and files have theirs), whatever was asked for
    (RFC 9110, 12.4.1): a client that names what the description names is not turned away."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


def address(**functions: Function) -> Any:
    """The view of one address: `address(get=operation_list, post=operation_enter)`."""
    handlers: dict[str, Any] = {method: _handler(method, function) for method, function in functions.items()}
    handlers["content_negotiation_class"] = WhatThereIs
    names = [*functions, *(("head",) if "get" in functions else ())]
    view = type("Address", (APIView,), handlers | {"http_method_names": names, "functions": functions})
    return view.as_view()  # type: ignore[attr-defined]


def _handler(method: str, function: Function) -> Callable[..., Response]:
    described: Described = function.described  # type: ignore[attr-defined]
    asked = asked_by(described)

    def handle(self: APIView, request: Request, **where: Any) -> Response:
        where.pop("slug", None)
        if why := getattr(request._request, "kept_out", ""):
            raise NotPermitted(why)
        call = Call(request, described.takes, must=described.must)
        hold(call.query, asked)
        if described.file:
            return function(call, **where)
        # Before anything is done or recorded: a call that is refused for them had no effect.
        names = _fields(call, described.out) if described.out is not None else frozenset()
        if method not in SAFE and not described.match and call.names_version:
            raise NothingToMatch
        if method in SAFE:
            return _shown(call, described, names, function(call, **where))
        return _done(call, described, names, lambda: function(call, **where))

    handle.__doc__, handle.__name__ = function.__doc__, function.__name__
    return extend_schema(**schema_of(method, function, described))(handle)


def _shown(call: Call, described: Described, names: frozenset[str], found: Any) -> Response:
    """What was asked for, as far as `?fields=` wants it, with its version; 304 where the caller has it already."""
    told = found if isinstance(found, Told) else Told(found)
    body = _body(described, names, told.thing)
    version = told.version or hashlib.sha256(_plain(body)).hexdigest()[:32]
    headers = {"ETag": tag_of(version)}
    if tag_of(version) in [
        one.strip().removeprefix("W/") for one in call.request.headers.get("If-None-Match", "").split(",")
    ]:
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


def _done(call: Call, described: Described, names: frozenset[str], act: Callable[[], Any]) -> Response:
    key = call.request.headers.get("Idempotency-Key", "")

    def answer() -> Answer:
        """What was done and what is told of it are kept together or not at all. What a refusal leaves behind stays: a wrong
        password counts."""
        with transaction.atomic():
            try:
                found = act()
            except (DomainError, APIException, Http404) as error:
                refused: Exception = error
            else:
                return told_of(found)
        raise refused

    def told_of(found: Any) -> Answer:
        told = found if isinstance(found, Told) else Told(found)
        if described.out is None:
            return Answer(204, None, version=told.version)
        body = json.loads(_plain(_body(described, names, told.thing)))
        kept = body | {name: type(body[name])() for name in described.once if name in body}
        return Answer(described.status, body, kept, told.version)

    if key and not _KEY.fullmatch(key):
        raise Refused("bad_idempotency_key")
    if not key or not described.kept:
        made, again = answer(), False
    else:
        sent = f"{call.request.method} {call.asked.get_full_path()}\n".encode() + call.asked.body
        made, again = once(key, sent, answer, actor=call.actor, now=call.now)
    headers = {"Idempotency-Replayed": "true"} if again else {}
    if made.version:
        headers["ETag"] = tag_of(made.version)
    return Response(made.body, status=made.status, headers=headers)


def _body(described: Described, names: frozenset[str], thing: Any) -> Any:
    assert described.out is not None
    assert isinstance(thing, Page) == described.paged
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
        said = _("There is no field %(names)s here. There are: %(known)s.")
        names = {"names": ", ".join(strange)[:200], "known": ", ".join(sorted(known))}
        raise ValidationError({"fields": [said % names]})
    return wanted


def _thin(rows: Any, names: frozenset[str]) -> Any:
    if not names:
        return rows
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def _plain(body: Any) -> bytes:
    return json.dumps(body, cls=JSONEncoder, ensure_ascii=False, sort_keys=True).encode()
