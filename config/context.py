"""What every page's frame needs: who, where, what waits, and whether the platform itself is well."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.operations.passkeys import count_here
from accounts.operations.second_factor import is_enrolled
from accounts.queries.notices import unread_count
from accounts.queries.sign_on import name_of_provider
from accounts.requests import SeatedRequest, TenantRequest, own_address, seat_left
from config.saying.times import jst
from infra.queries.overrides import freeze_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.clocks import ClockState
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Heartbeat, Lane, Session
from medical_audit.models.lane import Breaker
from medical_audit.queries.clocks import clock_now
from medical_audit.queries.emergencies import open_emergencies
from medical_audit.queries.operations import waiting_count
from medical_audit.queries.sessions import open_parallel
from medical_audit.queries.verifications import seal_state

TICK_LATE = timedelta(seconds=120)


def page(request: SeatedRequest) -> dict[str, Any]:
    """Outside a tenant only who asks; inside one: tenant, actor, now, what waits, notices (both asked for when shown)."""
    actor: Actor | None = getattr(request, "actor", None)
    seat = getattr(request, "seat", None)
    # Counted from the seat's own last sign of life, so that no page needs to ask the clock for it.
    held: dict[str, Any] = (
        {"seat_left": int(seat_left(request, max(seat.active_at, seat.seen_at)).total_seconds())}
        if seat
        else {}
    )
    if seat is not None and seat.via is not None:
        held |= {"signed_on": SimpleLazyObject(lambda: _signed_on(seat))}
    if actor is None:
        return {"tenant": None, "me": getattr(request, "user", None)} | held
    inside = cast(TenantRequest, request)
    now = inside.now
    return held | {
        "tenant": inside.tenant,
        "me": request.user,
        "actor": actor,
        "now": now,
        "waiting_count": SimpleLazyObject(lambda: waiting_count(actor)),
        "has_second_factor": SimpleLazyObject(lambda: is_enrolled(UUID(actor.id))),
        "passkeys_here": SimpleLazyObject(lambda: count_here(UUID(actor.id), own_address(request))),
        "unread_count": SimpleLazyObject(lambda: unread_count(actor, now)),
        "platform_notices": SimpleLazyObject(lambda: [*notices(now, actor), *session_notices(actor)]),
    }


def _signed_on(seat: Session) -> dict[str, Any]:
    """Whose identity provider vouched for this session, and whether its fresh word waits to be used."""
    word = None if (seat.provider_proof or {}).get("taken") else seat.provider_proof
    return {
        "house": seat.via,
        "name": name_of_provider(seat.via),
        "fresh": bool(word),
        "strong": bool(word and word["strong"]),
    }


def _of_the_seals(actor: Actor) -> list[dict[str, str]]:
    """Said where Toban is at work; a machine of a developer need not seal."""
    state = seal_state(actor=actor)
    if state.is_well or (state.code == "never" and settings.LOCAL):
        return []
    texts = {
        "late": _(
            "The ledger has not been sealed since %(time)s: what happens meanwhile could be removed unseen. Tell the administrator of the platform: the process “sealer” may not run."
        ),
        "withheld": _(
            "The ledger of this tenant is not sealed any further since %(time)s: its chain is damaged. Look at the verification of the ledger."
        ),
        "never": _(
            "The ledger has never been sealed: what happened could be removed unseen. Start the process “sealer”."
        ),
    }
    return [{"level": "error", "text": texts[state.code] % {"time": jst(state.since)}}]


def notices(now: datetime, actor: Actor) -> list[dict[str, str]]:
    """What is wrong with Toban itself, or with its way to AWS, in this tenant's eyes, and whether the clock is frozen."""
    found = []
    tick = Heartbeat.objects.filter(name="tick").first()
    if tick is None:
        text = _(
            "Toban is starting: it has not looked at its plan yet. If this stays for a minute, tell the administrator of the platform: the processes “beat” and “control” may not run."
        )
        found.append({"level": "warning", "text": text})
    elif now - tick.at > TICK_LATE:
        text = _(
            "The clock of Toban stands still: planned starts and stops are late. Tell the administrator of the platform: the processes “beat” and “control” may not run."
        )
        found.append({"level": "error", "text": text})
    found += _of_the_seals(actor)
    for one in open_emergencies(now, actor=actor):
        text = _("The emergency right of %(name)s is open until %(time)s: %(reason)s") % {
            "name": one.person_name, "time": jst(one.closes_at), "reason": one.reason,
        }  # fmt: skip
        found.append({"level": "error", "text": text})
    if clock_now(now).code == ClockState.OVER:
        text = _(
            "The clocks of Toban are more than a second apart, so its times cannot be relied on. The page of the clocks says which."
        )
        found.append({"level": "error", "text": text})
    if (freeze := freeze_of(now)) is not None:
        text = _("Frozen until %(time)s: nothing is started or stopped by schedule. %(reason)s (%(name)s)") % {
            "time": jst(freeze.until), "reason": freeze.reason, "name": freeze.confirmed_by_name,
        }  # fmt: skip
        found.append({"level": "info", "text": text})
    for lane in Lane.objects.exclude(breaker=Breaker.CLOSED).order_by("name")[:3]:
        text = _("Calls to %(lane)s are paused after repeated failures. Toban tries again by itself.") % {
            "lane": _place(lane.name)
        }
        found.append({"level": "warning", "text": text})
    return found


def _place(lane: str) -> str:
    """Of a receiver of events only its host: the rest tells two of one host apart, and nobody anything."""
    return lane.removeprefix("channel/").rpartition("#")[0] if lane.startswith("channel/") else lane


def session_notices(actor: Actor) -> list[dict[str, str]]:
    """For those who read the ledger: somebody sits in two networks at once, as where a password was lent."""
    if not actor.may(LEDGER_VIEW, actor.tenant_id) or not (count := open_parallel(actor=actor)):
        return []
    text = ngettext(
        "%(count)s open session belongs to somebody who is signed in from two networks at once. Look into the sessions.",
        "%(count)s open sessions belong to somebody who is signed in from two networks at once. Look into the sessions.",
        count,
    ) % {"count": count}
    return [{"level": "warning", "text": text}]
