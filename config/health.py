"""Probes and metrics: does the process live, can it work, and how is it doing. No tenant's numbers."""

import secrets
from typing import NamedTuple

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config import metrics as counters
from medical_audit import clock
from medical_audit.models import Heartbeat
from medical_audit.queries.streams import late_streams

TICK_LATE_S = 120
BROKER_PATIENCE_S = 1.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Facts(NamedTuple):
    """`tick_age_s` is None when no tick ever ran or the database does not say."""

    database: bool
    broker: bool
    tick_age_s: float | None


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives and answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 when the database or the broker is away. A late tick is said, but taking web servers out would not mend it."""
    facts = look()
    age = facts.tick_age_s
    tick = "never" if age is None else "late" if age > TICK_LATE_S else "ok"
    body = {
        "status": "ok" if facts.database and facts.broker else "unavailable",
        "database": "ok" if facts.database else "down",
        "broker": "ok" if facts.broker else "down",
        "tick": tick if facts.database else "unknown",
        "tick_age_s": None if age is None else round(age, 1),
    }
    return JsonResponse(body, status=200 if facts.database and facts.broker else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For a scraper on this machine itself, or one that sends `Authorization: Bearer <TOBAN_METRICS_TOKEN>`."""
    if not (_from_here(request) or _has_token(request)):
        return HttpResponse(
            "metrics are for this machine, or with TOBAN_METRICS_TOKEN\n",
            status=403,
            content_type="text/plain",
        )
    facts = look()
    text = counters.exposition(
        tick_age_s=facts.tick_age_s,
        broker_up=facts.broker,
        database_up=facts.database,
        streams=late_streams() if facts.database else {},
    )
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def look() -> Facts:
    database, age = _database()
    return Facts(database, _broker(), age)


def _database() -> tuple[bool, float | None]:
    try:
        now, tick = clock.now(), Heartbeat.objects.filter(name="tick").first()
    except DatabaseError:
        connection.close()
        return False, None
    return True, (now - tick.at).total_seconds() if tick else None


def _broker() -> bool:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=BROKER_PATIENCE_S, socket_timeout=BROKER_PATIENCE_S
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _from_here(request: HttpRequest) -> bool:
    """A reverse proxy on this machine also comes from here, so whatever was forwarded does not count."""
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded


def _has_token(request: HttpRequest) -> bool:
    token = settings.TOBAN_METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and secrets.compare_digest(given.encode(), token.encode())
