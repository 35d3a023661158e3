"""Round the API: how often one may call, its description as OpenAPI 3.1, and that description as a page."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request

from accounts.models import User
from accounts.requests import whereabouts
from config.errors import problem
from medical_audit.api.calls import WhatThereIs
from medical_audit.api.describing import TAGS

log = structlog.get_logger(__name__)
WINDOW_S = 60
METHODS = ("get", "post", "put", "delete")


class LimitMiddleware:
    """So many calls a minute for each token or session, and for each address without either.

    Where Valkey does not answer nobody is counted: an API that stands still because its counter does would be worse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.counters = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        caller, limit = self._caller(request)
        used, reset = self._count(f"toban:calls:{caller}")
        answer = problem(request, 429, "too_many_calls") if used > limit else self.get_response(request)
        if used > limit:
            answer["Retry-After"] = str(reset)
        answer["RateLimit-Limit"] = str(limit)
        answer["RateLimit-Remaining"] = str(max(0, limit - used))
        answer["RateLimit-Reset"] = str(reset)
        return answer

    @staticmethod
    def _caller(request: HttpRequest) -> tuple[str, int]:
        token, where = getattr(request, "token", None), whereabouts(request)
        if token is not None:
            return f"token:{token.id}", settings.API_PER_MINUTE
        if isinstance(request.user, User):
            return f"session:{where['session']}", settings.API_PER_MINUTE
        return f"address:{where['address']}", settings.API_UNKNOWN_PER_MINUTE

    def _count(self, key: str) -> tuple[int, int]:
        """How many calls since the first of this minute, and after how many seconds counting begins anew."""
        try:
            with self.counters.pipeline() as commands:
                commands.incr(key)
                commands.expire(key, WINDOW_S, nx=True)
                commands.ttl(key)
                used, _set, left = commands.execute()
        except redis.RedisError as error:
            log.warning("calls not counted", problem=str(error))
            return 0, WINDOW_S
        return int(used), max(1, int(left))


class ApiSchema(AutoSchema):
    """drf-spectacular leaves the body of a DELETE out; here what ends a thing says why."""

    def _get_request_body(self, direction: Any = "request") -> Any:
        method = self.method
        self.method = "POST" if method == "DELETE" else method
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = method


def finish_schema(result: dict[str, Any], generator: Any, request: Any, public: Any) -> dict[str, Any]:
    """What comes back has every field, but `?fields=` leaves some out: none is promised to a program."""
    result["tags"] = [{"name": tag, "description": about} for tag, about in sorted(TAGS.items())]
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Out"):
            component.pop("required", None)
    return result


@cache
def document() -> dict[str, Any]:
    """The description of the API; it does not change while the process lives."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


@extend_schema(exclude=True)
@api_view(["GET"])
def schema(request: Request) -> HttpResponse:
    """OpenAPI 3.1, for whoever may call."""
    return HttpResponse(
        json.dumps(document(), ensure_ascii=False), content_type="application/vnd.oai.openapi+json"
    )


schema.cls.content_negotiation_class = WhatThereIs  # its own type may be asked for, too


@require_safe
@login_required
def docs(request: HttpRequest) -> HttpResponse:
    """The same as a page, made here: it needs no script and loads nothing."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                described = methods[method]
                groups.setdefault(described["tags"][0], []).append(_shown(path, method, described))
    context = {
        "info": document()["info"],
        "groups": [(tag, marked(TAGS[tag]), groups[tag]) for tag in sorted(groups)],
        "address": _base(request),
    }
    return render(request, "api_docs.html", context)


def marked(text: str) -> str:
    """The text with what stands between backticks as code."""
    parts = re.split(r"`([^`]+)`", text)
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in enumerate(parts)),
    )


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri("/")[:-1]


def _shown(path: str, method: str, described: Mapping[str, Any]) -> dict[str, Any]:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = body.get("examples") or {}
    example = next((one["value"] for one in examples.values()), None)
    good = {status: one for status, one in described["responses"].items() if status.startswith("2")}
    return {
        "id": described["operationId"],
        "path": path,
        "method": method.upper(),
        "summary": described.get("summary", ""),
        "description": marked(described.get("description", "").partition("\n")[2].strip()),
        "parameters": [
            one | {"description": marked(one.get("description", ""))}
            for one in described.get("parameters", [])
            if one["in"] != "path"
        ],
        "takes": _fields(body.get("schema", {})),
        "takes_about": _about(body.get("schema", {})),
        "example": json.dumps(example, ensure_ascii=False, indent=2) if example else "",
        "status": next(iter(good), ""),
        "gives": _fields(_given(good)),
        "gives_about": _about(_given(good)),
    }


def _given(good: Mapping[str, Any]) -> Mapping[str, Any]:
    first: Mapping[str, Any] = next(iter(good.values()), {})
    found: Mapping[str, Any] = first.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _about(found: Mapping[str, Any]) -> str:
    """What is said of a body as a whole."""
    return marked(_component(found).get("description", ""))


def _component(found: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(found.get("$ref", "")).rpartition("/")[2]
    component: Mapping[str, Any] = document()["components"]["schemas"].get(name, found)
    rows = component.get("properties", {}).get("results")
    return _component(rows["items"]) if rows else component


def _fields(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of a body, a list's of one row."""
    component = _component(found)
    required = component.get("required", [])
    return [
        {
            "name": name,
            "type": _type(one),
            "required": name in required,
            "help": marked(one.get("description", "")),
        }
        for name, one in component.get("properties", {}).items()
    ]


def _type(one: Mapping[str, Any]) -> str:
    kind = one.get("type", "")
    kinds = kind if isinstance(kind, list) else [kind] if kind else ["object"]
    words = [str(one.get("format") or word) if word != "null" else "null" for word in kinds]
    if "enum" in one:
        words = [" | ".join(map(str, one["enum"]))]
    return " or ".join(words)
