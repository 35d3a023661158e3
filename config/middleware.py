"""Round every request: an id for the logs, a count for the metrics, and one transaction that knows who asks."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from config.metrics import count_request
from medical_audit.tenancy import NOBODY, platform_scope

_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestIdMiddleware:
    """Give each request an id: in every log line, in the ledger, on error pages and in the answer's headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex[:16]
        request.request_id = request_id  # type: ignore[attr-defined]
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        count_request(request, response, time.perf_counter() - began)
        response["X-Request-Id"] = request_id
        return response


class PlatformScopeMiddleware:
    """One transaction a request, bound to no tenant yet; an answer of 500 or more undoes everything it wrote."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in settings.PROBES:
            return self.get_response(request)
        with platform_scope():
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response


class PersonScopeMiddleware:
    """Tell the database who is signed in, so that it shows his own memberships and tenants."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in settings.PROBES or not request.session.get(SESSION_KEY):
            return self.get_response(request)
        user = getattr(request, "user", None)
        user_id = user.pk if user is not None and user.is_authenticated else NOBODY
        with platform_scope(user_id=user_id):
            return self.get_response(request)
