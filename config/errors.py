"""Domain errors become answers here, once: the same status for a page and for the API."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.requests import seat_taken
from config.error_words import Words, error_words
from config.saying.faults import fault_sentence
from medical_audit.api.calls import Faulty
from medical_audit.domain.errors import (
    AlreadyMoved,
    DomainError,
    NotFound,
    NotPermitted,
    NotReauthenticated,
    Refused,
    StaleContent,
    TokenReused,
)
from medical_audit.operations.auditing import note_refusal

log = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {
    NotFound: 404,
    NotPermitted: 403,
    AlreadyMoved: 409,
    StaleContent: 409,
    TokenReused: 409,
    NotReauthenticated: 422,
    Refused: 422,
}


#: What a program is asked for.
BEARER = 'Bearer realm="toban"'


def status_of(error: DomainError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def problem(request: HttpRequest, status: int, code: str, **params: Any) -> HttpResponse:
    """One error page or one problem document (RFC 9457), with the id that support asks for."""
    words = error_words(code, status, params)
    request_id = getattr(request, "request_id", "")
    if is_api(request):
        body = {
            "type": f"urn:toban:problem:{code}",
            "title": str(words.title),
            "status": status,
            "code": code,
            "detail": str(words.cure),
            "request_id": request_id,
        }
        if params.get("fields"):
            body["fields"] = params["fields"]
        return JsonResponse(body, status=status, content_type="application/problem+json")
    shown = {"words": words, "status": status, "request_id": request_id}
    if status >= 500:
        return HttpResponse(_plainly(shown), status=status)
    return render(request, "errors/error.html", shown, status=status)


def _plainly(shown: dict[str, Any]) -> str:
    """The page of a defect, made without the request, because what every page asks the database for may be just what
    broke; should the page itself be broken, its bare words."""
    try:
        return render_to_string("errors/error.html", shown)
    except Exception:
        log.exception("error page broken")
        words: Words = shown["words"]
        return format_html(
            "<!DOCTYPE html><title>{0}</title><h1>{0}</h1><p>{1}</p><p>{2}</p>",
            words.title,
            words.cure,
            shown["request_id"],
        )


class DomainErrorMiddleware:
    """Answers a view's refusal; what is not a DomainError is a defect and stays one.

    A browser that opens an address to which forms are sent (after a seat was left there, or from its history) gets words, too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.method == "GET" and not is_api(request):
            said = problem(request, 405, "only_sent")
            said["Allow"] = response["Allow"]
            return said
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        return _refused(request, error)


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The answer to a refusal; that a right was missing is an event, before it is answered."""
    actor = getattr(request, "actor", None)
    if isinstance(error, NotPermitted) and actor is not None:
        view = request.resolver_match.view_name if request.resolver_match else ""
        right = str(error.params.get("permission", ""))
        note_refusal(view, error.code, right, actor=actor, now=request.now)  # type: ignore[attr-defined]
    return problem(request, status_of(error), error.code, **error.params)


def api_exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | Response | None:
    """The same for REST views; REST framework's own refusals keep their status in the same shape."""
    request = context["request"]._request
    if isinstance(error, DomainError):
        return _refused(request, error)
    if isinstance(error, RequestDataTooBig):
        return problem(request, 413, "body_too_long")
    if isinstance(error, NotAuthenticated):
        answer = problem(request, 401, "seat_left" if seat_taken(request) else "not_signed_in")
        answer["WWW-Authenticate"] = BEARER
        return answer
    if isinstance(error, AuthenticationFailed):
        answer = problem(request, 401, error.get_codes())  # type: ignore[arg-type]
        answer["WWW-Authenticate"] = f'{BEARER}, error="invalid_token"'
        return answer
    refused = exception_handler(error, context)
    if refused is None:
        return None
    fields: Any = error.detail if isinstance(error, ValidationError) else None
    if isinstance(error, Faulty):
        fields = {error.name: [fault_sentence(one) for one in error.faults]}
    document = problem(request, refused.status_code, getattr(error, "default_code", "error"), fields=fields)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in refused:
            document[name] = refused[name]
    return document


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 400, "bad_request")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 403, "not_permitted")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 404, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(request, 500, "internal_error")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(request, 403, "csrf")
