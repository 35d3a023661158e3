"""Where GitHub and Redmine deliver: no session, no token, nothing said about what is here to those whose signature is nobody's."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.requests import whereabouts
from medical_audit import clock
from redmine_sync import tasks
from redmine_sync.domain.hooks import BODY_MAX, PROJECT
from redmine_sync.operations import waking
from redmine_sync.operations.receiving import receive

HELP = "GitHub delivers here: POST, signed (X-Hub-Signature-256), ?project_id=<identifier of the Redmine project>\n"
REDMINE_HELP = "Redmine 7 delivers here: POST, signed (X-Redmine-Signature-256)\n"
STATUS = {
    "accepted": 202, "duplicate": 200, "pong": 200, "ignored": 204, "unknown": 404, "bad_payload": 400, "too_many": 429,
    "other_repository": 422, "replayed": 409,
}  # fmt: skip
#: So many deliveries whose signature is nobody's are looked at from one address in a minute, by one process.
REFUSED_PER_MINUTE = 60


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def githook(request: HttpRequest) -> HttpResponse:
    """Keep a delivery and answer at once; the work is a worker's."""
    if request.method != "POST":
        return _say(HELP, 200)
    refused = f"githook:{whereabouts(request)['address']}"
    if cache.get(refused, 0) >= REFUSED_PER_MINUTE:
        return _say("too many\n", 429)
    body = request.read(BODY_MAX + 1)
    if len(body) > BODY_MAX:
        return _say("too large\n", 413)
    project = request.GET.get("project_id", "")
    project = project if PROJECT.fullmatch(project) else ""
    found = receive(
        project, body, signature=request.headers.get("X-Hub-Signature-256", ""),
        guid=request.headers.get("X-GitHub-Delivery", ""), event=request.headers.get("X-GitHub-Event", ""),
        content_type=request.headers.get("Content-Type", ""), now=clock.now(),
    )  # fmt: skip
    if found.verdict == "unknown":
        _count(refused)
        tasks.tell_refused(project)
        return _say("not found\n", 404)
    if found.verdict == "accepted" and found.tenant_id and found.repository_id:
        transaction.on_commit(partial(tasks.wake_repository, found.tenant_id, found.repository_id))
    return _say(f"{found.verdict}\n", STATUS[found.verdict])


def _count(refused: str) -> None:
    if not cache.add(refused, 1, 60):
        with suppress(ValueError):  # its minute has just ended
            cache.incr(refused)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def redminehook(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A Redmine says that something changed: it is looked at now. What it says is not read."""
    if request.method != "POST":
        return _say(REDMINE_HELP, 200)
    refused = f"githook:{whereabouts(request)['address']}"
    if cache.get(refused, 0) >= REFUSED_PER_MINUTE:
        return _say("too many\n", 429)
    body = request.read(BODY_MAX + 1)
    if len(body) > BODY_MAX:
        return _say("too large\n", 413)
    signature = request.headers.get("X-Redmine-Signature-256", "")
    tenant_id = waking.hear(pk, body, signature=signature, now=clock.now())
    if tenant_id is None:
        _count(refused)
        return _say("not found\n", 404)
    transaction.on_commit(partial(tasks.wake, tenant_id, pk))
    return _say("accepted\n", 202)


def _say(text: str, status: int) -> HttpResponse:
    answer = HttpResponse(
        b"" if status == 204 else text, status=status, content_type="text/plain; charset=utf-8"
    )
    if status == 429:
        answer["Retry-After"] = "60"
    return answer
