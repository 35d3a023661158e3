"""What every page's frame needs: who, where, what waits, and whether the platform itself is well."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from medical_audit.domain.actor import Actor
from medical_audit.models import Heartbeat, Lane
from medical_audit.models.lane import Breaker
from medical_audit.queries.operations import waiting_count

TICK_LATE = timedelta(seconds=120)


def page(request: HttpRequest) -> dict[str, Any]:
    """Outside a tenant only who asks; inside one: tenant, actor, now, what waits, notices (both asked for when shown)."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        return {"tenant": None, "me": getattr(request, "user", None)}
    now = request.now  # type: ignore[attr-defined]
    return {
        "tenant": request.tenant,  # type: ignore[attr-defined]
        "me": request.user,
        "actor": actor,
        "now": now,
        "waiting_count": SimpleLazyObject(lambda: waiting_count(actor)),
        "platform_notices": SimpleLazyObject(lambda: notices(now)),
    }


def notices(now: datetime) -> list[dict[str, str]]:
    """What is wrong with Toban itself, or with its way to AWS, in this tenant's eyes."""
    found = []
    tick = Heartbeat.objects.filter(name="tick").first()
    if tick is None or now - tick.at > TICK_LATE:
        found.append(
            {
                "level": "error",
                "text": _("The clock of Toban stands still: planned starts and stops are late."),
            }
        )
    for lane in Lane.objects.exclude(breaker=Breaker.CLOSED).order_by("name")[:3]:
        text = _("Calls to the AWS account %(lane)s are paused after repeated failures.") % {
            "lane": lane.name
        }
        found.append({"level": "warning", "text": text})
    return found
