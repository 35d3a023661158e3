"""Whether a way in leads into a tenant: how the session began, what kind of account it is, and that it rests on two factors."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import ApiToken, Tenant, User
from accounts.operations import second_factor, tokens
from accounts.queries.sign_on import door_refusal
from accounts.queries.terms import kept_out
from medical_audit.models import Session
from medical_audit.queries.policies import Policy, policy_here
from medical_audit.tenancy import tenant_scope


def closed_door(user: User, tenant: Tenant, seat: Session | None) -> str:
    """Why a session opens no page of the bound tenant, "" where it does; the second factor is another question."""
    return door_refusal(user.id, seat, tenant.id) or kept_out(user.id)


def lacks_factor(
    user: User, tenant: Tenant, policy: Policy, *, seat: Session | None, token: ApiToken | None, now: datetime
) -> bool:
    """Whether the bound tenant asks for a second factor today and neither session nor token rests on one: of the person's own, or, of a
    session, by the word of the provider that it rests on."""
    day, zone = policy.second_factor_day, ZoneInfo(tenant.time_zone)
    if now.astimezone(zone).date() < day:
        return False
    if token is not None:
        return not tokens.rests_on_two(token, day=day, zone=zone)
    vouched = seat is not None and seat.via is not None and "mfa" in seat.factors
    return not vouched and not second_factor.is_enrolled(user.id)


def leads_into(user: User, tenant: Tenant, seat: Session, *, now: datetime) -> bool:
    """Whether this session leads into this tenant now: the same questions as each page of it asks. Needs no scope of its own."""
    with tenant_scope(tenant.id, user_id=user.id):
        if closed_door(user, tenant, seat):
            return False
        return not lacks_factor(user, tenant, policy_here(), seat=seat, token=None, now=now)
